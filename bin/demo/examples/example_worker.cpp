// A worker, to be read and copied with example.hpp and alarm_clock.hpp. It needs a parkserver:
//
//     g++ -std=c++20 example_worker.cpp -o example_worker $(pkg-config --cflags --libs maus)
//     ./example_worker                              # or ./example_worker tcp://HOST:PORT ...
//
// `maus-demo worker` is the same with options. Start it as often as you like.

#include <algorithm>
#include <functional>
#include <iostream>
#include <stdexcept>

#include <maus/worker.hpp>

#include "alarm_clock.hpp"
#include "example.hpp"

namespace example {

namespace {

// An exception goes to the caller, with its type and its text, and hurts nothing else.
double quotient(double dividend, double divisor) {
    if (divisor == 0) throw std::domain_error("division by zero");
    return dividend / divisor;
}

std::uint64_t fibonacci(std::uint32_t n) {
    if (n > 40) throw std::out_of_range("this way of doing it takes too long from 41 on");
    return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

reading warmest_of(const std::vector<reading>& all) {
    if (all.empty()) throw std::invalid_argument("no readings");
    return std::ranges::max(all, {}, &reading::celsius);
}

void expose_all(maus::worker& worker, alarm_clock& clock) {
    worker.expose(add, [](int x, int y) { return x + y; });
    worker.expose(divide, quotient);
    worker.expose(fib, fibonacci);
    worker.expose(days_later, [](day from, int days) { return from + std::chrono::days{days}; });
    worker.expose(warmest, warmest_of);
    // It completes later, when the responder is called, and until then keeps nobody waiting.
    worker.expose(remind, [&clock](const maus::responder<std::string>& answer,
                                   const std::string& text, std::chrono::milliseconds time) {
        clock.after(time, [answer, text] { answer(text); });
    });
}

}  // namespace

int run_worker(const place& meet, const std::stop_token& stop) {
    alarm_clock clock;  // before the worker, whose functions use it
    maus::worker worker{{.log = meet.log}};
    expose_all(worker, clock);
    for (const auto& each : meet.parkservers) worker.register_parkserver(each, meet.type);
    if (!meet.manager.empty()) worker.connect(meet.manager, meet.type);  // no parkserver between
    std::cout << "worker " << worker.id().substr(0, 8) << ", type " << meet.type
              << (meet.manager.empty() ? "" : ", for the manager at " + meet.manager)
              << "; Ctrl-C stops it" << std::endl;

    if (!stop.stop_possible()) {
        // Until Ctrl-C or SIGTERM: then it finishes what runs, gives back what waits, and says goodbye.
        worker.run_until_signal();
        return 0;
    }
    // In a program that has another way to be told (as maus-demo has), stop() does the same.
    const std::stop_callback stopping(stop, [&] { worker.stop(); });
    worker.run();
    return 0;
}

}  // namespace example

#ifndef IN_MAUS_DEMO
int main(int argc, char** argv) {
    return example::run_worker(example::place_of(argc, argv, maus::log_level::info), {});
}
#endif
