// Managers and parkservers in a loop of the program's own: fd() and process_events().
#include <poll.h>

#include <atomic>
#include <functional>
#include <optional>
#include <thread>
#include <vector>

#include "live/site.hpp"
#include "support/log_book.hpp"

using namespace live;
using maus_test::log_book;

namespace {

/// poll() without a timeout: whatever is to be done makes an fd readable.
class poll_loop {
public:
    template <class Driven>
    void add(Driven& driven) {
        all_.push_back({driven.fd(), [&driven] { return driven.process_events(); }});
    }
    /// Until all have stopped, or `enough()`; it is asked after each round.
    template <class Enough>
    void run_until(Enough enough) {
        while (!all_.empty() && !enough()) {
            std::vector<pollfd> ready;
            for (const auto& each : all_) ready.push_back({each.fd, POLLIN, 0});
            // No assertion: Catch2 knows one thread at a time, and a loop may have its own.
            if (::poll(ready.data(), ready.size(), static_cast<int>(patience.count())) <= 0) return;
            std::size_t at = 0;
            std::erase_if(all_, [&](auto& each) {
                return (ready[at++].revents & POLLIN) != 0 && !each.process();
            });
        }
    }
    void run() {
        run_until([] { return false; });
    }

private:
    struct looped {
        int fd;
        std::function<bool()> process;
    };
    std::vector<looped> all_;
};

maus::manager_options in_own_loop(site& here) {
    auto options = here.reachable();
    options.own_loop = true;
    return options;
}

maus::parkserver_options local_parkserver() { return {.bind = {"tcp://127.0.0.1:*"}}; }

}  // namespace

TEST_CASE("a manager lives in a poll loop, and its callbacks run there", "[own_loop]") {
    site here(GENERATE(transport::tcp, transport::ipc));
    const auto processes = here.workers(2);
    std::vector<maus::event_kind> events;
    const auto home = std::this_thread::get_id();
    bool all_here = true;
    auto options = in_own_loop(here);
    options.on_event = [&](const maus::event& news) {
        all_here = all_here && std::this_thread::get_id() == home;
        events.push_back(news.kind);
    };
    maus::manager manager(std::move(options));
    manager.connect_parkserver(here.parkserver());
    auto workers = manager.get_workers({.amount = 2});
    int sum = 0, came = 0;
    constexpr int calls = 500;
    for (int i = 0; i < calls; ++i) {
        (void)workers.call(zoo::add, i, 1).then([&](maus::future<int> ready) {
            all_here = all_here && std::this_thread::get_id() == home;
            sum += ready.get();
            ++came;
        });
    }
    poll_loop loop;
    loop.add(manager);
    loop.run_until([&] { return came == calls; });
    CHECK(sum == calls * (calls - 1) / 2 + calls);
    CHECK(all_here);
    CHECK(std::count(events.begin(), events.end(), maus::event_kind::worker_joined) == 2);
    // A timer: nothing else would make the fd readable.
    bool timed_out = false;
    (void)workers.with({.timeout = 20ms}).call(zoo::hang).then([&](const maus::future<int>&) {
        timed_out = true;
    });
    loop.run_until([&] { return timed_out; });
    manager.stop();
    loop.run();
    CHECK_FALSE(manager.process_events());
    CHECK(error_of(workers.call(zoo::add, 1, 1)).code() == maus::errc::shutdown);
}

TEST_CASE("who waits on the thread of the loop drives it", "[own_loop]") {
    site here;
    const auto processes = here.workers(1);
    maus::manager manager(in_own_loop(here));
    manager.connect_parkserver(here.parkserver());
    auto workers = manager.get_workers({.amount = 1});
    REQUIRE(workers.wait_for(1, patience));
    CHECK(value_of(workers.call(zoo::add, 1, 1)) == 2);
    CHECK(workers.call(zoo::add, 2, 2).get() == 4);
    SECTION("for what goes on after a call") {
        auto after = workers.call(zoo::add, 3, 3).then([](maus::future<int> ready) {
            return ready.get() + 1;
        });
        CHECK(value_of(after) == 7);
    }
    SECTION("for all of some calls") {
        std::vector<maus::future<int>> some;
        for (int i = 0; i < 10; ++i) some.push_back(workers.call(zoo::add, i, i));
        auto all = maus::when_all(std::move(some));
        REQUIRE(all.wait_for(patience));
    }
    SECTION("in a callback, too") {
        auto after = workers.call(zoo::add, 4, 4).then([&](maus::future<int> ready) {
            return ready.get() + workers.call(zoo::add, 5, 5).get();
        });
        CHECK(value_of(after) == 18);
    }
    SECTION("no longer than it wants to") {
        auto never = workers.call(zoo::hang);
        CHECK_FALSE(never.wait_for(50ms));
    }
    SECTION("for what another thread brings") {
        maus::manager threaded(here.reachable());
        threaded.connect_parkserver(here.parkserver());
        workers.release();
        auto others = threaded.get_workers({.amount = 1});
        CHECK(value_of(others.call(zoo::add, 6, 6)) == 12);
    }
}

