#include "bench/map.hpp"

#include <maus/maus.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <ranges>
#include <sstream>
#include <stdexcept>
#include <string>

#include "bench/clock.hpp"
#include "bench/machine.hpp"

namespace bench {

namespace {

constexpr maus::method<std::uint64_t(std::uint64_t)> next_number{"next_number"};

// What /proc/self/status has under this name, in bytes.
std::uint64_t own_memory(const std::string& name) {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
        if (word != name + ':') continue;
        std::uint64_t kib = 0;
        status >> kib;
        return kib << 10;
    }
    throw std::runtime_error("/proc/self/status has no " + name);
}

// Goes through all inputs. Says when the first tenth is done, and goes on when it is told.
template <class Results, class Value>
void go_through(Results results, std::uint64_t inputs, Value value_of) {
    std::uint64_t done = 0, sum = 0, at_tenth = 0;
    double begun = now_s();
    double took = 0;
    for (const auto& each : results) {
        sum += value_of(each);
        if (++done != inputs / 10) continue;
        at_tenth = own_memory("VmRSS");
        took += now_s() - begun;
        answer("a tenth");
        (void)next_command();
        begun = now_s();
    }
    took += now_s() - begun;
    if (done != inputs || sum != inputs * (inputs + 1) / 2) {
        throw std::runtime_error("other results came");
    }
    // The most that there ever was: what was given back before the end counts, too.
    const std::uint64_t peak = own_memory("VmHWM");
    answer(std::to_string(took) + ' ' + std::to_string(peak - std::min(peak, at_tenth)));
    (void)next_command();
}

figure one_figure(const map_setting& what, const plan& how, const std::string& metric,
                  double value) {
    return {what.unordered ? "map_unordered.8B" : "map.8B",
            metric,
            value,
            std::nan(""),
            std::nan(""),
            0,
            how.pin};
}

}  // namespace

std::vector<figure> measure_map(const map_setting& what, const plan& how) {
    // Far more than it takes: a tenth of the slowest calls that were ever seen.
    const double seconds_max = 60 + static_cast<double>(what.inputs) / 1000;
    child manager("map-manager", {any_endpoint("tcp"), std::to_string(what.inputs),
                                  what.unordered ? "unordered" : "ordered"});
    const child worker("map-worker", {manager.hear()});
    (void)manager.hear(seconds_max);
    const double worker_before = memory(worker.pid());
    manager.say("go on");
    std::istringstream said(manager.hear(seconds_max));
    double took = 0, growth = 0;
    said >> took >> growth;
    const double worker_growth = memory(worker.pid()) - worker_before;
    constexpr double mib = 1 << 20;
    return {one_figure(what, how, "calls_per_s", static_cast<double>(what.inputs) / took),
            one_figure(what, how, "growth_mib", growth / mib),
            one_figure(what, how, "worker_growth_mib", worker_growth / mib)};
}

void role_map_manager(const words& arguments) {
    maus::manager manager{arguments.at(0)};
    const std::uint64_t count = std::stoull(arguments.at(1));
    auto workers = manager.get_workers({.amount = 1});
    answer(manager.endpoint());
    const auto inputs = std::views::iota(std::uint64_t{0}, count);
    if (arguments.at(2) == "unordered") {
        go_through(workers.map_unordered(next_number, inputs), count,
                   [](const auto& each) { return each.value; });
    } else {
        go_through(workers.map(next_number, inputs), count,
                   [](std::uint64_t each) { return each; });
    }
}

void role_map_worker(const words& arguments) {
    maus::worker worker;
    worker.expose(next_number, [](std::uint64_t x) { return x + 1; });
    worker.connect(arguments.at(0));
    worker.run();
}

}  // namespace bench
