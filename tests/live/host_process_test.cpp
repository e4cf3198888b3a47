// The process that the library lives in: its signals, threads and exits, what its functions and
// callbacks do that is no good manners, and options at their ends.
#include <pthread.h>
#include <signal.h>
#include <unwind.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <mutex>
#include <thread>

#include "live/site.hpp"
#include "support/gate.hpp"

using namespace live;

namespace {

/// A manager, and one worker of it in the same process.
struct duo {
    explicit duo(maus::manager_options options = {}, maus::worker_options worker_options = {})
        : manager([&] {
              options.endpoint = here.somewhere();
              options.heartbeat = calm;
              return options;
          }()),
          worker([&] {
              worker_options.heartbeat = calm;
              return worker_options;
          }()) {}
    void start() {
        worker.connect(manager.endpoint());
        worker.start();
        workers = manager.get_workers({.amount = 1});
        REQUIRE(workers.wait_for(1, patience));
    }
    site here;
    maus::manager manager;
    maus::worker worker;
    maus::worker_group workers;
};

/// Lines of a log.
class diary {
public:
    [[nodiscard]] maus::log_function pen() {
        return [this](maus::log_level level, std::string_view text) {
            const std::lock_guard lock(guard_);
            lines_.push_back(std::string(to_string(level)) + ": " + std::string(text));
        };
    }
    /// Waits for a line that has all of these in it.
    [[nodiscard]] bool comes_to_have(const std::vector<std::string>& parts) {
        return eventually([&] {
            const std::lock_guard lock(guard_);
            return std::ranges::any_of(lines_, [&](const std::string& line) {
                return std::ranges::all_of(parts, [&](const std::string& part) {
                    return line.find(part) != std::string::npos;
                });
            });
        });
    }

private:
    std::mutex guard_;
    std::vector<std::string> lines_;
};

/// As LuaJIT throws: an exception of the unwinder's that is none of C++.
[[noreturn]] void throw_what_is_no_exception() {
    auto* const thrown = new _Unwind_Exception{};
    std::uninitialized_fill_n(reinterpret_cast<char*>(&thrown->exception_class),
                              sizeof thrown->exception_class, 'L');
    thrown->exception_cleanup = [](_Unwind_Reason_Code, _Unwind_Exception* done) { delete done; };
    _Unwind_RaiseException(thrown);
    std::abort();
}

struct says_nothing final : std::exception {
    [[nodiscard]] const char* what() const noexcept override { return nullptr; }
};

std::vector<int> blocked_signals() {
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    std::vector<int> blocked;
    for (int each = 1; each < NSIG; ++each) {
        if (sigismember(&mask, each) == 1) blocked.push_back(each);
    }
    return blocked;
}

std::size_t threads_of_this_process() {
    return static_cast<std::size_t>(
        std::ranges::distance(std::filesystem::directory_iterator("/proc/self/task"),
                              std::filesystem::directory_iterator()));
}

}  // namespace

// --- options at their ends ------------------------------------------------------------------------

TEST_CASE("the longest time of any type means for ever", "[host]") {
    site here;
    maus_test::gate gate;
    maus::worker_options patient;
    patient.heartbeat = calm;
    patient.link_timeout = std::chrono::milliseconds::max();
    patient.stop_timeout = std::chrono::milliseconds::max();
    maus::worker worker(patient);
    worker.expose(zoo::add, [&](int x, int y) {
        if (x == 0) gate.pass();
        return x + y;
    });
    worker.register_parkserver(here.parkserver());
    worker.start();
    maus::manager manager(here.reachable());
    manager.connect_parkserver(here.parkserver());
    maus::request wanted{.amount = 1};
    wanted.no_workers_timeout = std::chrono::hours::max();
    wanted.calls.timeout = std::chrono::hours::max();
    wanted.calls.attempt_timeout = std::chrono::years::max();
    auto workers = manager.get_workers(wanted);
    auto waits = workers.call(zoo::add, 0, 2);
    REQUIRE(workers.wait_for(1, std::chrono::hours::max()));
    REQUIRE(gate.wait_for_arrivals(1));
    // It waits for the function, and its result is not thrown away.
    std::thread stops([&] { worker.stop(); });
    CHECK_FALSE(waits.wait_for(50ms));
    gate.open();
    CHECK(value_of(waits) == 2);
    stops.join();
    CHECK(maus::fetch_status(here.parkserver(), std::chrono::milliseconds::max()).id.size() == 32);
}

