#include "bench/sleep.hpp"

#include <sys/prctl.h>
#include <time.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <sstream>

#include "bench/commands.hpp"
#include "bench/machine.hpp"

namespace bench {

double nap(std::uint32_t microseconds) {
    prctl(PR_SET_TIMERSLACK, 1);  // the kernel would round up to 50 us
    const double begun = now_s();
    timespec left{static_cast<time_t>(microseconds / 1'000'000),
                  static_cast<long>(microseconds % 1'000'000) * 1000};
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) != 0) {
    }
    return now_s() - begun;
}

std::vector<std::uint32_t> naps_of(const std::string& kind, double seconds) {
    double left_us = seconds * sleep_workers * 1e6;
    std::mt19937_64 random(1);
    std::vector<double> chances;  // Zipf: k ms with a chance of 1 / k^1.2
    for (int k = 1; k <= 100; ++k) chances.push_back(std::pow(k, -1.2));
    std::discrete_distribution<std::uint32_t> zipf(chances.begin(), chances.end());
    std::vector<std::uint32_t> all;
    while (left_us > 0) {
        const std::uint32_t ms = kind == "zipf" ? 1 + zipf(random) : kind == "100ms" ? 100 : 1;
        all.push_back(ms * 1000);
        left_us -= ms * 1000.0;
    }
    return all;
}

double perfect_time(const std::vector<nap_done>& all) {
    struct share {
        double asked_s = 0, took_s = 0;
    };
    std::map<std::size_t, share> workers;
    double asked_s = 0;
    for (const auto& each : all) {
        workers[each.worker].asked_s += each.asked_us / 1e6;
        workers[each.worker].took_s += each.took_s;
        asked_s += each.asked_us / 1e6;
    }
    double speed = 0;  // seconds of work done in a second, by all together
    for (const auto& [_, each] : workers) speed += each.asked_s / each.took_s;
    return asked_s / speed;
}

namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();

struct processes {
    std::vector<child> servers;
    child client;

    // Answers makespan and perfect time through `perfect`.
    sample run(const load& what, double seconds, double& perfect) {
        std::vector<pid_t> pids{client.pid()};
        for (const auto& each : servers) pids.push_back(each.pid());
        const double cpu_before = cpu_s(pids);
        client.say(what.kind + ' ' + std::to_string(seconds));
        std::istringstream said(client.hear(seconds * 40 + 60));
        double took = 0;
        said >> took >> perfect;
        const auto calls = static_cast<double>(naps_of(what.kind, seconds).size());
        return {{"use", perfect / took},
                {"makespan_s", took},
                {"cpu_s_per_million_calls", (cpu_s(pids) - cpu_before) / calls * 1e6},
                {"peak_memory_bytes", peak_memory(pids)}};
    }
};

std::string slowness(const load& what, std::size_t worker) {
    return what.one_slow && worker == 0 ? "10" : "1";
}

processes maus_processes(const load& what) {
    child client("sleep-maus-client", {any_endpoint("tcp")});
    const std::string endpoint = client.hear();
    std::vector<child> servers;
    for (std::size_t i = 0; i < sleep_workers; ++i) {
        servers.emplace_back("sleep-maus-server", words{endpoint, slowness(what, i)});
    }
    return {std::move(servers), std::move(client)};
}

processes zmq_processes(const load& what, const std::string& sharing) {
    std::vector<child> servers;
    words arguments{sharing};
    for (std::size_t i = 0; i < sleep_workers; ++i) {
        servers.emplace_back("sleep-zmq-server", words{any_endpoint("tcp"), slowness(what, i)});
        arguments.push_back(servers.back().hear());
    }
    child client("sleep-zmq-client", std::move(arguments));
    return {std::move(servers), std::move(client)};
}

}  // namespace

std::vector<figure> measure_sleep(const load& what, const plan& asked) {
    plan how = asked;
    if (what.kind != "1ms" && !how.quick) how.seconds *= 3;  // the end counts for less then
    const std::string name = "sleep." + what.kind + ".workers" + std::to_string(sleep_workers) +
                             (what.one_slow ? ".slow1" : "");
    processes ours = maus_processes(what), round_robin = zmq_processes(what, "round-robin"),
              window1 = zmq_processes(what, "window1");
    double perfect = 0, ignored = 0;
    return side_by_side(
        how, [&] { return ours.run(what, how.seconds, perfect); },
        {{name,
          [&] {
              return sample{{"use", 1},
                            {"makespan_s", perfect},
                            {"cpu_s_per_million_calls", none},
                            {"peak_memory_bytes", none}};
          }},
         {name + ".round_robin", [&] { return round_robin.run(what, how.seconds, ignored); }},
         {name + ".window1", [&] { return window1.run(what, how.seconds, ignored); }}});
}

command add_sleep(CLI::App& to) {
    auto how = std::make_shared<plan>();
    how->seconds = 1;
    add_benchmark(
        to, *how, "sleep",
        "Use of 4 workers whose functions take 1 ms, 100 ms, or a mix; one of them slow",
        "  maus-bench sleep\n\n"
        "use: how much of their time the workers worked, until the last was done (1 is perfect);\n"
        "beside the perfect, and beside raw libzmq that gives out all calls in turn at once\n"
        "(.round_robin) or one at a time to each worker (.window1).");
    return [how] {
        return run_benchmark(*how, "sleep", [](const plan& now, report& out) {
            for (const auto& each :
                 std::vector<load>{{"1ms"}, {"100ms"}, {"zipf"}, {"1ms", true}}) {
                out.add(measure_sleep(each, now));
            }
        });
    };
}

}  // namespace bench
