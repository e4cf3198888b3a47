// The parkserver's picture of workers and managers: PROTOCOL.md, sections 5 and 7.
#include "catch.hpp"

#include "parkserver_desk.hpp"

using namespace talk;

TEST_CASE("parkserver: a request gets a worker, and its manager hears of it") {
    park at;
    CHECK(at.say(11, park::worker(11)) == lines{"11 registered"});
    CHECK(at.say(21, park::manager(21)) == lines{"21 registered"});
    CHECK(at.say(21, park::request(21, 1, 1)) == lines{"11 assign 5.1"});
    CHECK(at.say(11, wire::accepted{lease(1)}) == lines{"21 granted 5.1"});
    CHECK(at.core.leases() == 1);
}

TEST_CASE("parkserver: a satisfied request is not served again when a worker registers") {
    park at;
    at.workers({11});
    at.managers({21});
    at.say(21, park::request(21, 1, 1));
    at.say(11, wire::accepted{lease(1)});
    CHECK(at.say(12, park::worker(12)) == lines{"12 registered"});
    CHECK(at.say(21, park::request(21, 1, 1)).empty());
}

TEST_CASE("parkserver: several workers are given all at once; amount 0 takes all that are free") {
    park at;
    at.managers({21, 22});
    CHECK(at.say(21, park::request(21, 1, 2)).empty());
    CHECK(at.say(11, park::worker(11)) == lines{"11 registered"});
    CHECK(at.say(12, park::worker(12)) == lines{"12 registered", "11 assign 5.1", "12 assign 5.2"});
    at.workers({13, 14});
    CHECK(at.say(22, park::request(22, 1, 0)) == lines{"13 assign 5.3", "14 assign 5.4"});
}

TEST_CASE(
    "parkserver: requests of a type are served in order, and types do not wait for each other") {
    park at;
    at.managers({21, 22});
    at.say(21, park::request(21, 1, 2));
    at.say(22, park::request(22, 1, 1));
    at.say(22, park::request(22, 2, 1, "other"));
    CHECK(at.say(11, park::worker(11)) == lines{"11 registered"});
    CHECK(at.say(13, park::worker(13, "other")) == lines{"13 registered", "13 assign 5.1"});
    CHECK(at.say(12, park::worker(12)) == lines{"12 registered", "11 assign 5.2", "12 assign 5.3"});
}

TEST_CASE("parkserver: a lost manager's leases end, and no other's") {
    park at;
    at.workers({11, 12});
    at.managers({21, 22});
    at.say(21, park::request(21, 1, 1));
    at.say(22, park::request(22, 1, 1));
    at.say(11, wire::accepted{lease(1)});
    at.say(12, wire::accepted{lease(2)});
    at.core.on(core::down{{21}, ""}, at_ms(0), at.out);
    CHECK(at.take() == lines{"11 lease_ended 5.1"});
    CHECK(at.core.leases() == 1);
    CHECK(at.core.managers() == 1);
}

TEST_CASE("parkserver: all silent workers are lost, also those behind a live one") {
    park at;
    at.workers({11, 12, 13});
    at.ms = 200;
    at.say(11, wire::ping{1});
    at.pass(300);
    CHECK(at.core.workers() == 1);
}

TEST_CASE("parkserver: a late heartbeat from somebody lost is answered, and nothing breaks") {
    park at;
    at.workers({11});
    at.pass(300);
    CHECK(at.core.workers() == 0);
    CHECK(at.say(11, wire::ping{1}) == lines{"11 register_again"});
    CHECK(at.say(11, wire::accepted{lease(9)}) == lines{"11 register_again"});
    CHECK(at.say(11, wire::goodbye{"bye"}) == lines{"11 register_again"});
}

TEST_CASE("parkserver: after a pause it reads what came before it looks at the clock") {
    park at;
    at.workers({11});
    at.ms = 10'000;
    at.hear(11, wire::ping{1});
    at.take();
    CHECK(at.core.workers() == 1);
}

TEST_CASE("parkserver: an id is registered once; an older incarnation never wins") {
    park at;
    at.workers({11});
    CHECK(at.say(11, park::worker(11, "t", 2)) == lines{"11 registered"});
    CHECK(at.say(12, park::worker(11, "t", 2)) == lines{"12 registered"});
    CHECK(at.core.workers() == 1);
    CHECK(at.say(13, park::worker(11, "t", 1)) == lines{"13 rejected protocol_violation"});
    CHECK(at.say(11, wire::ping{1}) == lines{"11 register_again"});
}

