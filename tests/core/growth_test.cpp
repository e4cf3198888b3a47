// Features, limits and extensions inside the machines, where tests can inject what no version has
// yet.
#include "catch.hpp"

#include "broker/core/parkserver.hpp"
#include "maus/core/manager.hpp"
#include "maus/core/worker.hpp"
#include "maus/wire/feature.hpp"
#include "talk.hpp"

using namespace talk;
using features = std::vector<std::string>;

namespace {

const auto the_worker = id<base::worker_id>(11);
const auto the_manager = id<base::manager_id>(21);
const limits growth_bounds;
const base::settings plain;

/// A manager that two workers may connect to directly.
struct employer {
    core::manager core;
    core::manager_effects out{plain};

    explicit employer(features own = {}) : core(config(std::move(own)), at_ms(0)) {
        core.define({1}, "f()->void");
        core.on(core::add_request{{1}, "t", 0, {}}, at_ms(0), out);
    }
    static core::manager_config config(features own) {
        core::manager_config made;
        made.id = the_manager;
        made.settings.features = std::move(own);
        return made;
    }
    lines hear(std::uint64_t route, wire::message message) {
        core.on(core::received{{route}, std::move(message)}, at_ms(1), out);
        core.advance_to(at_ms(1), out);
        return take(out.net);
    }
    lines greet(std::uint64_t route, base::worker_id worker, wire::capabilities can) {
        wire::hello say;
        say.worker = worker;
        say.type = "t";
        say.signatures = {"f()->void"};
        say.interval_ms = 1000;
        say.liveness = 3;
        say.concurrency = 4;
        say.can = std::move(can);
        return hear(route, link_message(growth_bounds, [&](auto& to) { to.say(say); }));
    }
    lines call(std::size_t bytes) {
        core::submission made;
        made.group = {1};
        made.method = {1};
        made.payload.extend(bytes);
        core.on(std::move(made), at_ms(1), out);
        core.advance_to(at_ms(1), out);
        return take(out.net);
    }
};

/// A worker that serves a manager which connected to nobody: direct mode.
struct server {
    core::worker core;
    core::worker_effects out{plain};

    explicit server(features own = {}) : core(config(std::move(own)), at_ms(0)) {
        core.advance_to(at_ms(0), out);
        core.on(core::up{{1}}, at_ms(0), out);
        (void)take(out.net);
    }
    static core::worker_config config(features own) {
        core::worker_config made;
        made.id = the_worker;
        made.signatures = {"f()->void"};
        made.manager = "tcp://manager:1";
        made.settings.features = std::move(own);
        return made;
    }
    template <class Write>
    lines hear(Write write) {
        core.on(core::received{{1}, link_message(growth_bounds, write)}, at_ms(0), out);
        return take(out.net);
    }
    lines welcome(wire::capabilities can) {
        wire::welcome say{the_manager, {1}, 1000, 3, 0, std::move(can)};
        say.stamp = static_cast<std::uint64_t>(at_ms(0).time_since_epoch().count());
        return hear([&](auto& to) { to.say(say); });
    }
    lines done(std::size_t bytes) {
        core::job_value value;
        value.payload.extend(bytes);
        const core::job& first = out.execute.at(0);
        core.on(core::job_done{first.link, first.attempt, false, std::move(value)}, at_ms(0), out);
        return take(out.net);
    }
};

}  // namespace

TEST_CASE("growth: a feature is common if both sides name it, in any order and number") {
    CHECK(wire::common_features({"b", "a", "b"}, {"c", "b", "a"}) == features{"a", "b"});
    CHECK(wire::common_features({}, {"a"}).empty());
    CHECK(wire::common_features({"a"}, {}).empty());
    CHECK(wire::uses({"a", "b"}, "b"));
    CHECK_FALSE(wire::uses({"a", "b"}, "c"));
}

TEST_CASE("growth: a limit that is not told has its default, and no text is cut below 1024") {
    CHECK(wire::limits_of({}) == wire::peer_limits{});
    const auto read = wire::limits_of({{}, {{1, 5}, {8, 10}, {900, 7}}});
    CHECK(read.message_bytes_max == 5);
    CHECK(read.text_bytes_max == 1024);
    CHECK(read.frames_max == limits{}.frames_max);
    limits own;
    own.endpoints_max = 3;
    CHECK(wire::capabilities_of({"a"}, own).limits.at(7) == 3);
    CHECK(wire::limits_of(wire::capabilities_of({}, own)).endpoints_max == 3);
}

TEST_CASE("growth: a text is cut between characters") {
    CHECK(wire::cut("short", 10) == "short");
    CHECK(wire::cut("gr\xc3\xbc\xc3\x9f", 3) == "gr");
    CHECK(wire::cut("gr\xc3\xbc\xc3\x9f", 4) == "gr\xc3\xbc");
    CHECK(wire::cut("\x80\x80\x80\x80\x80\x80\x80", 6).size() == 6);  // no characters at all
    CHECK(wire::cut("abc", 0).empty());
}

TEST_CASE("growth: worker and manager know what their link has in common") {
    server worker({"a", "b"});
    CHECK(worker.core.features_of_link().empty());
    worker.welcome({{"b", "c"}, {}});
    CHECK(worker.core.features_of_link() == features{"b"});
    employer manager({"a", "b"});
    manager.greet(1u << 20, the_worker, {{"c", "a"}, {}});
    CHECK(manager.core.features_of(the_worker) == features{"a"});
    CHECK(manager.core.features_of(id<base::worker_id>(12)).empty());
}