TEST_CASE("a heartbeat of the longest interval is one of the longest that there is", "[host]") {
    site here;
    maus::worker_options slow;
    slow.heartbeat.interval = std::chrono::milliseconds::max();
    maus::worker worker(slow);
    worker.expose(zoo::add, [](int x, int y) { return x + y; });
    worker.register_parkserver(here.parkserver());
    worker.start();
    auto options = here.reachable();
    options.heartbeat = slow.heartbeat;
    maus::manager manager(options);
    manager.connect_parkserver(here.parkserver());
    auto workers = manager.get_workers({.amount = 1});
    CHECK(value_of(workers.call(zoo::add, 1, 1)) == 2);
}

TEST_CASE("a blocked call ends by its own timeout", "[host]") {
    maus::limits few;
    few.calls_max = 1;
    maus_test::gate gate;  // gone after all who pass it
    duo with({.limits = few});
    with.worker.expose(zoo::add, [&](int x, int y) {
        gate.pass();
        return x + y;
    });
    with.start();
    auto first = with.workers.call(zoo::add, 1, 1);
    auto second = with.workers.with({.timeout = 50ms}).call(zoo::add, 2, 2);
    CHECK(second.ready());
    CHECK(error_of(std::move(second)).code() == maus::errc::deadline_exceeded);
    gate.open();
    CHECK(value_of(first) == 2);
    CHECK(value_of(with.workers.with({.timeout = 1h}).call(zoo::add, 3, 3)) == 6);
}

// --- callbacks ------------------------------------------------------------------------------------

TEST_CASE("results whose callbacks have not run count as calls", "[host]") {
    maus::limits few;
    few.calls_max = 4;
    maus_test::gate all_are_asked, gate;
    duo with({.limits = few});
    with.worker.expose(zoo::add, [&](int x, int y) {
        all_are_asked.pass();  // else a callback could run at once, on this thread
        return x + y;
    });
    with.start();
    std::vector<maus::future<int>> all;
    for (int i = 0; i < 4; ++i) {
        all.push_back(with.workers.call(zoo::add, i, i).then([&](int x) {
            gate.pass();
            // A callback does not wait for callbacks.
            return with.workers.call(zoo::add, x, 1).get();
        }));
    }
    all_are_asked.open();
    REQUIRE(gate.wait_for_arrivals(1));
    REQUIRE(eventually([&] { return with.manager.metrics().results == 4; }));
    const auto hasty = with.workers.with({.when_full = maus::when_full::fail});
    CHECK(error_of(hasty.call(zoo::add, 1, 1)).code() == maus::errc::overloaded);
    gate.open();
    for (int i = 0; i < 4; ++i) CHECK(value_of(all[static_cast<std::size_t>(i)]) == 2 * i + 1);
    CHECK(value_of(with.workers.call(zoo::add, 1, 1)) == 2);
}

TEST_CASE("what callbacks throw is logged with the function's name", "[host]") {
    diary log;
    maus::manager_options options;
    options.log = log.pen();
    options.on_event = [](const maus::event&) { throw std::range_error("no events, please"); };
    maus_test::gate is_asked;
    duo with(options);
    with.worker.expose(zoo::add, [&](int x, int y) {
        is_asked.pass();
        return x + y;
    });
    with.worker.expose(zoo::fail, [](int) -> int { throw std::range_error("never"); });
    with.start();
    CHECK(log.comes_to_have({"error: on_event", "worker_joined", "no events, please"}));
    (void)with.workers.call(zoo::add, 1, 1).then([](int) { throw std::range_error("mine"); });
    is_asked.open();
    CHECK(log.comes_to_have({"warning: ", "add", "std::range_error: mine"}));
    // A callback of a future that is ready runs here and now.
    auto ready = with.workers.call(zoo::add, 1, 1);
    ready.wait();
    (void)ready.then([](int) { throw std::range_error("mine, at once"); });
    CHECK(log.comes_to_have({"warning: ", "add", "std::range_error: mine, at once"}));
    (void)with.workers.call(zoo::fail, 1);
    CHECK(log.comes_to_have({"debug: ", "fail", "remote_exception", "never"}));
    CHECK(value_of(with.workers.call(zoo::add, 1, 1)) == 2);
}

