#include "bench/lease.hpp"

#include <maus/maus.hpp>

#include <time.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <sstream>
#include <stdexcept>

#include "bench/commands.hpp"
#include "bench/histogram.hpp"
#include "bench/machine.hpp"
#include "bench/progress.hpp"

namespace bench {

namespace {

constexpr std::size_t cycle_workers = 200, cycle_requests = 50, spare_descriptors = 200;
constexpr double registering_s_max = 600;  // it takes 3 s, but for a machine that is busy

void sleep_s(double seconds) {
    const timespec time{static_cast<time_t>(seconds),
                        static_cast<long>((seconds - std::floor(seconds)) * 1e9)};
    nanosleep(&time, nullptr);
}

// What N peers cost a server, the parkserver or a bare ROUTER.
sample cost_of_peers(const std::string& role, std::size_t count, double rest_s) {
    child server(role, {any_endpoint("tcp")});
    const std::string endpoint = server.hear();
    const std::size_t processes = count >= 1000 ? 4 : 1, singly = count >= 1000 ? 100 : 20;
    std::vector<child> peers;
    for (std::size_t i = 0; i < processes; ++i) peers.emplace_back("lease-peers", words{endpoint});
    for (auto& each : peers) (void)each.hear();
    const double before = memory(server.pid());
    const double begun = now_s();
    for (auto& each : peers) each.say("workers " + std::to_string(count / processes));
    for (auto& each : peers) (void)each.hear(registering_s_max);
    const double took = now_s() - begun;
    const double grown = memory(server.pid()) - before;
    sleep_s(std::min(rest_s, 1.0));  // what registrations left to do is done
    const double cpu_before = cpu_s({server.pid()}), rest_begun = now_s();
    sleep_s(rest_s);
    const double cpu = (cpu_s({server.pid()}) - cpu_before) / (now_s() - rest_begun);
    peers.front().say("singly " + std::to_string(singly));
    const double single = std::stod(peers.front().hear(registering_s_max));
    const auto n = static_cast<double>(count);
    return {{"registration_us", took / n * 1e6},
            {"single_registration_p50_us", single},
            {"memory_bytes_per_worker", grown / n},
            {"rest_cpu_percent", cpu * 100}};
}

void run_lease(const plan& how, std::vector<std::size_t> counts, report& out) {
    if (how.quick) counts.resize(1);
    out.add(measure_request(how));
    out.add(measure_share(how));
    for (const char* transport : {"tcp", "ipc"})
        for (const bool apart : {false, true}) out.add(measure_cycle({transport, apart}, how));
    for (const auto count : counts) out.add(measure_registered(count, how));
}

}  // namespace

std::vector<figure> measure_registered(std::size_t workers, const plan& asked) {
    need_descriptors(workers + spare_descriptors);
    plan how = asked;
    how.repeats = std::min(how.repeats, 3);  // each takes a while
    const double rest_s = how.quick ? 0.3 : 4;
    const std::string name = "lease.registered" + std::to_string(workers);
    std::vector<double> over;
    double ours_bytes = 0;
    auto figures = side_by_side(
        name, how,
        [&] {
            auto made = cost_of_peers("parkserver", workers, rest_s);
            ours_bytes = made.at(2).second;
            return made;
        },
        [&] {
            auto made = cost_of_peers("bare-router", workers, rest_s);
            over.push_back((ours_bytes - made.at(2).second) / 1024);
            return made;
        });
    plan kept = how;
    kept.repeats = static_cast<int>(over.size());
    std::size_t next = 0;
    const auto difference = side_by_side(name, kept, [&] {
        return sample{{"memory_over_libzmq_kib", over.at(next++)}};
    });
    figures.insert(figures.end(), difference.begin(), difference.end());
    return figures;
}

namespace {

// A parkserver, or what stands in for one, and the peers that keep it busy.
struct agency {
    child server, peers;

