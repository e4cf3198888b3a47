// A worker, to be read and copied. Start it with `maus-demo worker`, as often as you like.

#include <algorithm>
#include <iostream>
#include <stdexcept>

#include <maus/worker.hpp>

#include "bin/demo/alarm_clock.hpp"
#include "bin/demo/commands.hpp"
#include "bin/demo/example.hpp"
#include "bin/support/log_lines.hpp"

namespace {

using namespace example;

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

int demo::example_worker(const worker_options& options, maus::programs::stop_signals& signals) {
    alarm_clock clock;  // before the worker, whose functions use it
    maus::worker worker{{.log = maus::programs::log_lines(maus::log_level::info)}};
    expose_all(worker, clock);
    if (options.connect.empty()) {
        worker.register_parkserver(options.parkserver, options.type);
    } else {
        worker.connect(options.connect, options.type);  // one manager, no parkserver
    }
    std::cout << "worker " << worker.id().substr(0, 8) << ", type " << options.type
              << (options.connect.empty() ? "" : ", for the manager at " + options.connect)
              << "; Ctrl-C stops it" << std::endl;

    const auto stopping = signals.on_stop([&] { worker.stop(); });
    worker.run();
    return 0;
}
