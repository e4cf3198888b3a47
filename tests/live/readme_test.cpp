// The README's examples, as they stand there (tests/lint/examples.py).
#include <poll.h>

#include <atomic>
#include <iostream>
#include <sstream>

#include "live/team.hpp"

using namespace live;
using namespace std::chrono_literals;

namespace {
inline constexpr maus::method<int(int, int)> add{"add"};

/// A worker in this process, and what a program has.
struct readme_scene {
    site here;
    maus::worker worker{{.heartbeat = calm}};
    maus::manager manager{here.reachable()};
    maus::worker_group workers;

    void start() {
        worker.register_parkserver(here.parkserver());
        worker.start();
        manager.connect_parkserver(here.parkserver());
        workers = manager.get_workers();
        REQUIRE(workers.wait_for(1, patience));
    }
};

/// What the examples print.
struct printed {
    std::ostringstream text;
    std::streambuf* const before = std::cout.rdbuf(text.rdbuf());
    ~printed() { std::cout.rdbuf(before); }
};
}  // namespace

TEST_CASE("README: one function over many inputs, and several futures as one") {
    readme_scene scene;
    scene.worker.expose("add", [](int x, int y) { return x + y; });
    scene.start();
    auto& workers = scene.workers;
    const std::vector<std::pair<int, int>> pairs{{1, 2}, {3, 4}, {5, 6}};

    std::vector<int> sums;
    for (int sum : workers.map(add, pairs)) sums.push_back(sum);  // in the order of the inputs
    for (auto& [index, sum] : workers.map_unordered(add, pairs)) {
        sums[index] += sum;  // as they come
    }
    auto [one, two] = maus::when_all(workers.call(add, 1, 0), workers.call(add, 1, 1)).get();
    std::vector<maus::future<int>> futures;
    for (int i = 0; i < 10; ++i) futures.push_back(workers.call(add, i, i));
    int total = 0;
    for (auto& [index, sum] : maus::as_completed(std::move(futures))) total += sum.get();

    std::vector<maus::future<int>> racers;
    for (int i = 0; i < 3; ++i) racers.push_back(workers.call(add, i, i));
    auto [winner, its_sum] = maus::when_any(std::move(racers)).get();
    maus::future<int> six = workers.call(add, 1, 1).then([&](int doubled) {
        return workers.call(add, doubled, 4);  // and not a future of a future
    });

    CHECK(its_sum == static_cast<int>(2 * winner));
    CHECK(six.get() == 6);
    CHECK(sums == std::vector<int>{6, 14, 22});
    CHECK(one == 1);
    CHECK(two == 2);
    CHECK(total == 90);
}

TEST_CASE("README: one worker, all of them, or the quicker of two") {
    readme_scene scene;
    scene.worker.expose("add", [](int x, int y) { return x + y; });
    scene.worker.expose("reload", [](int to) { return to; });
    scene.start();
    auto& workers = scene.workers;
    const printed lines;

    for (auto& [worker, result] : workers.broadcast<int>("reload", 7)) {  // once on each worker
        std::cout << worker.text() << " has version " << result.get() << '\n';
    }
    const maus::worker_id chosen = workers.workers().front();
    const auto there = workers.with({.worker = chosen});       // on this one or none
    const auto hurried = workers.with({.hedge_after = 50ms});  // on two if it takes long
    int version = there.call<int>("reload", 8).get();
    int sum = hurried.call(add, 20, 22).get();

    CHECK(lines.text.str() == chosen.text() + " has version 7\n");
    CHECK(version == 8);
    CHECK(sum == 42);
}

TEST_CASE("README: streams") {
    const auto is_prime = [](int number) {
        for (int i = 2; i < number; ++i) {
            if (number % i == 0) return false;
        }
        return true;
    };
    readme_scene scene;
    auto& worker = scene.worker;

    worker.expose("primes", [&](int below) -> maus::generator<int> {
        for (int i = 2; i < below; ++i) {
            if (is_prime(i)) co_yield i;
        }
    });

    scene.start();
    auto& workers = scene.workers;
    std::vector<int> found;

    for (int prime : workers.call<maus::stream<int>>("primes", 100)) {
        if (prime > 50) break;  // and the function is destroyed
        found.push_back(prime);
    }

    CHECK(found.size() == 15);
    CHECK(found.back() == 47);
    found.clear();

    const auto replaying = workers.with({.replayable = true});
    for (int prime : replaying.call<maus::stream<int>>("primes", 10)) found.push_back(prime);

    CHECK(found == std::vector{2, 3, 5, 7});
}

TEST_CASE("README: dynamic values and JSON") {
    readme_scene scene;
    auto& worker = scene.worker;

    worker.expose("count", [](const maus::arguments& given) { return maus::value(given.size()); });

    scene.start();
    auto& workers = scene.workers;

    maus::value three = workers.call<maus::value>("count", 1, "two", 3.0).get();
    maus::value person = maus::from_json(R"({"name": "Ada", "born": 1815})");
    std::string text = maus::to_json(maus::value::array{three, person});

    CHECK(text == R"([3,{"name":"Ada","born":1815}])");
}