    agency(const std::string& role, const plan& how, const cycle& what)
        : server(started(what.apart ? "one" : how.pin, role, any_endpoint(what.transport))),
          peers(started(what.apart ? "other" : how.pin, "lease-peers", server.hear())) {
        place(how.pin);
        (void)peers.hear();
        peers.say("workers " + std::to_string(cycle_workers));
        (void)peers.hear();
        peers.say("managers 2");
        (void)peers.hear();
    }
    static child started(const std::string& where, const std::string& role,
                         const std::string& endpoint) {
        place(where);
        return child(role, {endpoint});
    }
    sample run(double seconds) {
        const double cpu_before = cpu_s({server.pid()});
        peers.say("cycle " + std::to_string(seconds) + ' ' + std::to_string(cycle_requests));
        std::istringstream said(peers.hear(seconds + 60));
        double grants = 0, took = 0, p50 = 0, p99 = 0;
        said >> grants >> took >> p50 >> p99;
        const double cpu = cpu_s({server.pid()}) - cpu_before;
        return {{"grants_per_s", grants / took},
                {"p50_us", p50},
                {"p99_us", p99},
                {"server_cpu_us_per_grant", cpu / grants * 1e6}};
    }
};

}  // namespace

std::vector<figure> measure_cycle(const cycle& what, const plan& how) {
    agency ours("parkserver", how, what), bare("bare-agency", how, what);
    return side_by_side(
        "lease.cycle." + what.transport + (what.apart ? ".apart" : ""), how,
        [&] { return ours.run(how.seconds); }, [&] { return bare.run(how.seconds); });
}

std::vector<figure> measure_request(const plan& how) {
    constexpr std::size_t workers = 8;  // one that was given back has time to be free again
    child server("parkserver", {any_endpoint("tcp")});
    const std::string endpoint = server.hear();
    child serving("lease-workers", {endpoint, std::to_string(workers)});
    maus::manager manager{"tcp://127.0.0.1:*"};
    manager.connect_parkserver(endpoint);
    const auto ask_for = [&](std::uint32_t amount) {
        auto got = manager.get_workers({.amount = amount});
        if (!got.wait_for(amount, std::chrono::seconds{20})) {
            throw std::runtime_error("no worker came in 20 s");
        }
    };
    ask_for(workers);
    return side_by_side("lease.request", how, [&] {
        histogram latencies;
        for (const double end = now_s() + how.seconds; now_s() < end;) {
            const double begun = now_s();
            ask_for(1);
            latencies.record(now_s() - begun);
        }
        return sample{{"p50_us", latencies.quantile_us(0.5)},
                      {"p99_us", latencies.quantile_us(0.99)}};
    });
}

namespace {

// Milliseconds until it is so.
double until_ms(const std::function<bool()>& is_so) {
    constexpr double seconds_max = 60;
    const double begun = now_s();
    while (!is_so()) {
        if (now_s() - begun > seconds_max)
            throw std::runtime_error("workers did not move as they should in 60 s");
        sleep_s(0.001);
    }
    return (now_s() - begun) * 1e3;
}

// A manager and what it asks for.
struct program {
    maus::manager manager{"tcp://127.0.0.1:*"};
    maus::worker_group workers;
    program(const std::string& parkserver, const maus::request& wanted) {
        manager.connect_parkserver(parkserver);
        workers = manager.get_workers(wanted);
    }
};

}  // namespace

std::vector<figure> measure_share(const plan& how) {
    constexpr std::uint32_t count = 10, exact = 4;
    child server("parkserver", {any_endpoint("tcp")});
    const std::string endpoint = server.hear();
    const child serving("lease-workers", {endpoint, std::to_string(count)});
    return side_by_side("lease.share", how, [&] {
        const program one(endpoint, {});
        until_ms([&] { return one.workers.size() == count; });
        const program two(endpoint, {});
        const auto share_fairly = [&] {
            return one.workers.size() == count / 2 && two.workers.size() == count / 2;
        };
        const double settle = until_ms(share_fairly);
        double served = 0;
        {
            const program third(endpoint, {.amount = exact});
            served = until_ms([&] { return third.workers.size() == exact; });
        }
        const double grow_back = until_ms(share_fairly);
        return sample{{"settle_ms", settle},
                      {"exact_ms", served},
                      {"grow_back_ms", grow_back},
                      {"slowest_ms", std::max({settle, served, grow_back})}};
    });
}

command add_lease(CLI::App& to) {
    auto how = std::make_shared<plan>();
    CLI::App& app =
        add_benchmark(to, *how, "lease",
                      "The parkserver: grants a second, time to get a worker, cost of many workers",
                      "  maus-bench lease\n"
                      "  maus-bench lease --registered 10000 --repeats 1\n\n"
                      "Workers and managers of the cycle and the registered are simulated. The "
                      "cycle is beside a raw\n"
                      "ROUTER that only passes the same messages on; .apart: the server is "
                      "alone on a processor.\n"
                      "The registered are beside a bare ROUTER that returns every message.");
    auto counts =
        std::make_shared<std::vector<std::size_t>>(std::vector<std::size_t>{100, 1000, 10000});
    add_numbers(app, "--registered", *counts, "How many workers there are", 4, 100'000);
    return [how, counts] {
        return run_benchmark(*how, "lease",
                             [&](const plan& now, report& out) { run_lease(now, *counts, out); });
    };
}

}  // namespace bench
