// Elastic requests at a parkserver: PROTOCOL.md, section 5.7.
#include "catch.hpp"

#include "parkserver_desk.hpp"

using namespace talk;

namespace {

// Managers that know elastic requests, and workers that take each offer and go when they are told.
struct pond : park {
    std::map<lease_id, std::uint8_t> serving_by;   // a worker's route
    std::map<std::uint8_t, std::uint32_t> bounds;  // what managers were told, by route
    std::map<std::uint8_t, std::uint32_t> direct;  // workers of managers that came by themselves
    int told = 0;                                  // so often

    static wire::extensions range_of(wire::elastic range, base::buffer& bytes) {
        wire::encode(bytes, range);
        return {{wire::elastic_tag, bytes.view()}};
    }
    void elastic_manager(std::uint8_t route, bool knows = true) {
        auto made = manager(route);
        if (knows) made.can.features = {"elastic"};
        say(route, made);
    }
    void elastic_managers(std::initializer_list<std::uint8_t> routes) {
        for (const auto each : routes) elastic_manager(each);
    }
    lines ask(std::uint8_t of, std::uint64_t number, wire::elastic range,
              std::uint32_t amount = 0) {
        base::buffer bytes;
        core.on(
            core::received{
                {of}, wire::encode_control(request(of, number, amount), range_of(range, bytes))},
            at_ms(ms), out);
        return take();
    }
    /// Goes on until nobody has to say anything more.
    void settle(lines said) {
        for (int rounds = 0; !said.empty() && rounds < 100; ++rounds) {
            lines next;
            for (const auto& line : said) {
                for (auto& each : react(line)) next.push_back(std::move(each));
            }
            said = std::move(next);
        }
        REQUIRE(said.empty());
    }
    lines react(const std::string& line) {
        std::istringstream in(line);
        int route = 0;
        std::string what;
        in >> route >> what;
        const auto who = static_cast<std::uint8_t>(route);
        if (what == "assign") {
            lease_id which;
            char dot = 0;
            in >> which.epoch >> dot >> which.sequence;
            serving_by[which] = who;
            return say(who, wire::accepted{which});
        }
        if (what == "fair_share") {
            std::uint64_t number = 0;
            in >> number >> bounds[who];
            ++told;
            return give_back(who, bounds[who]);
        }
        return {};
    }
    /// As a manager whose workers do nothing does.
    lines give_back(std::uint8_t of, std::uint32_t bound) {
        lines said;
        const auto rows = core.status(at_ms(ms));
        std::uint32_t kept = direct[of];
        for (const auto& each : rows.workers) {
            const bool its = each.manager == id<base::manager_id>(of);
            if (!its || ++kept <= bound || bound == 0) continue;
            for (auto& more : say(serving_by.at(each.lease), wire::available{each.lease}))
                said.push_back(std::move(more));
        }
        return said;
    }
    std::uint32_t has(std::uint8_t of) const {
        std::uint32_t sum = 0;
        for (const auto& each : core.status(at_ms(ms)).requests)
            if (each.manager == id<base::manager_id>(of)) sum += each.serving;
        return sum;
    }
};

const wire::elastic any{1, 0};

}  // namespace

TEST_CASE("parkserver: an elastic request takes what is free, and what comes later") {
    pond at;
    at.workers({11, 12});
    at.elastic_manager(21);
    CHECK(at.ask(21, 1, any) == lines{"11 assign 5.1", "12 assign 5.2"});
    CHECK(at.say(13, park::worker(13)) == lines{"13 registered", "13 assign 5.3"});
    CHECK(at.serving() == 3);
}

TEST_CASE(
    "parkserver: an elastic request waits for its min, all at once, and takes no more than max") {
    pond at;
    at.workers({11});
    at.elastic_manager(21);
    CHECK(at.ask(21, 1, {2, 3}).empty());
    CHECK(at.say(12, park::worker(12)) == lines{"12 registered", "11 assign 5.1", "12 assign 5.2"});
    CHECK(at.say(13, park::worker(13)) == lines{"13 registered", "13 assign 5.3"});
    CHECK(at.say(14, park::worker(14)) == lines{"14 registered"});
}

