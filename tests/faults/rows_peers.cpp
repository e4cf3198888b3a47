// Peers that lie, and crowds: through raw sockets.
#include <zmq.hpp>

#include <algorithm>
#include <cstdio>
#include <list>

#include "by_hand.hpp"
#include "conformance/peers.hpp"
#include "logs.hpp"
#include "proxy.hpp"
#include "rows.hpp"
#include "support/wait.hpp"
#include "watch.hpp"

namespace faults {

namespace {

using maus::worker_state;

/// A worker that does what it is asked, and says much that it was not asked.
class liar {
public:
    explicit liar(stage& on) : self_(on) { self_.serve(); }

    void answer(std::size_t calls) {
        while (calls-- > 0) {
            const auto its = hand_worker::read(self_.link().next(spec::r_call));
            const auto of = its.of;
            self_.note(kind::started, its);
            self_.note(kind::ended, its);
            const auto right = self_.result_of(its.what, of);
            const auto wrong = self_.result_of({its.what.ticket, its.what.argument + 1, 0, ""}, of);
            using spec::r_result;
            using spec::with_payload;
            self_.link().send({with_payload(r_result, {of.call + 1000, 1}, wrong),
                               with_payload(r_result, {of.call, of.number + 1}, wrong),
                               with_payload(r_result, {of.call, of.number - 1}, wrong),
                               with_payload(r_result, of, right), with_payload(r_result, of, wrong),
                               spec::to_record(spec::r_returned, of)});
            ++lies_;
        }
    }
    [[nodiscard]] std::uint64_t lies() const { return 5 * lies_; }

private:
    hand_worker self_;
    std::uint64_t lies_ = 0;
};

void answers_twice(stage& on) {
    on.start_parkserver();
    auto& boss = on.manager({"--amount", "2", "--run-us", "200"});
    (void)on.worker();
    std::uint64_t lies = 0;
    {
        // The request is served when there are two, so the real one has to be there first.
        on.wait_for_workers(1, worker_state::available);
        liar crook(on);
        crook.answer(40);
        lies = crook.lies();
    }
    (void)on.worker();
    on.wait_for(boss, kind::settled, 50);
    on.ask_to_end(boss);
    on.wait_for_end(boss);
    const auto rejected = on.metric(boss, "stale_answers");
    on.check(rejected >= lies, std::to_string(lies) + " lies were told, and " +
                                   std::to_string(rejected) + " answers rejected");
}

void reused_ids(stage& on) {
    on.expect_in_logs("registers over a second connection, as a newer incarnation");
    on.start_parkserver();
    (void)on.workers(3);
    auto& boss = on.manager(calm({"--amount", "2"}));
    on.wait_for(boss, kind::settled, 20);
    // One id, three lives, in the wrong order too; and a manager's, twice. The first one is alive.
    std::list<spec::fake_worker> lives;
    const auto same = spec::fresh_id();
    for (const std::uint64_t incarnation : {2, 3, 1, 3}) {
        auto& each = lives.emplace_back();
        each.self.worker = same;
        each.self.incarnation = incarnation;
        each.self.type = "fake";
        each.park = std::make_unique<spec::dealer>(on.endpoint());
        each.park->say(each.self);
        each.park->say(spec::status_query{});
        if (lives.size() > 1) (void)each.park->hear<spec::rejected>();
        (void)each.park->hear<spec::status>();  // so it was read
    }
    on.wait("one worker of that id", [&] {
        const auto seen = on.status();
        return seen && std::count_if(seen->workers.begin(), seen->workers.end(),
                                     [](const auto& each) { return each.type == "fake"; }) == 1;
    });
    std::list<spec::fake_manager> managers;
    spec::id first{};
    for (const std::uint64_t incarnation : {1, 2}) {
        auto& each = managers.emplace_back();
        if (first == spec::id{}) first = each.self.manager;
        each.self.manager = first;
        each.self.incarnation = incarnation;
        if (incarnation == 1) {
            (void)each.enroll(on.endpoint());
            (void)each.ask_for(1, "nobody", 1);
        } else {
            each.park = std::make_unique<spec::dealer>(on.endpoint());
            each.park->say(each.self);
            (void)each.park->hear<spec::rejected>();
        }
    }
    on.wait("one request of both", [&] {
        const auto seen = on.status();
        return seen && seen->requests.size() == 2 && seen->managers.size() == 2;
    });
    on.kill_parkserver();
    on.start_parkserver();
    on.wait_for(boss, kind::settled, 50);
    on.wait_for_workers(2, worker_state::leased);
    on.check(boss.count(kind::left) == 0, "a lease ended for another's id");
}

void half_open_flood(stage& on) {
    on.start_parkserver();
    (void)on.workers(2);
    const std::string place = on.place();
    auto& boss = on.manager({"--amount", "1", "--run-us", "0", "--outstanding", "1", "--rate",
                             "500", "--endpoint", place});
    on.wait_for(boss, kind::settled, 500);
    const auto before = waits_of(boss, 0);
    silence at_park, at_boss;
    const std::size_t since = boss.facts().size();
    at_park.begin(on.endpoint(), 3000);
    at_boss.begin(place, 3000);
    on.check(at_park.size() == 3000 && at_boss.size() == 3000, "the flood was refused");
    on.wait_for(boss, kind::settled, 500);
    // One more comes through the crowd.
    auto& late = on.manager({"--amount", "1", "--run-us", "0"});
    on.wait_for(late, kind::settled, 20);
    const auto meanwhile = waits_of(boss, since);
    std::printf(
        "%zu good echoes: 99 of 100 within %.2f ms, all within %.2f ms; before that %.2f ms, %.2f "
        "ms\n",
        meanwhile.calls, meanwhile.p99_ms, meanwhile.most_ms, before.p99_ms, before.most_ms);
    on.check(meanwhile.median_ms < 50, "half of the good echoes took more than " +
                                           std::to_string(meanwhile.median_ms) + " ms");
    // On a machine that is so busy that echoes are slow without a flood, they take longer with one.
    const double bound = std::max(50.0, 4 * before.p99_ms);
    on.check(meanwhile.p99_ms < bound, "1 of 100 good echoes took more than " +
                                           std::to_string(meanwhile.p99_ms) + " ms, not " +
                                           std::to_string(bound));
    // They are closed by the other side, after 2 s; nobody has to close them here.
    on.wait("the flood to be shut out", [&] {
        return descriptors_of(on.parkserver().pid()) < 100 && descriptors_of(boss.pid()) < 100;
    });
}

void descriptors(stage& on) {
    if (on.how() == transport::ipc) {
        throw row_skipped(
            "libzmq 4.3.4 aborts when an ipc listener gets EMFILE (ipc_listener.cpp:325)");
    }
    on.expect_in_logs("only 64 files may be open");
    on.expect_in_logs("new connections are turned away");
    const std::size_t all_but_reserve = 48;  // a quarter is kept back (P-91)
    on.start_parkserver("ulimit -n 64;");
    (void)on.workers(2);
    const std::string place = on.place();
    auto& boss = on.manager(calm({"--amount", "1", "--endpoint", place}), "ulimit -n 64;");
    on.wait_for(boss, kind::settled, 50);
    for (int i = 0; i < 2; ++i) {
        silence at_park, at_boss;
        at_park.begin(on.endpoint(), 100);
        at_boss.begin(place, 100);
        on.wait("the parkserver and the manager to have no descriptors left for others", [&] {
            return descriptors_of(on.parkserver().pid()) >= all_but_reserve &&
                   descriptors_of(boss.pid()) >= all_but_reserve;
        });
        on.wait_for(boss, kind::settled, 100);
    }
    auto& late = on.worker();
    on.wait("a late worker to be registered", [&] {
        const auto seen = on.status();
        return seen && std::any_of(seen->workers.begin(), seen->workers.end(),
                                   [&](const auto& each) { return each.id == late.id(); });
    });
    on.check(boss.count(kind::left) == 0, "a worker was lost");
}

/// Two managers whose workers are told wrong addresses of them: the other's, and the parkserver's.
void wrong_peers(stage& on) {
    on.start_parkserver();
    (void)on.workers(3);
    on.expect_in_logs(": this is another manager, ");
    on.expect_in_logs(": this is a parkserver, not a manager");
    const std::string here = on.place(), there = on.place();
    auto& one =
        on.manager(calm({"--amount", "2", "--endpoint", here, "--advertise", on.endpoint()}));
    auto& other = on.manager(calm({"--amount", "1", "--endpoint", there, "--advertise", here}));
    on.wait_for(one, kind::settled, 100);
    on.wait_for(other, kind::settled, 100);
    on.check(one.count(kind::left) + other.count(kind::left) == 0, "a worker was lost");
}

/// A second parkserver has a name whose look-up never ends; so has a manager's only address.
void dead_resolver(stage& on) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    throw row_skipped("a sanitizer has to be the first library of a process");
#endif
    const std::string dead = "export LD_PRELOAD=" MAUS_DEAD_RESOLVER ";";
    on.start_parkserver();
    const std::string takes_too_long = "looking its name up takes too long";
    on.expect_in_logs(takes_too_long);
    // Shorter than a look-up: who is held up by one is lost.
    const auto lively = [](words more, const words& others = {}) {
        more.insert(more.end(), {"--interval-ms", "1000", "--liveness", "3"});
        more.insert(more.end(), others.begin(), others.end());
        return more;
    };
    const words both{"--parkserver", "tcp://stuck.test:8500", "--parkserver", on.endpoint()};
    std::vector<peer*> look_up;
    for (int i = 0; i < 2; ++i) look_up.push_back(&on.worker(lively(both), dead));
    auto& boss = on.manager(lively({"--amount", "1"}, both), dead);
    look_up.push_back(&boss);
    auto& hidden = on.manager(lively({"--amount", "1", "--endpoint", on.somewhere(), "--advertise",
                                      "tcp://stuck.test:8501"}),
                              dead);
    on.wait_for(boss, kind::settled, 200);
    on.wait_for(hidden, kind::settled, 200);
    for (auto* each : look_up) {
        on.wait("a look-up to be given up by " + each->name(),
                [&] { return log_book(on.log_of(*each)).has(takes_too_long); });
    }
    on.wait_for(boss, kind::settled, 200);
    on.wait_for(hidden, kind::settled, 200);
    on.check(boss.count(kind::left) + hidden.count(kind::left) == 0, "a worker was lost");
    for (const auto& log : on.logs()) {
        const auto lost = log_book(log).losses();
        on.check(lost == 0, std::to_string(lost) + " were lost because of a look-up, says " + log);
    }
}

void memory(stage& on) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    throw row_skipped("sanitizers need more address space than any cap leaves them");
#endif
    const std::string cap = "ulimit -v 1500000;";
    on.start_parkserver(cap);
    for (int i = 0; i < 2; ++i) (void)on.worker({}, cap);
    auto& boss =
        on.manager(calm({"--amount", "2", "--greedy-every", "5", "--extra-bytes", "100000"}), cap);
    on.wait_for(boss, kind::settled, 100);
    on.expect_in_logs("a peer is cut off");  // no stranger has 60 MiB to say
    // Peers that speak without being asked, and never listen. What malloc keeps for next time it
    // keeps once: a later flood may not add to it.
    const auto flood = [&] {
        std::list<spec::dealer> strangers;
        const spec::frames much(60, spec::bytes(1 << 20, 'x'));
        for (int i = 0; i < 5; ++i) strangers.emplace_back(on.endpoint()).send(much);
        on.wait_for(boss, kind::settled, 50);
    };
    const auto has = [&] { return bytes_of(on.parkserver().pid()) >> 20; };
    for (int i = 0; i < 2; ++i) flood();
    const std::size_t before = has();
    for (int i = 0; i < 3; ++i) flood();
    on.wait("the parkserver's memory to stay (" + std::to_string(before) + " MiB)",
            [&] { return has() < before + 150; });
    on.check(boss.count(kind::left) == 0, "a worker was lost");
}

