// A worker among managers and parkservers that are broken or hostile: it stands, starts only what a
// lease allows, and serves the next one.
#include "catch.hpp"

#include "hostile.hpp"
#include "maus/core/worker.hpp"

using namespace maus;
using talk::lines;

namespace {

struct scene {
    base::settings settings;
    limits& bounds = settings.limits;
    core::worker_effects out{settings};
    std::unique_ptr<core::worker> worker;
    base::instant now = talk::start;
    std::vector<core::job> jobs;
    base::route park{}, link{};
    std::uint64_t leases = 0;

    scene() {
        core::worker_config config;
        config.id = talk::id<base::worker_id>(1);
        config.incarnation = {1};
        config.signatures = {"add(i32,i32)->i32"};
        config.parkservers = {"tcp://127.0.0.1:8500"};
        config.beat = {3'600'000, 100};
        worker = std::make_unique<core::worker>(config, now);
        come_back();
    }
    lines step() {
        worker->advance_to(now, out);
        for (auto& each : out.execute) jobs.push_back(std::move(each));
        out.execute.clear();
        out.cancel.clear();
        for (const auto& effect : out.net.effects()) {
            const auto* dial = std::get_if<core::open>(&effect);
            if (dial == nullptr) continue;
            (dial->endpoint == "tcp://127.0.0.1:8500" ? park : link) = dial->to;
        }
        return talk::take(out.net);
    }
    /// Registered, whatever was before.
    void come_back() {
        for (int i = 0; i < 10 && worker->registrations() == 0; ++i) {
            step();
            worker->on(core::up{park}, now, out);
            hear(park, wire::encode_control(wire::registered{{}, 1, 3'600'000, 100}));
            if (worker->registrations() == 0) now += std::chrono::seconds{6};
        }
    }
    lines hear(base::route from, wire::message what) {
        worker->on(core::received{from, std::move(what)}, now, out);
        return step();
    }
    /// Linked to a manager that has said welcome.
    void serve() {
        hear(park, wire::encode_control(wire::assign{{1, ++leases},
                                                     talk::id<base::token>(3),
                                                     talk::id<base::manager_id>(2),
                                                     {"tcp://127.0.0.1:9"}}));
        REQUIRE(worker->now_in() == core::worker::state::linking);
        worker->on(core::up{link}, now, out);
        const auto stamp = static_cast<std::uint64_t>(now.time_since_epoch().count());
        hear(link, talk::link_message(bounds, [&](auto& to) {
                 to.say(wire::welcome{talk::id<base::manager_id>(2), {1}, 3'600'000, 100, stamp});
             }));
        REQUIRE(worker->now_in() == core::worker::state::serving);
    }
    /// What runs ends, and it is free.
    void finish() {
        for (const auto& each : jobs) {
            worker->on(core::job_done{each.link, each.attempt, false, core::job_returned{}}, now,
                       out);
        }
        jobs.clear();
        step();
    }
    void check_good_call() {
        finish();
        if (worker->now_in() != core::worker::state::free) {
            worker->on(core::down{link, ""}, now, out);
            step();
        }
        for (int i = 0; i < 5 && worker->now_in() != core::worker::state::free; ++i) {
            now += std::chrono::seconds{6};
            step();
        }
        come_back();
        REQUIRE(worker->now_in() == core::worker::state::free);
        serve();
        base::buffer payload;
        wire::encode(payload, 20, 22);
        hear(link, talk::link_message(bounds, [&](auto& to) {
                 to.call({{7}, {1}}, 0, false, payload);
             }));
        REQUIRE(jobs.size() == 1);
        worker->on(core::job_done{jobs[0].link, jobs[0].attempt, false, core::job_value{}}, now,
                   out);
        jobs.clear();
        CHECK(step() == lines{std::to_string(link.value) + " result 7/1"});
    }
};

}  // namespace

TEST_CASE("hostile to a worker: its parkserver sends damaged messages") {
    for (const auto& each : hostile::each_control()) {
        CAPTURE(each.index());
        scene all;
        hostile::damage(wire::encode_control(each), [&](wire::message what) {
            all.hear(all.park, std::move(what));
            REQUIRE(all.jobs.empty());
        });
        all.check_good_call();
    }
    scene all;
    for (const auto& each : hostile::junk()) all.hear(all.park, hostile::from_bytes(each));
    for (auto& each : hostile::each_link_message({1}, all.bounds)) {
        all.hear(all.park, std::move(each));
    }
    CHECK(all.jobs.empty());
    all.check_good_call();
}

TEST_CASE("hostile to a worker: a text longer than text_bytes_max is too_large") {
    const std::string fits(limits{}.text_bytes_max, 'x');
    const std::string longer = fits + 'x';
    const auto hears = [](const std::string& why) {
        scene all;
        all.serve();
        const std::string at = std::to_string(all.link.value);
        const lines said = all.hear(
            all.link, hostile::uncut(wire::record_type::manager_goodbye, wire::parting{6, why}));
        all.check_good_call();
        return !said.empty() && said[0] == at + " goodbye too_large";
    };
    CHECK_FALSE(hears(fits));
    CHECK(hears(longer));
}

