// on_lease and on_release of a worker: when they run, and what refuses.
#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "live/site.hpp"
#include "support/gate.hpp"
#include "support/log_book.hpp"
#include "support/shown.hpp"

using namespace live;
using maus_test::gate;
using maus_test::log_book;

namespace {

/// What happened, in order.
class hook_notes {
public:
    void note(const std::string& what) {
        const std::lock_guard lock(guard_);
        lines_.push_back(what);
    }
    [[nodiscard]] std::vector<std::string> lines() const {
        const std::lock_guard lock(guard_);
        return lines_;
    }
    [[nodiscard]] std::size_t count(const std::string& what) const {
        const auto all = lines();
        return static_cast<std::size_t>(std::count(all.begin(), all.end(), what));
    }

private:
    mutable std::mutex guard_;
    std::vector<std::string> lines_;
};
using hook_lines = std::vector<std::string>;

struct hooked {
    hook_notes written;
    maus::worker worker;
    explicit hooked(maus::worker_options options = {.heartbeat = calm})
        : worker(std::move(options)) {
        worker.expose(zoo::add, [this](int x, int y) {
            written.note("add");
            return x + y;
        });
        worker.on_lease([this](const maus::lease_info&) { written.note("on_lease"); });
        worker.on_release([this](const maus::lease_info&) { written.note("on_release"); });
    }
    void start(site& here) {
        worker.register_parkserver(here.parkserver());
        worker.start();
    }
};

/// A manager with a request for one worker.
struct employer {
    log_book log;
    maus::manager manager;
    maus::worker_group workers;
    explicit employer(site& here) : manager(with_log(here.reachable())) {
        manager.connect_parkserver(here.parkserver());
        workers = manager.get_workers({.amount = 1});
    }

private:
    maus::manager_options with_log(maus::manager_options options) {
        options.log = log.writer();
        return options;
    }
};

}  // namespace

TEST_CASE("hooks run before the first call of a lease and after its last one", "[hooks]") {
    site here;
    maus::worker worker({.concurrency = 3, .heartbeat = calm});
    hook_notes written;
    maus_test::shown<maus::lease_info> told;
    gate setting_up, running;
    worker.expose("work", [&](int x) {
        written.note("begun");
        running.pass();
        written.note("ended");
        return x;
    });
    worker.on_lease([&](const maus::lease_info& of) {
        told.show(of);
        setting_up.pass();
        written.note("on_lease");
        return true;
    });
    worker.on_release([&](const maus::lease_info& of) {
        written.note(of.manager == told.get().manager ? "on_release" : "on_release of another");
    });
    worker.register_parkserver(here.parkserver());
    worker.start();
    employer one(here);
    std::vector<maus::future<int>> calls;
    for (int i = 0; i < 3; ++i) calls.push_back(one.workers.call<int>("work", i));
    REQUIRE(setting_up.wait_for_arrivals(1));
    CHECK(running.arrived() == 0);
    CHECK(told.get().manager == one.manager.id());
    CHECK(told.get().parkserver == here.parkserver());
    setting_up.open();
    REQUIRE(running.wait_for_arrivals(3));
    CHECK(written.lines() == hook_lines{"on_lease", "begun", "begun", "begun"});
    one.workers.release();
    CHECK(error_of(std::move(calls[0])).code() == maus::errc::cancelled);
    CHECK(written.count("on_release") == 0);
    running.open();
    REQUIRE(comes_to_be(here.parkserver(), worker.id(), worker_state::available));
    CHECK(written.lines() == hook_lines{"on_lease", "begun", "begun", "begun", "ended", "ended",
                                        "ended", "on_release"});
}

TEST_CASE("a worker is available only after on_release", "[hooks]") {
    site here;
    gate clearing;
    hooked one;
    one.worker.on_release([&](const maus::lease_info&) {
        clearing.pass();
        one.written.note("on_release");
    });
    one.start(here);
    employer first(here);
    CHECK(value_of(first.workers.call(zoo::add, 1, 1)) == 2);
    first.workers.release();
    REQUIRE(clearing.wait_for_arrivals(1));
    employer second(here);
    auto waits = second.workers.call(zoo::add, 2, 2);
    REQUIRE(comes_to_have_requests(here.parkserver(), 1));
    const auto now = maus::fetch_status(here.parkserver(), patience);
    REQUIRE(now.workers.size() == 1);
    CHECK(now.workers[0].state != worker_state::available);
    CHECK(one.written.lines() == hook_lines{"on_lease", "add"});
    clearing.open();
    CHECK(value_of(waits) == 4);
    CHECK(one.written.lines() == hook_lines{"on_lease", "add", "on_release", "on_lease", "add"});
}

