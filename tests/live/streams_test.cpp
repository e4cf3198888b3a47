// Functions that give items one after the other (maus/stream.hpp, maus/generator.hpp).
#include <atomic>
#include <future>
#include <numeric>
#include <thread>

#include "live/team.hpp"
#include "support/gate.hpp"

using namespace live;

namespace {

using maus::generator;
using maus::stream;

generator<int> count_to(int count) {
    for (int i = 0; i < count; ++i) co_yield i;
}

std::vector<int> up_to(int count) {
    std::vector<int> all(static_cast<std::size_t>(count));
    std::iota(all.begin(), all.end(), 0);
    return all;
}

/// All items; fails the test if one does not come.
template <class T>
std::vector<T> all_of(stream<T> from) {
    std::vector<T> all;
    for (;;) {
        REQUIRE(from.wait_for(patience));
        auto item = from.read();
        if (!item) return all;
        all.push_back(*std::move(item));
    }
}

/// What it ends with, and how many items came before.
template <class T>
std::pair<maus::error, std::size_t> end_of(stream<T> from) {
    std::size_t came = 0;
    try {
        for (;; ++came) {
            REQUIRE(from.wait_for(patience));
            if (!from.read()) break;
        }
    } catch (const maus::error& failed) {
        return {failed, came};
    }
    FAIL("the stream ended well");
    throw std::logic_error("not reached");
}

/// A worker in this process, with functions that the test writes, and a manager that has it.
struct stream_pair {
    template <class Expose>
    explicit stream_pair(Expose expose, std::uint32_t concurrency = 1,
                         const maus::limits& limits = {}, bool relayed = false)
        : worker({.concurrency = concurrency, .heartbeat = calm}), manager([&] {
              auto options = relayed ? here.relayed() : here.reachable();
              options.limits = limits;
              return options;
          }()) {
        expose(worker);
        worker.register_parkserver(here.parkserver());
        worker.start();
        manager.connect_parkserver(here.parkserver());
        workers = manager.get_workers({.amount = 1});
        REQUIRE(workers.wait_for(1, patience));
    }
    site here;
    maus::worker worker;
    maus::manager manager;
    maus::worker_group workers;
};

maus::limits window_of(std::size_t items) {
    maus::limits made;
    made.stream_items_max = items;
    return made;
}

/// Tells when a coroutine's local objects are destroyed.
struct farewell {
    std::promise<void>& told;
    ~farewell() { told.set_value(); }
};

bool comes(std::promise<void>& from) {
    return from.get_future().wait_for(patience) == std::future_status::ready;
}

}  // namespace

TEST_CASE("the items of a stream come in order, all of them", "[stream]") {
    const auto items = GENERATE(std::size_t{1}, std::size_t{7}, std::size_t{65536});
    const bool relayed = GENERATE(false, true);
    stream_pair with([](maus::worker& on) { on.expose("count", count_to); }, 1, window_of(items),
                     relayed);
    const maus::method<stream<int>(int)> count{"count"};
    CHECK(all_of(with.workers.call(count, 0)).empty());
    CHECK(all_of(with.workers.call(count, 1)) == up_to(1));
    CHECK(all_of(with.workers.call(count, 1000)) == up_to(1000));
    CHECK(all_of(with.workers.call<stream<int>>("count", 1000)) == up_to(1000));
}

TEST_CASE("a stream is a range", "[stream]") {
    stream_pair with([](maus::worker& on) { on.expose("count", count_to); });
    std::vector<int> all;
    for (const int item : with.workers.call<stream<int>>("count", 5)) all.push_back(item);
    CHECK(all == up_to(5));
}

namespace {
maus::future<int> sum_of(stream<int> from) {
    int sum = 0;
    while (auto item = co_await from.next()) sum += *item;
    co_return sum;
}
}  // namespace

TEST_CASE("a stream is read by coroutines and callbacks", "[stream]") {
    stream_pair with([](maus::worker& on) { on.expose("count", count_to); }, 1, window_of(10));
    CHECK(value_of(sum_of(with.workers.call<stream<int>>("count", 1000))) == 999 * 500);
    std::vector<int> all;
    auto end = with.workers.call<stream<int>>("count", 1000).for_each([&](int item) {
        all.push_back(item);
    });
    value_of(end);
    CHECK(all == up_to(1000));
    auto fails = with.workers.call<stream<int>>("count", 1000).for_each([](int item) {
        if (item == 3) throw maus::error(maus::errc::invalid_argument, "enough");
    });
    CHECK(error_of(std::move(fails)).code() == maus::errc::invalid_argument);
}

