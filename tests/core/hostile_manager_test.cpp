// A manager among workers and parkservers that are broken or hostile: every call still completes
// once, with its own value, by a good worker.
#include "catch.hpp"

#include "hostile.hpp"
#include "maus/core/manager.hpp"

using namespace maus;
using talk::lines;

namespace {

constexpr base::route good_at{1ull << 63 | 1}, bad_at{1ull << 63 | 2};
constexpr std::uint64_t first_dealer = 1;  // the manager's own routes count from 1

struct scene {
    base::settings settings;
    limits& bounds = settings.limits;
    core::manager_effects out{settings};
    std::unique_ptr<core::manager> manager;
    base::instant now = talk::start;
    std::vector<core::settled> done;
    std::uint64_t tickets = 0;

    scene() {
        core::manager_config config;
        config.id = talk::id<base::manager_id>(2);
        config.incarnation = {1};
        config.endpoints = {"tcp://127.0.0.1:1"};
        config.beat = {3'600'000, 100};
        manager = std::make_unique<core::manager>(config, now);
        manager->define({0}, "add(i32,i32)->i32");
        manager->on(core::add_parkserver{"tcp://127.0.0.1:2"}, now, out);
        manager->on(core::up{{first_dealer}}, now, out);
        hear({first_dealer}, wire::encode_control(wire::registered{{}, 1, 3'600'000, 100}));
        manager->on(core::add_request{{1}, "default", 0, {}}, now, out);
        lines ignored = step();
    }
    lines step() {
        manager->advance_to(now, out);
        for (auto& each : out.done) done.push_back(std::move(each));
        out.done.clear();
        out.news.clear();
        return talk::take(out.net);
    }
    lines hear(base::route from, wire::message what) {
        manager->on(core::received{from, std::move(what)}, now, out);
        return step();
    }
    void greet(base::route from, std::uint8_t id) {
        hear(from, talk::link_message(bounds, [&](auto& to) {
                 wire::hello say = hostile::a_hello();
                 say.token = {};  // direct
                 say.lease = {};
                 say.worker = talk::id<base::worker_id>(id);
                 say.interval_ms = 3'600'000;
                 to.say(say);
             }));
    }
    std::optional<base::call_id> call() {
        core::submission made;
        made.group = {1};
        made.ticket = ++tickets;
        wire::encode(made.payload, 20, 22);
        const auto made_id = manager->on(std::move(made), now, out);
        return made_id.value == 0 ? std::nullopt : std::optional(made_id);
    }
    wire::message a_result(wire::attempt what, int value) {
        base::buffer payload;
        wire::encode(payload, value);
        return talk::link_message(bounds, [&](auto& to) { to.result(what, std::move(payload)); });
    }
    /// A good worker comes, gets a call and answers it; it goes again.
    void check_good_call() {
        static std::uint8_t next = 100;
        const base::route at{1ull << 62 | ++next};
        greet(at, next);
        const auto id = call();
        REQUIRE(id.has_value());
        const lines sent = step();
        REQUIRE(sent.size() == 1);
        REQUIRE(sent[0].find("call " + std::to_string(id->value) + "/1") != std::string::npos);
        done.clear();
        hear(at, a_result({*id, {1}}, 42));
        REQUIRE(done.size() == 1);
        CHECK_FALSE(done[0].result.error.has_value());
        CHECK(done[0].ticket == tickets);
        manager->on(core::down{at, ""}, now, out);
        step();
    }
};

}  // namespace

TEST_CASE("hostile to a manager: strangers send damaged and foreign messages") {
    scene all;
    std::uint64_t route = 1ull << 63 | 100;
    const auto from_a_stranger = [&](wire::message what) {
        all.hear({++route}, std::move(what));
        all.manager->on(core::down{{route}, ""}, all.now, all.out);
    };
    for (const auto& each : hostile::each_link_message({1}, all.bounds)) {
        hostile::damage(each, from_a_stranger);
    }
    for (const auto& each : hostile::each_control()) from_a_stranger(wire::encode_control(each));
    for (const auto& each : hostile::junk()) from_a_stranger(hostile::from_bytes(each));
    all.step();
    CHECK(all.manager->workers() == 0);
    all.check_good_call();
}

TEST_CASE("hostile to a manager: a text longer than text_bytes_max is too_large") {
    // A sender that cuts to a larger limit than ours.
    limits generous;
    generous.text_bytes_max = 1u << 20;
    const std::string fits(limits{}.text_bytes_max, 'x');
    const std::string longer = fits + 'x';
    const auto ends = [](scene& all, wire::message said) {
        const std::string at = std::to_string(bad_at.value);
        const lines heard = all.hear(bad_at, std::move(said));
        return heard.size() >= 2 && heard[0] == at + " goodbye too_large" &&
               heard[1] == at + " close";
    };
    const auto failed = [&](const std::string& type, const std::string& text) {
        scene all;
        all.greet(bad_at, 50);
        const auto id = all.call();
        all.step();
        return ends(all, talk::link_message(generous, [&](auto& to) {
                        to.failed({*id, {1}}, {7, type, text});
                    }));
    };
    CHECK_FALSE(failed(fits, fits));
    CHECK(failed("", longer));
    CHECK(failed(longer, ""));
    scene all;
    all.greet(bad_at, 50);
    CHECK(ends(all, hostile::uncut(wire::record_type::worker_goodbye, wire::parting{17, longer})));
    all.check_good_call();
}

