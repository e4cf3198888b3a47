// limits::calls_bytes_max: calls that are not settled, and results that wait for callbacks.
#include <atomic>
#include <thread>
#include <vector>

#include "live/site.hpp"
#include "support/gate.hpp"

using namespace live;
using maus_test::gate;

namespace {

constexpr std::size_t narrow_bytes = 100'000;

/// A worker in this process that holds its calls up, and a manager with little room.
struct narrow {
    site here;
    gate held;
    maus::worker worker{maus::worker_options{.heartbeat = calm}};
    maus::manager manager;
    maus::worker_group workers;
    narrow() : manager(options(here)) {
        worker.expose("hold", [this](std::string text) {
            held.pass();
            return text.size();
        });
        worker.expose("make", [](std::uint64_t size) { return std::string(size, 'x'); });
        worker.register_parkserver(here.parkserver());
        worker.start();
        manager.connect_parkserver(here.parkserver());
        workers = manager.get_workers({.amount = 1});
        REQUIRE(workers.wait_for(1, patience));
    }
    ~narrow() { held.open(); }
    maus::future<std::size_t> hold(std::size_t bytes) {
        return workers.call<std::size_t>("hold", std::string(bytes, 'x'));
    }
    maus::future<std::size_t> hold_or_fail(std::size_t bytes) {
        return workers.with({.when_full = maus::when_full::fail})
            .call<std::size_t>("hold", std::string(bytes, 'x'));
    }

private:
    static maus::manager_options options(site& here) {
        auto made = here.reachable();
        made.limits.calls_bytes_max = narrow_bytes;
        return made;
    }
};

}  // namespace

TEST_CASE("the arguments of calls that are not settled are bounded", "[bytes]") {
    narrow with;
    auto first = with.hold(60'000);
    REQUIRE(with.held.wait_for_arrivals(1));
    auto second = with.hold(30'000);  // waits at the worker, or at the manager
    const maus::error full = error_of(with.hold_or_fail(20'000));
    CHECK(full.code() == maus::errc::overloaded);
    CHECK(std::string(full.what()).find("limits.calls_bytes_max (100000)") != std::string::npos);
    CHECK(error_of(with.workers.with({.timeout = 10ms})
                       .call<std::size_t>("hold", std::string(20'000, 'x')))
              .code() == maus::errc::deadline_exceeded);
    auto third = with.hold_or_fail(9'000);  // there is room for that
    std::atomic<bool> came_through = false;
    maus::future<std::size_t> blocked;
    std::thread caller([&] {
        blocked = with.hold(20'000);
        came_through = true;
    });
    CHECK(error_of(with.hold_or_fail(20'000)).code() == maus::errc::overloaded);
    CHECK_FALSE(came_through);
    with.held.open();
    caller.join();
    CHECK(value_of(first) == 60'000);
    CHECK(value_of(second) == 30'000);
    CHECK(value_of(third) == 9'000);
    CHECK(value_of(blocked) == 20'000);
    // All of it has been given back.
    CHECK(value_of(with.hold_or_fail(narrow_bytes - 8)) == narrow_bytes - 8);
}

TEST_CASE("one call that is larger than the bound passes alone", "[bytes]") {
    narrow with;
    auto small = with.hold(10);
    REQUIRE(with.held.wait_for_arrivals(1));
    CHECK(error_of(with.hold_or_fail(2 * narrow_bytes)).code() == maus::errc::overloaded);
    with.held.open();
    CHECK(value_of(small) == 10);
    CHECK(value_of(with.hold_or_fail(2 * narrow_bytes)) == 2 * narrow_bytes);
    CHECK(value_of(with.hold(2 * narrow_bytes)) == 2 * narrow_bytes);
}

TEST_CASE("results count while they wait for their callbacks, and not in futures", "[bytes]") {
    narrow with;
    with.held.open();
    gate callback;
    const auto make = [&](std::uint64_t size) {
        return with.workers.call<std::string>("make", size);
    };
    // Those are the program's.
    std::vector<maus::future<std::string>> kept;
    for (int i = 0; i < 5; ++i) kept.push_back(make(60'000));
    for (auto& each : kept) REQUIRE(each.wait_for(patience));
    CHECK(value_of(with.hold_or_fail(10)) == 10);
    std::atomic<int> ran = 0;
    std::atomic<bool> callback_called = false;
    (void)make(50'000).then([&](const maus::future<std::string>&) {
        callback.pass();
        // A callback does not wait for those behind it.
        (void)with.workers.with({.when_full = maus::when_full::fail})
            .call<std::size_t>("hold", std::string(50'000, 'x'))
            .then(
                [&](maus::future<std::size_t> ready) { callback_called = ready.get() == 50'000; });
        ++ran;
    });
    REQUIRE(callback.wait_for_arrivals(1));
    (void)make(40'000).then([&](const maus::future<std::string>&) { ++ran; });
    CHECK(eventually([&] {
        auto one_more = with.hold_or_fail(20'000);
        REQUIRE(one_more.wait_for(patience));
        try {
            (void)one_more.get();
            return false;
        } catch (const maus::error& failed) {
            return failed.code() == maus::errc::overloaded;
        }
    }));
    callback.open();
    CHECK(eventually([&] { return ran == 2 && callback_called; }));
    CHECK(value_of(with.hold(narrow_bytes)) == narrow_bytes);
}
