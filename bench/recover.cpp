#include "bench/recover.hpp"

#include <maus/maus.hpp>

#include <signal.h>

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <tuple>

#include "bench/commands.hpp"
#include "bench/machine.hpp"
#include "bench/sleep.hpp"

namespace bench {

namespace {

// When it started (the machine's clock), how long it took, which attempt it was.
using worked = std::tuple<double, double, std::uint32_t>;
constexpr maus::method<worked(std::uint32_t)> work{"work"};

constexpr std::size_t outstanding = 1000, done_before = 100;

maus::heartbeat_options heartbeat(bool stop) {
    maus::heartbeat_options made;
    if (stop) made.interval = std::chrono::milliseconds{100};
    return made;
}

struct recovery {
    double last_s = 0, ideal_s = 0, first_reassigned_ms = 0;
};

recovery lose_one(bool stop, std::size_t calls) {
    maus::manager manager{{.endpoint = any_endpoint("tcp"), .heartbeat = heartbeat(stop)}};
    auto workers = manager.get_workers({.amount = 2});
    child left("recover-server", {manager.endpoint(), stop ? "stop" : "kill"});
    child lost("recover-server", {manager.endpoint(), stop ? "stop" : "kill"});
    if (!workers.wait_for(2, std::chrono::seconds{20})) {
        throw std::runtime_error("no workers came in 20 s");
    }
    const std::size_t before = std::min(done_before, calls / 2);
    std::vector<maus::future<worked>> futures;
    for (std::size_t i = 0; i < calls + before; ++i) futures.push_back(workers.call(work, 1000u));
    futures[before].wait();
    std::size_t ready = 0;
    for (const auto& each : futures) ready += each.ready() ? 1 : 0;
    const double loss = now_s();
    lost.signal(stop ? SIGSTOP : SIGKILL);
    double first_reassigned = std::numeric_limits<double>::max(), busy = 0;
    for (auto& each : futures) {
        const auto [started, took, attempt] = each.get();
        busy += took;
        if (attempt > 1 && started > loss) first_reassigned = std::min(first_reassigned, started);
    }
    const double last = now_s();
    const double mean = busy / static_cast<double>(futures.size());
    return {last - loss, mean * static_cast<double>(futures.size() - ready),
            (first_reassigned - loss) * 1e3};
}

}  // namespace

std::vector<figure> measure_recover(bool stop, const plan& how) {
    const std::string name = stop ? "recover.stop" : "recover.kill";
    recovery now;
    auto figures = side_by_side(
        name, how,
        [&] {
            now = lose_one(stop, how.quick ? outstanding / 5 : outstanding);
            return sample{{"last_result_s", now.last_s}};
        },
        [&] {
            return sample{{"last_result_s", now.ideal_s}};
        });
    const auto moved = side_by_side(name, how, [&] {
        return sample{
            {"first_reassigned_ms",
             lose_one(stop, how.quick ? outstanding / 5 : outstanding).first_reassigned_ms}};
    });
    figures.insert(figures.end(), moved.begin(), moved.end());
    return figures;
}

void role_recover_server(const words& arguments) {
    maus::worker worker{{.heartbeat = heartbeat(arguments.at(1) == "stop")}};
    worker.expose(work, [](std::uint32_t us) {
        const double started = now_s();
        return worked{started, nap(us), maus::this_call::fence().attempt};
    });
    worker.connect(arguments.at(0));
    worker.run();
}

command add_recover(CLI::App& to) {
    auto how = std::make_shared<plan>();
    add_benchmark(
        to, *how, "recover", "One of two workers is killed, or stopped: when are its calls done?",
        "  maus-bench recover\n\n"
        "1,000 calls of 1 ms are outstanding. last_result_s is beside what the worker that is "
        "left\n"
        "needs for them; first_reassigned_ms is until the first of the lost calls starts again. A\n"
        "stopped worker is noticed by silence: 100 ms heartbeats, 3 of which may be missed.");
    return [how] {
        return run_benchmark(*how, "recover", [](const plan& now, report& out) {
            for (const bool stop : {false, true}) out.add(measure_recover(stop, now));
        });
    };
}

}  // namespace bench