TEST_CASE("other threads call and wait while the loop runs", "[own_loop]") {
    site here;
    const auto processes = here.workers(2);
    maus::manager manager(in_own_loop(here));
    manager.connect_parkserver(here.parkserver());
    auto workers = manager.get_workers({.amount = 2});
    std::atomic<int> right = 0, left = 4;
    std::vector<std::thread> callers;
    for (int each = 0; each < 4; ++each) {
        callers.emplace_back([&] {
            for (int i = 0; i < 100; ++i) {
                if (workers.call(zoo::add, i, 1).get() == i + 1) ++right;
            }
            if (--left == 0) manager.stop();
        });
    }
    poll_loop loop;
    loop.add(manager);
    loop.run();
    for (auto& each : callers) each.join();
    CHECK(right == 400);
}

TEST_CASE("a caller that is blocked on the thread of the loop drives it", "[own_loop]") {
    site here;
    const auto processes = here.workers(1);
    auto options = in_own_loop(here);
    options.limits.calls_max = 3;
    maus::manager manager(std::move(options));
    manager.connect_parkserver(here.parkserver());
    auto workers = manager.get_workers({.amount = 1});
    int came = 0;
    for (int i = 0; i < 50; ++i) {
        (void)workers.call(zoo::add, i, 1).then([&](maus::future<int> ready) {
            if (ready.get() > 0) ++came;
        });
    }
    poll_loop loop;
    loop.add(manager);
    loop.run_until([&] { return came == 50; });
}

TEST_CASE("what goes on when there are workers goes on in the loop", "[own_loop]") {
    site here;
    const auto processes = here.workers(1);
    maus::manager manager(in_own_loop(here));
    manager.connect_parkserver(here.parkserver());
    auto workers = manager.get_workers();
    std::optional<std::thread::id> ran_on;
    (void)workers.ready().then([&] { ran_on = std::this_thread::get_id(); });
    poll_loop loop;
    loop.add(manager);
    loop.run_until([&] { return ran_on.has_value(); });
    CHECK(ran_on == std::this_thread::get_id());
    CHECK(workers.size() == 1);
    // Who waits on the thread of the loop drives it.
    workers = manager.get_workers({.amount = 1});
    CHECK(workers.ready().wait_for(patience));
}

TEST_CASE("a stop token releases who is blocked on the thread of the loop", "[own_loop]") {
    site here;
    auto options = in_own_loop(here);
    options.limits.calls_max = 1;
    maus::manager manager(std::move(options));
    auto workers = manager.get_workers();
    const auto first = workers.call(zoo::add, 1, 1);  // takes all the room
    std::stop_source family;
    const auto caller = workers.with({.timeout = patience, .stop = family.get_token()});
    std::thread stops([&] { family.request_stop(); });
    auto blocked = caller.call(zoo::add, 1, 1);
    stops.join();
    CHECK(error_of(std::move(blocked)).code() == maus::errc::cancelled);
    CHECK_FALSE(first.ready());
}

TEST_CASE("a parkserver, a manager and a worker live in one poll loop", "[own_loop]") {
    maus::parkserver park(local_parkserver());
    maus::worker worker({.heartbeat = calm});
    worker.expose(zoo::add, [](int x, int y) { return x + y; });
    int leases = 0, releases = 0;
    worker.on_lease([&](const maus::lease_info&) { ++leases; });
    worker.on_release([&](const maus::lease_info&) { ++releases; });
    worker.register_parkserver(park.endpoint());
    maus::manager manager(maus::manager_options{
        .endpoint = "tcp://127.0.0.1:*", .heartbeat = calm, .own_loop = true});
    manager.connect_parkserver(park.endpoint());
    auto workers = manager.get_workers({.amount = 1});
    int sum = 0;
    (void)workers.call(zoo::add, 20, 22).then([&](maus::future<int> ready) { sum = ready.get(); });
    poll_loop loop;
    loop.add(park);
    loop.add(manager);
    loop.add(worker);
    loop.run_until([&] { return sum != 0; });
    CHECK(sum == 42);
    CHECK(leases == 1);
    // Who waits drives all three.
    CHECK(workers.call(zoo::add, 1, 1).get() == 2);
    CHECK(park.metrics().grants == 1);
    worker.stop();
    manager.stop();
    loop.run_until([&] { return releases == 1; });
    park.stop();
    loop.run();
    CHECK_FALSE(park.process_events());
    CHECK_FALSE(worker.process_events());
}

