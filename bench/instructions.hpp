// Instructions a call, counted by valgrind's callgrind in an exchange that is always the same
// (counted/main.cpp): they do not change from run to run, whatever else the machine does, so that they
// can guard the hot path.
#pragma once

#include <vector>

#include "bench/child.hpp"
#include "bench/figure.hpp"

namespace bench {

[[nodiscard]] bool valgrind_installed();
/// instructions.manager.8B.wN and instructions.worker.8B.wN, per call, of everything in that
/// process but the kernel; beside a raw libzmq client and server.
[[nodiscard]] std::vector<figure> measure_instructions(const plan& how);

void role_count_zmq_client(const words& arguments);

}  // namespace bench
