// A worker process with all the functions of the zoo.
//
//   --parkserver ENDPOINT   register there (any number of times)
//   --connect ENDPOINT      or serve this manager directly
//   --type NAME  --concurrency N  --interval-ms N  --liveness N  --link-timeout-ms N
//
// Prints "ready ID PID" when it runs. SIGTERM makes it take leave and end with 0.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <iostream>
#include <list>
#include <maus/maus.hpp>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "live/helpers/arguments.hpp"
#include "live/zoo.hpp"
#include "support/aides.hpp"

namespace {

void append_byte(const std::string& path) {
    if (path.empty()) return;
    const int file = ::open(path.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    if (file < 0 || ::write(file, "x", 1) != 1) std::abort();
    ::close(file);
}

void wait_for_file(const std::string& path) {
    while (!path.empty() && ::access(path.c_str(), F_OK) != 0) ::poll(nullptr, 0, 1);
}

/// What `later` awaits: resumes on a thread of its own when the file is there.
class file_there {
public:
    // A constructor, since GCC 12 destroys an aggregate's members twice in a co_await expression.
    file_there(maus_test::aides& on, std::string path) : on_(on), path_(std::move(path)) {}
    [[nodiscard]] bool await_ready() const { return path_.empty(); }
    void await_suspend(std::coroutine_handle<> waiting) const {
        on_.run([waiting, gate = path_] {
            wait_for_file(gate);
            waiting.resume();
        });
    }
    void await_resume() const {}

private:
    maus_test::aides& on_;
    std::string path_;
};

maus::future<int> one_more(maus_test::aides& on, int x, std::string gate) {
    co_await file_there(on, gate);
    co_return x + 1;
}

void expose_losses(maus::worker& worker) {
    worker.expose(zoo::slow, [](int x, int ms) {
        ::poll(nullptr, 0, ms);
        return x;
    });
    worker.expose(zoo::hold, [](int x, const std::string& gate, const std::string& begun) {
        append_byte(begun);
        wait_for_file(gate);
        return x;
    });
    worker.expose(zoo::hang, []() -> int {
        for (;;) ::pause();
    });
    worker.expose(zoo::abort_if, [](std::int64_t x, std::int64_t poison, const std::string& tally) {
        append_byte(tally);
        if (x == poison) std::abort();
        return x * x;
    });
    worker.expose(zoo::attempt, [](const std::string& gate) {
        const auto fence = maus::this_call::fence();
        wait_for_file(gate);
        return fence.attempt;
    });
}

void expose_streams(maus::worker& worker) {
    worker.expose(zoo::numbers,
                  [](std::int64_t count, std::int64_t gate_at,
                     std::string gate) -> maus::generator<std::int64_t> {
                      for (std::int64_t i = 0; i < count; ++i) {
                          if (i == gate_at) wait_for_file(gate);
                          co_yield i;
                      }
                  });
}

void expose_payloads(maus::worker& worker) {
    worker.expose(zoo::same_double, [](double x) { return x; });
    worker.expose(zoo::same_doubles, [](std::vector<double> all) { return all; });
    worker.expose(zoo::negate, [](bool x) { return !x; });
    worker.expose(zoo::same_mixture, [](zoo::mixture x) { return x; });
    worker.expose(zoo::shift, [](zoo::instant at, std::chrono::hours by) { return at + by; });
    worker.expose(zoo::heavier, [](zoo::particle x, double by) {
        x.mass += by;
        return x;
    });
}

void expose_all(maus::worker& worker, maus_test::aides& on) {
    worker.expose(zoo::add, [](int x, int y) { return x + y; });
    worker.expose(zoo::echo, [](std::string text) { return text; });
    worker.expose(zoo::pid, [] { return static_cast<std::uint32_t>(::getpid()); });
    worker.expose(zoo::only_even, [](int x) {
        if (x % 2 != 0) throw std::invalid_argument(std::to_string(x) + " is odd");
        return x;
    });
    worker.expose(zoo::fail, [](int x) -> int {
        throw std::invalid_argument("no " + std::to_string(x) + ", please");
    });
    worker.expose(zoo::throw_odd, [] { throw 7; });
    worker.expose(zoo::note, [](const std::string& path) { append_byte(path); });
    // For tests that call by hand: much from little.
    worker.expose("blob", [](std::uint32_t bytes) { return std::string(bytes, 'x'); });
    worker.expose(zoo::later,
                  [&on](int x, std::string gate) { return one_more(on, x, std::move(gate)); });
    worker.expose(zoo::answer_later,
                  [&on](maus::responder<int> answer, int x, const std::string& gate) {
                      on.run([answer, x, gate] {
                          wait_for_file(gate);
                          answer(x + 2);
                      });
                  });
    expose_losses(worker);
    expose_streams(worker);
    expose_payloads(worker);
}

}  // namespace

int main(int argc, char** argv) {
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    sigset_t term;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    ::sigprocmask(SIG_BLOCK, &term, nullptr);

    const helper::arguments given(argc, argv);
    maus_test::aides on;
    maus::worker_options options;
    options.concurrency = given.number("--concurrency", 1);
    options.heartbeat = given.heartbeat();
    options.link_timeout = std::chrono::milliseconds{given.number("--link-timeout-ms", 5000)};
    options.log = helper::log_as("worker " + std::to_string(::getpid()));
    maus::worker worker(options);
    expose_all(worker, on);
    const std::string type = given.text("--type", "default");
    for (const auto& each : given.list("--parkserver")) worker.register_parkserver(each, type);
    for (const auto& each : given.list("--connect")) worker.connect(each, type);
    worker.start();
    std::cout << "ready " << worker.id() << ' ' << ::getpid() << std::endl;
    int signal = 0;
    sigwait(&term, &signal);
    worker.stop();
    std::cout << "stopped " << worker.id() << std::endl;
}
