// How well workers are used whose functions take time: the time that a load takes, beside the time
// that it would take if no worker ever waited, and beside two ways to share out work by hand.
#pragma once

#include <string>
#include <vector>

#include "bench/child.hpp"
#include "bench/figure.hpp"

namespace bench {

/// "1ms", "100ms", "zipf" (1 to 100 ms, short ones most), on four workers; or one of four is ten
/// times slower.
struct load {
    std::string kind = "1ms";
    bool one_slow = false;
};
/// sleep.KIND.workers4[.slow1] beside the perfect; the same .round_robin and .window1 beside raw
/// libzmq that gives all calls out at once, in turn, or one at a time to each. Metrics: use (of the
/// workers, 1 is perfect), makespan_s, cpu_s_per_million_calls, peak_memory_bytes.
[[nodiscard]] std::vector<figure> measure_sleep(const load& what, const plan& how);

inline constexpr std::size_t sleep_workers = 4;

// --- between the processes

/// Sleeps, and tells how long it took.
[[nodiscard]] double nap(std::uint32_t microseconds);
/// The calls of a load that takes about `seconds`; always the same.
[[nodiscard]] std::vector<std::uint32_t> naps_of(const std::string& kind, double seconds);
/// One call that is done.
struct nap_done {
    std::uint32_t asked_us = 0;
    double took_s = 0;
    std::size_t worker = 0;
};
/// How long these calls take at least on workers as fast as these were.
[[nodiscard]] double perfect_time(const std::vector<nap_done>& all);

void role_sleep_maus_client(const words& arguments);
void role_sleep_maus_server(const words& arguments);
void role_sleep_zmq_client(const words& arguments);
void role_sleep_zmq_server(const words& arguments);

}  // namespace bench
