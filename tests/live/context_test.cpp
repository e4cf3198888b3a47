// What a function knows of its call: stop tokens, deadlines, labels, traces, progress.
#include <atomic>
#include <functional>
#include <future>
#include <mutex>
#include <set>
#include <thread>

#include "live/team.hpp"
#include "support/shown.hpp"

using namespace live;

namespace {

constexpr const char* traced = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// A worker in this process, with functions that the test writes, and a manager that has it.
struct pair_of {
    template <class Expose>
    explicit pair_of(Expose expose, std::uint32_t concurrency = 1)
        : worker({.concurrency = concurrency, .heartbeat = calm}), manager(here.reachable()) {
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

/// Waits until it is asked to stop; 2 if that does not come.
int wait_for_stop(const std::stop_token& token) {
    std::promise<void> stopped;
    const std::stop_callback tell(token, [&] { stopped.set_value(); });
    return stopped.get_future().wait_for(patience) == std::future_status::ready ? 1 : 2;
}

/// What functions tell the test.
struct ears {
    std::promise<void> began;
    std::promise<int> ended;
    void wait_for_begin() {
        REQUIRE(began.get_future().wait_for(patience) == std::future_status::ready);
    }
    int end() {
        auto came = ended.get_future();
        REQUIRE(came.wait_for(patience) == std::future_status::ready);
        return came.get();
    }
};

/// Exposes "wait": runs until it is asked to stop, as a function of this kind.
void expose_wait(maus::worker& on, ears& hears, const std::string& kind) {
    if (kind == "context") {
        on.expose("wait", [&](maus::context& call) {
            hears.began.set_value();
            hears.ended.set_value(wait_for_stop(call.stop_token()));
        });
    } else if (kind == "this_call") {
        on.expose("wait", [&] {
            const auto token = maus::this_call::stop_token();
            hears.began.set_value();
            hears.ended.set_value(wait_for_stop(token));
        });
    } else {
        on.expose("wait", [&](maus::context& call, maus::responder<void> answer) {
            std::thread([&hears, call, answer] {
                hears.began.set_value();
                hears.ended.set_value(wait_for_stop(call.stop_token()));
                answer();
            }).detach();
        });
    }
    on.expose("add", [](int x, int y) { return x + y; });
}

}  // namespace

TEST_CASE("a function that runs is asked to stop when its call is cancelled", "[context]") {
    const std::string kind = GENERATE("context", "this_call", "responder");
    INFO(kind);
    ears hears;
    pair_of with([&](maus::worker& on) { expose_wait(on, hears, kind); });
    auto call = with.workers.call<void>("wait");
    hears.wait_for_begin();
    call.cancel();
    CHECK(error_of(std::move(call)).code() == maus::errc::cancelled);
    CHECK(hears.end() == 1);
    // The slot is free again.
    CHECK(value_of(with.workers.call<int>("add", 1, 2)) == 3);
}

TEST_CASE("a function is asked to stop when what goes on after its call is cancelled",
          "[context]") {
    ears hears;
    pair_of with([&](maus::worker& on) { expose_wait(on, hears, "context"); });
    auto after = with.workers.call<void>("wait").then([] { return 1; });
    hears.wait_for_begin();
    auto all = maus::when_all(std::move(after), with.workers.call<int>("add", 1, 2));
    all.cancel();
    CHECK(error_of(std::move(all)).code() == maus::errc::cancelled);
    CHECK(hears.end() == 1);
}

TEST_CASE("a function is asked to stop when its caller's time is up", "[context]") {
    ears hears;
    pair_of with([&](maus::worker& on) { expose_wait(on, hears, "context"); });
    auto call = with.workers.with({.timeout = 50ms}).call<void>("wait");
    CHECK(error_of(std::move(call)).code() == maus::errc::deadline_exceeded);
    CHECK(hears.end() == 1);
}

TEST_CASE("a function is asked to stop when its manager is gone, or gives its worker back",
          "[context]") {
    ears hears;
    pair_of with([&](maus::worker& on) { expose_wait(on, hears, "context"); });
    auto call = with.workers.call<void>("wait");
    hears.wait_for_begin();
    if (GENERATE(true, false)) {
        with.workers.release();
    } else {
        with.manager.stop();
    }
    CHECK(hears.end() == 1);
}

TEST_CASE("a function is not asked to stop while its worker waits for it to end", "[context]") {
    std::promise<void> begun, go_on;
    std::atomic<bool> asked{true};
    const auto expose = [&](maus::worker& on) {
        on.expose("wait", [&](maus::context& call) {
            begun.set_value();
            go_on.get_future().wait();
            asked = call.stop_requested();
            return 7;
        });
        on.expose("add", [](int x, int y) { return x + y; });
    };
    pair_of with(expose, 2);
    auto call = with.workers.call<int>("wait");
    REQUIRE(begun.get_future().wait_for(patience) == std::future_status::ready);
    std::thread stops([&] { with.worker.stop(); });
    // A worker that is leaving gives back what comes.
    CHECK(eventually([&] {
        (void)with.workers.call<int>("add", 1, 2);
        return with.manager.metrics().reassigned != 0;
    }));
    go_on.set_value();
    CHECK(value_of(call) == 7);
    CHECK_FALSE(asked);
    stops.join();
}

TEST_CASE("a function that asks late finds that its call was cancelled long since", "[context]") {
    std::promise<void> begun, go_on, done;
    std::atomic<bool> asked{false};
    pair_of with(
        [&](maus::worker& on) {
            on.expose("late", [&] {
                begun.set_value();
                go_on.get_future().wait();
                asked = maus::this_call::context().stop_requested();
                done.set_value();
            });
            on.expose("add", [](int x, int y) { return x + y; });
        },
        2);
    auto call = with.workers.call<void>("late");
    REQUIRE(begun.get_future().wait_for(patience) == std::future_status::ready);
    call.cancel();
    CHECK(error_of(std::move(call)).code() == maus::errc::cancelled);
    // What is sent after the cancel arrives after it.
    CHECK(value_of(with.workers.call<int>("add", 1, 2)) == 3);
    go_on.set_value();
    REQUIRE(done.get_future().wait_for(patience) == std::future_status::ready);
    CHECK(asked);
}

TEST_CASE("a stop token among the options cancels all calls that were made with it", "[context]") {
    ears hears;
    pair_of with([&](maus::worker& on) { expose_wait(on, hears, "context"); });
    std::stop_source family;
    const auto caller = with.workers.with({.stop = family.get_token()});
    auto running = caller.call<void>("wait");
    hears.wait_for_begin();
    std::vector<maus::future<int>> queued;
    for (int i = 0; i < 100; ++i) queued.push_back(caller.call<int>("add", i, i));
    family.request_stop();
    CHECK(error_of(std::move(running)).code() == maus::errc::cancelled);
    for (auto& each : queued) CHECK(error_of(std::move(each)).code() == maus::errc::cancelled);
    CHECK(error_of(caller.call<int>("add", 1, 1)).code() == maus::errc::cancelled);
    CHECK(hears.end() == 1);
    CHECK(value_of(with.workers.call<int>("add", 1, 2)) == 3);
}

TEST_CASE("a stop token releases a caller that waits for room", "[context]") {
    maus::limits one;
    one.calls_max = 1;
    maus::manager manager({.limits = one});
    auto workers = manager.get_workers();
    auto first = workers.call<int>("add", 1, 1);  // waits for a worker, and takes all the room
    std::stop_source family;
    // Whoever is not released finds that its time is up.
    const auto caller = workers.with({.timeout = patience, .stop = family.get_token()});
    const std::function<void()> ways[] = {
        [&] { (void)caller.call<int>("add", 1, 1).get(); },
        [&] { (void)caller.call<maus::stream<int>>("numbers").read(); },
        [&] {
            for (const int sum : caller.map(zoo::add, std::vector{std::pair(1, 2)})) (void)sum;
        },
    };
    const auto& way = ways[GENERATE(0, 1, 2)];
    std::thread stops([&] { family.request_stop(); });
    const auto ended = [&]() -> std::optional<maus::errc> {
        try {
            way();
            return std::nullopt;
        } catch (const maus::error& failed) {
            return failed.code();
        }
    }();
    stops.join();
    CHECK(ended == maus::errc::cancelled);
    CHECK_FALSE(first.ready());
    first.cancel();
    CHECK(error_of(std::move(first)).code() == maus::errc::cancelled);
    // What was given up takes no room.
    auto next = workers.with({.when_full = maus::when_full::fail}).call<int>("add", 1, 1);
    CHECK_FALSE(next.ready());
}

TEST_CASE("a function sees its call's label, trace, attempt and manager", "[context]") {
    pair_of with([](maus::worker& on) {
        on.expose("label", [](maus::context& call) { return std::string(call.label().view()); });
        on.expose("trace", [](maus::context& call) { return call.trace().traceparent(); });
        on.expose("attempt", [](maus::context& call) { return call.attempt(); });
        on.expose("manager", [](maus::context& call, const std::string& more) {
            return call.manager() + more;
        });
        on.expose("has_deadline", [](maus::context& call) {
            return call.time_left() != std::chrono::nanoseconds::max();
        });
    });
    const auto labelled = with.workers.with({.label = "nightly", .trace = traced});
    CHECK(value_of(labelled.call<std::string>("label")) == "nightly");
    CHECK(value_of(labelled.call<std::string>("trace")) == traced);
    CHECK(value_of(with.workers.call<std::string>("label")).empty());
    CHECK(value_of(with.workers.call<std::string>("trace")).empty());
    CHECK(value_of(with.workers.call<std::uint32_t>("attempt")) == 1);
    CHECK(value_of(with.workers.call<std::string>("manager", "!")) == with.manager.id() + "!");
    CHECK_FALSE(value_of(with.workers.call<bool>("has_deadline")));
    CHECK(value_of(with.workers.with({.timeout = 1h}).call<bool>("has_deadline")));
}

TEST_CASE("a label stands in the errors of its calls, and a bad one is refused", "[context]") {
    pair_of with([](maus::worker& on) {
        on.expose("fails", [](int) -> int { throw std::runtime_error("no"); });
    });
    const auto failed = error_of(with.workers.with({.label = "nightly"}).call<int>("fails", 1));
    CHECK(failed.label() == "nightly");
    // Also of those that no worker gets.
    const auto labelled = with.workers.with({.label = "nightly"});
    CHECK(error_of(labelled.call<int>("absent")).label() == "nightly");
    CHECK(error_of(with.workers.with({.timeout = 0ms, .label = "nightly"}).call<int>("fails", 1))
              .label() == "nightly");
    CHECK_THAT(failed.what(), maus_test::has_text("fails [nightly]: remote_exception"));
    for (const auto& bad : {std::string(1000, 'x'), std::string("a\nb")}) {
        try {
            (void)with.workers.with({.label = bad}).call<int>("fails", 1);
            FAIL("a bad label was taken");
        } catch (const maus::error& wrong) {
            CHECK(wrong.code() == maus::errc::invalid_argument);
        }
    }
    CHECK_THROWS_AS(maus::trace_context("00-xyz"), maus::error);
}

TEST_CASE("a label stands in the log of a failure that nobody looked at", "[context]") {
    std::mutex guard;
    std::string logged;
    maus::manager manager(
        {.endpoint = "tcp://127.0.0.1:*", .log = [&](maus::log_level, std::string_view text) {
             const std::lock_guard lock(guard);
             logged += text;
         }});
    maus::worker worker;
    worker.expose("fails", []() -> int { throw std::runtime_error("no"); });
    worker.connect(manager.endpoint());
    worker.start();
    auto workers = manager.get_workers();
    (void)workers.with({.label = "nightly"}).call<int>("fails");
    CHECK(eventually([&] {
        const std::lock_guard lock(guard);
        return logged.find("fails [nightly]: remote_exception") != std::string::npos;
    }));
    manager.stop();
}

TEST_CASE("with() replaces all options of its group, and options() keeps the others", "[context]") {
    pair_of with([](maus::worker& on) {
        on.expose("known", [](maus::context& call) {
            const bool is_timed = call.time_left() != std::chrono::nanoseconds::max();
            return std::tuple(std::string(call.label().view()), call.trace().traceparent(),
                              is_timed);
        });
    });
    using known = std::tuple<std::string, std::string, bool>;
    with.workers = with.manager.get_workers(
        {.amount = 1, .calls = {.timeout = 1h, .label = "nightly", .trace = traced}});
    const auto ask = [](const auto& caller) {
        return value_of(caller.template call<known>("known"));
    };
    CHECK(ask(with.workers) == known("nightly", traced, true));
    CHECK(ask(with.workers.with({.label = "other"})) == known("other", "", false));
    auto changed = with.workers.options();
    changed.label = "other";
    CHECK(ask(with.workers.with(changed)) == known("other", traced, true));
    CHECK(ask(with.workers) == known("nightly", traced, true));
    CHECK_THROWS_AS(maus::worker_group{}.options(), maus::error);
}

TEST_CASE("calls that a function makes inherit its deadline and its trace", "[context]") {
    std::unique_ptr<maus::manager> inner;
    maus::worker_group callees;
    std::mutex ready;  // ThreadSanitizer does not see that the call comes after it
    pair_of with([&](maus::worker& on) {
        on.expose("outer", [&] {
            const std::lock_guard is_ready(ready);
            const auto left = maus::this_call::time_left();
            auto its = callees.call<std::int64_t>("left").get();
            const bool shorter = its > 0 && its <= left.count();
            return std::pair(shorter, callees.call<std::string>("trace").get());
        });
    });
    maus::worker other({.heartbeat = calm});
    other.expose("left",
                 [](maus::context& call) { return std::int64_t{call.time_left().count()}; });
    other.expose("trace", [](maus::context& call) { return call.trace().traceparent(); });
    other.register_parkserver(with.here.parkserver(), "other");
    other.start();
    inner = std::make_unique<maus::manager>(with.here.reachable());
    inner->connect_parkserver(with.here.parkserver());
    {
        const std::lock_guard writes(ready);
        callees = inner->get_workers({.amount = 1, .type = "other"});
    }
    const auto caller = with.workers.with({.timeout = 1h, .trace = traced});
    const auto [shorter, trace] = value_of(caller.call<std::pair<bool, std::string>>("outer"));
    CHECK(shorter);
    CHECK(trace == traced);
    // Outside of a function there is nothing to inherit.
    CHECK(value_of(callees.call<std::int64_t>("left")) == std::chrono::nanoseconds::max().count());
}

TEST_CASE("progress arrives at the caller, the newest if there is much of it", "[context]") {
    std::mutex guard;  // until the manager is gone: what is told of progress may come late
    std::vector<maus::progress> all;
    std::promise<void> heard;
    pair_of with([&](maus::worker& on) {
        on.expose("work", [&](maus::context& call, int x) {
            call.progress(0.5, "half");
            heard.get_future().wait();
            for (int i = 0; i < 100'000; ++i) call.progress(0.75);
            return x;
        });
    });
    auto call = with.workers.call<int>("work", 7).on_progress([&](const maus::progress& told) {
        const std::lock_guard lock(guard);
        all.push_back(told);
        if (all.size() == 1) heard.set_value();
    });
    CHECK(value_of(call) == 7);
    const std::lock_guard lock(guard);
    REQUIRE_FALSE(all.empty());
    CHECK(all.front().fraction == 0.5);
    CHECK(all.front().text == "half");
    CHECK(all.size() < 50'000);
}

TEST_CASE("progress that came before somebody listens is told then", "[context]") {
    std::promise<void> go_on;
    pair_of with(
        [&](maus::worker& on) {
            on.expose("work", [&](maus::context& call) {
                call.progress(0.25, "a quarter");
                go_on.get_future().wait();
            });
            on.expose("add", [](int x, int y) { return x + y; });
        },
        2);
    auto call = with.workers.call<void>("work");
    // It came before this answer: both are said on one link, in this order, or the other is still to come.
    CHECK(value_of(with.workers.call<int>("add", 1, 2)) == 3);
    std::promise<std::string> told;
    call.on_progress([&](const maus::progress& how_far) { told.set_value(how_far.text); });
    auto came = told.get_future();
    REQUIRE(came.wait_for(patience) == std::future_status::ready);
    CHECK(came.get() == "a quarter");
    go_on.set_value();
    call.get();
}

TEST_CASE("outside of a function this_call has nothing to say, and says so", "[context]") {
    CHECK_THROWS_AS(maus::this_call::context(), maus::error);
    CHECK_THROWS_AS(maus::this_call::stop_token(), maus::error);
    CHECK_THROWS_AS(maus::this_call::time_left(), maus::error);
    CHECK_THROWS_AS(maus::this_call::progress(0.5), maus::error);
}
