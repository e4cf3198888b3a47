// Peers that want a process's memory or its time for themselves, while good clients call through it and
// beside it. Memory is asserted, measured from outside; what the good calls waited is printed.
#include <algorithm>
#include <cstdio>
#include <list>
#include <map>

#include "conformance/peers.hpp"
#include "conformance/raw_tcp.hpp"
#include "rows.hpp"
#include "watch.hpp"

namespace faults {

namespace {

using spec::raw_tcp;

constexpr std::size_t mib = std::size_t{1} << 20;
constexpr std::size_t queued_max = 256 * mib;  // queued_bytes_max
constexpr std::size_t slack = 64 * mib;

/// Two managers whose calls go on during an attack, one over links of its own and one relayed.
class witnesses {
public:
    explicit witnesses(stage& on) : on_(on) {
        on.expect_in_logs("a peer is cut off");
        on.expect_in_logs("a stranger was rejected");
        on.expect_in_logs("it does not take what it is sent");
        on.start_parkserver();
        (void)on.workers(2, calm({}));
        place = on.place();
        direct_ = &on.manager(steady({"--endpoint", place}));
        relayed_ = &on.manager(steady({"--relayed"}));
        for (peer* each : {direct_, relayed_}) {
            on.wait_for(*each, kind::settled, 300);
            since_[each] = each->facts().size();
            std::printf("before: %s ", each == direct_ ? "direct" : "relayed");
            print(waits_of(*each, 0));
        }
        watch("the parkserver", on.parkserver().pid());
        watch("the direct manager", direct_->pid());
        watch("the relayed manager", relayed_->pid());
    }
    /// Where workers find the direct one.
    std::string place;

    /// The attack is over: what it cost.
    void judge(std::size_t bytes_max = queued_max) {
        for (peer* each : {direct_, relayed_}) {
            on_.wait_for(*each, kind::settled, 300);
            std::printf("meanwhile: %s ", each == direct_ ? "direct" : "relayed");
            print(waits_of(*each, since_[each]));
            on_.check(each->count(kind::left) == 0, each->name() + " lost a worker");
        }
        for (const auto& [name, of] : watched_) {
            const std::size_t most = peak_of(of.pid), grown = most - std::min(most, of.before);
            std::printf("%s grew by %zu MiB\n", name.c_str(), grown / mib);
            on_.check(grown <= bytes_max + slack,
                      name + " grew by " + std::to_string(grown / mib) + " MiB");
        }
    }

private:
    struct watched {
        pid_t pid;
        std::size_t before;
    };

    static words steady(words more) {
        more.insert(more.end(),
                    {"--amount", "1", "--run-us", "0", "--outstanding", "1", "--rate", "500"});
        return calm(std::move(more));
    }
    void watch(const std::string& name, pid_t pid) {
        forget_peak(pid);
        watched_[name] = {pid, bytes_of(pid)};
    }
    static void print(const waits& of) {
        std::printf("%zu echoes: 99 of 100 within %.2f ms, all within %.2f ms\n", of.calls,
                    of.p99_ms, of.most_ms);
    }

