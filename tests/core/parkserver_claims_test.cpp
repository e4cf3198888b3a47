// Whom a worker serves, where it and its managers say different things: PROTOCOL.md, section 5.2.
#include "catch.hpp"

#include "parkserver_desk.hpp"

using namespace talk;

// maus-sim, seed 46429: a manager that had been paused held a worker that had left it long before.
TEST_CASE("parkserver: believes a worker rather than the managers that say they have it") {
    park at;
    auto serving = park::worker(11);
    serving.free = false;
    serving.serving = wire::service{{4, 9}, id<base::manager_id>(22), park::token(22, 1)};
    at.say(11, serving);
    at.managers({21, 22});
    at.core.on(core::down{{22}, ""}, at_ms(0), at.out);
    CHECK(at.take() == lines{"11 lease_ended 4.9"});
    auto late = park::request(21, 1, 1);
    late.held = {{{4, 6}, id<base::worker_id>(11)}};
    at.say(21, late);
    CHECK(at.core.leases() == 0);
    at.managers({22});
    auto right = park::request(22, 1, 1);
    right.held = {{{4, 9}, id<base::worker_id>(11)}};
    at.say(22, right);
    CHECK(at.core.status(at_ms(0)).workers[0].lease == lease_id{4, 9});
}

TEST_CASE("parkserver: what one manager says it holds is bounded") {
    auto config = park::its_config();
    config.settings.limits.peers_max = 4;
    park at(std::move(config));
    at.managers({21});
    const auto asks = [](std::uint8_t number, int held) {
        auto made = park::request(21, number, 9);
        for (int i = 0; i < held; ++i) {
            const auto who = static_cast<std::uint8_t>(number * 10 + i);
            made.held.push_back({{9, who}, id<base::worker_id>(who)});
        }
        return made;
    };
    CHECK(at.say(21, asks(1, 3)).empty());
    CHECK(at.say(21, asks(2, 2)) == lines{"21 rejected overloaded"});
    CHECK(at.core.status(at_ms(0)).requests.size() == 1);
    SECTION("what it says anew takes the place of what it said") {
        CHECK(at.say(21, asks(1, 2)).empty());
        CHECK(at.say(21, asks(1, 3)).empty());
        CHECK(at.say(21, asks(2, 1)).empty());
        CHECK(at.say(21, asks(1, 4)) == lines{"21 rejected overloaded"});
        CHECK(at.serving() == 3);
    }
    SECTION("it cancels") {
        at.say(21, wire::cancel{{1}});
        CHECK(at.say(21, asks(2, 4)).empty());
    }
    SECTION("it comes anew") {
        at.say(22, park::manager(21));
        CHECK(at.say(22, asks(2, 4)).empty());
    }
}

TEST_CASE("parkserver: who is leased from here and said to be held counts once") {
    park at;
    at.workers({11, 12});
    at.managers({21});
    auto asked = park::request(21, 1, 3);
    const auto holds = [&](std::initializer_list<std::uint8_t> numbers) {
        asked.held.clear();
        for (const auto each : numbers)
            asked.held.push_back({lease(each - 10u), id<base::worker_id>(each)});
        return at.say(21, asked);
    };
    CHECK(holds({}).empty());  // for three, and there are two
    asked.amount = 2;
    CHECK(holds({}) == lines{"11 assign 5.1", "12 assign 5.2"});
    at.say(11, wire::accepted{lease(1)});
    at.say(12, wire::accepted{lease(2)});
    CHECK(holds({11, 12}).empty());
    CHECK(at.serving() == 2);
    CHECK(holds({11, 12, 13}).empty());
    CHECK(at.serving() == 3);
    CHECK(at.say(11, wire::goodbye{"bye"}) == lines{"21 lease_ended 5.1"});
    CHECK(at.serving() == 2);
    CHECK(at.say(12, wire::available{lease(2)}) == lines{"21 lease_ended 5.2", "12 assign 5.3"});
    CHECK(at.serving() == 2);
    CHECK(at.say(21, wire::worker_lost{{1}, lease(3), id<base::worker_id>(13)}).empty());
    CHECK(at.serving() == 1);
}

