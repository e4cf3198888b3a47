// A parkserver among peers that are broken or hostile: whatever they say, it stands, a good peer's
// ping is answered, and a good manager gets a good worker.
#include "catch.hpp"

#include "broker/core/parkserver.hpp"
#include "hostile.hpp"

using namespace maus;
using talk::lines;

namespace {

constexpr base::route worker_at{1}, manager_at{2}, bad_at{3}, good_worker_at{4}, good_manager_at{5};

broker::parkserver_config config() {
    broker::parkserver_config made;
    made.id = talk::id<base::parkserver_id>(9);
    made.epoch = 1;
    return made;
}

struct scene {
    broker::parkserver park{config(), talk::start};
    base::settings settings;
    limits& bounds = settings.limits;
    core::outbox out{settings};
    base::instant now = talk::start;

    lines hear(base::route from, wire::message what) {
        park.on(core::received{from, std::move(what)}, now, out);
        park.advance_to(now, out);
        return talk::take(out);
    }
    lines hear(base::route from, const wire::control& what) {
        return hear(from, wire::encode_control(what));
    }
    void join_worker(base::route at, std::uint8_t id) {
        wire::register_worker say;
        say.worker = talk::id<base::worker_id>(id);
        say.incarnation = {1};
        say.type = "default";
        say.signatures = {"add(i32,i32)->i32"};
        say.interval_ms = 3'600'000;
        hear(at, say);
    }
    void join_manager(base::route at, std::uint8_t id) {
        wire::register_manager say;
        say.manager = talk::id<base::manager_id>(id);
        say.incarnation = {1};
        say.endpoints = {"tcp://127.0.0.1:1"};
        say.interval_ms = 3'600'000;
        hear(at, say);
    }
    wire::request a_request(std::uint8_t token, std::uint32_t amount = 1) {
        return {{1}, talk::id<base::token>(token), "default", amount, {}};
    }
    /// Worker 1 serves manager 2 under lease 1.1.
    void make_lease() {
        join_worker(worker_at, 1);
        join_manager(manager_at, 2);
        hear(manager_at, a_request(3));
        REQUIRE(hear(worker_at, wire::accepted{{1, 1}}) == lines{"2 granted 1.1"});
    }
    void check_pulse() {
        hear(good_worker_at, wire::ping{1});
        REQUIRE(park.workers() + park.managers() < 100);
    }
    /// A good manager and a good worker of a type of their own come together.
    void check_good_peers() {
        static std::uint8_t next = 100;
        wire::register_worker say;
        say.worker = talk::id<base::worker_id>(++next);
        say.type = "good";
        hear(good_worker_at, say);
        join_manager(good_manager_at, next);
        wire::request wanted = a_request(next);
        wanted.type = "good";
        const lines said = hear(good_manager_at, wanted);
        REQUIRE(said.size() == 1);
        REQUIRE(said[0].starts_with("4 assign 1."));
        park.on(core::down{good_worker_at, ""}, now, out);
        park.on(core::down{good_manager_at, ""}, now, out);
        park.advance_to(now, out);
        out.clear();
    }
};

}  // namespace

TEST_CASE("hostile to a parkserver: damaged messages, from strangers, workers and managers") {
    for (const auto at : {bad_at, worker_at, manager_at}) {
        for (const auto& each : hostile::each_control()) {
            scene all;
            all.make_lease();
            hostile::damage(wire::encode_control(each), [&](wire::message what) {
                all.now += std::chrono::seconds{1};  // it is forgiven the one before
                all.hear(at, std::move(what));
                all.check_pulse();
            });
            all.check_good_peers();
        }
    }
}

TEST_CASE("hostile to a parkserver: junk and link messages") {
    scene all;
    all.make_lease();
    for (const auto at : {bad_at, worker_at, manager_at}) {
        for (const auto& each : hostile::junk()) {
            all.now += std::chrono::seconds{1};
            all.hear(at, hostile::from_bytes(each));
        }
        for (auto& each : hostile::each_link_message({1}, all.bounds)) {
            all.now += std::chrono::seconds{1};
            all.hear(at, std::move(each));
        }
        all.check_good_peers();
    }
    CHECK(all.park.counters().violations > 100);
}