// Worker 11 is offered to manager 21, and answers when the offer is void.
static void accept_too_late(park& at) {
    at.workers({11});
    at.managers({21});
    at.say(21, park::request(21, 1, 1));
    at.ms = 299;
    at.hear(11, wire::ping{1});
    at.hear(21, wire::ping{1});
    CHECK(at.take().empty());
    CHECK(at.pass(300) == lines{"11 lease_ended 5.1"});
    CHECK(at.say(11, wire::accepted{lease(1)}) == lines{"11 lease_ended 5.1"});
}

TEST_CASE("parkserver: an offer that is not answered is void") {
    park at;
    accept_too_late(at);
    CHECK(at.say(11, wire::available{lease(1)}) == lines{"11 assign 5.2"});
}

// maus-sim, seed 1236757: the request had nobody for the parkserver and a worker for its manager, for ever.
TEST_CASE(
    "parkserver: a lease that its worker goes on with is a lease again, unless its manager lost "
    "it") {
    park at;
    accept_too_late(at);
    const wire::service serving{lease(1), id<base::manager_id>(21), park::token(21, 1)};
    const auto row = [&] { return at.core.status(at_ms(at.ms)).workers.front(); };
    REQUIRE(row().state == wire::worker_state::occupied);
    CHECK(at.say(11, wire::occupied{serving}).empty());
    CHECK(row().state == wire::worker_state::leased);
    CHECK(at.say(12, park::worker(12)) == lines{"12 registered"});  // the request has all it wants
    CHECK(at.say(21, wire::worker_lost{{1}, lease(1), id<base::worker_id>(11)}) ==
          lines{"11 lease_ended 5.1", "12 assign 5.2"});
    CHECK(at.say(11, wire::occupied{serving}).empty());
    CHECK(row().state == wire::worker_state::occupied);
}

TEST_CASE("parkserver: who refuses is left in peace until it says that it is available") {
    park at;
    at.workers({11});
    at.managers({21});
    at.say(21, park::request(21, 1, 1));
    CHECK(at.say(11, wire::refused{lease(1), 13, "busy"}).empty());
    CHECK(at.say(12, park::worker(12)) == lines{"12 registered", "12 assign 5.2"});
    CHECK(at.say(11, wire::available{}).empty());
}

TEST_CASE("parkserver: `available` that crossed with an offer does not void it") {
    park at;
    at.workers({11});
    at.managers({21});
    at.say(21, park::request(21, 1, 1));
    CHECK(at.say(11, wire::available{}).empty());
    CHECK(at.say(11, wire::accepted{lease(1)}) == lines{"21 granted 5.1"});
}

// maus-sim, seed 8935: the offer was void here, the worker served by it, and was seen as occupied by
// nobody until that lease ended; its request was served once more.
TEST_CASE("parkserver: `occupied` that crossed with an offer does not void it") {
    park at;
    at.workers({11});
    at.managers({21});
    at.say(21, park::request(21, 1, 1));
    const wire::service elsewhere{{9, 3}, id<base::manager_id>(22), park::token(22, 1)};
    CHECK(at.say(11, wire::occupied{elsewhere}).empty());
    SECTION("it is free again and takes the offer") {
        CHECK(at.say(11, wire::available{{9, 3}}).empty());
        CHECK(at.say(11, wire::accepted{lease(1)}) == lines{"21 granted 5.1"});
        CHECK(at.core.leases() == 1);
    }
    SECTION("it refuses: what it said holds") {
        CHECK(at.say(11, wire::refused{lease(1), 13, "busy"}).empty());
        CHECK(at.core.status(at_ms(0)).workers[0].lease == lease_id{9, 3});
        CHECK(at.say(12, park::worker(12)) == lines{"12 registered", "12 assign 5.2"});
        CHECK(at.say(11, wire::available{{9, 3}}).empty());
        CHECK(at.core.leases() == 1);
    }
    SECTION("the offer is cancelled and its refusal comes late") {
        CHECK(at.say(21, wire::cancel{{1}}) == lines{"11 lease_ended 5.1"});
        CHECK(at.say(11, wire::refused{lease(1), 13, "busy"}).empty());
        CHECK(at.core.status(at_ms(0)).workers[0].lease == lease_id{9, 3});
    }
}