TEST_CASE("a log function may throw", "[host]") {
    maus::manager_options options;
    options.log = [](maus::log_level, std::string_view) { throw std::range_error("no"); };
    duo with(options, {.log = options.log});
    with.worker.expose(zoo::fail, [](int) -> int { throw std::range_error("never"); });
    with.start();
    (void)with.workers.call(zoo::fail, 1);
    CHECK(error_of(with.workers.call(zoo::fail, 1)).code() == maus::errc::remote_exception);
}

TEST_CASE("the first callback needs no new thread", "[host]") {
    duo with;
    with.worker.expose(zoo::add, [](int x, int y) { return x + y; });
    with.start();
    CHECK(value_of(with.workers.call(zoo::add, 1, 1)) == 2);
    const std::size_t before = threads_of_this_process();
    std::size_t during = 0;
    with.workers.call(zoo::add, 1, 1).then([&](int) { during = threads_of_this_process(); }).get();
    CHECK(during == before);
}

// --- signals --------------------------------------------------------------------------------------

TEST_CASE("functions and callbacks run with the program's signal mask", "[host]") {
    sigset_t some, before;
    sigemptyset(&some);
    sigaddset(&some, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &some, &before);
    const auto mine = blocked_signals();
    maus_test::gate is_asked;
    duo with;
    const maus::method<std::vector<int>()> mask{"mask"};
    const maus::method<std::string(std::string)> run{"run"};
    const maus::method<void()> wait{"wait"};
    with.worker.expose(mask, blocked_signals);
    with.worker.expose(wait, [&] { is_asked.pass(); });
    with.worker.expose(run, [](const std::string& line) {
        std::string said(64, '\0');
        FILE* const child = ::popen(line.c_str(), "r");
        said.resize(std::fread(said.data(), 1, said.size(), child));
        ::pclose(child);
        return said;
    });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    with.start();
    for (int i = 0; i < 20; ++i) CHECK(value_of(with.workers.call(mask)) == mine);
    CHECK(value_of(with.workers.call(run, "kill -TERM $$; echo is deaf")).empty());
    auto called_back = with.workers.call(wait).then([] { return blocked_signals(); });
    is_asked.open();
    CHECK(value_of(called_back) == mine);
}

// --- bad manners ----------------------------------------------------------------------------------

TEST_CASE("a function may throw what is no exception, or one that says nothing", "[host]") {
    duo with;
    const maus::method<void(int)> odd{"odd"};
    with.worker.expose(odd, [](int how) {
        if (how == 0) throw_what_is_no_exception();
        if (how == 1) throw says_nothing();
    });
    with.start();
    for (int how = 0; how < 2; ++how) {
        CHECK(error_of(with.workers.call(odd, how)).code() == maus::errc::remote_exception);
    }
    value_of(with.workers.call(odd, 2));
}

TEST_CASE("a function may end its thread", "[host]") {
    const std::uint32_t concurrency = GENERATE(1u, 2u);
    duo with({}, {.concurrency = concurrency});
    const maus::method<void(bool)> ends{"ends"};
    with.worker.expose(ends, [](bool does) {
        if (does) pthread_exit(nullptr);
    });
    with.start();
    for (int i = 0; i < 10; ++i) {
        const maus::error failed = error_of(with.workers.call(ends, true));
        CHECK(failed.code() == maus::errc::remote_exception);
        CHECK(failed.remote_type() == "pthread_exit");
        // Short ones run on the thread that leads, until it ends.
        for (int j = 0; j < 10; ++j) value_of(with.workers.call(ends, false));
    }
    CHECK(with.manager.metrics().workers_lost == 0);
}

