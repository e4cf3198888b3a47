// Functions as arguments on real sockets: named ones, the caller's callables, and callables that call the
// same workers.
#include <atomic>
#include <numeric>
#include <thread>

#include "catch.hpp"
#include "maus/maus.hpp"
#include "site.hpp"

namespace {

using namespace std::chrono_literals;
using unary = maus::function<int(int)>;
constexpr maus::method<int(int, unary)> apply{"apply"};
constexpr maus::method<int(int)> twice{"twice"};

void expose(maus::worker& worker) {
    worker.expose("apply", [](int x, const unary& f) { return f(x); });
    worker.expose("twice", [](int x) { return 2 * x; });
}

/// One worker in direct mode, and a manager that has it.
struct pair_of_both {
    explicit pair_of_both(maus::worker_options options = {}, maus::manager_options more = {})
        : manager([&] {
              more.endpoint = "tcp://127.0.0.1:*";
              return more;
          }()),
          worker(options) {}
    void begin() {
        worker.connect(manager.endpoint());
        worker.start();
    }
    maus::manager manager;
    maus::worker worker;
};

}  // namespace

TEST_CASE("a named function is called where it is", "[row14]") {
    pair_of_both both;
    expose(both.worker);
    both.begin();
    auto workers = both.manager.get_workers();
    CHECK(workers.call(apply, 5, maus::named("twice")).get() == 10);
}

TEST_CASE("a callable of the caller's is called back", "[row14]") {
    pair_of_both both;
    expose(both.worker);
    both.begin();
    auto workers = both.manager.get_workers();
    int added = 7;
    CHECK(workers.call(apply, 5, [&](int x) { return x + added; }).get() == 12);
    CHECK(workers.call<int>("apply", 5, unary([](int x) { return x - 1; })).get() == 4);
}

TEST_CASE("what no worker exposes is refused before anything is sent") {
    pair_of_both both;
    expose(both.worker);
    both.begin();
    auto workers = both.manager.get_workers();
    try {
        workers.call(apply, 5, maus::named("thrice")).get();
        FAIL("it has been called");
    } catch (const maus::error& refused) {
        CHECK(refused.code() == maus::errc::no_such_function);
        CHECK(std::string(refused.what()).find("thrice(i32)->i32") != std::string::npos);
    }
}

TEST_CASE("a callable may call the same worker and wait, though that runs one function at a time") {
    pair_of_both both;
    expose(both.worker);
    both.begin();
    auto workers = both.manager.get_workers();
    CHECK(workers.call(apply, 5, [&](int x) { return workers.call(twice, x).get() + 1; }).get() ==
          11);
    // And so on, one inside of the other.
    std::function<int(int)> deeper = [&](int x) {
        return x == 0 ? 1 : 1 + workers.call(apply, x - 1, unary(deeper)).get();
    };
    CHECK(workers.call(apply, 20, unary(deeper)).get() == 21);
}

TEST_CASE("callables that call without end are refused by name") {
    pair_of_both both;
    expose(both.worker);
    both.begin();
    auto workers = both.manager.get_workers();
    std::atomic<int> depth{0};
    std::atomic<bool> is_named{false};
    std::function<int(int)> deeper = [&](int x) {
        ++depth;
        try {
            return workers.call(apply, x, unary(deeper)).get();
        } catch (const maus::error& refused) {
            const std::string text = refused.what();
            if (text.find("wait for their callers already") != std::string::npos) is_named = true;
            throw;
        }
    };
    CHECK_THROWS_AS(workers.call(apply, 1, unary(deeper)).get(), maus::error);
    CHECK(depth == 64);  // what was refused has called nobody
    CHECK(is_named);
}

TEST_CASE("exceptions travel in both directions") {
    pair_of_both both;
    expose(both.worker);
    both.worker.expose("guard", [](const unary& f) -> std::string {
        try {
            f(1);
            return "nothing";
        } catch (const maus::error& thrown) {
            return std::string(to_string(thrown.code())) + " " + thrown.remote_type();
        }
    });
    both.begin();
    auto workers = both.manager.get_workers();
    const auto throws = [](int) -> int { throw std::out_of_range("too far"); };
    CHECK(workers.call<std::string>("guard", unary(throws)).get() ==
          "remote_exception std::out_of_range");
    try {
        workers.call(apply, 1, throws).get();
        FAIL("nothing was thrown");
    } catch (const maus::error& thrown) {
        CHECK(thrown.code() == maus::errc::remote_exception);
        CHECK(std::string(thrown.what()).find("too far") != std::string::npos);
    }
}

