#include "totals.hpp"

#include <algorithm>
#include <cstdio>
#include <sstream>
#include <utility>

namespace maus::sim {

namespace {

constexpr std::pair<const char*, std::uint64_t fault_counts::*> fault_names[] = {
    {"crashes", &fault_counts::crashes},         {"stops", &fault_counts::stops},
    {"pauses", &fault_counts::pauses},           {"stopped-clocks", &fault_counts::stopped_clocks},
    {"wall-jumps", &fault_counts::wall_jumps},   {"breaks", &fault_counts::breaks},
    {"half-closes", &fault_counts::half_closes}, {"deaf", &fault_counts::deaf},
    {"partitions", &fault_counts::partitions},   {"pipe-full", &fault_counts::pipe_full},
    {"unnoticed", &fault_counts::unnoticed},     {"poison", &fault_counts::poisoned},
    {"forged", &fault_counts::forged},           {"meddled", &fault_counts::meddled},
    {"unknowns", &fault_counts::unknowns},       {"returned", &fault_counts::returned},
};

constexpr std::uint64_t checkers::tally::*call_counts[] = {
    &checkers::tally::calls,      &checkers::tally::results,  &checkers::tally::errors,
    &checkers::tally::executions, &checkers::tally::poisoned, &checkers::tally::innocent_poisoned,
};

constexpr const char* line_begins = "totals ";

}  // namespace

void totals::add(const report& more) {
    ++seeds;
    failed += more.failures.empty() ? 0 : 1;
    events += more.events;
    simulated_s += static_cast<double>(more.simulated.count()) / 1e9;
    faults.add(more.faults);
    calls.add(more.calls);
}

void totals::add(const totals& more) {
    seeds += more.seeds;
    failed += more.failed;
    events += more.events;
    simulated_s += more.simulated_s;
    faults.add(more.faults);
    calls.add(more.calls);
}

void print(const totals& sum, double processor_s) {
    const auto n = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
    std::printf("seeds     %llu, of which %llu failed\n", n(sum.seeds), n(sum.failed));
    std::printf("events    %llu, %.0f a processor second\n", n(sum.events),
                static_cast<double>(sum.events) / std::max(processor_s, 0.001));
    std::printf("simulated %.1f hours\n", sum.simulated_s / 3600);
    std::printf("calls     %llu: %llu results, %llu errors, %llu executions\n", n(sum.calls.calls),
                n(sum.calls.results), n(sum.calls.errors), n(sum.calls.executions));
    std::printf("poisoned  %llu, of which innocent (chaos had part in it) %llu\n",
                n(sum.calls.poisoned), n(sum.calls.innocent_poisoned));
    std::printf("faults    %llu:", n(sum.faults.all()));
    for (const auto& [name, count] : fault_names)
        std::printf(" %s %llu", name, n(sum.faults.*count));
    std::printf("\n");
}

std::string to_line(const totals& sum) {
    std::ostringstream out;
    out << line_begins << sum.seeds << ' ' << sum.failed << ' ' << sum.events << ' '
        << sum.simulated_s;
    for (const auto& each : fault_names) out << ' ' << sum.faults.*each.second;
    for (const auto& each : call_counts) out << ' ' << sum.calls.*each;
    return out.str();
}

bool add_line(const std::string& line, totals& sum) {
    if (!line.starts_with(line_begins)) return false;
    std::istringstream in(line.substr(std::string(line_begins).size()));
    totals more;
    in >> more.seeds >> more.failed >> more.events >> more.simulated_s;
    for (const auto& each : fault_names) in >> more.faults.*each.second;
    for (const auto& each : call_counts) in >> more.calls.*each;
    sum.add(more);
    return true;
}

}  // namespace maus::sim
