// How soon the calls of a lost worker are done by those that are left.
#pragma once

#include <vector>

#include "bench/child.hpp"
#include "bench/figure.hpp"

namespace bench {

/// recover.kill (SIGKILL) or recover.stop (SIGSTOP, with heartbeats of 100 ms, 3 of which may be
/// missed) of one of two workers that have 1,000 calls of 1 ms. Metrics: last_result_s, beside the
/// time that the worker that is left needs for what is not done yet; first_reassigned_ms, from the loss
/// until the first call that had been given to the lost one starts at the other.
[[nodiscard]] std::vector<figure> measure_recover(bool stop, const plan& how);

void role_recover_server(const words& arguments);

}  // namespace bench
