// The worker: when it is free, whom it serves, what it starts. PROTOCOL.md, "Worker".
#include "catch.hpp"

#include <algorithm>
#include <set>

#include "maus/core/worker.hpp"
#include "talk.hpp"

using namespace talk;
using base::lease_id;
using core::worker;
using std::chrono::milliseconds;
using wire::link_writer;

namespace {

core::worker_config plain_worker() {
    core::worker_config made;
    made.id = id<base::worker_id>(11);
    made.incarnation = {1};
    made.type = "t";
    made.signatures = {"f()->void"};
    made.beat = {100, 3};
    made.parkservers = {"tcp://park:1"};
    made.link_timeout = milliseconds{1000};
    return made;
}

// Its routes, in order of their making: 1 the first parkserver, then one for each link.
struct site {
    core::worker_config config;
    worker core;
    core::worker_effects out;
    std::int64_t ms = 0;
    lines warnings;

    explicit site(core::worker_config how = plain_worker())
        : config(how), core(how, at_ms(0)), out(config.settings) {}

    lines take() {
        core.advance_to(at_ms(ms), out);
        for (const auto& each : out.net.effects()) {
            const auto* told = std::get_if<core::note>(&each);
            if (told != nullptr && told->level == log_level::warning)
                warnings.push_back(told->text);
        }
        return take_news(out.net);
    }
    lines pass(std::int64_t to_ms) {
        ms = to_ms;
        return take();
    }
    lines up(std::uint64_t route) {
        core.on(core::up{{route}}, at_ms(ms), out);
        return take();
    }
    lines down(std::uint64_t route) {
        core.on(core::down{{route}, "cut"}, at_ms(ms), out);
        return take();
    }
    lines hear(std::uint64_t route, const wire::control& what) {
        core.on(core::received{{route}, wire::encode_control(what)}, at_ms(ms), out);
        return take();
    }
    template <class Write>
    lines hear_link(std::uint64_t route, Write write) {
        core.on(core::received{{route}, link_message(config.settings.limits, write)}, at_ms(ms),
                out);
        return take();
    }
    std::uint64_t stamp() const {
        return static_cast<std::uint64_t>(at_ms(ms).time_since_epoch().count());
    }
    wire::welcome welcome() const { return {id<base::manager_id>(21), {1}, 100, 3, stamp()}; }
    lines call(std::uint64_t route, std::uint64_t number) {
        return hear_link(route, [&](link_writer& to) {
            base::buffer nothing;
            to.call({{number}, {1}}, 0, false, nothing);
        });
    }
    lines done(std::size_t job, bool detached = false) {
        core.on(core::job_done{out.execute[job].link, out.execute[job].attempt, detached,
                               core::job_value{}},
                at_ms(ms), out);
        return take();
    }
    void join_parkserver() {
        take();
        up(1);
        hear(1, wire::registered{id<base::parkserver_id>(1), 5, 10'000, 100});
    }
    static wire::assign assign(std::uint64_t sequence,
                               std::vector<std::string> endpoints = {"tcp://m:1"}) {
        return {{5, sequence}, id<base::token>(1), id<base::manager_id>(21), std::move(endpoints)};
    }
    void serve(std::uint64_t route) {
        hear(1, assign(1));
        up(route);
        hear_link(route, [&](link_writer& to) { to.say(welcome()); });
        CHECK(core.now_in() == worker::state::serving);
    }
};

}  // namespace

TEST_CASE("worker: registers, takes an offer, says hello and serves") {
    site at;
    CHECK(at.take() == lines{"1 open tcp://park:1"});
    CHECK(at.up(1) == lines{"1 register_worker free"});
    at.hear(1, wire::registered{id<base::parkserver_id>(1), 5, 100, 3});
    CHECK(at.hear(1, site::assign(1)) == lines{"1 accepted 5.1", "2 open tcp://m:1"});
    CHECK(at.up(2) == lines{"2 hello"});
    at.hear_link(2, [&](link_writer& to) { to.say(at.welcome()); });
    CHECK(at.core.now_in() == worker::state::serving);
    at.call(2, 77);
    REQUIRE(at.out.execute.size() == 1);
    CHECK(at.done(0) == lines{"2 result 77/1"});  // of a function that gives nothing back, too
}

TEST_CASE("worker: a large result travels alone, and small ones do not wait for it (P-44)") {
    site at;
    at.join_parkserver();
    at.serve(2);
    for (std::uint64_t number : {1, 2, 3, 4}) at.call(2, number);
    REQUIRE(at.out.execute.size() == 4);
    const std::size_t large = at.config.settings.limits.payload_apart_bytes;
    const std::vector<std::size_t> sizes{1, large, 1, 1};
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        core::job_value value;
        value.payload.extend(sizes[i]);
        at.core.on(core::job_done{at.out.execute[i].link, at.out.execute[i].attempt, false,
                                  std::move(value)},
                   at_ms(at.ms), at.out);
    }
    std::vector<std::pair<std::size_t, std::size_t>> messages;  // records, frames
    for (const auto& each : at.out.net.effects()) {
        const auto& said = std::get<core::send>(each);
        messages.emplace_back(said.records, said.message.frames());
    }
    CHECK(messages == std::vector<std::pair<std::size_t, std::size_t>>{{1, 1}, {1, 2}, {2, 1}});
}

TEST_CASE("worker: takes the first of two offers and tells the other parkserver") {
    auto how = plain_worker();
    how.parkservers = {"tcp://park:1", "tcp://park:2"};
    site at{how};
    at.take();
    for (const std::uint64_t each : {1u, 2u}) {
        at.up(each);
        at.hear(each, wire::registered{id<base::parkserver_id>(1), 5, 10'000, 100});
    }
    CHECK(at.hear(1, site::assign(1)) ==
          lines{"1 accepted 5.1", "2 occupied 5.1", "3 open tcp://m:1"});
    CHECK(at.hear(2, site::assign(8)) == lines{"2 refused 5.8"});
    CHECK(at.hear(1, wire::lease_ended{{5, 1}, "test"}) ==
          lines{"3 close", "1 available 5.1", "2 available 5.1"});
}

TEST_CASE("worker: tries each address, and at last the parkserver's relay") {
    site at;
    at.join_parkserver();
    at.hear(1, site::assign(1, {"tcp://m:1", "tcp://m:2"}));
    CHECK(at.pass(1000) == lines{"2 close", "3 open tcp://m:2"});
    CHECK(at.pass(2000) == lines{"3 close", "1 relay 5.1 hello"});
    CHECK(at.pass(3000).empty());  // nothing is left to try: it rests
    CHECK(at.pass(3500) == lines{"1 available 5.1"});
}

TEST_CASE("worker: where somebody else answers, it tries the next address and at last the relay") {
    site at;
    at.join_parkserver();
    at.hear(1, site::assign(1, {"tcp://m:1", "tcp://m:2", "tcp://m:3", "tcp://m:4"}));
    const auto rejects = [&](std::uint8_t manager) {
        return [manager](link_writer& to) {
            if (manager != 0) to.say(wire::rejected_by{id<base::manager_id>(manager)});
            to.part(wire::record_type::reject, errc::cancelled, "no such request");
        };
    };
    at.up(2);
    CHECK(at.hear_link(2, rejects(22)) == lines{"2 close", "3 open tcp://m:2"});
    at.up(3);
    CHECK(at.hear(3, wire::rejected{15, "no"}) == lines{"3 close", "4 open tcp://m:3"});
    at.up(4);
    CHECK(at.down(4) == lines{"5 open tcp://m:4"});
    at.up(5);
    CHECK(at.hear_link(5, rejects(0)) == lines{"5 close", "1 relay 5.1 hello"});
    CHECK(at.warnings ==
          lines{"cannot reach manager 15151515 at tcp://m:1: this is another manager, "
                "16161616: no such request"});
}

TEST_CASE("worker: the manager of the lease ends it, whatever addresses are left") {
    site at;
    at.join_parkserver();
    at.hear(1, site::assign(1, {"tcp://m:1", "tcp://m:2"}));
    at.up(2);
    CHECK(at.hear_link(2, [&](link_writer& to) {
        to.say(wire::rejected_by{id<base::manager_id>(21)});
        to.part(wire::record_type::reject, errc::cancelled, "no such request");
    }) == lines{"2 close"});
    CHECK(at.pass(50) == lines{"1 available 5.1"});
}

// Of a peer that takes each connection and closes it (F9).
TEST_CASE("worker: rests longer each time that a parkserver's connection fails, up to 5 s") {
    site at;
    at.take();
    std::vector<std::int64_t> rests;
    for (std::uint64_t route = 1; rests.size() < 40; ++route) {
        if (route % 2 == 0) at.up(route);  // its registration is not answered either
        at.down(route);
        const std::int64_t from = at.ms;
        while (at.take().empty()) ++at.ms;
        rests.push_back(at.ms - from);
    }
    const std::vector<std::int64_t> at_least{100, 200, 400, 800, 1000};
    for (std::size_t i = 0; i < rests.size(); ++i) {
        const std::int64_t least = at_least[std::min<std::size_t>(i, 4)];
        CHECK(rests[i] >= least);
        CHECK(rests[i] <= 5 * least);
    }
    CHECK(std::set<std::int64_t>(rests.begin() + 5, rests.end()).size() > 10);  // jitter
    // Told at once, after one minute, and after three.
    CHECK(at.ms > 60'000);
    CHECK(at.ms < 180'000);
    CHECK(at.warnings.size() == 2);
}

TEST_CASE("worker: only a registration that has lasted makes the rests short again (F9)") {
    site at;
    at.take();
    const auto rest_after = [&](std::uint64_t route, std::int64_t registered_ms) {
        at.up(route);
        at.hear(route, wire::registered{id<base::parkserver_id>(1), 5, 100, 3});
        for (std::int64_t passed = 0; passed < registered_ms; passed += 100) {
            at.ms += 100;
            at.hear(route, wire::pong{1});
        }
        at.down(route);
        const std::int64_t from = at.ms;
        while (at.take().empty()) ++at.ms;
        return at.ms - from;
    };
    for (std::uint64_t route = 1; route <= 4; ++route) (void)rest_after(route, 200);
    CHECK(rest_after(5, 200) >= 1000);
    CHECK(rest_after(6, 300) <= 500);
}

TEST_CASE("worker: a connection to a parkserver that does not come about is given up") {
    site at;
    CHECK(at.take() == lines{"1 open tcp://park:1"});
    CHECK(at.pass(9'999).empty());
    CHECK(at.pass(10'000) == lines{"1 close"});
    CHECK(at.pass(10'500) == lines{"2 open tcp://park:1"});
}

TEST_CASE("worker: says once that it is a manager at which it was to register (F8)") {
    site at;
    at.take();
    for (std::uint64_t route = 1; route <= 8; ++route) {
        at.up(route);
        CHECK(at.hear_link(route, [&](link_writer& to) {
            to.part(wire::record_type::reject, errc::protocol_violation, "not for managers");
        }) == lines{std::to_string(route) + " close"});
        const std::int64_t from = at.ms;
        while (at.take().empty()) ++at.ms;
        CHECK(at.ms - from >= 1000);
    }
    CHECK(at.warnings ==
          lines{"cannot register with parkserver tcp://park:1: this is a manager, not "
                "a parkserver"});
}

TEST_CASE("worker: in direct mode it rests longer each time that its manager cannot be reached") {
    auto how = plain_worker();
    how.parkservers = {};
    how.manager = "tcp://m:1";
    site at{how};
    CHECK(at.take() == lines{"1 open tcp://m:1"});
    std::vector<std::int64_t> rests;
    for (std::uint64_t route = 1; route <= 12; ++route) {
        if (route % 3 == 0) {
            at.up(route);
            at.hear(route, wire::rejected{15, "no"});  // a parkserver
        } else {
            at.down(route);
        }
        const std::int64_t from = at.ms;
        while (at.take().empty()) ++at.ms;
        rests.push_back(at.ms - from);
    }
    CHECK(rests[0] >= 100);
    CHECK(rests[1] >= 200);
    for (std::size_t i = 5; i < rests.size(); ++i) CHECK((rests[i] >= 1000 && rests[i] <= 5000));
    CHECK(at.warnings == lines{"cannot reach the manager at tcp://m:1: cut"});
    // A manager that says goodbye is there, and is asked again soon.
    at.up(13);
    at.hear_link(13, [&](link_writer& to) { to.say(at.welcome()); });
    at.hear_link(13, [&](link_writer& to) {
        to.part(wire::record_type::manager_goodbye, errc::cancelled, "released");
    });
    CHECK(at.pass(at.ms + 250) == lines{"14 open tcp://m:1"});
}

// bin/fuzz, worker: it served on over a connection that it had closed itself.
TEST_CASE("worker: a relayed link ends when the parkserver that relays rejects the worker") {
    site at;
    at.join_parkserver();
    CHECK(at.hear(1, site::assign(1, {})) == lines{"1 accepted 5.1", "1 relay 5.1 hello"});
    auto welcome =
        link_message(at.config.settings.limits, [&](link_writer& to) { to.say(at.welcome()); });
    welcome.rest.insert(welcome.rest.begin(), std::move(welcome.first));
    welcome.first = wire::relay_frame({5, 1});
    at.core.on(core::received{{1}, std::move(welcome)}, at_ms(0), at.out);
    at.take();
    REQUIRE(at.core.now_in() == worker::state::serving);
    CHECK(at.hear(1, wire::rejected{0, "no"}) == lines{"1 close"});
    CHECK(at.core.now_in() == worker::state::free);
}

TEST_CASE("worker: over a relay the parkserver's limit holds too, and the error says so") {
    site at;
    at.take();
    at.up(1);
    wire::registered answer{id<base::parkserver_id>(1), 5, 10'000, 100};
    answer.can.limits = {{1, 100}};
    at.hear(1, answer);
    at.hear(1, site::assign(1, {}));
    const auto relayed = [&](auto write) {
        auto message = link_message(at.config.settings.limits, write);
        message.rest.insert(message.rest.begin(), std::move(message.first));
        message.first = wire::relay_frame({5, 1});
        at.core.on(core::received{{1}, std::move(message)}, at_ms(0), at.out);
        at.take();
    };
    relayed([&](link_writer& to) { to.say(at.welcome()); });
    const auto answers = [&](std::size_t bytes) {
        relayed([](link_writer& to) {
            base::buffer nothing;
            to.call({{1}, {1}}, 0, false, nothing);
        });
        core::job_value value;
        value.payload.extend(bytes);
        const core::job& last = at.out.execute.back();
        at.core.on(core::job_done{last.link, last.attempt, false, std::move(value)}, at_ms(0),
                   at.out);
        const auto* said = std::get_if<core::send>(&at.out.net.effects().back());
        REQUIRE(said != nullptr);
        const std::string bytes_said(base::as_text(said->message.first.view()));
        at.take();
        return bytes_said;
    };
    const std::string why = "101 bytes, more than the relaying parkserver's message_bytes_max, 100";
    CHECK(answers(100).find(why) == std::string::npos);
    CHECK(answers(101).find(why) != std::string::npos);
}

// maus-sim, seeds 9340 and 4041: the offer is void, but it came in the session before; the worker served
// by it, and the parkserver thought that it served nobody.
TEST_CASE("worker: that registered anew while it links believes the new session's lease_ended") {
    site at;
    at.join_parkserver();
    CHECK(at.hear(1, site::assign(1)) == lines{"1 accepted 5.1", "2 open tcp://m:1"});
    at.down(1);
    CHECK(at.pass(500) == lines{"3 open tcp://park:1"});
    CHECK(at.up(3) == lines{"3 register_worker serving 5.1"});
    at.hear(3, wire::registered{id<base::parkserver_id>(1), 5, 10'000, 100});
    CHECK(at.core.now_in() == worker::state::linking);
    CHECK(at.hear(3, wire::lease_ended{{5, 1}, "test"}) == lines{"2 close", "3 available 5.1"});
    CHECK(at.core.now_in() == worker::state::free);
}

// maus-sim, seed 45380: the parkserver took it to serve by the earlier lease.
TEST_CASE(
    "worker: tells by which lease it serves if that changed before the registration's answer") {
    auto how = plain_worker();
    how.parkservers = {"tcp://park:1", "tcp://park:2"};
    site at{how};
    at.join_parkserver();
    at.serve(3);
    CHECK(at.up(2) == lines{"2 register_worker serving 5.1"});
    CHECK(at.down(3) == lines{"1 available 5.1"});
    CHECK(at.hear(1, site::assign(2)) == lines{"1 accepted 5.2", "4 open tcp://m:1"});
    CHECK(at.hear(2, wire::registered{id<base::parkserver_id>(2), 6, 10'000, 100}) ==
          lines{"2 occupied 5.2"});
}

// maus-sim, seed 1236757: the parkserver had given the offer up; it thought that the worker serves nobody.
TEST_CASE("worker: goes on by its own link when its lease is said to have ended, and says so") {
    site at;
    at.join_parkserver();
    at.serve(2);
    CHECK(at.hear(1, wire::lease_ended{{5, 1}, "test"}) == lines{"1 occupied 5.1"});
    CHECK(at.core.now_in() == worker::state::serving);
    CHECK(at.hear(1, wire::lease_ended{{5, 2}, "of another lease"}).empty());
}

TEST_CASE("worker: rests for a moment when its manager turns it away") {
    site at;
    at.join_parkserver();
    at.hear(1, site::assign(1));
    at.up(2);
    CHECK(at.hear_link(2, [&](link_writer& to) {
        to.say(wire::rejected_by{id<base::manager_id>(21)});
        to.part(wire::record_type::reject, errc::cancelled, "test");
    }) == lines{"2 close"});
    CHECK(at.pass(40).empty());
    CHECK(at.pass(60) == lines{"1 available 5.1"});
}

TEST_CASE("worker: is free again only when no function runs any more") {
    site at;
    at.join_parkserver();
    at.serve(2);
    at.call(2, 77);
    CHECK(at.down(2).empty());
    CHECK(at.core.now_in() == worker::state::draining);
    CHECK(at.hear(1, site::assign(2)) == lines{"1 refused 5.2"});
    CHECK(at.done(0) == lines{"1 available 5.1"});
    CHECK(at.core.counters().answers_dropped == 1);
}

TEST_CASE("worker: starts nothing once its lease has run out, and ends the link") {
    site at;
    at.join_parkserver();
    at.serve(2);
    CHECK(at.core.lease_until() == at_ms(300));
    at.pass(200);
    at.hear_link(2, [&](link_writer& to) { to.stamp(wire::record_type::pong, at.stamp()); });
    CHECK(at.core.lease_until() == at_ms(500));
    at.call(2, 77);
    at.ms = 500;
    const auto said = at.call(2, 78);  // it was paused, and this lay in its inbox
    CHECK(said == lines{"2 returned 78/1", "2 close"});
    CHECK(at.core.counters().calls == 2);
    CHECK(at.core.counters().answers == 1);
    CHECK(at.core.startable() == 0);
    CHECK(at.core.now_in() == worker::state::draining);
}

TEST_CASE("worker: whoever breaks the protocol before welcome is told, and costs that address") {
    site at;
    at.join_parkserver();
    at.hear(1, site::assign(1));
    at.up(2);
    CHECK(at.call(2, 77) == lines{"2 goodbye protocol_violation", "2 close", "1 relay 5.1 hello"});
    CHECK(at.core.counters().violations == 1);
}

TEST_CASE("worker: an unknown function's number is answered, not obeyed") {
    site at;
    at.join_parkserver();
    at.serve(2);
    CHECK(at.hear_link(2, [](link_writer& to) {
        base::buffer nothing;
        to.call({{77}, {1}}, 5, false, nothing);
    }) == lines{"2 failed 77/1"});
    CHECK(at.out.execute.empty());
}

TEST_CASE("worker: stops when what runs has been answered; what does not run is returned") {
    site at;
    at.join_parkserver();
    at.serve(2);
    at.call(2, 77);
    at.core.on(core::stop_worker{at_ms(5000)}, at_ms(0), at.out);
    CHECK(at.take() == lines{"1 occupied 5.1"});
    CHECK(at.call(2, 78) == lines{"2 returned 78/1"});
    CHECK(at.done(0) ==
          lines{"2 result 77/1", "2 goodbye shutdown", "2 close", "1 goodbye", "1 close"});
    CHECK(at.core.now_in() == worker::state::stopped);
    CHECK(at.core.next_deadline() == base::never);
}

TEST_CASE("worker: stops in time, whatever runs") {
    site at;
    at.join_parkserver();
    at.serve(2);
    at.call(2, 77);
    at.core.on(core::stop_worker{at_ms(50)}, at_ms(0), at.out);
    at.take();
    CHECK(at.pass(50) == lines{"2 goodbye shutdown", "2 close", "1 goodbye", "1 close"});
}

TEST_CASE("worker: once it has stopped it says nothing on connections that it gave up") {
    site at;
    at.join_parkserver();
    at.core.on(core::stop_worker{at_ms(50)}, at_ms(0), at.out);
    CHECK(at.take() == lines{"1 occupied 0.0", "1 goodbye", "1 close"});
    // What came in the same drain.
    CHECK(at.hear(1, wire::assign{{5, 1}, id<base::token>(31), id<base::manager_id>(21), {}}) ==
          lines{});
    CHECK(at.hear(1, wire::register_again{}) == lines{});
    CHECK(at.up(1) == lines{});
    CHECK(at.down(1) == lines{});
}

TEST_CASE("worker: registers with what it serves when its parkserver comes back") {
    site at;
    at.join_parkserver();
    at.serve(2);
    at.down(1);
    at.hear_link(2, [&](link_writer& to) { to.stamp(wire::record_type::pong, at.stamp()); });
    at.ms = 250;
    at.hear_link(2, [&](link_writer& to) { to.stamp(wire::record_type::pong, at.stamp()); });
    CHECK(at.pass(500) == lines{"3 open tcp://park:1"});
    CHECK(at.up(3) == lines{"3 register_worker serving 5.1"});
}

TEST_CASE("worker: a direct worker comes back to its manager") {
    auto how = plain_worker();
    how.parkservers.clear();
    how.manager = "tcp://m:1";
    site at{how};
    CHECK(at.take() == lines{"1 open tcp://m:1"});
    CHECK(at.up(1) == lines{"1 hello"});
    CHECK(at.down(1).empty());
    CHECK(at.pass(500) == lines{"2 open tcp://m:1"});
}

// maus-sim, seed 1277: the functions of an earlier lease made it refuse the next manager's calls.
TEST_CASE("worker: functions that detached under an earlier lease take no room from this one") {
    auto how = plain_worker();
    how.settings.limits.calls_per_worker_max = 2;
    site at{how};
    at.join_parkserver();
    at.serve(2);
    at.call(2, 77);
    at.call(2, 78);
    CHECK(at.call(2, 79) == lines{"2 failed 79/1"});
    for (const auto& job : at.out.execute)
        at.core.on(core::job_detached{job.link, job.attempt}, at_ms(0), at.out);
    at.take();
    CHECK(at.down(2) == lines{"1 available 5.1"});
    at.serve(3);
    CHECK(at.call(3, 80).empty());
    CHECK(at.out.execute.size() == 3);
    CHECK(at.done(0, true).empty());
}

// --- large results --------------------------------------------------------------------------------

namespace {
core::worker_config with_small_pieces() {
    auto made = plain_worker();
    made.settings.limits.payload_apart_bytes = 50;
    made.settings.limits.queued_bytes_max = 1000;
    return made;
}

// Serves a manager with the feature on route 2, and answers call 77 with 450 bytes.
struct large_site : site {
    large_site() : site(with_small_pieces()) {
        join_parkserver();
        hear(1, assign(1));
        up(2);
        hear_link(2, [&](link_writer& to) {
            auto yes = welcome();
            yes.can.features = {"transfer"};
            to.say(yes);
        });
        call(2, 77);
    }
    lines answer(std::size_t job = 0) {
        core::job_value value;
        value.payload.extend(450);
        const core::job& of = out.execute[job];
        core.on(core::job_done{of.link, of.attempt, false, std::move(value)}, at_ms(ms), out);
        return take();
    }
    lines taken(std::uint64_t bytes) {
        return hear_link(
            2, [&](link_writer& to) { to.taken(wire::record_type::manager_taken, bytes); });
    }
};
const lines four_parts = {"2 part 100", "2 part 100", "2 part 100", "2 part 100"};
}  // namespace

TEST_CASE("worker: a large result goes in parts, and others overtake it") {
    large_site at;
    at.call(2, 78);
    CHECK(at.answer() == four_parts);
    CHECK(at.done(1) == lines{"2 result 78/1"});
    CHECK(at.taken(100) == lines{"2 result 77/1"});
}

TEST_CASE("worker: leaves when the last of its large results is sent") {
    large_site at;
    CHECK(at.answer() == four_parts);
    at.core.on(core::stop_worker{at_ms(5000)}, at_ms(0), at.out);
    CHECK(at.take() == lines{"1 occupied 5.1"});
    CHECK(at.taken(100) ==
          lines{"2 result 77/1", "2 goodbye shutdown", "2 close", "1 goodbye", "1 close"});
    CHECK(at.core.now_in() == worker::state::stopped);
}

TEST_CASE("worker: what it has not sent when its time to stop is over is dropped, and counted") {
    large_site at;
    CHECK(at.answer() == four_parts);
    at.core.on(core::stop_worker{at_ms(10)}, at_ms(0), at.out);
    at.take();
    at.core.advance_to(at_ms(10), at.out);
    CHECK(at.take() == lines{"2 goodbye shutdown", "2 close", "1 goodbye", "1 close"});
    CHECK(at.core.counters().answers == 0);
    CHECK(at.core.counters().answers_dropped == 1);
}

TEST_CASE("worker: larger results than queued_bytes_max together do not wait for a manager") {
    large_site at;
    at.call(2, 78);
    at.call(2, 79);
    CHECK(at.answer(0) == four_parts);
    CHECK(at.answer(1) == lines{});
    CHECK(at.core.now_in() == worker::state::serving);
    CHECK(at.answer(2) == lines{"2 close", "1 available 5.1"});
}

TEST_CASE("worker: what is not sent of a large result is dropped with its link") {
    large_site at;
    CHECK(at.answer() == four_parts);
    CHECK(at.down(2) == lines{"1 available 5.1"});
}

TEST_CASE(
    "worker: gives up a manager that takes nothing of a large result, though it answers pings") {
    large_site at;
    CHECK(at.answer() == four_parts);
    const auto pong = [&] {
        at.hear_link(2, [&](link_writer& to) { to.stamp(wire::record_type::pong, at.stamp()); });
    };
    for (at.ms = 50; at.ms < 300; at.ms += 50) pong();
    CHECK(at.core.now_in() == worker::state::serving);
    pong();
    CHECK(at.core.now_in() == worker::state::free);
}