TEST_CASE(
    "hostile to a parkserver: who does nothing but break the protocol is closed, and heard no "
    "more") {
    const std::string unreadable[] = {"XAU is not maus", "MA",
                                      std::string("MAU\1\1\1\0\0junk", 12)};
    for (const auto at : {bad_at, worker_at, manager_at}) {
        for (const auto& each : unreadable) {
            scene all;
            all.make_lease();
            const auto bad = [&] { return all.hear(at, hostile::from_bytes(each)); };
            const std::string closed = std::to_string(at.value) + " close";
            const auto ends_it = [&] {
                const lines said = bad();
                return std::find(said.begin(), said.end(), closed) != said.end();
            };
            for (int i = 0; i < 100; ++i) {  // now and then
                all.now += std::chrono::seconds{1};
                REQUIRE_FALSE(ends_it());
            }
            CHECK(all.park.leases() == 1);
            int said = 0;
            while (!ends_it()) REQUIRE(++said < 100);
            CHECK(said >= 10);
            CHECK(all.park.leases() == (at == bad_at ? 1u : 0u));
            CHECK(bad().empty());
            all.join_worker(at, 77);
            CHECK(all.park.workers() == (at == worker_at ? 0u : 1u));
            all.check_good_peers();
            all.park.on(core::down{at, ""}, all.now, all.out);
            all.out.clear();
            CHECK(all.hear(at, wire::ping{1}) ==
                  lines{std::to_string(at.value) + " register_again"});
        }
    }
}

TEST_CASE("hostile to a parkserver: what a peer may not say now") {
    const base::lease_id lease{1, 1}, other{7, 7}, future{1, 1000}, most{~0ull, ~0ull};
    const auto worker = talk::id<base::worker_id>(1);
    const auto manager = talk::id<base::manager_id>(2);
    const auto token = talk::id<base::token>(3);
    struct row {
        base::route from;
        wire::control what;
        lines answer;
    };
    wire::request stolen{{9}, token, "default", 1, {}};
    wire::request changed{{1}, token, "other", 1, {}};
    const std::vector<row> rows = {
        {worker_at, wire::accepted{lease}, {}},  // twice
        {worker_at, wire::accepted{other}, {"1 lease_ended 7.7"}},
        {worker_at, wire::accepted{{0, 0}}, {"1 lease_ended 0.0"}},
        {worker_at,
         wire::accepted{most},
         {"1 lease_ended 18446744073709551615.18446744073709551615"}},
        {worker_at, wire::refused{lease, 13, "too late"}, {}},
        {worker_at, wire::refused{other, 13, "whose?"}, {}},
        {worker_at, wire::occupied{{lease, manager, token}}, {}},
        {worker_at, wire::cancel{{1}}, {"1 rejected protocol_violation"}},
        {worker_at, wire::worker_lost{{1}, lease, worker}, {"1 rejected protocol_violation"}},
        {worker_at, wire::request{{1}, token, "default", 1, {}}, {"1 rejected protocol_violation"}},
        {worker_at, wire::assign{lease, token, manager, {}}, {"1 rejected protocol_violation"}},
        {worker_at, wire::registered{{}, 1, 1, 1}, {"1 rejected protocol_violation"}},
        {manager_at, wire::accepted{lease}, {"2 rejected protocol_violation"}},
        {manager_at, wire::available{lease}, {"2 rejected protocol_violation"}},
        {manager_at, wire::occupied{{lease, manager, token}}, {"2 rejected protocol_violation"}},
        {manager_at, wire::cancel{{99}}, {}},
        {manager_at, wire::worker_lost{{99}, lease, worker}, {}},
        {manager_at, wire::worker_lost{{1}, other, worker}, {}},
        {manager_at, stolen, {"2 rejected protocol_violation"}},
        {manager_at, changed, {"2 rejected protocol_violation"}},
        {manager_at, wire::request{{1}, token, "default", 1, {{future, worker}, {most, {}}}}, {}},
        {bad_at, wire::ping{1}, {"3 register_again"}},
        {bad_at, wire::goodbye{"bye"}, {"3 register_again"}},
        {bad_at, wire::available{lease}, {"3 register_again"}},
        {bad_at, wire::worker_lost{{1}, lease, worker}, {"3 register_again"}},
    };
    for (const auto& each : rows) {
        scene all;
        all.make_lease();
        INFO(each.what.index());
        CHECK(all.hear(each.from, each.what) == each.answer);
        CHECK(all.park.leases() == 1);  // nobody ended it by that
        all.check_good_peers();
    }
}

TEST_CASE("hostile to a parkserver: a worker whose lease is suddenly another manager's") {
    scene all;
    all.make_lease();
    wire::register_worker say;
    say.worker = talk::id<base::worker_id>(1);
    say.incarnation = {1};
    say.type = "default";
    say.interval_ms = 3'600'000;
    say.free = false;
    say.serving = wire::service{{1, 1}, talk::id<base::manager_id>(77), talk::id<base::token>(78)};
    all.hear(worker_at, say);
    CHECK(all.park.leases() == 1);
    all.park.on(core::down{manager_at, ""}, all.now, all.out);  // once, this had no end
    all.check_good_peers();
    all.park.on(core::down{worker_at, ""}, all.now, all.out);
    CHECK(all.park.leases() == 0);
}