TEST_CASE("a parkserver lives in a poll loop of another thread", "[own_loop]") {
    site here;
    maus::parkserver park(local_parkserver());
    std::thread host([&] {
        poll_loop loop;
        loop.add(park);
        loop.run();
    });
    const worker_process worker({park.endpoint()});
    maus::manager manager(here.reachable());
    manager.connect_parkserver(park.endpoint());
    auto workers = manager.get_workers({.amount = 1});
    CHECK(value_of(workers.call(zoo::add, 1, 1)) == 2);
    park.stop();
    host.join();
}

TEST_CASE("what is destroyed in the middle of a loop says goodbye first", "[own_loop]") {
    site here;
    const auto processes = here.workers(1);
    maus::future<int> left;
    {
        maus::manager manager(in_own_loop(here));
        manager.connect_parkserver(here.parkserver());
        auto workers = manager.get_workers({.amount = 1});
        REQUIRE(workers.wait_for(1, patience));
        left = workers.call(zoo::hang);
        SECTION("by its owner") {}
        SECTION("and who waits on this thread waits as ever then") {
            maus::manager other(here.reachable());
            other.connect_parkserver(here.parkserver());
            CHECK(error_of(other.get_workers({.amount = 1, .type = "nobody"})
                               .with({.timeout = 10ms})
                               .call(zoo::add, 1, 1))
                      .code() == maus::errc::deadline_exceeded);
        }
    }
    const auto why = error_of(std::move(left)).code();
    CHECK((why == maus::errc::shutdown || why == maus::errc::cancelled));
}

TEST_CASE("a callback may destroy its manager in a loop", "[own_loop]") {
    site here;
    const auto processes = here.workers(1);
    auto manager = std::make_unique<maus::manager>(in_own_loop(here));
    manager->connect_parkserver(here.parkserver());
    auto workers = manager->get_workers({.amount = 1});
    bool gone = false;
    (void)workers.call(zoo::add, 1, 1).then([&](const maus::future<int>&) {
        manager.reset();
        gone = true;
    });
    maus::manager* const its = manager.get();
    const int fd = its->fd();
    while (!gone) {
        pollfd ready{fd, POLLIN, 0};
        REQUIRE(::poll(&ready, 1, static_cast<int>(patience.count())) == 1);
        const bool goes_on = its->process_events();
        CHECK(goes_on != gone);
    }
}

TEST_CASE("only what was made for it is driven by a loop", "[own_loop]") {
    site here;
    maus::manager manager(here.reachable());
    CHECK_THROWS_AS(manager.fd(), maus::error);
    CHECK_THROWS_AS(manager.process_events(), maus::error);
    CHECK_THROWS_AS(here.park().fd(), maus::error);
    maus::parkserver park(local_parkserver());
    CHECK(park.process_events());
    CHECK_THROWS_AS(park.start(), maus::error);
}

TEST_CASE("a manager whose loop's thread has ended is driven by another", "[own_loop]") {
    site here;
    const auto processes = here.workers(1);
    std::optional<maus::manager> manager;
    std::optional<maus::worker_group> workers;
    bool came = false;
    std::thread first([&] {
        manager.emplace(in_own_loop(here));
        manager->connect_parkserver(here.parkserver());
        workers = manager->get_workers({.amount = 1});
        came = workers->wait_for(1, patience);
    });
    first.join();
    CHECK(came);
    std::thread second([&] {
        (void)manager->process_events();
        came = workers->call(zoo::add, 1, 1).wait_for(patience);
        workers.reset();
        manager.reset();
    });
    second.join();
    CHECK(came);
}

TEST_CASE("what has stopped wakes its loop no more", "[own_loop]") {
    const auto is_quiet = [](auto& driven) {
        while (driven.process_events()) {
        }
        pollfd seen{driven.fd(), POLLIN, 0};
        return ::poll(&seen, 1, 0) == 0;
    };
    site here;
    maus::manager manager(in_own_loop(here));
    maus::worker worker;
    worker.expose("add", [](int x, int y) { return x + y; });
    worker.connect(manager.endpoint());
    maus::parkserver park(local_parkserver());
    poll_loop loop;
    loop.add(manager);
    loop.add(worker);
    loop.add(park);
    auto workers = manager.get_workers();
    auto call = workers.call(zoo::add, 1, 1);
    loop.run_until([&] { return call.ready(); });
    manager.stop();
    CHECK(is_quiet(manager));
    worker.stop();
    CHECK(is_quiet(worker));
    park.stop();
    CHECK(is_quiet(park));
    // Nor does a call that comes too late.
    CHECK(error_of(workers.call(zoo::add, 1, 1)).code() == maus::errc::shutdown);
    CHECK(is_quiet(manager));
}
