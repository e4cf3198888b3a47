#include "bench/echo.hpp"

#include <algorithm>
#include <sstream>

namespace bench {

std::string name_of(const std::string& benchmark, const setting& what) {
    std::string name = benchmark + '.' + what.transport + '.' + size_name(what.bytes) + ".w" +
                       std::to_string(what.window) + ".workers" + std::to_string(what.workers);
    if (what.payload != "text") name += '.' + what.payload;
    if (what.style != "get") name += '.' + what.style;
    if (what.beside > 0) name += ".beside" + size_name(what.beside);
    if (what.threads > 1) name += ".threads" + std::to_string(what.threads);
    return name;
}

sample system_under_test::run(double seconds) {
    std::vector<pid_t> pids;
    for (const auto& each : processes_) pids.push_back(each.pid());
    const double cpu_before = cpu_s(pids);
    child& client = processes_.back();
    client.say(std::to_string(seconds));
    std::istringstream said(client.hear(seconds + 60));
    double calls = 0, took = 0, p50 = 0, p99 = 0, p999 = 0;
    said >> calls >> took >> p50 >> p99 >> p999;
    const double cpu = cpu_s(pids) - cpu_before;
    return {{"calls_per_s", calls / took},
            {"p50_us", p50},
            {"p99_us", p99},
            {"p999_us", p999},
            {"cpu_s_per_million_calls", cpu / calls * 1e6},
            {"peak_memory_bytes", peak_memory(pids)}};
}

std::vector<figure> measure_systems(
    const plan& how, system_under_test ours,
    std::vector<std::pair<std::string, system_under_test>> references) {
    const double warm = how.seconds / 3;
    (void)ours.run(warm);
    std::vector<rival> rivals;
    for (auto& [name, reference] : references) {
        (void)reference.run(warm);
        rivals.push_back({name, [&] { return reference.run(how.seconds); }});
    }
    return side_by_side(
        how, [&] { return ours.run(how.seconds); }, rivals);
}

std::vector<figure> measure_echo(const setting& what, const plan& how, bool ceiling) {
    const std::string name = name_of("echo", what);
    std::vector<std::pair<std::string, system_under_test>> references;
    references.emplace_back(name, zmq_echo(what));
    if (ceiling) references.emplace_back(name + ".of64", zmq_echo(what, 64));
    return measure_systems(how, maus_echo(what), std::move(references));
}

std::vector<figure> measure_transfer(const setting& what, const plan& how) {
    const std::string name = name_of("transfer", what);
    setting alone = what;
    alone.beside = 0;
    std::vector<std::pair<std::string, system_under_test>> references;
    references.emplace_back(name, zmq_echo(what));
    references.emplace_back(name + ".alone", maus_echo(alone));
    return measure_systems(how, maus_echo(what), std::move(references));
}

std::vector<figure> measure_relay(const setting& what, const plan& how) {
    std::vector<std::pair<std::string, system_under_test>> references;
    references.emplace_back(name_of("relay", what), zmq_relay(what));
    return measure_systems(how, maus_relay(what), std::move(references));
}

}  // namespace bench
