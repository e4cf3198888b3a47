// The README's examples, as they stand there (tests/lint/examples.py).
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

    CHECK(sums == std::vector<int>{6, 14, 22});
    CHECK(one == 1);
    CHECK(two == 2);
    CHECK(total == 90);
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
