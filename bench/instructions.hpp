// Instructions a call, counted by valgrind's callgrind in an exchange that is always the same
// (counted/main.cpp): they do not change from run to run, whatever else the machine does, so that they
// can guard the hot path.
#pragma once

#include <vector>

#include "bench/figure.hpp"

namespace bench {

[[nodiscard]] bool valgrind_installed();
/// instructions.exchange.8B.wN: per call, in the machines of manager and worker together, with
/// encoding and decoding. Beside nothing.
[[nodiscard]] std::vector<figure> measure_instructions(const plan& how);

}  // namespace bench