TEST_CASE(
    "parkserver: two elastic requests settle at half, an exact one is served, and they grow back") {
    pond at;
    for (std::uint8_t each = 1; each <= 10; ++each) at.say(each, park::worker(each));
    at.elastic_managers({21, 22, 23});
    at.settle(at.ask(21, 1, any));
    REQUIRE(at.has(21) == 10);
    at.settle(at.ask(22, 1, any));
    CHECK(at.has(21) == 5);
    CHECK(at.has(22) == 5);
    const int told = at.told;
    at.settle(at.say(23, park::request(23, 1, 4)));
    CHECK(at.has(21) == 3);
    CHECK(at.has(22) == 3);
    CHECK(at.has(23) == 4);
    CHECK(at.told <= told + 2);
    // It ends: its workers say that they are free.
    at.settle(at.say(23, wire::cancel{{1}}));
    lines said;
    const auto rows = at.core.status(at_ms(0));
    for (const auto& each : rows.workers) {
        if (each.manager != id<base::manager_id>(23)) continue;
        for (auto& more : at.say(at.serving_by.at(each.lease), wire::available{each.lease}))
            said.push_back(std::move(more));
    }
    at.settle(said);
    CHECK(at.has(21) == 5);
    CHECK(at.has(22) == 5);
    CHECK(at.bounds.at(21) == 0);
    CHECK(at.bounds.at(22) == 0);
    // Nothing more moves, whatever is looked at again.
    const int at_rest = at.told;
    for (int i = 0; i < 5; ++i) CHECK(at.take().empty());
    CHECK(at.told == at_rest);
}

TEST_CASE("parkserver: what would not be enough for a request that waits is taken from nobody") {
    pond at;
    at.workers({11, 12, 13});
    at.elastic_managers({21, 22});
    at.settle(at.ask(21, 1, {2, 0}));
    REQUIRE(at.has(21) == 3);
    CHECK(at.say(22, park::request(22, 1, 3)).empty());
    // And those that come are lent out, until they are enough.
    at.settle(at.say(14, park::worker(14)));
    CHECK(at.has(21) == 4);
    CHECK(at.say(15, park::worker(15)) == lines{"15 registered", "21 fair_share 1 2"});
}

TEST_CASE("parkserver: workers above a min go to a request that waits, not to one that grows") {
    pond at;
    at.workers({11, 12});
    at.elastic_managers({21, 22});
    at.settle(at.ask(21, 1, any));
    CHECK(at.say(22, park::request(22, 1, 1)) == lines{"21 fair_share 1 1"});
    // Another one comes first: it goes to the one that waits, and the bound is void.
    CHECK(at.say(13, park::worker(13)) ==
          lines{"13 registered", "13 assign 5.3", "21 fair_share 1 0"});
}

TEST_CASE("parkserver: who does not know elastic requests is exact, whatever it says") {
    pond at;
    at.workers({11, 12});
    at.elastic_manager(21, false);
    CHECK(at.ask(21, 1, {1, 8}, 1) == lines{"11 assign 5.1"});
    CHECK(at.ask(21, 2, {0, 8}, 1) == lines{"12 assign 5.2"});
}

TEST_CASE(
    "parkserver: a range that cannot be is a violation, and the request that stands is not "
    "changed") {
    pond at;
    at.workers({11, 12});
    at.elastic_manager(21);
    at.settle(at.ask(21, 1, {1, 1}));
    REQUIRE(at.serving() == 1);
    CHECK(at.ask(21, 1, {0, 0}) == lines{"21 rejected protocol_violation"});
    CHECK(at.ask(21, 1, {3, 2}) == lines{"21 rejected protocol_violation"});
    const wire::extensions too_short{{wire::elastic_tag, base::as_bytes("1234567")}};
    at.core.on(core::received{{21}, wire::encode_control(park::request(21, 1, 0), too_short)},
               at_ms(0), at.out);
    CHECK(at.take() == lines{"21 rejected protocol_violation"});
    CHECK(at.core.counters().violations == 3);
    CHECK(at.serving() == 1);
    CHECK(at.ask(21, 1, {1, 2}) == lines{"12 assign 5.2"});
}

TEST_CASE("parkserver: workers that came directly are not counted as a share of what is here") {
    pond at;
    at.workers({11, 12});
    at.elastic_managers({21, 22});
    base::buffer bytes;
    auto asked = park::request(21, 1, 0);
    for (std::uint8_t direct = 41; direct <= 44; ++direct)
        asked.held.push_back({{}, id<base::worker_id>(direct)});
    at.direct[21] = 4;
    at.core.on(core::received{{21}, wire::encode_control(asked, pond::range_of(any, bytes))},
               at_ms(0), at.out);
    at.settle(at.take());
    CHECK(at.has(21) == 6);
    // The other is poorer by far: all that is here is its.
    at.settle(at.ask(22, 1, any));
    CHECK(at.has(21) == 4);
    CHECK(at.has(22) == 2);
}

