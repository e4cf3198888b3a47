// Coroutines as functions and as callables: what they refer to, who waits for them, and what they may wait for.
#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "live/site.hpp"
#include "support/gate.hpp"

using namespace live;
using maus_test::gate;

namespace {

using unary_function = maus::function<int(int)>;

/// A manager with a worker whose function "hold" waits at a gate, and room for more workers.
struct with_a_gate {
    with_a_gate() {
        holder.expose("hold", [this](int x) {
            held.pass();
            return x;
        });
        holder.connect(manager.endpoint(), "holder");
        holder.start();
        holders = manager.get_workers({.type = "holder"});
    }
    gate held;
    maus::manager manager{{.endpoint = "tcp://127.0.0.1:*"}};
    maus::worker holder;
    maus::worker_group holders;
};

/// Looks at what a closure or an argument has when the variables of a coroutine go.
struct looks_at {
    ~looks_at() { seen = static_cast<int>(std::count(text.begin(), text.end(), 'q')); }
    const std::string& text;
    std::atomic<int>& seen;
};

}  // namespace

TEST_CASE(
    "a callable that is a coroutine has its closure until it ends, though nobody waits any more") {
    std::atomic<int> seen{0};
    with_a_gate with;
    maus::worker worker;
    worker.expose("apply", [](int x, const unary_function& f) { return f(x); });
    worker.connect(with.manager.endpoint());
    worker.start();
    auto workers = with.manager.get_workers();
    {
        auto call = workers.call<int>(
            "apply", 1,
            unary_function([&, text = std::string(100, 'q')](int x) -> maus::future<int> {
                const looks_at last{text, seen};
                co_return co_await with.holders.call<int>("hold", x);
            }));
        REQUIRE(with.held.wait_for_arrivals(1));
        call.cancel();
        CHECK(error_of(std::move(call)).code() == maus::errc::cancelled);
    }
    // What is settled before is let go of before.
    CHECK(value_of(workers.call<int>("apply", 1, unary_function([](int x) { return x; }))) == 1);
    with.held.open();
    CHECK(eventually([&] { return seen == 100; }));
}

TEST_CASE(
    "a function that is a coroutine has its closure until it ends, though its worker is gone") {
    std::atomic<int> seen{0};
    with_a_gate with;
    auto workers = with.manager.get_workers();
    {
        maus::worker worker({.stop_timeout = 1ms});
        worker.expose("wait", [&, text = std::string(100, 'q')](int x) -> maus::future<int> {
            const looks_at last{text, seen};
            co_return co_await with.holders.call<int>("hold", x);
        });
        worker.connect(with.manager.endpoint());
        worker.start();
        (void)workers.call<int>("wait", 1);
        REQUIRE(with.held.wait_for_arrivals(1));
    }
    with.held.open();
    CHECK(eventually([&] { return seen == 100; }));
}

TEST_CASE("a worker that is destroyed waits for its coroutines that go on") {
    gate held;
    maus::manager manager({.endpoint = "tcp://127.0.0.1:*"});
    std::atomic<bool> ended{false};
    auto worker = std::make_unique<maus::worker>(maus::worker_options{.stop_timeout = 1ms});
    worker->expose("ask", [&](int x, unary_function f) -> maus::future<int> {
        try {
            co_return co_await f.async(x);
        } catch (const maus::error&) {
            gate(200ms).pass();  // takes a while
            ended = true;
        }
        co_return 0;
    });
    worker->connect(manager.endpoint());
    worker->start();
    auto workers = manager.get_workers();
    (void)workers.call<int>("ask", 1, unary_function([&](int x) {
                                held.pass();
                                return x;
                            }));
    REQUIRE(held.wait_for_arrivals(1));
    worker.reset();
    CHECK(ended);
    held.open();
}

TEST_CASE("a coroutine may stop its worker") {
    maus::manager manager({.endpoint = "tcp://127.0.0.1:*"});
    std::atomic<bool> stopped{false};
    maus::worker worker;
    worker.expose("stop", [&](unary_function f) -> maus::future<void> {
        (void)co_await f.async(1);
        worker.stop();
        stopped = true;
    });
    worker.connect(manager.endpoint());
    worker.start();
    auto workers = manager.get_workers();
    (void)workers.call<void>("stop", unary_function([](int x) { return x; }));
    CHECK(eventually([&] { return stopped.load(); }));
    worker.stop();
}

TEST_CASE("a coroutine in a program's own loop may wait after it has gone on") {
    maus::manager manager({.endpoint = "tcp://127.0.0.1:*"});
    maus::worker worker;
    worker.expose("twice", [](int x, unary_function f) -> maus::future<int> {
        const int once = co_await f.async(x);
        co_return f(once);
    });
    worker.connect(manager.endpoint());
    std::atomic<bool> over{false};
    std::thread loop([&] {
        while (!over) worker.process_events();
    });
    auto workers = manager.get_workers();
    CHECK(value_of(workers.call<int>("twice", 1, unary_function([](int x) { return x + 1; }))) ==
          3);
    over = true;
    loop.join();
}