TEST_CASE("a reason is cut to what every peer takes") {
    const auto made = talk::link_message(limits{}, [](auto& to) {
        to.part(wire::record_type::reject, errc::cancelled, std::string(5000, 'x'));
    });
    CHECK(made.first.size() < wire::header_bytes + wire::record_header_bytes + 1100);
}

TEST_CASE("hostile to a worker: its manager sends damaged messages") {
    for (std::size_t kind = 0; kind < hostile::each_link_message({1}, limits{}).size(); ++kind) {
        scene all;
        const auto good = std::move(hostile::each_link_message({1}, all.bounds)[kind]);
        hostile::damage(good, [&](wire::message what) {
            if (what.first.size() > 1000) return;
            if (all.worker->now_in() == core::worker::state::free) all.serve();
            all.hear(all.link, std::move(what));
            all.finish();
        });
        all.check_good_call();
    }
}

TEST_CASE("hostile to a worker: what a manager may not say ends the link, with a word") {
    using type = wire::record_type;
    const wire::attempt what{{1}, {1}};
    const std::vector<std::function<void(wire::link_writer&)>> rows = {
        [](auto& to) { to.say(hostile::a_hello()); },
        [](auto& to) { to.say(wire::welcome{}); },  // twice
        [&](auto& to) { to.result(what, {}); },
        [&](auto& to) { to.failed(what, {}); },
        [&](auto& to) { to.about(type::returned, what); },
        [&](auto& to) { to.about(type::detached, what); },
        [&](auto& to) { to.about(type::started, what); },
        [](auto& to) { to.stamp(type::ping, 1); },
        [](auto& to) { to.part(type::worker_goodbye, errc::shutdown, ""); },
        [](auto& to) { to.stamp(type::pong, ~0ull); },
        [](auto& to) { to.stamp(type::pong, 1ull << 63); },
    };
    for (std::size_t i = 0; i < rows.size(); ++i) {
        INFO(i);
        scene all;
        all.serve();
        const std::string to = std::to_string(all.link.value);
        const lines said =
            all.hear(all.link, talk::link_message(all.bounds, [&](auto& w) { rows[i](w); }));
        REQUIRE(said.size() >= 2);
        CHECK(said[0] == to + " goodbye protocol_violation");
        CHECK(said[1] == to + " close");
        CHECK(all.worker->counters().violations == 1);
        all.check_good_call();
    }
}

TEST_CASE("hostile to a worker: calls before welcome, after release, and more than it can hold") {
    base::buffer payload;
    const auto call = [&](scene& all, std::uint64_t id) {
        return all.hear(all.link, talk::link_message(all.bounds, [&](auto& to) {
                            to.call({{id}, {1}}, 0, false, payload);
                        }));
    };
    {
        scene all;
        all.hear(all.park, wire::encode_control(wire::assign{{1, 1},
                                                             talk::id<base::token>(3),
                                                             talk::id<base::manager_id>(2),
                                                             {"tcp://127.0.0.1:9"}}));
        all.worker->on(core::up{all.link}, all.now, all.out);
        call(all, 1);
        CHECK(all.jobs.empty());
    }
    {
        scene all;
        all.serve();
        const base::route old = all.link;
        all.hear(old, talk::link_message(all.bounds, [](auto& to) {
                     to.part(wire::record_type::manager_goodbye, errc::cancelled, "");
                 }));
        call(all, 1);
        CHECK(all.jobs.empty());
        all.check_good_call();
        all.link = old;
        call(all, 2);
        CHECK(all.jobs.empty());
    }
    scene all;
    all.serve();
    for (std::uint64_t id = 0; id < all.bounds.calls_per_worker_max; ++id) call(all, id);
    CHECK(all.jobs.size() == all.bounds.calls_per_worker_max);
    CHECK(call(all, 1 << 20) == lines{std::to_string(all.link.value) + " failed 1048576/1"});
    CHECK(all.jobs.size() == all.bounds.calls_per_worker_max);
}

TEST_CASE("hostile to a worker: assignments to nowhere") {
    for (const char* nowhere : {"tcp://", "tcp://nowhere:0", "ipc://", "tcp://1.2.3.4:99999999"}) {
        scene all;
        all.hear(all.park,
                 wire::encode_control(wire::assign{
                     {1, 1}, talk::id<base::token>(3), talk::id<base::manager_id>(2), {nowhere}}));
        all.worker->on(core::down{all.link, "no address"}, all.now, all.out);
        // It tries the relay, once.
        const lines said = all.step();
        CHECK(said == lines{std::to_string(all.park.value) + " relay 1.1 hello"});
        all.now += std::chrono::seconds{6};
        all.step();
        all.now += std::chrono::seconds{6};
        all.step();
        CHECK(all.worker->now_in() == core::worker::state::free);
    }
}