TEST_CASE("a coroutine asks its caller and holds no slot") {
    pair_of_both both;
    both.worker.expose("sum", [](int count, unary f) -> maus::future<int> {
        std::vector<maus::future<int>> all;
        for (int i = 0; i < count; ++i) all.push_back(f.async(i));
        int sum = 0;
        for (auto& each : all) sum += co_await each;
        co_return sum;
    });
    both.begin();
    auto workers = both.manager.get_workers();
    CHECK(workers.call<int>("sum", 1000, unary([](int x) { return x; })).get() == 499500);
}

TEST_CASE("a callback has its own deadline, and waiting for one is no hang") {
    pair_of_both both;
    expose(both.worker);
    both.worker.expose("impatient", [](const unary& f) -> std::string {
        try {
            f.with(1ms)(1);
            return "answered";
        } catch (const maus::error& late) {
            return std::string(to_string(late.code()));
        }
    });
    both.begin();
    auto workers = both.manager.get_workers();
    std::atomic<bool> go{false};
    const auto slow = [&](int x) {
        while (!go) std::this_thread::yield();
        return x;
    };
    CHECK(workers.call<std::string>("impatient", unary(slow)).get() == "deadline_exceeded");
    go = true;
    // Far longer than one attempt may take.
    const auto sleeps = [](int x) {
        std::this_thread::sleep_for(300ms);
        return x;
    };
    CHECK(workers.with({.attempt_timeout = 100ms}).call(apply, 3, sleeps).get() == 3);
}

TEST_CASE("a callable sees the attempt, may take a responder, and runs where an option says") {
    std::atomic<int> ran{0};
    pair_of_both both({}, {.run_callable = [&](std::function<void()> task) {
                          ++ran;
                          std::thread(std::move(task)).detach();
                      }});
    expose(both.worker);
    both.begin();
    auto workers = both.manager.get_workers();
    CHECK(workers
              .call(apply, 5,
                    [](maus::context& call, int x) { return x + static_cast<int>(call.attempt()); })
              .get() == 6);
    CHECK(workers.call(apply, 5, [](maus::responder<int> answer, int x) { answer(x * 3); }).get() ==
          15);
    CHECK(ran == 2);
}

TEST_CASE("large arguments and results of callables travel in parts") {
    using echo = maus::function<std::string(std::string)>;
    pair_of_both both;
    both.worker.expose("grow", [](std::uint32_t bytes, const echo& f) {
        return static_cast<std::uint32_t>(f(std::string(bytes, 'x')).size());
    });
    both.begin();
    auto workers = both.manager.get_workers();
    const auto doubled = [](const std::string& given) { return given + given; };
    for (const std::uint32_t bytes : {10u, 40'000u, 3'000'000u}) {
        CHECK(workers.call<std::uint32_t>("grow", bytes, echo(doubled)).get() == 2 * bytes);
    }
    try {
        const auto huge = [](const std::string&) { return std::string(70u << 20, 'y'); };
        workers.call<std::uint32_t>("grow", 1u, echo(huge)).get();
        FAIL("it came through");
    } catch (const maus::error& refused) {
        CHECK(std::string(refused.what()).find("too_large") != std::string::npos);
    }
}

TEST_CASE("a worker in the program's own loop waits for its caller and goes on") {
    pair_of_both both;
    expose(both.worker);
    both.worker.connect(both.manager.endpoint());
    std::atomic<bool> over{false};
    std::thread loop([&] {
        while (!over) both.worker.process_events();
    });
    auto workers = both.manager.get_workers();
    CHECK(workers.call(apply, 5, [&](int x) { return workers.call(twice, x).get() + 1; }).get() ==
          11);
    over = true;
    loop.join();
}

TEST_CASE("a function whose manager is gone hears of it") {
    auto both = std::make_unique<pair_of_both>();
    maus::worker worker;
    std::atomic<bool> asked{false}, heard{false};
    worker.expose("wait", [&](const unary& f) {
        try {
            asked = true;
            f(1);
        } catch (const maus::error& gone) {
            heard = gone.code() == maus::errc::cancelled;
        }
    });
    worker.connect(both->manager.endpoint());
    worker.start();
    std::atomic<bool> go{false};
    {
        auto workers = both->manager.get_workers();
        auto call = workers.call<void>("wait", unary([&](int x) {
                                           while (!go) std::this_thread::yield();
                                           return x;
                                       }));
        while (!asked) std::this_thread::yield();
    }
    // The workers were released while the callable ran.
    while (!heard) std::this_thread::yield();
    go = true;
    worker.stop();
}