TEST_CASE("parkserver: an idle lease that is given back serves the next manager") {
    park at;
    at.workers({11});
    at.managers({21, 22});
    at.say(21, park::request(21, 1, 1));
    at.say(11, wire::accepted{lease(1)});
    at.say(22, park::request(22, 1, 1));
    CHECK(at.say(21, wire::cancel{{1}}).empty());
    CHECK(at.say(11, wire::available{lease(1)}) == lines{"21 lease_ended 5.1", "11 assign 5.2"});
}

TEST_CASE("parkserver: after its restart, workers and managers tell it what there is") {
    park at;
    auto serving = park::worker(11);
    serving.free = false;
    serving.serving = wire::service{{4, 9}, id<base::manager_id>(21), park::token(21, 1)};
    CHECK(at.say(11, serving) == lines{"11 registered"});
    at.managers({21});
    auto asked = park::request(21, 1, 1);
    asked.held = {{{4, 9}, id<base::worker_id>(11)}};
    at.say(21, asked);
    at.workers({12});
    CHECK(at.core.leases() == 1);
    CHECK(at.core.status(at_ms(0)).requests[0].serving == 1);
    CHECK(at.say(21, wire::worker_lost{{1}, {4, 9}, id<base::worker_id>(11)}) ==
          lines{"11 lease_ended 4.9", "12 assign 5.1"});
}

// maus-sim, seeds 186 and 1963: the worker was offered to a request that nobody had any more, for ever.
TEST_CASE("parkserver: what was requested in an earlier session is void unless it is said again") {
    park at;
    at.managers({21, 22});
    at.say(21, park::request(21, 1, 1));
    at.say(21, park::request(21, 2, 1));
    at.say(22, park::request(22, 1, 1));
    CHECK(at.say(31, park::manager(21)) == lines{"31 registered"});  // without a word of farewell
    at.say(31, park::request(21, 2, 1));
    CHECK(at.core.status(at_ms(0)).requests.size() == 2);
    // The request that is left keeps its place before the other manager's.
    at.say(11, park::worker(11));
    CHECK(at.say(11, wire::accepted{lease(1)}) == lines{"31 granted 5.1"});
}

TEST_CASE("parkserver: it relays between the ends of a lease, and for nobody else") {
    park at;
    at.workers({11, 12});
    at.managers({21, 22});
    at.say(21, park::request(21, 1, 1));
    at.say(11, wire::accepted{lease(1)});
    const auto relay = [&](std::uint8_t from) {
        auto message = link_message(
            at.bounds, [](wire::link_writer& to) { to.stamp(wire::record_type::ping, 1); });
        message.rest.insert(message.rest.begin(), std::move(message.first));
        message.first = wire::relay_frame(lease(1));
        at.core.on(core::received{{from}, std::move(message)}, at_ms(0), at.out);
        return at.take();
    };
    CHECK(relay(11) == lines{"21 relay"});
    CHECK(relay(21) == lines{"11 relay"});
    CHECK(relay(12) == lines{"12 lease_ended 5.1"});
    CHECK(relay(22) == lines{"22 lease_ended 5.1"});
    CHECK(relay(99) == lines{"99 register_again"});
}