TEST_CASE("a stream that always has items lets other callbacks have their turn", "[stream]") {
    const auto endless = []() -> generator<int> {
        for (int i = 0;; ++i) co_yield i;
    };
    stream_pair with(
        [&](maus::worker& on) {
            on.expose("endless", endless);
            on.expose("add", [](int x, int y) { return x + y; });
        },
        2);
    std::atomic<bool> over{false};
    auto end = with.workers.call<stream<int>>("endless").for_each([&](int) {
        if (over) throw maus::error(maus::errc::invalid_argument, "enough");
    });
    for (int i = 0; i < 20; ++i) {
        CHECK(value_of(with.workers.call<int>("add", i, 1).then([](int sum) { return sum; })) ==
              i + 1);
    }
    over = true;
    CHECK(error_of(std::move(end)).code() == maus::errc::invalid_argument);
}

TEST_CASE("items may be large, and of any size", "[stream]") {
    const bool relayed = GENERATE(false, true);
    const auto fill = [](std::uint32_t size) -> generator<maus::bytes> {
        for (std::uint32_t i = 0; i < 20; ++i) {
            co_yield maus::bytes(std::string((i % 3) * size, static_cast<char>('a' + i)));
        }
    };
    stream_pair with([&](maus::worker& on) { on.expose("fill", fill); }, 1, {}, relayed);
    for (const std::uint32_t size : {10u, 20'000u, 100'000u, 2'000'000u}) {
        std::uint32_t at = 0;
        for (const auto& item : all_of(with.workers.call<stream<maus::bytes>>("fill", size))) {
            CHECK(item.text() == std::string((at % 3) * size, static_cast<char>('a' + at)));
            ++at;
        }
        CHECK(at == 20);
    }
}

TEST_CASE("what a stream function throws comes after its items", "[stream]") {
    const auto fails = [](int after) -> generator<int> {
        for (int i = 0; i < after; ++i) co_yield i;
        throw std::invalid_argument("no more");
    };
    stream_pair with([&](maus::worker& on) {
        on.expose("fails", fails);
        on.expose("bad", [](std::vector<int> all) -> generator<int> {
            for (const int each : all) co_yield each;
        });
    });
    for (const int after : {0, 3}) {
        const auto [failed, came] = end_of(with.workers.call<stream<int>>("fails", after));
        CHECK(failed.code() == maus::errc::remote_exception);
        CHECK_THAT(failed.what(), maus_test::has_text("no more"));
        CHECK(came == static_cast<std::size_t>(after));
        CHECK(failed.delivered() == came);
    }
    CHECK(all_of(with.workers.call<stream<int>>("bad", up_to(4))) == up_to(4));
    const auto [other, none] = end_of(with.workers.call<stream<std::string>>("fails", 1));
    CHECK(other.code() == maus::errc::signature_mismatch);
    CHECK(error_of(with.workers.call<int>("fails", 1)).code() == maus::errc::signature_mismatch);
}

TEST_CASE("a slow reader stops its function, and nothing else", "[stream]") {
    std::atomic<int> given{0};
    const auto endless = [&]() -> generator<int> {
        for (int i = 0;; ++i) {
            given = i + 1;
            co_yield i;
        }
    };
    stream_pair with(
        [&](maus::worker& on) {
            on.expose("endless", endless);
            on.expose("add", [](int x, int y) { return x + y; });
        },
        1, window_of(4));
    auto first = with.workers.call<stream<int>>("endless");
    auto second = with.workers.call<stream<int>>("endless");
    CHECK(first.read() == 0);
    CHECK(second.read() == 0);
    // The worker runs one function at a time; neither of these is one that runs.
    for (int i = 0; i < 10; ++i) CHECK(value_of(with.workers.call<int>("add", i, 1)) == i + 1);
    CHECK(given <= 6);
    for (int i = 1; i < 100; ++i) REQUIRE(first.read() == i);
    CHECK(second.read() == 1);
    CHECK(value_of(with.workers.call<int>("add", 1, 1)) == 2);
}

