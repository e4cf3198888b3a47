// Who drives the sockets: threads of the library, or threads that wait in get(); and functions that
// are run where their calls were received, because they have been short so far.
#include <sched.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "live/site.hpp"
#include "support/gate.hpp"

using namespace live;

namespace {

struct pair {
    explicit pair(const maus::heartbeat_options& beat = calm) : worker({.heartbeat = beat}) {
        worker.expose("echo", [](int x) { return x; });
        worker.expose("at_gate", [this](int x) {
            if (x < 0) held.pass();
            return x;
        });
        worker.connect(manager.endpoint());
        worker.start();
        REQUIRE(workers.wait_for(1, patience));
    }
    ~pair() { held.open(); }

    maus_test::gate held;
    maus::manager manager{"tcp://127.0.0.1:*"};
    maus::worker_group workers = manager.get_workers();
    maus::worker worker;
};

}  // namespace

TEST_CASE("a short function that blocks at last holds neither heartbeats nor answers up",
          "[drive]") {
    pair both(quick);
    // So many short calls that it is held to be short.
    for (int i = 0; i < 200; ++i) CHECK(value_of(both.workers.call<int>("at_gate", i)) == i);
    std::vector<maus::future<int>> before, after;
    for (int i = 0; i < 20; ++i) before.push_back(both.workers.call<int>("at_gate", i));
    auto blocked = both.workers.call<int>("at_gate", -1);
    for (int i = 0; i < 20; ++i) after.push_back(both.workers.call<int>("at_gate", i));
    REQUIRE(both.held.wait_for_arrivals(1));
    for (int i = 0; i < 20; ++i) CHECK(value_of(before[static_cast<std::size_t>(i)]) == i);
    // Longer than a silent worker is borne with: interval x liveness.
    CHECK_FALSE(blocked.wait_for(2 * quick.interval * quick.liveness));
    CHECK(both.manager.metrics().workers_lost == 0);
    both.held.open();
    CHECK(value_of(blocked) == -1);
    for (int i = 0; i < 20; ++i) CHECK(value_of(after[static_cast<std::size_t>(i)]) == i);
    CHECK(both.manager.metrics().reassigned == 0);
    // And it goes on as before.
    for (int i = 0; i < 200; ++i) CHECK(value_of(both.workers.call<int>("at_gate", i)) == i);
}

TEST_CASE("a worker stops while a short function blocks", "[drive]") {
    pair both;
    for (int i = 0; i < 50; ++i) CHECK(value_of(both.workers.call<int>("at_gate", i)) == i);
    auto blocked = both.workers.call<int>("at_gate", -1);
    REQUIRE(both.held.wait_for_arrivals(1));
    std::thread stopping([&] { both.worker.stop(); });
    both.held.open();
    stopping.join();
    CHECK(value_of(blocked) == -1);
}

TEST_CASE("many threads wait for calls at the same time", "[drive]") {
    pair both;
    std::atomic<int> right{0};
    std::vector<std::thread> callers;
    for (int t = 0; t < 8; ++t) {
        callers.emplace_back([&, t] {
            for (int i = 0; i < 300; ++i) {
                if (both.workers.call<int>("echo", t * 1000 + i).get() == t * 1000 + i) ++right;
            }
        });
    }
    for (auto& each : callers) each.join();
    CHECK(right == 8 * 300);
}

TEST_CASE("calls that nobody waits for go on after a thread has waited for others", "[drive]") {
    pair both;
    for (int round = 0; round < 20; ++round) {
        CHECK(both.workers.call<int>("echo", round).get() == round);
        // Nobody waits in get() for these: the library's own threads have to see to them.
        std::atomic<int> sum{0}, count{0};
        std::vector<maus::future<void>> told;
        for (int i = 1; i <= 10; ++i) {
            told.push_back(both.workers.call<int>("echo", i).then([&](int value) {
                sum += value;
                ++count;
            }));
        }
        CHECK(eventually([&] { return count == 10; }));
        CHECK(sum == 55);
    }
}

TEST_CASE("a manager stops while threads wait in get()", "[drive]") {
    pair both;
    std::atomic<int> told{0};
    std::vector<std::thread> waiting;
    for (int t = 0; t < 3; ++t) {
        waiting.emplace_back([&] {
            auto blocked = both.workers.call<int>("at_gate", -1);
            try {
                (void)blocked.get();
            } catch (const maus::error& why) {
                if (why.code() == maus::errc::shutdown) ++told;
            }
        });
    }
    REQUIRE(both.held.wait_for_arrivals(1));
    CHECK(eventually([&] { return both.manager.metrics().calls == 3; }));
    both.manager.stop();
    for (auto& each : waiting) each.join();
    CHECK(told == 3);
}

TEST_CASE("waiting with a bound drives, and gives up in time", "[drive]") {
    pair both;
    CHECK(both.workers.call<int>("echo", 1).get() == 1);
    auto blocked = both.workers.call<int>("at_gate", -1);
    for (int i = 0; i < 10; ++i) CHECK_FALSE(blocked.wait_for(std::chrono::milliseconds{5}));
    both.held.open();
    CHECK(value_of(blocked) == -1);
}

namespace {

// As /proc shows them; -1: there is no such thread.
int policy_of_thread(const std::string& prefix) {
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
        std::ifstream file(task.path() / "comm");
        std::string name;
        if (!std::getline(file, name) || !name.starts_with(prefix)) continue;
        return sched_getscheduler(std::stoi(task.path().filename().string()));
    }
    return -1;
}

}  // namespace

TEST_CASE("libzmq's I/O thread does not interrupt who wakes it", "[drive]") {
    pair at;
    CHECK(at.workers.call<int>("echo", 1).get() == 1);
    const int own = sched_getscheduler(0);
    CHECK(policy_of_thread("ZMQbg/IO") == (own == SCHED_OTHER ? SCHED_BATCH : own));
}
