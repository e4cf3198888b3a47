// The processes of the fault tests: `maus-faults worker ...` and `maus-faults manager ...`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "maus/options.hpp"

namespace faults {

/// What every role is told.
struct role_options {
    std::string history;
    std::uint32_t number = 0;
    std::vector<std::string> parkservers;
    std::string type = "default";
    std::uint32_t interval_ms = 100;
    std::uint32_t liveness = 4;
    std::string space;  ///< path of a network namespace to live in

    void add_to(CLI::App& app);
    [[nodiscard]] maus::heartbeat_options beat() const {
        return {std::chrono::milliseconds{interval_ms}, liveness};
    }
    /// Before anything else is done: signals, no core dumps, the namespace.
    void prepare() const;
};

struct worker_choices : role_options {
    std::uint32_t slower_ms = 0;  ///< each function takes so much longer
    std::string set_up_when;      ///< on_lease takes until there is such a file
    void add_to(CLI::App& app);
};
[[nodiscard]] int run_worker(const worker_choices& chosen);

struct manager_choices : role_options {
    std::string endpoint;  ///< none: through the parkserver
    std::vector<std::string> advertise;
    std::uint32_t amount = 0;
    std::uint32_t outstanding = 20;  ///< calls not settled at a time
    std::size_t bytes_max = 0;       ///< limits::calls_bytes_max; 0: its default
    std::uint64_t calls = 0;         ///< how many; 0: until it is asked to end
    std::uint32_t rate = 0;          ///< calls a second; 0: as many as come back
    std::uint32_t run_us = 1000;
    std::uint32_t extra_bytes = 0;
    std::uint32_t large_every = 0;  ///< each Nth call carries large_bytes instead; 0: none
    std::uint64_t large_at = 0;     ///< the one call of that number
    std::uint32_t large_bytes = 0;
    std::uint32_t cap = 3;
    std::uint32_t timeout_ms = 0;
    std::uint32_t attempt_timeout_ms = 0;
    // Each Nth call is one of these; 0: none.
    std::uint32_t once_every = 0;
    std::uint32_t poison_every = 0;
    std::uint32_t hang_every = 0;
    std::uint32_t toss_every = 0;
    std::uint32_t later_every = 0;
    std::uint32_t greedy_every = 0;
    bool idle = false;  ///< keeps its workers when it made all its calls, until it is asked to end
    void add_to(CLI::App& app);
};
[[nodiscard]] int run_manager(const manager_choices& chosen);

/// Whether SIGTERM came.
[[nodiscard]] bool asked_to_end();
/// Waits for that, or for so long.
void wait_to_end(std::chrono::milliseconds at_most);
[[nodiscard]] maus::log_function log_lines();

}  // namespace faults