/// Workers of a crowd: sockets that register, answer "register again", and ping.
class crowd {
public:
    crowd(const std::string& endpoint, std::size_t count) {
        context_.set(zmq::ctxopt::max_sockets, static_cast<int>(count) + 100);
        for (std::size_t i = 0; i < count; ++i) {
            auto& each = all_.emplace_back(context_);
            each.self.type = "crowd";
            each.self.interval_ms = 10'000;
            each.socket.set(zmq::sockopt::linger, 0);
            each.socket.set(zmq::sockopt::immediate, true);
            // As real workers have it, or all would come again at once for ever.
            each.socket.set(zmq::sockopt::reconnect_ivl, 50 + static_cast<int>(i % 100));
            each.socket.set(zmq::sockopt::reconnect_ivl_max, 500 + static_cast<int>(i % 500));
            each.socket.connect(endpoint);
        }
    }
    /// One round: each says what it has to say, and hears.
    void turn() {
        for (auto& each : all_) {
            zmq::message_t got;
            while (each.socket.recv(got, zmq::recv_flags::dontwait)) {
                each.known = each.known || got.to_string_view().starts_with(yes_);
            }
            if (each.known || now() < each.again) continue;
            const auto words = spec::control(each.self).front();
            (void)each.socket.send(zmq::buffer(words), zmq::send_flags::dontwait);
            each.again = now() + 500ms;
        }
    }
    void begin_again() {
        for (auto& each : all_) each.known = false;
    }
    [[nodiscard]] bool all_known() const {
        return std::all_of(all_.begin(), all_.end(), [](const one& each) { return each.known; });
    }

private:
    struct one {
        explicit one(zmq::context_t& in) : socket(in, zmq::socket_type::dealer) {}
        zmq::socket_t socket;
        spec::register_worker self;
        bool known = false;
        maus::base::instant again{};
    };
    const spec::bytes yes_ = spec::header(spec::on_control, spec::registered::type_number);
    zmq::context_t context_;
    std::list<one> all_;
};