TEST_CASE("growth: a parkserver knows what it has in common with each peer") {
    broker::parkserver_config config;
    config.settings.features = {"a", "b"};
    broker::parkserver park(config, at_ms(0));
    core::outbox out{plain};
    wire::register_worker worker;
    worker.worker = the_worker;
    worker.type = "t";
    worker.can.features = {"b", "x"};
    park.on(core::received{{7}, wire::encode_control(worker)}, at_ms(0), out);
    wire::register_manager manager;
    manager.manager = the_manager;
    manager.can.features = {"x", "a"};
    park.on(core::received{{8}, wire::encode_control(manager)}, at_ms(0), out);
    CHECK(park.features_of(the_worker) == features{"b"});
    CHECK(park.features_of(the_manager) == features{"a"});
    worker.can.features = {};  // a second registration updates the first
    park.on(core::received{{7}, wire::encode_control(worker)}, at_ms(0), out);
    CHECK(park.features_of(the_worker).empty());
}

TEST_CASE("growth: the extensions of a call are handed on with its job") {
    server worker;
    worker.welcome({});
    worker.hear([](auto& to) {
        base::buffer payload{base::as_bytes("payload")};
        to.call({{1}, {1}}, 0, false, payload, {{40000, base::as_bytes("inside")}});
        to.call({{2}, {1}}, 0, false, payload);
    });
    REQUIRE(worker.out.execute.size() == 2);
    const core::job& first = worker.out.execute[0];
    CHECK(base::as_text(first.payload.view()) == "payload");
    REQUIRE(first.extensions);
    wire::extensions read;
    CHECK_FALSE(wire::decode_extensions(first.extensions->view(), 64, &read));
    CHECK(base::as_text(wire::find(read, 40000).value()) == "inside");
    CHECK(base::as_text(worker.out.execute[1].payload.view()) == "payload");
    CHECK(worker.out.execute[1].extensions == nullptr);
}

TEST_CASE("growth: of a tag that comes twice the first counts") {
    const wire::extensions twice{{1, base::as_bytes("first")}, {1, base::as_bytes("second")}};
    base::buffer bytes;
    wire::encode_extensions(bytes, twice);
    wire::extensions read;
    REQUIRE_FALSE(wire::decode_extensions(bytes.view(), 2, &read));
    CHECK(base::as_text(wire::find(read, 1).value()) == "first");
    CHECK_FALSE(wire::find(read, 2));
    CHECK(wire::decode_extensions(bytes.view(), 1)->code == errc::too_large);
}

TEST_CASE("growth: a result that its manager does not take fails") {
    server worker;
    worker.welcome({{}, {{1, 100}}});
    worker.hear([](auto& to) {
        base::buffer nothing;
        to.call({{1}, {1}}, 0, false, nothing);
    });
    CHECK(worker.done(101) == lines{"1 failed 1/1"});
    server other;
    other.welcome({{}, {{1, 100}}});
    other.hear([](auto& to) {
        base::buffer nothing;
        to.call({{1}, {1}}, 0, false, nothing);
    });
    CHECK(other.done(100) == lines{"1 result 1/1"});
}

TEST_CASE("growth: a call goes to a worker that takes it, or settles if none of its group does") {
    constexpr std::uint64_t small = 1u << 20, large = small + 1;
    employer manager;
    manager.greet(small, the_worker, {{}, {{1, 100}}});
    CHECK(manager.call(100).size() == 1);
    CHECK(manager.call(101).empty());
    REQUIRE(manager.out.done.size() == 1);
    CHECK(manager.out.done[0].result.error == errc::too_large);
    CHECK(manager.out.done[0].result.about->text.find("101 bytes") != std::string::npos);
    manager.greet(large, id<base::worker_id>(12), {});
    for (int i = 0; i < 3; ++i) {
        INFO(i);
        const lines said = manager.call(101);
        REQUIRE(said.size() == 1);
        CHECK(said[0].starts_with(std::to_string(large) + " call"));
    }
    CHECK(manager.out.done.size() == 1);
}

TEST_CASE("growth: unimplemented is counted, logged once and never answered") {
    server worker;
    worker.welcome({});
    const auto lacks = [](auto& to) {
        to.unimplemented(wire::record_type::manager_unimplemented, 50);
    };
    CHECK(worker.hear(lacks).empty());
    CHECK(worker.hear(lacks).empty());
    CHECK(worker.core.counters().unimplemented == 2);
    CHECK(worker.core.counters().violations == 0);

    employer manager;
    manager.greet(1u << 20, the_worker, {});
    const auto says = [](auto& to) {
        to.unimplemented(wire::record_type::worker_unimplemented, 50);
    };
    CHECK(manager.hear(1u << 20, link_message(growth_bounds, says)).empty());
    CHECK(manager.core.counters().unimplemented == 1);
    CHECK(manager.core.counters().violations == 0);

    broker::parkserver park({}, at_ms(0));
    core::outbox out{plain};
    park.on(core::received{{7}, wire::encode_control(wire::unimplemented{50})}, at_ms(0), out);
    CHECK(take(out).empty());
    CHECK(park.counters().unimplemented == 1);
    CHECK(park.counters().violations == 0);
}