TEST_CASE("parkserver: a relayed frame larger than its receiver takes ends the lease alone") {
    const auto relay = [](std::uint64_t its_max, std::uint64_t own_max, std::size_t bytes) {
        auto config = park::its_config();
        config.settings.limits.message_bytes_max = own_max;
        park at(std::move(config));
        at.workers({11});
        auto manager = park::manager(21);
        manager.can.limits = {{1, its_max}};
        at.say(21, manager);
        at.say(21, park::request(21, 1, 1));
        at.say(11, wire::accepted{lease(1)});
        base::buffer payload;
        std::memset(payload.extend(bytes), 1, bytes);
        auto message = link_message(at.bounds, [&](wire::link_writer& to) {
            to.result({{1}, {1}}, std::move(payload));
        });
        REQUIRE(message.rest.size() == 1);
        message.rest.insert(message.rest.begin(), std::move(message.first));
        message.first = wire::relay_frame(lease(1));
        at.core.on(core::received{{11}, std::move(message)}, at_ms(0), at.out);
        return at.take();
    };
    const lines ended{"11 rejected too_large", "11 lease_ended 5.1", "21 lease_ended 5.1"};
    CHECK(relay(50'000, 60'000, 50'000) == lines{"21 relay"});
    CHECK(relay(50'000, 60'000, 50'001) == ended);
    CHECK(relay(60'000, 50'000, 50'001) == ended);
}

TEST_CASE("parkserver: what a peer may not say is refused and counted") {
    park at;
    at.workers({11});
    at.managers({21});
    CHECK(at.say(11, park::request(11, 1, 1)) == lines{"11 rejected protocol_violation"});
    CHECK(at.say(21, wire::accepted{lease(1)}) == lines{"21 rejected protocol_violation"});
    CHECK(at.core.counters().violations == 2);
}

TEST_CASE("parkserver: a status that is too large to be sent is refused with a reason") {
    auto config = park::its_config();
    config.settings.limits.message_bytes_max = 200;
    park at(std::move(config));
    at.workers({11});
    CHECK(at.say(99, wire::status_query{}) == lines{"99 status"});
    at.workers({12, 13});
    CHECK(at.say(99, wire::status_query{}) == lines{"99 rejected too_large"});
}

TEST_CASE("parkserver: nothing is left of a type that nobody is free for and nobody waits for") {
    park at;
    SECTION("a worker registers anew, each time under another type") {
        for (int i = 0; i < 20; ++i) at.say(11, park::worker(11, "type " + std::to_string(i)));
        CHECK(at.core.types() == 1);
    }
    SECTION("over another connection each time") {
        for (std::uint8_t from = 11; from < 20; ++from)
            at.say(from, park::worker(11, "type " + std::to_string(from)));
        CHECK(at.core.types() == 1);
    }
    SECTION("a worker leaves") {
        at.workers({11});
        at.say(11, wire::goodbye{"bye"});
        CHECK(at.core.types() == 0);
    }
    SECTION("a worker serves somebody else") {
        at.workers({11});
        at.say(11, wire::occupied{{{9, 3}, id<base::manager_id>(22), park::token(22, 1)}});
        CHECK(at.core.types() == 0);
    }
    SECTION("a worker is offered, and its offer is void") {
        accept_too_late(at);
        at.say(21, wire::cancel{{1}});
        CHECK(at.core.types() == 0);
    }
    SECTION("a request is cancelled") {
        at.managers({21});
        at.say(21, park::request(21, 1, 1));
        REQUIRE(at.core.types() == 1);
        at.say(21, wire::cancel{{1}});
        CHECK(at.core.types() == 0);
    }
    SECTION("a manager comes anew and does not say its requests again") {
        at.managers({21});
        at.say(21, park::request(21, 1, 1));
        at.say(22, park::manager(21));
        CHECK(at.core.types() == 0);
    }
}

TEST_CASE("parkserver: an id belongs to who was there first, whatever incarnation another says") {
    park at;
    at.workers({11});
    at.managers({21});
    CHECK(at.say(12, park::worker(11, "t", ~0ull)) == lines{"12 rejected protocol_violation"});
    CHECK(at.say(22, park::manager(21, ~0ull)) == lines{"22 rejected protocol_violation"});
    CHECK(at.core.counters().violations == 0);
    CHECK(at.say(11, wire::ping{1}).empty());  // no register_again: it is still known
    CHECK(at.say(21, wire::ping{1}).empty());
    at.core.on(core::down{{11}, ""}, at_ms(0), at.out);
    at.core.on(core::down{{21}, ""}, at_ms(0), at.out);
    CHECK(at.say(12, park::worker(11, "t", 5)) == lines{"12 registered"});
    CHECK(at.say(22, park::manager(21, 5)) == lines{"22 registered"});
    at.core.on(core::down{{12}, ""}, at_ms(0), at.out);
    // To register again is no new life, and over the same connection nobody is replaced.
    CHECK(at.say(13, park::worker(11)) == lines{"13 registered"});
    CHECK(at.say(13, park::worker(11, "t", 2)) == lines{"13 registered"});
}