void reconnects(stage& on) {
    constexpr std::size_t many = 2000;
    on.start_parkserver();
    (void)on.workers(2);
    auto& boss =
        on.manager(calm({"--amount", "2", "--run-us", "0", "--outstanding", "1", "--rate", "500"}));
    on.wait_for(boss, kind::settled, 50);
    crowd all(on.endpoint(), many);
    const auto all_are_there = [&] {
        all.turn();
        if (!all.all_known()) return false;
        const auto seen = on.status();
        return seen && std::count_if(seen->workers.begin(), seen->workers.end(),
                                     [](const auto& each) { return each.type == "crowd"; }) ==
                           static_cast<std::ptrdiff_t>(many);
    };
    on.wait("2,000 to register", all_are_there);
    on.kill_parkserver();
    all.begin_again();
    on.start_parkserver();
    const auto began = now();
    on.wait("2,000 to be back", all_are_there);
    const double took = std::chrono::duration<double>(now() - began).count();
    std::printf("2,000 were back after %.2f s\n", took);
    on.check(took < 10, "I6: 2,000 were back only after " + std::to_string(took) + " s");
    on.wait_for_workers(2, worker_state::leased);
    on.wait_for(boss, kind::settled, 50);
    on.check(boss.count(kind::left) == 0, "a worker was lost");
}

}  // namespace

std::vector<row> rows_of_peers() {
    return {
        {"answers-twice", "a worker that answers twice, with unknown and stale ids", answers_twice},
        {"reused-ids", "ids that are registered twice, and again after a restart", reused_ids},
        {"wrong-peers", "managers at whose addresses somebody else answers", wrong_peers,
         over::tcp_only},
        {"dead-resolver", "names whose look-up takes 10 s and fails", dead_resolver},
        {"descriptors", "RLIMIT_NOFILE=64 at the parkserver and at a manager", descriptors},
        {"memory", "RLIMIT_AS at all, functions that want more, 1.5 GiB of noise", memory,
         over::both, weight::heavy},
        {"reconnects", "2,000 sockets that connect again at once", reconnects, over::both,
         weight::heavy},
        {"half-open-flood", "6,000 connections that say nothing", half_open_flood, over::both,
         weight::heavy},
    };
}

}  // namespace faults