TEST_CASE("heartbeats go on while a worker is set up", "[hooks]") {
    site here(transport::tcp, quick);
    gate setting_up;
    hooked one({.heartbeat = quick});
    one.worker.on_lease([&](const maus::lease_info&) { setting_up.pass(); });
    one.start(here);
    employer by(here);
    auto waits = by.workers.call(zoo::add, 1, 1);
    REQUIRE(setting_up.wait_for_arrivals(1));
    // Longer than anybody is waited for who is silent.
    CHECK_FALSE(waits.wait_for(2 * quick.interval * quick.liveness));
    CHECK(by.manager.metrics().workers_lost == 0);
    setting_up.open();
    CHECK(value_of(waits) == 2);
}

TEST_CASE("a worker that refuses a lease tells why, starts nothing, and comes back", "[hooks]") {
    site here;
    const bool throws = GENERATE(true, false);
    std::atomic<int> refusals_left = 3;
    hooked one;
    one.worker.on_lease([&](const maus::lease_info&) {
        one.written.note("asked");
        if (refusals_left-- <= 0) return true;
        if (throws) throw std::runtime_error("no licence is left");
        return false;
    });
    one.start(here);
    employer by(here);
    // It would be poisoned if it were blamed for any of the refusals.
    auto call = by.workers.with({.max_crashes = 1}).call(zoo::add, 1, 1);
    CHECK(value_of(call) == 2);
    CHECK(one.written.lines() == hook_lines{"asked", "asked", "asked", "asked", "add"});
    CHECK(by.manager.metrics().workers_lost == 3);
    const std::string why =
        throws ? "on_lease threw std::runtime_error: no licence is left" : "on_lease refused";
    CHECK(eventually([&] { return by.log.count(why) == 3; }));
    by.workers.release();
    REQUIRE(eventually([&] { return one.written.count("on_release") == 1; }));
}

TEST_CASE("on_release runs when the manager is lost, and when the worker stops", "[hooks]") {
    site here(transport::tcp, quick);
    hooked one({.heartbeat = quick});
    one.start(here);
    manager_process other = here.manager({"--calls", "200"});
    REQUIRE(other.line_with("calling"));
    REQUIRE(eventually([&] { return one.written.count("add") > 0; }));
    other.kill();
    REQUIRE(eventually([&] { return one.written.count("on_release") == 1; }));
    employer by(here);
    CHECK(value_of(by.workers.call(zoo::add, 1, 1)) == 2);
    one.worker.stop();
    CHECK(one.written.count("on_lease") == 2);
    CHECK(one.written.count("on_release") == 2);
}

TEST_CASE("a worker that stops does not wait for on_lease for ever, and on_release still comes",
          "[hooks]") {
    site here;
    gate setting_up;
    hooked one({.heartbeat = calm, .stop_timeout = 0ms});
    one.worker.on_lease([&](const maus::lease_info&) {
        setting_up.pass();
        one.written.note("on_lease");
    });
    one.start(here);
    employer by(here);
    REQUIRE(setting_up.wait_for_arrivals(1));
    std::thread stops([&] { one.worker.stop(); });
    // It has gone, and its hook runs.
    CHECK(eventually([&] { return by.manager.metrics().workers_lost == 1; }));
    CHECK(one.written.lines().empty());
    setting_up.open();
    stops.join();
    CHECK(one.written.lines() == hook_lines{"on_lease", "on_release"});
}

TEST_CASE("a worker that serves one manager directly has hooks, too", "[hooks]") {
    site here;
    maus::manager manager(here.reachable());
    auto workers = manager.get_workers({.amount = 1});
    std::atomic<int> refusals_left = 2;
    hooked one;
    one.worker.on_lease([&](const maus::lease_info& of) {
        const bool right = of.parkserver.empty() && of.manager == manager.id();
        one.written.note(right ? "on_lease" : "on_lease of another");
        return refusals_left-- <= 0;
    });
    one.worker.connect(manager.endpoint());
    one.worker.start();
    CHECK(value_of(workers.call(zoo::add, 1, 1)) == 2);
    CHECK(one.written.lines() == hook_lines{"on_lease", "on_lease", "on_lease", "add"});
    one.worker.stop();
    CHECK(one.written.count("on_release") == 1);
}

TEST_CASE("what on_release throws is logged, and the worker goes on", "[hooks]") {
    site here;
    log_book log;
    hooked one({.heartbeat = calm, .log = log.writer()});
    one.worker.on_release([](const maus::lease_info&) { throw std::runtime_error("it is stuck"); });
    one.start(here);
    for (int i = 0; i < 2; ++i) {
        employer by(here);
        CHECK(value_of(by.workers.call(zoo::add, 1, 1)) == 2);
    }
    CHECK(eventually(
        [&] { return log.count("on_release threw std::runtime_error: it is stuck") == 2; }));
}

TEST_CASE("hooks are set before the worker runs", "[hooks]") {
    site here;
    hooked one;
    one.start(here);
    CHECK_THROWS_AS(one.worker.on_lease([](const maus::lease_info&) {}), maus::error);
    CHECK_THROWS_AS(one.worker.on_release([](const maus::lease_info&) {}), maus::error);
}
