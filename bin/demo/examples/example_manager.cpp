// A manager, to be read and copied with example.hpp. It needs a parkserver, and a worker or more:
//
//     g++ -std=c++20 example_manager.cpp -o example_manager $(pkg-config --cflags --libs maus)
//     ./example_manager                             # or ./example_manager tcp://HOST:PORT ...
//
// `maus-demo manager` is the same with options.

#include <chrono>
#include <ctime>
#include <iostream>
#include <ranges>

#include <maus/manager.hpp>

#include "example.hpp"

namespace example {

namespace {

using namespace std::chrono_literals;

std::string date_of(day when) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(when);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    char text[32];
    return {text, std::strftime(text, sizeof text, "%F", &parts)};
}

// get() waits for the result; until then a future is only a promise.
void simple_calls(maus::worker_group& workers) {
    maus::future<int> two = workers.call(add, 1, 1);
    std::cout << "add(1, 1) = " << two.get() << '\n';
    std::cout << "add(2, 3) by name = " << workers.call<int>("add", 2, 3).get() << '\n';
    std::cout << "divide(1, 8) = " << workers.call(divide, 1, 8).get() << '\n';
}

// What a function throws, and everything else that may go wrong, is thrown by get().
void errors(maus::worker_group& workers) {
    try {
        (void)workers.call(divide, 1, 0).get();
    } catch (const maus::error& failed) {
        std::cout << "divide(1, 0): " << failed.what() << '\n';
    }
    try {
        (void)workers.call<std::string>("add", "one", "two").get();
    } catch (const maus::error& failed) {
        std::cout << "add(\"one\", \"two\"): " << failed.what() << '\n';
    }
}

// Many calls at a time: they go to whichever worker has the least to do. The inputs may be millions; they
// are looked at a little ahead of the results.
void many_calls(maus::worker_group& workers) {
    std::cout << "fib(0) to fib(30) =";
    for (const auto number : workers.map(fib, std::views::iota(0u, 31u))) {
        std::cout << ' ' << number;
    }
    std::cout << '\n';
}

void dates_and_own_types(maus::worker_group& workers) {
    const day now = std::chrono::system_clock::now();
    std::cout << "100 days from now it is " << date_of(workers.call(days_later, now, 100).get())
              << '\n';
    const std::vector<reading> readings{
        {"roof", 31.5, now}, {"cellar", 14, now}, {"hall", 21, now}};
    const reading most = workers.call(warmest, readings).get();
    std::cout << "warmest: " << most.sensor << ", " << most.celsius << " degrees\n";
}

// Functions that complete later do not hold their worker up.
void calls_that_take_time(maus::worker_group& workers) {
    const auto begun = std::chrono::steady_clock::now();
    std::vector<maus::future<std::string>> reminders;
    for (int i = 0; i < 100; ++i) reminders.push_back(workers.call(remind, "tea", 200ms));
    for (auto& each : reminders) (void)each.get();
    const auto took = std::chrono::steady_clock::now() - begun;
    std::cout << "100 reminders of 200 ms each took "
              << std::chrono::duration_cast<std::chrono::milliseconds>(took).count() << " ms\n";
}

// A coroutine waits for calls without holding a thread.
maus::future<int> sum_of_four(maus::worker_group& workers, int a, int b, int c, int d) {
    const int left = co_await workers.call(add, a, b);
    const int right = co_await workers.call(add, c, d);
    co_return co_await workers.call(add, left, right);
}

/// How to start a worker that finds this manager.
std::string worker_command(const place& meet, const maus::manager& manager) {
    std::string command = "maus-demo worker";
    for (const auto& each : meet.parkservers) command += " --parkserver " + each;
    if (meet.parkservers.empty()) command += " --connect " + manager.endpoint();
    return command + (meet.type == "default" ? "" : " --type " + meet.type);
}

/// False: it is to stop.
bool wait_for_worker(const maus::worker_group& workers, const place& meet,
                     const maus::manager& manager, const std::stop_token& stop) {
    for (int tries = 0; !workers.wait_for(1, 100ms); ++tries) {
        if (stop.stop_requested()) return false;
        if (tries != 20) continue;
        std::cerr << "waiting for a worker of type " << meet.type
                  << "; start one with: " << worker_command(meet, manager) << std::endl;
    }
    return true;
}

}  // namespace

int run_manager(const place& meet, const std::stop_token& stop) {
    // Without an endpoint of its own, it talks to its workers through the parkserver.
    maus::manager manager{maus::manager_options{.endpoint = meet.manager, .log = meet.log}};
    for (const auto& each : meet.parkservers) manager.connect_parkserver(each);
    // Calls that are under way then fail, and get() throws.
    const std::stop_callback stopping(stop, [&] { manager.stop(); });

    // All that are free, at least one. Calls may be made before any is there; we only wait to be
    // able to say what we wait for.
    maus::worker_group workers = manager.get_workers({.type = meet.type});
    if (!wait_for_worker(workers, meet, manager, stop)) return 1;

    simple_calls(workers);
    errors(workers);
    many_calls(workers);
    dates_and_own_types(workers);
    calls_that_take_time(workers);
    std::cout << "1 + 2 + 3 + 4 = " << sum_of_four(workers, 1, 2, 3, 4).get() << '\n';
    std::cout << "done by " << workers.size() << " worker(s)\n";

    workers.release();  // or let it go out of scope: they serve the next manager
    return 0;
}

}  // namespace example

#ifndef IN_MAUS_DEMO
int main(int argc, char** argv) {
    // Nobody asks it to stop: Ctrl-C ends it, and its workers are free at once.
    return example::run_manager(example::place_of(argc, argv, maus::log_level::warning), {});
}
#endif
