// The manager: whom it welcomes, when it holds a worker lost, what it says when it parts.
#include "catch.hpp"

#include "maus/core/manager.hpp"
#include "talk.hpp"

using namespace talk;
using core::group_id;
using core::manager;
using wire::link_writer;

namespace {

// The parkserver is at route 1; workers come on the routes that they are given.
struct office {
    core::manager_config config;
    manager core;
    core::manager_effects out;
    std::int64_t ms = 0;
    base::token token;  // of the latest request

    static core::manager_config plain() {
        core::manager_config made;
        made.id = id<base::manager_id>(21);
        made.incarnation = {1};
        made.endpoints = {"tcp://m:1"};
        made.beat = {100, 3};
        return made;
    }
    explicit office(core::manager_config how = plain())
        : config(how), core(how, at_ms(0)), out(config.settings) {
        core.define({0}, "f()->void");
    }
    lines take() {
        core.advance_to(at_ms(ms), out);
        for (auto& effect : out.net.effects()) {
            const auto* say = std::get_if<core::send>(&effect);
            if (say == nullptr) continue;
            const auto decoded = wire::decode_control(say->message, config.settings.limits);
            if (!decoded) continue;
            if (const auto* asked = std::get_if<wire::request>(&decoded.value())) {
                token = asked->token;
            }
        }
        return take_news(out.net);
    }
    lines pass(std::int64_t to_ms) {
        ms = to_ms;
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
    lines down(std::uint64_t route) {
        core.on(core::down{{route}, "cut"}, at_ms(ms), out);
        return take();
    }
    wire::hello hello(std::uint8_t worker, std::uint64_t lease,
                      std::uint64_t incarnation = 1) const {
        wire::hello made;
        made.token = token;
        made.worker = id<base::worker_id>(worker);
        made.incarnation = {incarnation};
        made.lease = {5, lease};
        made.type = "t";
        made.signatures = {"f()->void"};
        made.interval_ms = 100;
        made.liveness = 3;
        return made;
    }
    lines greet(std::uint64_t route, const wire::hello& what) {
        return hear_link(route, [&](link_writer& to) { to.say(what); });
    }
    /// Over the parkserver, by the lease of that number.
    lines greet_relayed(std::uint8_t worker, std::uint64_t number) {
        auto message = link_message(config.settings.limits,
                                    [&](link_writer& to) { to.say(hello(worker, number)); });
        message.rest.insert(message.rest.begin(), std::move(message.first));
        message.first = wire::relay_frame({5, number});
        core.on(core::received{{1}, std::move(message)}, at_ms(ms), out);
        return take();
    }
    lines ask_for(std::uint32_t number, std::uint32_t amount) {
        core.on(core::add_request{{number}, "t", amount, {}}, at_ms(ms), out);
        return take();
    }
    void submit(std::uint64_t ticket, std::uint32_t group = 1) {
        core::submission what;
        what.group = {group};
        what.ticket = ticket;
        core.on(std::move(what), at_ms(ms), out);
    }
    void join_parkserver() {
        core.on(core::add_parkserver{"tcp://park:1"}, at_ms(ms), out);
        core.on(core::up{{1}}, at_ms(ms), out);
        hear(1, wire::registered{id<base::parkserver_id>(1), 5, 10'000, 100});
    }
    lines settled_calls() {
        lines said;
        for (const auto& each : out.done) {
            said.push_back(std::to_string(each.ticket) + " " +
                           (each.result.error ? std::string(to_string(*each.result.error)) : "ok"));
        }
        out.done.clear();
        return said;
    }
    std::vector<core::notice_kind> news() {
        std::vector<core::notice_kind> kinds;
        for (const auto& each : out.news) kinds.push_back(each.kind);
        out.news.clear();
        return kinds;
    }
};

}  // namespace

TEST_CASE("manager: welcomes a worker with the token of a request, and calls it") {
    office at;
    at.join_parkserver();
    CHECK(at.ask_for(1, 1) == lines{"1 request 1 of 1 t"});
    at.submit(7);
    const auto said = at.greet(31, at.hello(11, 1));
    REQUIRE(said.size() == 2);
    CHECK(said[0] == "31 welcome");
    CHECK_THAT(said[1], maus_test::has_text("31 call"));
    CHECK(at.core.workers_of({1}) == 1);
}

TEST_CASE("manager: rejects a token that it does not know, or a worker too many") {
    office at;
    at.join_parkserver();
    at.ask_for(1, 1);
    auto stranger = at.hello(11, 1);
    stranger.token = id<base::token>(99);
    CHECK(at.greet(31, stranger) == lines{"31 rejected_by", "31 reject cancelled", "31 close"});
    at.greet(32, at.hello(12, 2));
    CHECK(at.greet(33, at.hello(13, 3)) ==
          lines{"33 rejected_by", "33 reject cancelled", "33 close"});
    CHECK(at.core.workers() == 1);
    CHECK(at.core.counters().violations == 0);
}

TEST_CASE("manager: a result before hello, hello twice and control messages are violations") {
    office at;
    at.join_parkserver();
    at.ask_for(1, 2);
    CHECK(at.hear_link(31, [](link_writer& to) {
        to.result({{1}, {1}}, {});
    }) == lines{"31 reject protocol_violation", "31 close"});
    at.greet(32, at.hello(12, 2));
    CHECK(at.greet(32, at.hello(12, 2)) ==
          lines{"32 goodbye protocol_violation", "32 close", "1 worker_lost 5.2"});
    CHECK(at.hear(33, wire::ping{1}) == lines{"33 reject protocol_violation", "33 close"});
    CHECK(at.core.counters().violations == 3);
    CHECK(at.core.workers() == 0);
}

TEST_CASE("manager: a silent worker is lost, and each parkserver is told") {
    office at;
    at.join_parkserver();
    at.ask_for(1, 2);
    at.greet(31, at.hello(11, 1));
    at.greet(32, at.hello(12, 2));
    at.ms = 200;
    at.hear_link(31, [](link_writer& to) { to.stamp(wire::record_type::ping, 1); });
    CHECK(at.core.next_deadline() == at_ms(300));
    at.news();
    CHECK(at.pass(300) == lines{"32 goodbye no_workers", "32 close", "1 worker_lost 5.2"});
    CHECK(at.news() == std::vector{core::notice_kind::worker_lost});
}

TEST_CASE("manager: what a lost worker still says is counted, not believed") {
    office at;
    at.join_parkserver();
    at.ask_for(1, 1);
    at.greet(31, at.hello(11, 1));
    at.submit(7);
    at.take();
    at.pass(300);
    at.hear_link(31, [](link_writer& to) { to.result({{std::uint64_t{1} << 32}, {1}}, {}); });
    CHECK(at.out.done.empty());
    CHECK(at.core.calls().stale_answers == 1);
    CHECK(at.core.outstanding() == 1);
}

// maus-sim, seed 1059: a worker that answered with what another manager had asked was believed.
TEST_CASE("manager: another manager's calls have other ids") {
    const auto first_id = [](std::uint64_t seed) {
        auto how = office::plain();
        how.seed = seed;
        office at{how};
        at.ask_for(1, 1);
        core::submission what;
        what.group = {1};
        return at.core.on(std::move(what), at_ms(0), at.out);
    };
    CHECK(first_id(1) != first_id(2));
}

TEST_CASE("manager: a worker that comes again ends its older link; an older incarnation does not") {
    office at;
    at.join_parkserver();
    at.ask_for(1, 1);
    at.greet(31, at.hello(11, 1, 5));
    CHECK(at.greet(32, at.hello(11, 2, 6)) ==
          lines{"31 goodbye cancelled", "31 close", "1 worker_lost 5.1", "32 welcome"});
    CHECK(at.greet(33, at.hello(11, 3, 5)) == lines{"33 reject protocol_violation", "33 close"});
    CHECK(at.core.workers() == 1);
}

TEST_CASE("manager: a hello without a token never ends a link that a token made") {
    office at;
    at.join_parkserver();
    at.ask_for(1, 2);
    at.greet(31, at.hello(11, 1, 5));
    wire::hello stranger = at.hello(11, 0, ~0ull);
    stranger.token = {};
    stranger.lease = {};
    CHECK(at.greet(32, stranger) == lines{"32 reject protocol_violation", "32 close"});
    CHECK(at.core.workers() == 1);
    CHECK(at.core.counters().violations == 1);
    // It was there first, with any incarnation: the worker with the token takes its place.
    stranger.worker = id<base::worker_id>(12);
    CHECK(at.greet(33, stranger) == lines{"33 welcome", "1 request 1 of 2 t held 5.1 held 0.0"});
    CHECK(at.greet(34, at.hello(12, 2, 5)) == lines{"33 goodbye cancelled", "33 close",
                                                    "1 worker_lost 0.0", "34 welcome",
                                                    "1 request 1 of 2 t held 5.1 held 5.2"});
    CHECK(at.core.workers() == 2);
}

TEST_CASE("manager: without tokens an id belongs to who was there first") {
    office at;
    at.join_parkserver();
    at.ask_for(1, 2);
    wire::hello direct = at.hello(11, 0, 5);
    direct.token = {};
    direct.lease = {};
    CHECK(at.greet(31, direct) == lines{"31 welcome", "1 request 1 of 2 t held 0.0"});
    direct.incarnation = {~0ull};
    CHECK(at.greet(32, direct) == lines{"32 reject protocol_violation", "32 close"});
    direct.incarnation = {5};  // the same one, over another connection
    CHECK(at.greet(33, direct) == lines{"31 goodbye cancelled", "31 close", "1 worker_lost 0.0",
                                        "33 welcome", "1 request 1 of 2 t held 0.0"});
    CHECK(at.core.workers() == 1);
}

TEST_CASE("manager: whoever comes again finds its place taken by one that came by itself") {
    office at;
    at.join_parkserver();
    at.ask_for(1, 1);
    at.greet(31, at.hello(11, 1, 5));
    wire::hello direct = at.hello(12, 0);
    direct.token = {};
    direct.lease = {};
    CHECK(at.greet(32, direct) == lines{"32 welcome"});
    CHECK(at.greet(33, at.hello(11, 2, 6)) ==
          lines{"31 goodbye cancelled", "31 close", "1 worker_lost 5.1", "33 rejected_by",
                "33 reject cancelled", "33 close", "1 request 1 of 1 t held 0.0"});
    CHECK(at.core.workers_of({1}) == 1);
}

TEST_CASE("manager: a hello that is rejected ends no link") {
    office at;
    at.join_parkserver();
    at.ask_for(1, 1);
    at.greet(31, at.hello(11, 1));
    wire::hello stranger = at.hello(11, 2, 9);
    stranger.token = id<base::token>(99);
    CHECK(at.greet(32, stranger) == lines{"32 rejected_by", "32 reject cancelled", "32 close"});
    CHECK(at.core.workers() == 1);
}

TEST_CASE("manager: large hellos are read with rests, and nobody waits behind them") {
    office at;
    at.join_parkserver();
    at.ask_for(1, 10);
    const auto large = [&](std::uint8_t worker) {
        auto made = at.hello(worker, worker);
        for (int i = 0; i < 1000; ++i) {
            made.signatures.push_back("g" + std::to_string(i) + std::string(100, 'x') + "()->void");
        }
        return link_message(at.config.settings.limits, [&](link_writer& to) { to.say(made); });
    };
    for (std::uint8_t i = 0; i < 3; ++i) {
        at.core.on(core::received{{31u + i}, large(static_cast<std::uint8_t>(11 + i))}, at_ms(0),
                   at.out);
    }
    // What comes behind one waits with it.
    const auto behind = [](link_writer& to) { to.result({{1}, {1}}, {}); };
    at.core.on(core::received{{31}, link_message(at.config.settings.limits, behind)}, at_ms(0),
               at.out);
    CHECK(at.core.next_deadline() <= at_ms(0));
    CHECK(at.greet(40, at.hello(20, 20)) == lines{"40 welcome", "31 welcome"});
    CHECK(at.core.calls().stale_answers == 1);
    CHECK(at.take().empty());
    CHECK(at.core.next_deadline() == at_ms(40));
    at.core.on(core::down{{32}, "cut"}, at_ms(0), at.out);  // its hello is for nobody
    CHECK(at.pass(40) == lines{"33 welcome"});
    CHECK(at.core.next_deadline() > at_ms(80));
    CHECK(at.core.workers() == 3);
}

TEST_CASE("manager: large hellos that wait are bounded") {
    auto how = office::plain();
    how.settings.limits.queued_bytes_max = 200'000;
    office at(how);
    at.join_parkserver();
    at.ask_for(1, 10);
    for (const std::uint64_t route : {31, 32}) {
        wire::message large;
        wire::write_header(large.first, wire::channel::link);
        large.first.extend(150'000);
        at.core.on(core::received{{route}, std::move(large)}, at_ms(0), at.out);
    }
    CHECK(take_news(at.out.net) == lines{"32 reject overloaded", "32 close"});
}

TEST_CASE("manager: large hellos that were read make room for others") {
    auto how = office::plain();
    how.settings.limits.queued_bytes_max = 200'000;
    office at(how);
    at.join_parkserver();
    at.ask_for(1, 10);
    for (std::uint8_t i = 0; i < 4; ++i) {
        auto large = at.hello(static_cast<std::uint8_t>(11 + i), 1u + i);
        for (int j = 0; j < 1000; ++j) {
            large.signatures.push_back("g" + std::to_string(j) + std::string(80, 'x') + "()->void");
        }
        at.pass(100 * (1 + i));
        CHECK(at.greet(31u + i, large) == lines{std::to_string(31 + i) + " welcome"});
    }
}

TEST_CASE("manager: what waits behind a large hello is bounded, though it has no bytes") {
    office at;
    at.join_parkserver();
    wire::message large;
    wire::write_header(large.first, wire::channel::link);
    large.first.extend(100'000);
    at.core.on(core::received{{31}, std::move(large)}, at_ms(0), at.out);
    for (int i = 0; i < 15; ++i) at.core.on(core::received{{31}, {}}, at_ms(0), at.out);
    CHECK(take_news(at.out.net).empty());
    at.core.on(core::received{{31}, {}}, at_ms(0), at.out);
    CHECK(take_news(at.out.net) == lines{"31 reject overloaded", "31 close"});
    CHECK(at.take().empty());
}

TEST_CASE("manager: a large hello over a relay is for nobody once its lease has ended") {
    office at;
    at.join_parkserver();
    at.ask_for(1, 1);
    auto hello = at.hello(11, 1);
    for (int i = 0; i < 1000; ++i) {
        hello.signatures.push_back("g" + std::to_string(i) + std::string(100, 'x') + "()->void");
    }
    auto message = link_message(at.config.settings.limits, [&](link_writer& to) { to.say(hello); });
    message.rest.insert(message.rest.begin(), std::move(message.first));
    message.first = wire::relay_frame({5, 1});
    at.core.on(core::received{{1}, std::move(message)}, at_ms(0), at.out);
    at.core.on(core::received{{1}, wire::encode_control(wire::lease_ended{{5, 1}, "it left"})},
               at_ms(0), at.out);
    CHECK(at.take().empty());
    CHECK(at.core.workers() == 0);
}

TEST_CASE("manager: over a relay the parkserver's limit holds too, and the error says so") {
    office at;
    at.join_parkserver();
    wire::registered answer{id<base::parkserver_id>(1), 5, 10'000, 100};
    answer.can.limits = {{1, 100}};
    at.hear(1, answer);
    at.ask_for(1, 1);
    at.greet_relayed(11, 1);
    const auto submit = [&](std::size_t bytes) {
        core::submission what;
        what.group = {1};
        what.payload.extend(bytes);
        at.core.on(std::move(what), at_ms(0), at.out);
        return at.take().size();
    };
    CHECK(submit(100) == 1);
    CHECK(submit(101) == 0);
    REQUIRE(at.out.done.size() == 1);
    CHECK(at.out.done[0].result.error == errc::too_large);
    CHECK_THAT(at.out.done[0].result.about->text,
               maus_test::has_text(
                   "101 bytes, more than the relaying parkserver's message_bytes_max, 100"));
}

TEST_CASE("manager: released workers are told goodbye, and no others") {
    office at;
    at.join_parkserver();
    at.ask_for(1, 1);
    at.greet(31, at.hello(11, 1));
    at.ask_for(2, 1);
    at.greet(32, at.hello(12, 2));
    at.submit(7);
    at.core.on(core::release_request{{1}}, at_ms(0), at.out);
    CHECK(at.take() == lines{"1 cancel 1", "31 goodbye cancelled", "31 close"});
    CHECK(at.settled_calls() == lines{"7 cancelled"});
    CHECK(at.core.workers_of({2}) == 1);
}

TEST_CASE("manager: a hung attempt ends its link, and its other calls go elsewhere") {
    office at;
    at.join_parkserver();
    at.ask_for(1, 1);
    at.greet(31, at.hello(11, 1));
    core::submission slow;
    slow.group = {1};
    slow.ticket = 7;
    slow.options.attempt_timeout = std::chrono::milliseconds{50};
    at.core.on(std::move(slow), at_ms(0), at.out);
    at.submit(8);
    at.take();
    CHECK(at.pass(50) == lines{"31 goodbye attempt_timeout", "31 close", "1 worker_lost 5.1"});
    CHECK(at.settled_calls() == lines{"7 attempt_timeout"});
    const auto said = at.greet(32, at.hello(12, 2));
    REQUIRE(said.size() == 2);
    CHECK_THAT(said[1], maus_test::has_text("/2"));
}

TEST_CASE("manager: a relayed link ends with its lease or its parkserver") {
    office at;
    at.join_parkserver();
    at.ask_for(1, 2);
    CHECK(at.greet_relayed(11, 1) == lines{"1 relay 5.1 welcome"});
    CHECK(at.greet_relayed(12, 2) == lines{"1 relay 5.2 welcome"});
    CHECK(at.hear(1, wire::lease_ended{{5, 1}, "test"}) == lines{"1 worker_lost 5.1"});
    at.down(1);
    CHECK(at.core.workers() == 0);
}

// bin/fuzz, manager: its last word went to a connection that was closed.
TEST_CASE("manager: a relayed link ends with the registration of a parkserver that rejects it") {
    office at;
    at.join_parkserver();
    at.ask_for(1, 1);
    CHECK(at.greet_relayed(11, 1) == lines{"1 relay 5.1 welcome"});
    CHECK(at.hear(1, wire::register_again{}) == lines{"1 register_manager"});
    CHECK(at.hear(1, wire::rejected{0, "no"}) == lines{"1 close"});
    CHECK(at.core.workers() == 0);
    at.core.on(core::stop_manager{}, at_ms(0), at.out);
    CHECK(at.take() == lines{});
}

TEST_CASE("manager: a direct worker idles until there is a request for it") {
    office at;
    auto direct = at.hello(11, 0);
    direct.token = {};
    direct.lease = {};
    CHECK(at.greet(31, direct) == lines{"31 welcome"});
    CHECK(at.core.workers() == 1);
    at.ask_for(1, 1);
    CHECK(at.core.workers_of({1}) == 1);
}

// Conformance P-86, once in a hundred runs: the second worker came before the first was seen to be gone, and
// its request waited for a third.
TEST_CASE("manager: an idle direct worker takes the place of one that is lost") {
    office at;
    const auto direct = [&](std::uint8_t number) {
        auto made = at.hello(number, 0);
        made.token = {};
        made.lease = {};
        return made;
    };
    at.ask_for(1, 1);
    for (const int number : {11, 12, 13}) {
        at.greet(20u + static_cast<unsigned>(number), direct(static_cast<std::uint8_t>(number)));
    }
    at.submit(7);
    at.take();
    CHECK(at.core.workers_of({1}) == 1);
    const lines after = at.down(31);
    REQUIRE(after.size() == 2);
    CHECK(after[1].starts_with("32 call"));
    CHECK(at.core.workers_of({1}) == 1);
    // Who idles takes no place in a request that is given back.
    at.core.on(core::release_request{{1}}, at_ms(0), at.out);
    CHECK(at.core.workers_of({1}) == 0);
    CHECK(at.core.workers() == 1);
}

TEST_CASE("manager: when it stops, every call settles and everybody is told") {
    office at;
    at.join_parkserver();
    at.ask_for(1, 1);
    at.greet(31, at.hello(11, 1));
    at.submit(7);
    at.take();
    at.submit(8);
    at.core.on(core::stop_manager{}, at_ms(0), at.out);
    CHECK(at.take() ==
          lines{"1 cancel 1", "31 goodbye shutdown", "31 close", "1 goodbye", "1 close"});
    CHECK(at.settled_calls() == lines{"7 shutdown", "8 shutdown"});
    at.submit(9);
    CHECK(at.settled_calls() == lines{"9 shutdown"});
    CHECK(at.core.outstanding() == 0);
    CHECK(at.core.next_deadline() == base::never);
}

TEST_CASE("manager: a request that comes after the stop is none, and its calls settle at once") {
    office at;
    at.core.on(core::stop_manager{}, at_ms(0), at.out);
    CHECK(at.ask_for(1, 1) == lines{});
    at.submit(7);
    CHECK(at.settled_calls() == lines{"7 shutdown"});
    CHECK(at.core.outstanding() == 0);
}

TEST_CASE("manager: gives up a worker that takes nothing of a large call, though it pings") {
    auto how = office::plain();
    how.settings.limits.payload_apart_bytes = 50;
    office at(std::move(how));
    at.join_parkserver();
    at.ask_for(1, 1);
    auto hello = at.hello(31, 1);
    hello.can.features = {"transfer"};
    at.greet(31, hello);
    core::submission large;
    large.group = {1};
    large.payload.extend(1000);
    at.core.on(std::move(large), at_ms(0), at.out);
    CHECK(at.take().size() == 4);
    const auto ping = [&] {
        return at.hear_link(31, [](link_writer& to) { to.stamp(wire::record_type::ping, 1); });
    };
    at.ms = 250;
    at.hear_link(31, [](link_writer& to) { to.taken(wire::record_type::worker_taken, 100); });
    CHECK(at.pass(500) == lines{});
    for (at.ms = 510; at.core.workers() == 1 && at.ms < 2000; at.ms += 50) ping();
    CHECK(at.core.workers() == 0);
    CHECK(at.ms > 550);
    CHECK(at.ms < 1200);
    CHECK(at.core.outstanding() == 1);
}