TEST_CASE("a stream that is dropped or stopped destroys its function", "[stream]") {
    const bool drops = GENERATE(true, false);
    const int read = GENERATE(1, 5);
    std::promise<void> gone;
    const auto endless = [&]() -> generator<int> {
        const farewell says{gone};
        for (int i = 0;; ++i) co_yield i;
    };
    stream_pair with(
        [&](maus::worker& on) {
            on.expose("endless", endless);
            on.expose("add", [](int x, int y) { return x + y; });
        },
        1, window_of(static_cast<std::size_t>(GENERATE(4, 100'000))));
    auto items = with.workers.call<stream<int>>("endless");
    for (int i = 0; i < read; ++i) REQUIRE(items.read() == i);
    if (drops) {
        items = {};
    } else {
        items.stop();
        CHECK(items.read() == std::nullopt);
    }
    CHECK(comes(gone));
    CHECK(value_of(with.workers.call<int>("add", 1, 1)) == 2);
    CHECK(eventually([&] {
        const auto now = with.manager.metrics();
        return now.calls == now.results + now.errors;
    }));
}

TEST_CASE("a stop token ends a stream as cancelled, and destroys its function", "[stream]") {
    std::promise<void> gone;
    const auto endless = [&]() -> generator<int> {
        const farewell says{gone};
        for (int i = 0;; ++i) co_yield i;
    };
    stream_pair with(
        [&](maus::worker& on) {
            on.expose("endless", endless);
            on.expose("add", [](int x, int y) { return x + y; });
        },
        1, window_of(4));
    std::stop_source family;
    const auto caller = with.workers.with({.stop = family.get_token()});
    auto items = caller.call<stream<int>>("endless");
    for (int i = 0; i < 5; ++i) REQUIRE(items.read() == i);
    family.request_stop();
    CHECK(comes(gone));
    CHECK(end_of(std::move(items)).first.code() == maus::errc::cancelled);
    CHECK(value_of(with.workers.call<int>("add", 1, 1)) == 2);
    CHECK(end_of(caller.call<stream<int>>("endless")).first.code() == maus::errc::cancelled);
}

TEST_CASE("a stream's function is destroyed when its manager is gone, and when its worker stops",
          "[stream]") {
    const bool manager_goes = GENERATE(true, false);
    const auto window = static_cast<std::size_t>(GENERATE(4, 100'000));
    std::promise<void> gone;
    const auto endless = [&]() -> generator<int> {
        const farewell says{gone};
        for (int i = 0;; ++i) co_yield i;
    };
    maus::worker worker({.heartbeat = calm, .stop_timeout = 100ms});
    worker.expose("endless", endless);
    site here;
    worker.register_parkserver(here.parkserver());
    worker.start();
    auto options = here.reachable();
    options.limits = window_of(window);
    auto manager = std::make_unique<maus::manager>(options);
    manager->connect_parkserver(here.parkserver());
    auto workers = manager->get_workers({.amount = 1});
    auto items = workers.call<stream<int>>("endless");
    REQUIRE(items.wait_for(patience));
    REQUIRE(items.read() == 0);
    if (manager_goes) {
        manager->stop();
        CHECK(end_of(std::move(items)).first.code() == maus::errc::shutdown);
    } else {
        worker.stop();
        CHECK(end_of(std::move(items)).first.code() == maus::errc::stream_broken);
    }
    CHECK(comes(gone));
}

TEST_CASE("a stream whose worker dies ends with the number of its items", "[stream]") {
    team with(1, transport::tcp, {}, window_of(4));
    auto items = with.workers.call(zoo::numbers, 1'000'000, -1, "");
    for (std::int64_t i = 0; i < 100; ++i) REQUIRE(items.read() == i);
    with.processes.front().kill();
    const auto [failed, more] = end_of(std::move(items));
    CHECK(failed.code() == maus::errc::stream_broken);
    CHECK(failed.delivered() == 100 + more);
    CHECK(more <= 8);
}

TEST_CASE("a stream of which nothing came is tried again", "[stream]") {
    team with(2);
    const std::string gate = with.here.file("gate");
    auto items = with.workers.call(zoo::numbers, 100, 0, gate);
    CHECK_FALSE(items.wait_for(0s));
    with.processes.front().kill();
    maus_test::make_file(gate);
    CHECK(all_of(std::move(items)).size() == 100);
}

TEST_CASE("a replayable stream goes on on another worker, without a gap", "[stream]") {
    team with(3, transport::tcp, {}, window_of(16));
    auto items = with.workers.with({.replayable = true}).call(zoo::numbers, 20'000, -1, "");
    std::int64_t next = 0;
    for (auto& each : with.processes) {
        for (int i = 0; i < 500; ++i) REQUIRE(items.read() == next++);
        if (&each != &with.processes.back()) each.kill();
    }
    for (const auto item : all_of(std::move(items))) REQUIRE(item == next++);
    CHECK(next == 20'000);
}

TEST_CASE("an attempt's time is that between two items, while they are read", "[stream]") {
    team with(1, transport::tcp, {}, window_of(4));
    auto slow = with.workers.with({.attempt_timeout = 200ms});
    // Nobody reads it for longer than that.
    auto unread = slow.call(zoo::numbers, 100, -1, "");
    REQUIRE(unread.wait_for(patience));
    auto hangs = slow.call(zoo::numbers, 100, 3, with.here.file("never"));
    const auto [failed, came] = end_of(std::move(hangs));
    CHECK(failed.code() == maus::errc::attempt_timeout);
    CHECK(came == 3);
    CHECK(failed.delivered() == 3);
    CHECK(unread.read() == 0);
}

TEST_CASE("a deadline is for all of a stream", "[stream]") {
    team with(1, transport::tcp, {}, window_of(4));
    auto items =
        with.workers.with({.timeout = 100ms}).call(zoo::numbers, 100, 3, with.here.file("never"));
    const auto [failed, came] = end_of(std::move(items));
    CHECK(failed.code() == maus::errc::deadline_exceeded);
    CHECK(came == 3);
}

TEST_CASE("a stream function knows its call", "[stream]") {
    const auto tells = [](maus::context& call, int count) -> generator<std::string> {
        for (int i = 0; i < count; ++i) {
            call.progress(1.0 * i / count);
            co_yield std::string(call.label().view()) + std::to_string(call.attempt());
        }
    };
    stream_pair with([&](maus::worker& on) { on.expose("tells", tells); }, 1, window_of(2));
    const auto all =
        all_of(with.workers.with({.label = "me"}).call<stream<std::string>>("tells", 5));
    CHECK(all == std::vector<std::string>(5, "me1"));
}

TEST_CASE("dynamic callers read typed streams, and the other way round", "[stream]") {
    stream_pair with([&](maus::worker& on) {
        on.expose("count", count_to);
        on.expose("given", [](maus::arguments all) -> generator<maus::value> {
            for (const auto& each : all) co_yield each;
        });
    });
    const auto values = all_of(with.workers.call<stream<maus::value>>("count", maus::arguments{3}));
    CHECK(values == std::vector<maus::value>{0, 1, 2});
    CHECK(all_of(with.workers.call<stream<int>>("given", 4, 5)) == std::vector{4, 5});
    const auto [failed, came] = end_of(with.workers.call<stream<int>>("given", 4, "five"));
    CHECK(failed.code() == maus::errc::bad_result);
    CHECK(came == 1);
}

TEST_CASE("a stream in a worker within a program's own loop", "[stream]") {
    site here;
    maus::worker worker({.heartbeat = calm});
    worker.expose("count", count_to);
    worker.register_parkserver(here.parkserver());
    std::atomic<bool> over{false};
    std::thread loop([&] {
        while (!over && worker.process_events()) std::this_thread::yield();
    });
    auto options = here.reachable();
    options.limits = window_of(5);
    maus::manager manager(options);
    manager.connect_parkserver(here.parkserver());
    auto workers = manager.get_workers({.amount = 1});
    CHECK(all_of(workers.call<stream<int>>("count", 300)) == up_to(300));
    over = true;
    loop.join();
}

TEST_CASE("a stream in a program's own loop is delivered while its function runs", "[stream]") {
    maus::manager manager({.endpoint = "tcp://127.0.0.1:*"});
    std::atomic<bool> heard{false}, over{false};
    constexpr int most = 200;  // fewer than there is credit for
    maus::worker worker;
    worker.expose("count", [&]() -> maus::generator<int> {
        for (int i = 0; i < most && !heard; ++i) {
            maus_test::gate(50ms).pass();  // takes a while
            co_yield i;
        }
    });
    worker.connect(manager.endpoint());
    std::thread loop([&] {
        while (!over) worker.process_events();
    });
    auto workers = manager.get_workers();
    int came = 0;
    for (const int i : workers.call<maus::stream<int>>("count")) {
        heard = true;
        came = i + 1;
    }
    CHECK(came > 0);
    CHECK(came < most);
    over = true;
    loop.join();
}

TEST_CASE("many streams at a time", "[stream]") {
    team with(2, transport::tcp, {"--concurrency", "3"}, window_of(8));
    std::vector<stream<std::int64_t>> all;
    for (int i = 0; i < 40; ++i) all.push_back(with.workers.call(zoo::numbers, 200, -1, ""));
    for (std::int64_t i = 0; i < 200; ++i) {
        for (auto& each : all) REQUIRE(each.read() == i);
    }
    for (auto& each : all) CHECK(each.read() == std::nullopt);
}