TEST_CASE("callables that are coroutines may wait for each other after they have gone on") {
    const bool own_loop = GENERATE(false, true);
    maus::manager manager({.endpoint = "tcp://127.0.0.1:*", .own_loop = own_loop});
    maus::worker worker({.concurrency = 4});
    worker.expose("double", [](int x) { return 2 * x; });
    worker.expose("apply", [](int x, const unary_function& f) { return f(x); });
    worker.connect(manager.endpoint());
    worker.start();
    auto workers = manager.get_workers();
    const unary_function inner(
        [&](int x) -> maus::future<int> { co_return co_await workers.call<int>("double", x); });
    const unary_function outer([&](int x) -> maus::future<int> {
        const int doubled = co_await workers.call<int>("double", x);
        co_return workers.call<int>("apply", doubled, inner).get();
    });
    CHECK(value_of(workers.call<int>("apply", 1, outer)) == 4);
    if (own_loop) return;
    // Those that are left when it stops go on, too.
    gate held;
    std::atomic<bool> ended{false};
    (void)workers.call<int>("apply", 1, unary_function([&](int x) -> maus::future<int> {
                                try {
                                    (void)co_await workers.call<int>("apply", x,
                                                                     unary_function([&](int y) {
                                                                         held.pass();
                                                                         return y;
                                                                     }));
                                } catch (const maus::error&) {
                                    ended = true;
                                }
                                co_return x;
                            }));
    REQUIRE(held.wait_for_arrivals(1));
    std::thread stops([&] { manager.stop(); });
    CHECK(eventually([&] { return ended.load(); }));
    held.open();
    stops.join();
}

namespace {
// Coroutines that ask, and go on to ask.
void expose_askers(maus::worker& worker) {
    worker.expose("both", [](int x, unary_function f) -> maus::future<int> {
        const int once = co_await f.async(x);
        co_return f(once);
    });
    worker.expose(
        "ask", [](int x, unary_function f) -> maus::future<int> { co_return co_await f.async(x); });
}
}  // namespace

TEST_CASE("a coroutine that waits after it has gone on keeps no other from going on") {
    maus::manager manager({.endpoint = "tcp://127.0.0.1:*"});
    maus::worker worker({.concurrency = 2});
    expose_askers(worker);
    worker.connect(manager.endpoint());
    worker.start();
    auto workers = manager.get_workers();
    const unary_function one_more([](int x) { return x + 1; });
    std::atomic<int> called{0};
    const unary_function asks_again(
        [&](int x) { return ++called == 1 ? x : workers.call<int>("ask", x, one_more).get(); });
    CHECK(value_of(workers.call<int>("both", 1, asks_again)) == 2);
}

TEST_CASE("a coroutine has its arguments until it ends, also if what comes of it is the answer") {
    with_a_gate with;
    std::atomic<int> seen{0};
    const auto count = [&](const std::string& text) -> maus::future<int> {
        const looks_at last{text, seen};
        (void)co_await with.holders.call<int>("hold", 1);
        co_return static_cast<int>(text.size());
    };
    maus::worker worker;
    worker.expose("then", [&](const std::string& text) {
        return count(text).then([](int size) { return 2 * size; });
    });
    worker.expose("any", [&](const std::string& text) {
        std::vector<maus::future<int>> both;
        both.push_back(count(text));
        both.push_back([]() -> maus::future<int> { co_return 7; }());
        return maus::when_any(std::move(both)).then([](const maus::any_result<int>& first) {
            return first.value;
        });
    });
    worker.connect(with.manager.endpoint());
    worker.start();
    auto workers = with.manager.get_workers();
    const std::string text(100, 'q');
    // It ends long after its call is answered.
    CHECK(value_of(workers.call<int>("any", text)) == 7);
    REQUIRE(with.held.wait_for_arrivals(1));
    CHECK(seen == 0);
    auto then = workers.call<int>("then", text);
    with.held.open();
    CHECK(value_of(then) == 200);
    CHECK(eventually([&] { return seen == 100; }));
}

TEST_CASE("a thousand callables and coroutines that wait are served") {
    maus::limits many;
    many.detached_per_slot_max = 2000;
    const bool own_loop = GENERATE(false, true);
    maus::manager manager({.endpoint = "tcp://127.0.0.1:*", .own_loop = own_loop});
    maus::worker worker({.concurrency = 2, .limits = many});
    expose_askers(worker);
    worker.connect(manager.endpoint());
    worker.start();
    auto workers = manager.get_workers();
    const unary_function one_more([](int x) { return x + 1; });
    const bool is_coroutine = GENERATE(false, true);
    const unary_function waits([&](int x) { return workers.call<int>("ask", x, one_more).get(); });
    const unary_function goes_on([&](int x) -> maus::future<int> {
        const int more = co_await workers.call<int>("ask", x, one_more);
        co_return workers.call<int>("ask", more, one_more).get();
    });
    std::vector<maus::future<int>> calls;
    for (int i = 0; i < 1000; ++i) {
        calls.push_back(workers.call<int>("both", i, is_coroutine ? goes_on : waits));
    }
    int good = 0, refused = 0;
    for (int i = 0; i < 1000; ++i) {
        REQUIRE(calls[static_cast<std::size_t>(i)].wait_for(patience));
        try {
            CHECK(calls[static_cast<std::size_t>(i)].get() == i + (is_coroutine ? 4 : 2));
            ++good;
        } catch (const maus::error& failed) {
            INFO(failed.what());
            CHECK(failed.code() == maus::errc::overloaded);
            ++refused;
        }
    }
    INFO(good << " were served, " << refused << " refused");
    CHECK(good == 1000);
}
