// What a benchmark measures, and how figures of two systems are put side by side.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "bench/clock.hpp"
#include "bench/plan.hpp"

namespace bench {

/// What one run gave: metric and value, in an order that a benchmark keeps.
using sample = std::vector<std::pair<std::string, double>>;

/// One line of the result: ours beside the reference, measured in turn.
struct figure {
    std::string name;    // echo.tcp.8B.w1000.workers1
    std::string metric;  // calls_per_s, p50_us, ...
    double ours = 0;
    double reference = 0;  // NaN if there is none; ratio then, too
    double ratio = 0;      // median of the ratios of neighbouring runs
    double spread = 0;     // half the distance between the quartiles of those ratios (or of ours)
    std::string pin;
};

/// Runs both in turn, A B A B, and puts them side by side, a figure for each metric. Pairs run by
/// run: the ratio is of neighbours. Without a reference: ours alone.
[[nodiscard]] std::vector<figure> side_by_side(const std::string& name, const plan& how,
                                               const std::function<sample()>& ours,
                                               const std::function<sample()>& reference = {});
/// The same for any number of systems; each but the first is a reference, with its own name.
struct rival {
    std::string name;
    std::function<sample()> run;
};
[[nodiscard]] std::vector<figure> side_by_side(const plan& how, const std::function<sample()>& ours,
                                               const std::vector<rival>& references);

[[nodiscard]] const figure& find(const std::vector<figure>& among, const std::string& name,
                                 const std::string& metric);

/// "8B", "1KiB", "1MiB": a size as names have it.
[[nodiscard]] std::string size_name(std::size_t bytes);

}  // namespace bench
