// What many seeds come to: printed for whoever reads, or as a line for the process that asked.
#pragma once

#include <string>

#include "run.hpp"

namespace maus::sim {

struct totals {
    std::uint64_t seeds = 0, failed = 0, events = 0;
    double simulated_s = 0;
    fault_counts faults;
    checkers::tally calls;

    void add(const report& more);
    void add(const totals& more);
};

void print(const totals& sum, double processor_s);
/// In one line, without its end.
[[nodiscard]] std::string to_line(const totals& sum);
/// False: the line is no such one.
[[nodiscard]] bool add_line(const std::string& line, totals& sum);

}  // namespace maus::sim