TEST_CASE("parkserver: a worker's word counts more than its manager's, whichever comes first") {
    park at;
    at.managers({21});
    auto asked = park::request(21, 1, 1);
    asked.held = {{lease(1), id<base::worker_id>(11)}};
    const wire::service elsewhere{{6, 6}, id<base::manager_id>(22), park::token(22, 1)};
    auto serving = park::worker(11);
    serving.free = false;
    serving.serving = elsewhere;
    SECTION("the worker's, when it serves somebody else") {
        at.workers({11});
        CHECK(at.say(11, wire::occupied{elsewhere}).empty());
        CHECK(at.say(21, asked).empty());
    }
    SECTION("the worker's, when it registers") {
        at.say(11, serving);
        CHECK(at.say(21, asked).empty());
    }
    SECTION("the manager's, of a worker that is free") {
        at.workers({11});
        CHECK(at.say(21, asked).empty());
        CHECK(at.serving() == 1);
        CHECK(at.say(11, wire::occupied{elsewhere}).empty());
    }
    SECTION("the manager's, of a worker that comes later") {
        CHECK(at.say(21, asked).empty());
        CHECK(at.serving() == 1);
        CHECK(at.say(11, serving) == lines{"11 registered"});
    }
    CHECK(at.serving() == 0);
    CHECK(at.say(12, park::worker(12)) == lines{"12 registered", "12 assign 5.1"});
}

TEST_CASE("parkserver: a manager's word counts again when its worker says nothing else") {
    park at;
    at.managers({21});
    at.workers({11});
    auto asked = park::request(21, 1, 1);
    asked.held = {{{6, 7}, id<base::worker_id>(11)}};
    at.say(21, asked);
    CHECK(
        at.say(11, wire::occupied{{{6, 6}, id<base::manager_id>(22), park::token(22, 1)}}).empty());
    REQUIRE(at.serving() == 0);
    SECTION("it comes to serve this manager") {
        CHECK(at.say(11, wire::occupied{{{6, 7}, id<base::manager_id>(21), park::token(21, 1)}})
                  .empty());
    }
    SECTION("it leaves") { CHECK(at.say(11, wire::goodbye{"bye"}).empty()); }
    CHECK(at.serving() == 1);
    CHECK(at.say(12, park::worker(12)) == lines{"12 registered"});
}

// maus-sim, seeds 37476 and 74694: an elastic worker went to and fro, for a third manager claimed it that had lost
// it, and its claim counted whenever the worker was free.
TEST_CASE(
    "parkserver: a claim that its worker denied does not count again when the worker is free") {
    park at;
    at.managers({21});
    at.workers({11});
    auto asked = park::request(21, 1, 1);
    asked.held = {{{6, 7}, id<base::worker_id>(11)}};
    at.say(21, asked);
    const lease_id other{6, 8};
    at.say(11, wire::occupied{{other, id<base::manager_id>(22), park::token(22, 1)}});
    REQUIRE(at.serving() == 0);
    SECTION("it is offered like any other") {
        CHECK(at.say(11, wire::available{other}) == lines{"11 assign 5.1"});
        CHECK(at.say(11, wire::refused{{5, 1}, 0, "busy"}).empty());
        CHECK(at.serving() == 0);
        CHECK(at.say(11, wire::available{{5, 1}}) == lines{"11 assign 5.2"});
    }
    SECTION("nor when its manager says so again") {
        at.say(21, wire::cancel{{1}});
        at.say(21, park::request(21, 2, 3));  // an older one keeps it waiting
        asked = park::request(21, 3, 1);
        asked.held = {{{6, 7}, id<base::worker_id>(11)}};
        at.say(21, asked);
        at.say(11, wire::available{other});
        CHECK(at.serving(1) == 0);
        at.say(21, asked);
        CHECK(at.serving(1) == 0);
        asked.held = {{{6, 9}, id<base::worker_id>(11)}};  // by another lease, which is news
        at.say(21, asked);
        CHECK(at.serving(1) == 1);
    }
}

TEST_CASE("parkserver: a manager has a worker by one request, whatever it says") {
    park at;
    at.managers({21});
    const auto claims = [&](std::uint64_t number) {
        auto made = park::request(21, number, 1);
        made.held = {{{6, 7}, id<base::worker_id>(11)}};
        at.say(21, made);
    };
    claims(1);
    claims(2);
    CHECK((at.serving(0) == 0 && at.serving(1) == 1));
    claims(1);
    CHECK((at.serving(0) == 1 && at.serving(1) == 0));
}