TEST_CASE("hostile to a parkserver: a lease of its own epoch that it has not made yet") {
    for (const bool at_registration : {true, false}) {
        scene all;
        all.join_worker(bad_at, 50);
        const wire::service mine{{1, 1}, talk::id<base::manager_id>(77), talk::id<base::token>(78)};
        if (at_registration) {
            wire::register_worker say;
            say.worker = talk::id<base::worker_id>(50);
            say.incarnation = {1};
            say.type = "default";
            say.interval_ms = 3'600'000;
            say.free = false;
            say.serving = mine;
            all.hear(bad_at, say);
        } else {
            all.hear(bad_at, wire::occupied{mine});
        }
        all.make_lease();  // 1.1, for somebody else
        all.park.on(core::down{bad_at, ""}, all.now, all.out);
        all.park.advance_to(all.now, all.out);
        CHECK(talk::take(all.out).empty());
        CHECK(all.park.leases() == 1);
        all.check_good_peers();
    }
}

TEST_CASE("hostile to a parkserver: another worker's lease is not taken over") {
    scene all;
    all.make_lease();
    all.join_worker(bad_at, 50);
    const wire::service stolen{{1, 1}, talk::id<base::manager_id>(2), talk::id<base::token>(3)};
    all.hear(bad_at, wire::occupied{stolen});
    all.park.on(core::down{bad_at, ""}, all.now, all.out);
    CHECK(talk::take(all.out).empty());
    CHECK(all.park.leases() == 1);
}

TEST_CASE("hostile to a parkserver: registrations without end leave nothing behind") {
    scene all;
    for (std::uint64_t i = 0; i < 20'000; ++i) {
        wire::register_worker say;
        say.worker = talk::id<base::worker_id>(1);
        say.incarnation = {i};
        say.type = "type " + std::to_string(i);
        say.interval_ms = 3'600'000;
        say.liveness = 100;
        all.hear(base::route{1000}, say);
    }
    CHECK(all.park.workers() == 1);
    CHECK(all.park.timer_count() <= 1024);
    all.check_good_peers();
}

TEST_CASE("hostile to a parkserver: random peers say random things in random order") {
    for (std::uint32_t seed = 1; seed <= 30; ++seed) {
        CAPTURE(seed);
        std::mt19937 random(seed);
        scene all;
        const auto id = [&](auto made) {
            made.bytes.fill(static_cast<std::uint8_t>(random() % 4));
            return made;
        };
        const auto lease = [&] { return base::lease_id{random() % 3, random() % 12}; };
        const auto service = [&] {
            return wire::service{lease(), id(base::manager_id{}), id(base::token{})};
        };
        for (int i = 0; i < 3000; ++i) {
            const base::route from{10 + random() % 6};
            wire::control what = hostile::each_control()[random() % 12];
            if (auto* as = std::get_if<wire::register_worker>(&what)) {
                as->worker = id(base::worker_id{});
                as->incarnation = {random() % 3};
                as->free = random() % 2 == 0;
                as->serving.reset();
                if (!as->free && random() % 2 == 0) as->serving = service();
            } else if (auto* to = std::get_if<wire::register_manager>(&what)) {
                to->manager = id(base::manager_id{});
                to->incarnation = {random() % 3};
                if (random() % 2 == 0) to->endpoints.clear();
            } else if (auto* asked = std::get_if<wire::request>(&what)) {
                asked->request = {random() % 3};
                asked->token = id(base::token{});
                asked->amount = random() % 4;
                asked->held = {{lease(), id(base::worker_id{})}};
            } else if (auto* end = std::get_if<wire::cancel>(&what)) {
                end->request = {random() % 3};
            } else if (auto* yes = std::get_if<wire::accepted>(&what)) {
                yes->lease = lease();
            } else if (auto* no = std::get_if<wire::refused>(&what)) {
                no->lease = lease();
            } else if (auto* free = std::get_if<wire::available>(&what)) {
                free->ended = lease();
            } else if (auto* busy = std::get_if<wire::occupied>(&what)) {
                busy->serving = service();
            } else if (auto* lost = std::get_if<wire::worker_lost>(&what)) {
                *lost = {{random() % 3}, lease(), id(base::worker_id{})};
            }
            all.hear(from, what);
            if (random() % 20 == 0) all.park.on(core::down{from, ""}, all.now, all.out);
            if (random() % 10 == 0) all.now += std::chrono::milliseconds{random() % 2000};
            all.park.advance_to(all.now, all.out);
            REQUIRE(all.park.leases() <= all.park.workers());
        }
        for (std::uint64_t at = 10; at < 16; ++at) {
            all.park.on(core::down{base::route{at}, ""}, all.now, all.out);
        }
        all.park.advance_to(all.now, all.out);
        CHECK(all.park.workers() == 0);
        CHECK(all.park.managers() == 0);
        CHECK(all.park.leases() == 0);
    }
}