TEST_CASE("hostile to a manager: a linked worker sends damaged messages about a call it has") {
    for (std::size_t kind = 0; kind < hostile::each_link_message({1}, limits{}).size(); ++kind) {
        scene all;
        std::uint64_t route = 1ull << 63 | 100;
        const auto good = std::move(hostile::each_link_message({1}, all.bounds)[kind]);
        hostile::damage(good, [&](wire::message what) {
            if (what.first.size() > 1000) return;  // the long ones are many, and not other
            all.greet({++route}, 50);
            const auto id = all.call();
            REQUIRE(id);
            all.step();
            all.hear({route}, std::move(what));
            all.manager->on(core::down{{route}, ""}, all.now, all.out);
            all.manager->on(core::cancel_call{*id}, all.now, all.out);
            all.step();
            REQUIRE(all.manager->outstanding() == 0);
            all.done.clear();
        });
        CHECK(all.manager->workers() == 0);
        all.check_good_call();
    }
}

TEST_CASE("hostile to a manager: what a worker may not say ends its link, and moves its call") {
    using type = wire::record_type;
    struct row {
        const char* what;
        std::function<void(wire::link_writer&, wire::attempt)> say;
    };
    const std::vector<row> rows = {
        {"hello twice", [](auto& to, auto) { to.say(hostile::a_hello()); }},
        {"a manager's welcome", [](auto& to, auto) { to.say(wire::welcome{}); }},
        {"a manager's goodbye",
         [](auto& to, auto) { to.part(type::manager_goodbye, errc::shutdown, ""); }},
        {"a manager's cancel", [](auto& to, auto of) { to.about(type::cancel, of); }},
        {"a manager's pong", [](auto& to, auto) { to.stamp(type::pong, 1); }},
        {"a call",
         [](auto& to, auto of) {
             base::buffer payload;
             to.call(of, 0, false, payload);
         }},
        {"started, of a call that may run twice",
         [](auto& to, auto of) { to.about(type::started, of); }},
        {"detached twice",
         [](auto& to, auto of) {
             to.about(type::detached, of);
             to.about(type::detached, of);
         }},
    };
    for (const auto& each : rows) {
        INFO(each.what);
        scene all;
        all.greet(bad_at, 50);
        const auto id = all.call();
        all.step();
        const auto before = all.manager->counters().violations;
        all.hear(bad_at, talk::link_message(all.bounds, [&](auto& to) {
                     each.say(to, {*id, {1}});
                 }));
        CHECK(all.manager->counters().violations == before + 1);
        CHECK(all.manager->workers() == 0);
        CHECK(all.manager->outstanding() == 1);
        all.greet(good_at, 51);
        all.step();
        all.hear(good_at, all.a_result({*id, {2}}, 42));
        REQUIRE(all.done.size() == 1);
        CHECK_FALSE(all.done[0].result.error.has_value());
    }
}

TEST_CASE("hostile to a manager: answers that nobody waits for are counted, and change nothing") {
    scene all;
    all.greet(good_at, 50);
    all.greet(bad_at, 51);
    const auto first = all.call(), second = all.call();
    lines sent = all.step();
    REQUIRE(sent.size() == 2);
    const wire::attempt one{*first, {1}}, two{*second, {1}};
    const bool first_is_good = sent[0].starts_with(std::to_string(good_at.value) + " call " +
                                                   std::to_string(first->value));
    const wire::attempt goods = first_is_good ? one : two, bads = first_is_good ? two : one;
    const std::vector<wire::attempt> wrong = {
        goods,                                  // another worker's call
        {bads.call, {2}},                       // an attempt to come
        {bads.call, {0}},                       // no attempt
        {{bads.call.value ^ 1ull << 32}, {1}},  // the slot's next user
        {{0}, {0}},
        {{~0ull}, {~0u}},
        {{bads.call.value + 1000}, {1}},
    };
    for (const auto& each : wrong) {
        all.hear(bad_at, all.a_result(each, 13));
        for (const auto kind : {wire::record_type::returned, wire::record_type::detached,
                                wire::record_type::started}) {
            all.hear(bad_at,
                     talk::link_message(all.bounds, [&](auto& to) { to.about(kind, each); }));
        }
    }
    CHECK(all.done.empty());
    CHECK(all.manager->workers() == 2);
    CHECK(all.manager->calls().stale_answers == wrong.size() * 4);
    all.hear(bad_at, all.a_result(bads, 42));
    all.hear(bad_at, all.a_result(bads, 43));  // twice
    all.hear(good_at, all.a_result(goods, 42));
    CHECK(all.done.size() == 2);
    CHECK(all.manager->outstanding() == 0);
}

TEST_CASE("hostile to a manager: a parkserver sends damaged messages") {
    for (const auto& each : hostile::each_control()) {
        scene all;
        hostile::damage(wire::encode_control(each),
                        [&](wire::message what) { all.hear({first_dealer}, std::move(what)); });
        all.check_good_call();
    }
    scene all;
    for (const auto& each : hostile::junk()) all.hear({first_dealer}, hostile::from_bytes(each));
    for (auto& each : hostile::each_link_message({1}, all.bounds)) {
        all.hear({first_dealer}, std::move(each));
    }
    all.check_good_call();
}

TEST_CASE("hostile to a manager: what a parkserver says after its goodbye is for nobody") {
    scene all;
    const auto before = all.manager->counters().violations;
    all.manager->on(
        core::received{{first_dealer}, wire::encode_control(wire::parkserver_goodbye{"bye"})},
        all.now, all.out);
    all.manager->on(core::received{{first_dealer}, wire::encode_control(wire::pong{1})}, all.now,
                    all.out);
    all.manager->on(
        core::received{{first_dealer}, wire::encode_control(wire::granted{{1}, {1, 1}, {}})},
        all.now, all.out);
    const lines said = all.step();
    CHECK(said == lines{std::to_string(first_dealer) + " close"});
    CHECK(all.manager->counters().violations == before);
    all.check_good_call();
}