TEST_CASE("parkserver: a request that got its min from elsewhere grows here") {
    pond at;
    at.elastic_manager(21);
    REQUIRE(at.ask(21, 1, any).empty());
    base::buffer bytes;
    auto asked = park::request(21, 1, 0);
    asked.held.push_back({{}, id<base::worker_id>(41)});
    at.core.on(core::received{{21}, wire::encode_control(asked, pond::range_of(any, bytes))},
               at_ms(0), at.out);
    REQUIRE(at.take().empty());
    CHECK(at.say(11, park::worker(11)) == lines{"11 registered", "11 assign 5.1"});
    CHECK(at.serving() == 2);
}

TEST_CASE("parkserver: a manager that registers again is told its bound again") {
    pond at;
    at.workers({11, 12});
    at.elastic_managers({21, 22});
    at.settle(at.ask(21, 1, any));
    CHECK(at.say(22, park::request(22, 1, 1)) == lines{"21 fair_share 1 1"});
    auto again = park::manager(21);
    again.can.features = {"elastic"};
    CHECK(at.say(21, again) == lines{"21 registered", "21 fair_share 1 1"});
}

// maus-sim, seed 8378: a worker that the parkserver held lost was replaced, and its manager had it all the time.
TEST_CASE(
    "parkserver: a bound is told again when a manager has too many by workers that came since") {
    pond at;
    at.workers({11, 12, 13});
    at.elastic_managers({21, 22});
    at.settle(at.ask(21, 1, {2, 0}));
    at.settle(at.ask(22, 1, any));
    REQUIRE(at.bounds.at(21) == 2);
    REQUIRE(at.has(21) == 2);
    at.core.on(core::down{{12}, "the connection timed out"}, at_ms(0), at.out);
    at.take();
    REQUIRE(at.has(21) == 1);
    CHECK(at.say(14, park::worker(14)) == lines{"14 registered", "14 assign 5.5"});
    at.say(14, wire::accepted{{5, 5}});
    base::buffer bytes;
    auto asked = park::request(21, 1, 0);
    for (const auto each : std::initializer_list<std::uint8_t>{11, 12, 14}) {
        const lease_id by{5, each == 14 ? 5u : each - 10u};
        asked.held.push_back({by, id<base::worker_id>(each)});
    }
    at.core.on(core::received{{21}, wire::encode_control(asked, pond::range_of({2, 0}, bytes))},
               at_ms(0), at.out);
    // Not at once: what is claimed may be old, and then it would come and go (maus-sim, seed 37476).
    CHECK(at.take().empty());
    const auto all_ping = [&at] {
        lines said;
        for (const auto route : std::initializer_list<std::uint8_t>{11, 13, 14, 21, 22}) {
            for (auto& line : at.say(route, wire::ping{1})) {
                if (!line.ends_with(" pong")) said.push_back(std::move(line));
            }
        }
        return said;
    };
    for (at.ms = 100; at.ms < 5000; at.ms += 100) CHECK(all_ping().empty());
    CHECK(all_ping() == lines{"21 fair_share 1 2"});
    at.ms += 100;
    CHECK(all_ping().empty());
}

TEST_CASE("parkserver: a manager that comes anew has its workers, its share and no bound") {
    pond at;
    at.workers({11, 12, 13, 14});
    at.elastic_managers({21, 22});
    at.settle(at.ask(21, 1, any));
    at.settle(at.ask(22, 1, any));
    REQUIRE(at.has(21) == 2);
    auto again = park::manager(21);
    again.can.features = {"elastic"};
    CHECK(at.say(31, again) == lines{"31 registered"});
    base::buffer bytes;
    const auto asked = park::request(21, 1, 0);
    at.core.on(core::received{{31}, wire::encode_control(asked, pond::range_of(any, bytes))},
               at_ms(0), at.out);
    CHECK(at.take().empty());
    CHECK(at.has(21) == 2);
    CHECK(at.has(22) == 2);
}

TEST_CASE("parkserver: a status in pages tells the range and the share of elastic requests") {
    pond at;
    at.workers({11, 12, 13});
    at.elastic_manager(21);
    at.settle(at.ask(21, 1, {1, 8}));
    at.say(21, park::request(21, 2, 4));
    const wire::extensions first_page{{wire::page_tag, {}}};
    at.core.on(core::received{{99}, wire::encode_control(wire::status_query{}, first_page)},
               at_ms(0), at.out);
    REQUIRE(at.out.effects().size() == 1);
    wire::extensions extended;
    const auto& told = std::get<core::send>(at.out.effects()[0]).message;
    REQUIRE(wire::decode_control(told, limits{}, &extended).ok());
    const auto rows = wire::elastic_rows_in(extended);
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].request.value == 1);
    CHECK(rows[0].range == wire::elastic{1, 8});
    CHECK(rows[0].share == 3);
}