TEST_CASE("a callback may throw what is no exception, or end its thread", "[host]") {
    maus_test::gate all_are_asked, gate;
    duo with;
    with.worker.expose(zoo::add, [&](int x, int y) {
        if (x == 2) all_are_asked.pass();
        return x + y;
    });
    with.start();
    auto odd = with.workers.call(zoo::add, 1, 1).then([](int) { throw_what_is_no_exception(); });
    CHECK(error_of(std::move(odd)).code() == maus::errc::remote_exception);
    auto first = with.workers.call(zoo::add, 2, 1).then([&](int) {
        gate.pass();
        pthread_exit(nullptr);
    });
    auto second = with.workers.call(zoo::add, 1, 1).then([](int x) { return x; });
    all_are_asked.open();
    REQUIRE(gate.wait_for_arrivals(1));
    gate.open();
    CHECK(error_of(std::move(first)).code() == maus::errc::remote_exception);
    CHECK(value_of(second) == 2);
    const auto waits = [&]() -> maus::future<int> {
        co_return co_await with.workers.call(zoo::add, 1, 2);
    };
    auto after_coroutine = waits().then([](int) { pthread_exit(nullptr); });
    CHECK(error_of(std::move(after_coroutine)).code() == maus::errc::remote_exception);
    CHECK(value_of(with.workers.call(zoo::add, 1, 1)) == 2);
}

// --- the end --------------------------------------------------------------------------------------

TEST_CASE("exit() ends the process, wherever it is called", "[host]") {
    const std::string where =
        GENERATE("function-start", "function-run", "short-function", "callback", "parkserver-log");
    INFO(where);
    process ends(MAUS_BIN_DIR "/tests/end_of_process", {where});
    CHECK(ends.wait() == 7);
}

TEST_CASE("what is destroyed at the end of a thread or the process may call", "[host]") {
    const std::string where = GENERATE("static-destructor", "thread-local-destructor");
    INFO(where);
    process ends(MAUS_BIN_DIR "/tests/end_of_process", {where});
    CHECK(ends.line_with("called") == "3");
    CHECK(ends.wait() == 0);
}

TEST_CASE("a worker runs until a signal, and answers what it runs", "[host]") {
    const int number = GENERATE(SIGTERM, SIGINT);
    site here;
    maus::manager manager(here.reachable());
    const std::string gate = here.file("gate");
    process worker(MAUS_BIN_DIR "/tests/end_of_process",
                   {"until-signal", manager.endpoint(), gate});
    auto workers = manager.get_workers({.amount = 1});
    auto call = workers.call(maus::method<int(int)>{"ends"}, 1);
    REQUIRE(worker.line_with("began") == "1");
    worker.signal(number);
    // It says goodbye to nobody before that call is answered.
    CHECK_FALSE(worker.wait(50ms));
    maus_test::make_file(gate);
    CHECK(value_of(call) == 2);
    CHECK(worker.line_with("served") == "all");
    CHECK(worker.wait() == 0);
}

TEST_CASE("a second signal ends a worker at once", "[host]") {
    site here;
    maus::manager manager(here.reachable());
    process worker(MAUS_BIN_DIR "/tests/end_of_process",
                   {"until-signal", manager.endpoint(), here.file("never")});
    auto workers = manager.get_workers({.amount = 1});
    auto call = workers.call(maus::method<int(int)>{"ends"}, 1);
    REQUIRE(worker.line_with("began") == "1");
    worker.signal(SIGTERM);
    REQUIRE(eventually([&] {  // the first one may still be on its way
        worker.signal(SIGINT);
        return !worker.alive();
    }));
    CHECK(std::set<int>{-SIGINT, -SIGTERM}.contains(worker.wait().value_or(0)));
}