TEST_CASE("README: exact and elastic requests") {
    readme_scene scene;
    scene.start();
    scene.workers.release();
    auto& manager = scene.manager;
    maus::worker more[2];
    for (auto& each : more) {
        each.register_parkserver(scene.here.parkserver());
        each.start();
    }

    auto one = manager.get_workers({.amount = 1});
    auto some = manager.get_workers({.min = 1, .max = 8});  // as many as are free
    bool both = one.wait_for(1, 1min) && some.wait_for(2, 1min);

    CHECK(both);
}

TEST_CASE("README: the trace of a call") {
    readme_scene scene;
    auto& worker = scene.worker;

    worker.expose("trace", [] { return maus::this_call::context().trace().traceparent(); });

    scene.start();
    auto& workers = scene.workers;

    const maus::trace_context trace{"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"};
    auto seen = workers.with({.trace = trace}).call<std::string>("trace").get();

    CHECK(seen == trace.traceparent());
}

TEST_CASE("README: what a function knows of its call") {
    std::atomic<int> rendered{0};
    const printed out;  // until the manager is gone: what is told of progress may come late
    readme_scene scene;
    auto& worker = scene.worker;
    const auto render = [&](int) { ++rendered; };

    worker.expose("render", [&](maus::context& call, int frames) {
        int done = 0;
        while (done < frames && !call.stop_requested()) {
            render(done++);
            call.progress(1.0 * done / frames, "frame " + std::to_string(done));
        }
        return done;
    });

    scene.start();
    auto& workers = scene.workers;

    std::stop_source family;  // request_stop() cancels all that is called with it
    const auto nightly = workers.with({.timeout = 1min,
                                       .priority = maus::priority::low,
                                       .label = "nightly",
                                       .stop = family.get_token()});
    auto frames = nightly.call<int>("render", 100).on_progress([](const maus::progress& how_far) {
        std::cout << how_far.text << '\n';
    });

    CHECK(frames.get() == 100);
    family.request_stop();
    CHECK_THROWS_AS(nightly.call<int>("render", 1).get(), maus::error);
    // A call that comes behind one on the same link has run when this has.
    CHECK(workers.call<int>("render", 0).get() == 0);
    CHECK(rendered == 100);  // it was never sent
}

namespace {
struct readme_session {
    std::string of;
    void close() { of.clear(); }
};
readme_session open_session(const std::string& manager) { return {manager}; }
}  // namespace

TEST_CASE("README: what a worker needs for one manager") {
    readme_session session;
    readme_scene scene;
    auto& worker = scene.worker;
    worker.expose("whose", [&] { return session.of; });

    worker.on_lease([&](const maus::lease_info& by) { session = open_session(by.manager); });
    worker.on_release([&](const maus::lease_info&) { session.close(); });

    scene.start();
    CHECK(scene.workers.call<std::string>("whose").get() == scene.manager.id());
    worker.stop();
    CHECK(session.of.empty());
}

TEST_CASE("README: a parkserver, a worker and a manager in one loop") {
    int total = 0;
    maus::parkserver park{{.bind = {"tcp://127.0.0.1:*"}}};
    maus::worker worker{{.heartbeat = calm}};
    worker.expose("add", [](int x, int y) { return x + y; });
    worker.register_parkserver(park.endpoint());

    maus::manager manager({.endpoint = "tcp://127.0.0.1:*", .own_loop = true});
    manager.connect_parkserver(park.endpoint());
    auto workers = manager.get_workers({.amount = 1});
    (void)workers.call(add, 1, 1).then([&](maus::future<int> sum) { total += sum.get(); });
    while (total == 0) {
        pollfd wait[] = {
            {park.fd(), POLLIN, 0}, {worker.fd(), POLLIN, 0}, {manager.fd(), POLLIN, 0}};
        poll(wait, 3, -1);
        if (wait[0].revents != 0) park.process_events();
        if (wait[1].revents != 0) worker.process_events();
        if (wait[2].revents != 0) manager.process_events();  // callbacks run in here
    }

    CHECK(total == 2);
}

TEST_CASE("README: a function may be given a function") {
    readme_scene scene;
    auto& worker = scene.worker;

    worker.expose("twice", [](int x) { return 2 * x; });
    worker.expose("apply", [](int x, maus::function<int(int)> f) { return f(x); });

    scene.start();
    auto& workers = scene.workers;

    constexpr maus::method<int(int, maus::function<int(int)>)> apply{"apply"};
    int ten = workers.call(apply, 5, maus::named("twice")).get();
    int added = 7;
    int twelve = workers.call(apply, 5, [&](int x) { return x + added; }).get();

    CHECK(ten == 10);
    CHECK(twelve == 12);
}
