// Who runs the seeds: a job is a process of this very program, which runs one after the other and
// says what each came to. A seed that ends its process, by a crash or by going on for ever, fails as
// any other; its job's other seeds are run by a new process.
#pragma once

#include <string>
#include <vector>

#include "totals.hpp"

namespace maus::sim {

struct work {
    std::uint64_t first = 1, last = 500;
    std::uint64_t step = 1;  // each n-th
    double minutes = 0;      // so long, whatever the last is; none: 0
    /// A seed is bounded by its events (clockwork.hpp). This ends one that goes on for ever within a
    /// step, and is far more than all events that a seed may have take on any machine.
    double seed_seconds = 600;
    std::uint64_t twice_every = 50;
    bool trace = false, fail_fast = false;
    bool tell = false;  // a parent reads what each seed came to
    std::vector<std::string> settings;
};

/// The seed's plan with the settings, which must be right (settings.hpp).
[[nodiscard]] plan plan_of(std::uint64_t seed, const std::vector<std::string>& settings);
/// The command that runs it.
[[nodiscard]] std::string command_of(const std::string& program, std::uint64_t seed,
                                     const std::vector<std::string>& settings);

/// In this process, which a seed may end.
[[nodiscard]] totals run_here(const work& what);
/// In a process of its own, and another one if that dies. False: somebody ended it.
[[nodiscard]] bool run_apart(const std::string& program, const work& what, totals& sum);
/// Each job takes every n-th seed. False: some job was ended.
[[nodiscard]] bool run_jobs(const std::string& program, const work& what, unsigned jobs,
                            totals& sum);

/// Of this process, or of the ended ones that it started.
[[nodiscard]] double processor_seconds();
[[nodiscard]] double processor_seconds_apart();

}  // namespace maus::sim
