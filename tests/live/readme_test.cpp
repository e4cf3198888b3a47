// The README's examples, as they stand there (tests/lint/examples.py).
#include <poll.h>

#include <atomic>
#include <iostream>
#include <mutex>
#include <sstream>
#include <thread>

#include "live/team.hpp"

using namespace live;
using namespace std::chrono_literals;

namespace {
inline constexpr maus::method<int(int, int)> add{"add"};
inline constexpr maus::method<int(int)> half{"half"};
int half_of(int x) {
    if (x % 2 != 0) throw std::invalid_argument("odd");
    return x / 2;
}

/// A worker in this process, and what a program has.
struct readme_scene {
    site here;
    maus::worker worker{{.heartbeat = calm}};
    maus::manager manager{here.reachable()};
    maus::worker_group workers;

    /// The worker need not take it.
    void ask() {
        worker.register_parkserver(here.parkserver());
        worker.start();
        manager.connect_parkserver(here.parkserver());
        workers = manager.get_workers();
    }
    void start() {
        ask();
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

    int last = 0;

    const auto sum_of = [](maus::stream<int> items) -> maus::future<int> {
        int sum = 0;
        while (auto item = co_await items.next()) sum += *item;
        co_return sum;
    };
    int sum = sum_of(workers.call<maus::stream<int>>("primes", 10)).get();
    auto primes = workers.call<maus::stream<int>>("primes", 10);
    primes.for_each([&](int prime) { last = prime; }).get();  // a future: that was all

    CHECK(sum == 17);
    CHECK(last == 7);

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

    constexpr maus::method<std::size_t(int, std::string)> count{"count"};  // a typed caller
    std::size_t two = workers.call(count, 1, "two").get();
    maus::value list = maus::to_value(std::vector<int>{1, 2});
    auto numbers = maus::from_value<std::vector<double>>(list);  // or it throws

    CHECK(text == R"([3,{"name":"Ada","born":1815}])");
    CHECK(two == 2);
    CHECK(numbers == std::vector<double>{1, 2});
}

TEST_CASE("README: exact and elastic requests") {
    readme_scene scene;
    const auto sum = [](int x, int y) { return x + y; };
    scene.worker.expose("add", sum);
    scene.start();
    scene.workers.release();
    auto& manager = scene.manager;
    maus::worker more[2];
    for (auto& each : more) {
        each.expose("add", sum);
        each.register_parkserver(scene.here.parkserver());
        each.start();
    }

    auto one = manager.get_workers({.amount = 1});
    auto some = manager.get_workers({.min = 1, .max = 8});  // as many as are free
    bool both = one.wait_for(1, 1min) && some.wait_for(2, 1min);
    auto two = some.ready(2).then([&] { return some.call(add, 1, 1); });  // or a future of it

    CHECK(both);
    CHECK(value_of(two) == 2);
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
    std::atomic<int> licences{0};
    readme_scene scene;
    auto& worker = scene.worker;
    worker.expose("whose", [&] { return session.of; });

    worker.on_lease([&](const maus::lease_info& by) {
        if (licences == 0) throw std::runtime_error("no licence is left");
        session = open_session(by.manager);
    });
    worker.on_release([&](const maus::lease_info&) { session.close(); });

    scene.ask();
    CHECK(eventually([&] { return scene.manager.metrics().workers_lost != 0; }));
    licences = 1;
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

    worker.expose("patiently", [](int x, maus::function<int(int)> f) -> maus::future<int> {
        co_return co_await f.with(1min).async(x);
    });

    scene.start();
    auto& workers = scene.workers;

    constexpr maus::method<int(int, maus::function<int(int)>)> apply{"apply"};
    int ten = workers.call(apply, 5, maus::named("twice")).get();
    int added = 7;
    int twelve = workers.call(apply, 5, [&](int x) { return x + added; }).get();

    CHECK(ten == 10);
    CHECK(twelve == 12);
    constexpr maus::method<int(int, maus::function<int(int)>)> patiently{"patiently"};
    CHECK(value_of(workers.call(patiently, 5, [&](int x) { return x + added; })) == 12);
}

TEST_CASE("README: a function may be sent as source code") {
    maus::worker_options options;
    options.allow_scripts = true;
    options.scripts = {.time = 2s, .memory_bytes = 64 << 20};
    maus::worker runs_scripts(options);
    maus::manager manager{{.endpoint = "tcp://127.0.0.1:*", .heartbeat = calm}};
    runs_scripts.expose("apply", [](int x, maus::function<int(int)> f) { return f(x); });
    runs_scripts.connect(manager.endpoint());
    runs_scripts.start();
    auto workers = manager.get_workers();
    constexpr maus::method<int(int, maus::function<int(int)>)> apply{"apply"};

    const maus::script fib("x => x > 1 ? __this(x - 1) + __this(x - 2) : x");
    int fib_of_20 = workers.call(apply, 20, fib).get();

    CHECK(fib_of_20 == 6765);
}

TEST_CASE("README: functions that complete later") {
    readme_scene scene;
    auto& worker = scene.worker;
    maus::worker callee{{.heartbeat = calm}};
    callee.expose("add", [](int x, int y) { return x + y; });
    callee.register_parkserver(scene.here.parkserver(), "callee");
    callee.start();
    maus::manager inner{scene.here.reachable()};
    inner.connect_parkserver(scene.here.parkserver());
    auto others = inner.get_workers({.amount = 1, .type = "callee"});

    worker.expose("slowly", [](maus::responder<int> answer, int x) {
        std::thread([=] { answer(2 * x); }).detach();  // from any thread, at any time
    });
    worker.expose("add_three", [&](int x, int y, int z) -> maus::future<int> {
        int sum = co_await others.call(add, x, y);  // workers that this one calls in turn
        co_return co_await others.call(add, sum, z);
    });

    scene.start();
    CHECK(value_of(scene.workers.call<int>("slowly", 4)) == 8);
    CHECK(value_of(scene.workers.call<int>("add_three", 1, 2, 3)) == 6);
    scene.worker.stop();
}

TEST_CASE("README: a map that goes on after errors") {
    readme_scene scene;
    scene.worker.expose("half", half_of);
    scene.start();
    auto& workers = scene.workers;
    const std::vector<int> inputs{2, 3, 4};
    std::vector<int> good;
    std::vector<std::uint64_t> bad;

    const maus::map_options how{.look_ahead = 100, .on_error = maus::on_error::collect};
    auto halves = workers.map(half, inputs, how);
    for (int each : halves) good.push_back(each);  // those whose calls did not fail
    for (auto& [index, why] : halves.errors()) bad.push_back(index);

    CHECK(good == std::vector{1, 2});
    CHECK(bad == std::vector<std::uint64_t>{1});
}

TEST_CASE("README: how calls are made, and what their errors say") {
    readme_scene scene;
    scene.worker.expose("half", half_of);
    scene.start();
    scene.workers.release();
    auto& manager = scene.manager;
    const printed lines;
    int sum = 0;
    std::vector<int> again;

    auto workers = manager.get_workers({.calls = {.max_crashes = 1,  // it is not tried again
                                                  .attempt_timeout = 30s,
                                                  .label = "nightly"},
                                        .no_workers_timeout = 1min});
    const auto once = workers.with({.delivery = maus::delivery::at_most_once,
                                    .when_full = maus::when_full::fail});  // nothing of the above
    auto options = workers.options();
    options.timeout = 1min;
    const auto bounded = workers.with(options);  // the above, and a deadline

    try {
        sum += once.call(half, 4).get() + bounded.call(half, 3).get();
    } catch (const maus::error& failed) {
        std::cout << to_string(failed.code()) << " in " << failed.label() << '\n';
        std::cout << failed.what() << '\n';          // half [nightly]: remote_exception: ...
        if (failed.retryable()) again.push_back(3);  // no workers, no room, no time
    }

    CHECK(lines.text.str() ==
          "remote_exception in nightly\n"
          "half [nightly]: remote_exception: std::invalid_argument: odd\n");
    CHECK(again.empty());
    CHECK(error_of(once.call(half, 3)).label().empty());
}

TEST_CASE("README: what a manager tells, and what a parkserver knows") {
    site here;
    const std::string parkserver = here.parkserver();
    std::mutex guard;
    std::string noted;
    const auto note = [&](const std::string& line) {
        const std::lock_guard lock(guard);
        noted += line + '\n';
    };
    maus::worker one{{.heartbeat = calm}};
    one.expose("add", [](int x, int y) { return x + y; });
    one.register_parkserver(parkserver);
    one.start();
    const printed lines;

    maus::manager manager({.on_event = [&](const maus::event& news) {  // on its callback thread
        note(std::string(to_string(news.kind)) + ' ' + news.name + ' ' + news.why);
    }});

    manager.connect_parkserver(parkserver);
    auto workers = manager.get_workers();
    CHECK(value_of(workers.call(add, 1, 2)) == 3);

    for (const auto& worker : maus::fetch_status(parkserver, 1min).workers) {
        std::cout << worker.type << " is " << to_string(worker.state) << '\n';
    }
    std::cout << manager.metrics().calls << " call\n";

    CHECK(lines.text.str() == "default is leased\n1 call\n");
    manager.stop();
    const std::lock_guard lock(guard);
    CHECK_THAT(noted, maus_test::has_text("worker_joined " + one.id() + " \n"));
}