TEST_CASE("parkserver: a lease that its manager lost is no lease again when its worker registers") {
    park at;
    at.workers({11});
    at.managers({21});
    at.say(21, park::request(21, 1, 1));
    at.say(11, wire::accepted{lease(1)});
    const auto lost = wire::worker_lost{{1}, lease(1), id<base::worker_id>(11)};
    auto serving = park::worker(11);
    serving.free = false;
    serving.serving = wire::service{lease(1), id<base::manager_id>(21), park::token(21, 1)};
    SECTION("in its session") {
        at.say(21, lost);
        CHECK(at.say(11, serving) == lines{"11 registered"});
    }
    SECTION("over a new connection") {
        at.say(21, lost);
        CHECK(at.say(12, serving) == lines{"12 registered"});
    }
    SECTION("after its session was lost") {
        at.say(21, lost);
        at.core.on(core::down{{11}, ""}, at_ms(0), at.out);
        CHECK(at.say(12, serving) == lines{"12 registered"});
    }
    SECTION("and it was lost while the worker had no session") {
        at.core.on(core::down{{11}, ""}, at_ms(0), at.out);
        at.say(21, lost);
        CHECK(at.say(12, serving) == lines{"12 registered"});
    }
    SECTION("and its manager came anew meanwhile") {
        at.say(21, lost);
        at.say(22, park::manager(21));
        at.say(22, park::request(21, 1, 1));
        CHECK(at.say(12, serving) == lines{"12 registered"});
    }
    CHECK(at.core.status(at_ms(0)).workers[0].state == wire::worker_state::occupied);
    CHECK(at.serving() == 0);
    const lines said = at.say(13, park::worker(13));
    CHECK(said == lines{"13 registered", "13 assign 5.2"});
}

// --- the table by itself -------------------------------------------------------------------------

namespace {

using broker::claims;

const auto boss = id<base::manager_id>(1);

base::worker_id the_worker(int number) {
    return id<base::worker_id>(static_cast<std::uint8_t>(number));
}

claims::claim claim_to(int worker, std::uint64_t request, bool counts = true) {
    return {the_worker(worker), {request}, {}, counts};
}
std::uint64_t holder_of(claims& table, int worker) {
    const auto* found = table.find(boss, the_worker(worker));
    return found == nullptr ? 0 : found->request.value;
}

}  // namespace

TEST_CASE("claims: a manager's last word of a worker counts, and the first of a list") {
    claims table;
    CHECK(table.add(boss, {claim_to(5, 1), claim_to(1, 1), claim_to(3, 1, false), claim_to(1, 1)})
              .empty());
    CHECK(table.counted(boss, {1}) == 2);
    const auto ended = table.add(boss, {claim_to(4, 2), claim_to(3, 2), claim_to(6, 2)});
    REQUIRE(ended.size() == 1);
    CHECK(ended[0].request.value == 1);
    CHECK(holder_of(table, 3) == 2);
    for (const int worker : {1, 5}) CHECK(holder_of(table, worker) == 1);
    for (const int worker : {4, 6}) CHECK(holder_of(table, worker) == 2);
    CHECK(table.counted(boss, {2}) == 3);
    CHECK(holder_of(table, 2) == 0);
}

TEST_CASE("claims: what is given up one by one is gone, and may come again") {
    claims table;
    std::vector<claims::claim> many;
    for (int worker = 1; worker <= 9; ++worker) many.push_back(claim_to(worker, 1));
    (void)table.add(boss, std::move(many));
    for (const int worker : {2, 4, 2}) table.erase(boss, the_worker(worker));
    CHECK(table.counted(boss, {1}) == 7);
    CHECK(holder_of(table, 4) == 0);
    int seen = 0;
    table.each_to(the_worker(4), [&](const auto&, auto&) { ++seen; });
    CHECK(seen == 0);
    CHECK(table.add(boss, {claim_to(4, 3)}).empty());
    CHECK(holder_of(table, 4) == 3);
    for (int worker = 1; worker <= 9; ++worker) table.erase(boss, the_worker(worker));
    CHECK(table.counted(boss, {1}) == 0);
    CHECK(holder_of(table, 4) == 0);
}

TEST_CASE("claims: those of one request end together, those of another manager stay") {
    claims table;
    const auto other = id<base::manager_id>(2);
    (void)table.add(boss, {claim_to(1, 1), claim_to(2, 2)});
    (void)table.add(other, {claim_to(1, 1)});
    table.erase_all(boss, {1});
    CHECK(holder_of(table, 1) == 0);
    CHECK(holder_of(table, 2) == 2);
    int seen = 0;
    table.each_to(the_worker(1), [&](const auto& of, auto&) { seen += of == other; });
    CHECK(seen == 1);
}
