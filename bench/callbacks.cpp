#include "bench/callbacks.hpp"

#include <maus/maus.hpp>

#include <deque>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "bench/clock.hpp"
#include "bench/machine.hpp"

namespace bench {

namespace {

using number = std::uint64_t;
using callable = maus::function<number(number)>;

constexpr maus::method<number(number)> echo_number{"echo"};
constexpr maus::method<std::uint64_t(double, std::uint64_t, callable)> call_back{"call_back"};

// Makes calls for that time, `window` outstanding, and gives how many.
template <class Call>  // maus::future<number>(number)
std::uint64_t by_window(double seconds, std::uint64_t window, Call call) {
    std::deque<std::pair<number, maus::future<number>>> waiting;
    number made = 0;
    const double end = now_s() + seconds;
    for (double now = 0; now < end || !waiting.empty(); now = now_s()) {
        while (now < end && waiting.size() < window) {
            waiting.emplace_back(made, call(made));
            ++made;
        }
        auto& [sent, future] = waiting.front();
        if (future.get() != sent) throw std::runtime_error("another answer came");
        waiting.pop_front();
    }
    return made;
}

}  // namespace

std::string name_of(const callbacks_setting& what) {
    return "callbacks." + what.transport + ".8B.w" + std::to_string(what.window);
}

std::vector<figure> measure_callbacks(const callbacks_setting& what, const plan& how) {
    child manager("callbacks-manager", {any_endpoint(what.transport), std::to_string(what.window)});
    const child worker("callbacks-worker", {manager.hear()});
    const auto run = [&](const std::string& kind, double seconds) -> sample {
        const std::vector<pid_t> pids{manager.pid(), worker.pid()};
        const double before = cpu_s(pids);
        manager.say(kind + ' ' + std::to_string(seconds));
        std::istringstream said(manager.hear(seconds + 60));
        double count = 0, took = 0;
        said >> count >> took;
        return {{"per_s", count / took},
                {"cpu_s_per_million", (cpu_s(pids) - before) / count * 1e6}};
    };
    for (const auto* kind : {"callbacks", "calls"}) (void)run(kind, how.seconds / 3);
    return side_by_side(
        name_of(what), how, [&] { return run("callbacks", how.seconds); },
        [&] { return run("calls", how.seconds); });
}

void role_callbacks_manager(const words& arguments) {
    maus::manager manager{arguments.at(0)};
    const auto window = std::stoull(arguments.at(1));
    auto workers = manager.get_workers({.amount = 1});
    answer(manager.endpoint());
    for (;;) {
        std::istringstream told(next_command());
        std::string kind;
        double seconds = 0;
        told >> kind >> seconds;
        const double begun = now_s();
        const std::uint64_t count =
            kind == "calls"
                ? by_window(seconds, window, [&](number x) { return workers.call(echo_number, x); })
                : workers.call(call_back, seconds, window, [](number x) { return x; }).get();
        answer(std::to_string(count) + ' ' + std::to_string(now_s() - begun));
    }
}

void role_callbacks_worker(const words& arguments) {
    maus::worker worker;
    worker.expose(echo_number, [](number x) { return x; });
    worker.expose(call_back, [](double seconds, std::uint64_t window, const callable& f) {
        return by_window(seconds, window, [&](number x) { return f.async(x); });
    });
    worker.connect(arguments.at(0));
    worker.run();
}

}  // namespace bench