    stage& on_;
    peer *direct_ = nullptr, *relayed_ = nullptr;
    std::map<peer*, std::size_t> since_;
    std::map<std::string, watched> watched_;
};

std::string times(std::size_t count, const std::string& text) {
    std::string many;
    many.reserve(count * text.size());
    while (count-- > 0) many += text;
    return many;
}

raw_tcp stranger(const std::string& endpoint) {
    raw_tcp made(endpoint);
    if (!made.shake_hands()) throw row_failed("no handshake with " + endpoint);
    return made;
}
/// A worker by hand that is registered, and reads nothing more but what it is asked to.
raw_tcp registered_worker(const std::string& endpoint, const spec::register_worker& self) {
    raw_tcp made = stranger(endpoint);
    made.write(raw_tcp::frame(spec::control(self).front()));
    (void)made.read_frame();
    return made;
}
std::string hello_of(const std::string& type, std::vector<std::string> signatures = {}) {
    spec::fake_worker self;
    self.self.type = type;
    self.self.interval_ms = 3'600'000;
    self.self.signatures = std::move(signatures);
    return raw_tcp::frame(
        spec::link_message({spec::to_record(spec::r_hello, self.what_to_say())}).front());
}
raw_tcp linked_worker(const std::string& manager) {
    raw_tcp made = stranger(manager);
    made.write(hello_of("nobody's"));
    (void)made.read_frame();
    return made;
}

/// F41: megabytes are relayed to a worker that does not read.
void deaf_worker(stage& on) {
    witnesses good(on);
    spec::register_worker self;
    self.type = "deaf";
    self.interval_ms = 3'600'000;
    auto deaf = registered_worker(on.endpoint(), self);
    spec::fake_manager manager;
    manager.self.endpoints.clear();
    manager.enroll(on.endpoint());
    manager.ask_for(1, self.type);
    const auto offer = spec::decoded<spec::assign>(deaf.read_frame().substr(8));
    deaf.write(raw_tcp::frame(spec::control(spec::accepted{offer.lease}).front()));
    (void)manager.park->hear<spec::granted>();
    const auto large = spec::relayed(offer.lease, {spec::bytes(mib, 'x')});
    for (int i = 0; i < 3600; ++i) manager.park->send(large);
    on.wait("the deaf one to be cut off", [&] {
        const auto seen = on.status();
        return seen && std::none_of(seen->workers.begin(), seen->workers.end(),
                                    [](const auto& each) { return each.type == "deaf"; });
    });
    good.judge();
}

/// F41: floods of pings, and nobody reads the answers.
void deaf_pings(stage& on) {
    witnesses good(on);
    spec::register_worker self;
    self.type = "deaf";
    self.interval_ms = 3'600'000;
    auto at_park = registered_worker(on.endpoint(), self);
    auto at_boss = linked_worker(good.place);
    const auto to_park = times(100, raw_tcp::frame(spec::control(spec::ping{}).front()));
    const auto ping = spec::link_message({spec::to_record(spec::r_ping, spec::u64{1})}).front();
    const auto to_boss = times(100, raw_tcp::frame(ping));
    for (int i = 0; i < 30'000 && at_park.write(to_park); ++i) {
    }
    for (int i = 0; i < 30'000 && at_boss.write(to_boss); ++i) {
    }
    good.judge();
}

/// F42: messages of too many frames, one of them of 25 million, and many peers that send nothing else.
void too_many_frames(stage& on) {
    witnesses good(on);
    on.expect_violations();
    const auto few = times(69, raw_tcp::frame("", 1)) + raw_tcp::frame("");
    const auto many = times(mib / 2, raw_tcp::frame("", 1));
    for (const auto& endpoint : {on.endpoint(), good.place}) {
        auto large = stranger(endpoint);
        for (int i = 0; i < 50 && large.write(many); ++i) {
        }
        (void)large.write(raw_tcp::frame(""));
        const auto bad = times(5000, few);
        for (int i = 0; i < 100; ++i) (void)stranger(endpoint).write(bad);
    }
    good.judge();
}

/// F43: messages without end.
void endless_messages(stage& on) {
    witnesses good(on);
    const auto frame = raw_tcp::frame(std::string(1u << 16, 'x'), 1);
    const auto chunk = times(16, frame);
    for (int linked = 0; linked < 2; ++linked) {
        auto at_park = linked != 0 ? registered_worker(on.endpoint(), {}) : stranger(on.endpoint());
        auto at_boss = linked != 0 ? linked_worker(good.place) : stranger(good.place);
        for (int i = 0; i < 1200 && at_park.write(chunk); ++i) {
        }
        for (int i = 0; i < 1200 && at_boss.write(chunk); ++i) {
        }
    }
    good.judge();
}

/// F50: many hellos, each as large as one may be.
void large_hellos(stage& on) {
    witnesses good(on);
    std::vector<std::string> signatures;
    for (int i = 0; i < 1000; ++i) {
        std::string text = "f" + std::to_string(i) + "(";
        while (text.size() < 4080) text += "i8,";
        signatures.push_back(text + "i8)->i8");
    }
    const auto hello = hello_of("nobody's", signatures);
    std::list<raw_tcp> all;
    for (int i = 0; i < 60; ++i) all.push_back(stranger(good.place));
    for (auto& each : all) each.write(hello);
    for (auto& each : all) on.check(!each.read_frame().empty(), "a large hello got no answer");
    // Each is allowed what it said, twice: as a message and as a table.
    good.judge(60 * 2 * hello.size());
}

/// F45: requests that each hold a long list, and questions for the status.
void long_lists(stage& on) {
    witnesses good(on);
    spec::fake_manager manager(on.endpoint());
    for (spec::u64 number = 1; number <= 500; ++number) {
        spec::request asked;
        asked.number = number;
        asked.type = "nobody's";
        asked.amount = 1;
        for (int i = 0; i < 20'000; ++i) asked.held.push_back({{}, spec::fresh_id()});
        manager.park->say(asked);
    }
    std::list<spec::dealer> askers;
    for (int i = 0; i < 10; ++i) askers.emplace_back(on.endpoint()).say(spec::status_query{});
    for (auto& each : askers) (void)each.hear_next<spec::status>();
    good.judge(0);
}

}  // namespace

std::vector<row> rows_of_attacks() {
    const auto row = [](const char* name, const char* fault, void (*play)(stage&)) {
        return faults::row{name, fault, play, over::tcp_only, weight::heavy};
    };
    return {
        row("deaf-worker", "3.6 GB are relayed to a worker that does not read", deaf_worker),
        row("deaf-pings", "millions of pings, and nobody reads the answers", deaf_pings),
        row("too-many-frames", "a message of 25 million frames, 200 peers of bad messages",
            too_many_frames),
        row("endless-messages", "messages that do not end", endless_messages),
        row("large-hellos", "60 hellos of 4 MiB", large_hellos),
        row("long-lists", "500 requests of 20,000 held workers each", long_lists),
    };
}

}  // namespace faults
