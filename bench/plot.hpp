// Drawings of figures, by gnuplot.
#pragma once

#include <string>
#include <vector>

#include "bench/figure.hpp"

namespace bench {

/// Makes the folder. Throws if it cannot.
void prepare_plots(const std::string& folder);
/// Writes FOLDER/BENCHMARK.dat and .gp, and .svg if gnuplot is installed. Tells what it did.
[[nodiscard]] std::string draw(const std::string& folder, const std::string& benchmark,
                               const std::vector<figure>& figures);

}  // namespace bench
