// map: a cheap function over very many inputs, and whether memory grows with them.
#pragma once

#include <cstdint>
#include <vector>

#include "bench/child.hpp"
#include "bench/figure.hpp"

namespace bench {

struct map_setting {
    std::uint64_t inputs = 10'000'000;
    bool unordered = false;
};

/// By how much the memory of a manager may grow from the first tenth of the inputs to the last one.
inline constexpr double map_growth_max = 16 << 20;

/// calls_per_s; growth_mib: of the manager's memory, from the first tenth of the inputs to the last one,
/// at any time between; worker_growth_mib: of the worker's, at the end.
[[nodiscard]] std::vector<figure> measure_map(const map_setting& what, const plan& how);

// The roles of the child processes.
void role_map_manager(const words& arguments);
void role_map_worker(const words& arguments);

}  // namespace bench
