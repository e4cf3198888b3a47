// What one seed draws: how many processes of each kind, how unkind the network is, how often
// processes die, and what the managers' programs do.
//
// Rates are drawn themselves ("swarm testing"): a run without partitions, or with nothing but
// poison, finds what a run with a bit of everything hides.
#pragma once

#include "clockwork.hpp"
#include "maus/limits.hpp"

namespace maus::sim {

struct plan {
    std::uint64_t seed = 0;

    // --- who is there
    std::uint32_t parkservers = 1;
    std::uint32_t managers = 1;
    std::uint32_t workers = 1;
    std::uint32_t direct_workers = 0;
    std::uint32_t types = 1;
    std::uint32_t strangers = 0;
    double hoards = 0;       ///< connections of strangers that come as managers and hold long lists
    double relayed = 0;      ///< managers without an address
    double bad_address = 0;  ///< managers whose first address is not theirs
    std::uint32_t interval_ms_min = 50, interval_ms_max = 50;
    std::uint32_t liveness_min = 3, liveness_max = 3;
    duration link_timeout{};
    maus::limits bounds;
    duration chaos{};

    // --- the network
    duration delay_min{}, delay_max{};
    double spike = 0;  ///< a message that takes up to spike_max
    duration spike_max{};
    double pipe_full = 0;       ///< a message
    double unknowns = 0;        ///< a message: it is sent as a later version would
    double without_notice = 0;  ///< a connection that breaks
    double breaks = 0;          ///< a second, all of them a connection of its own
    double deaf = 0;            ///< a second: a connection that loses all, and breaks later
    double partitions = 0;      ///< a second
    double half_closes = 0;     ///< a second: one end of a connection is told that it is gone
    double partitions_cut = 0;  ///< connections that a partition ends rather than delays
    duration partition_max{};

    // --- the processes
    double crashes = 0;       ///< a second
    double crash_midway = 0;  ///< those that come amid what a process is about to say
    double stops = 0;         ///< a second; in an orderly way
    double pauses = 0;        ///< a second
    double park_share = 0;    ///< of those, the share that parkservers get
    double keep_identity = 0;
    double stopped_clocks = 0;  ///< of those, the share in which the process's clock stands still
    double wall_jumps = 0;      ///< boots that find their wall clock set up to an hour off
    double clock_jumps = 0;     ///< a second: some machine's wall clock is set amid a life
    duration pause_max{}, down_max{};
    duration latency_max{};  ///< between an input and its process's next step
    double babble = 0;       ///< a worker's message: it says old results again
    double forges = 0;       ///< a worker's message: it says a result of another worker's call, too
    double twins = 0;        ///< boots under the identity of another process that lives
    double returns = 0;      ///< boots of workers that return all that they are sent, for a while
    double hooks = 0;        ///< workers that set up and clear up each lease
    double refusals = 0;     ///< leases that such a worker refuses, amid chaos
    duration hook_max{};
    bool returned_at_once = true;  ///< the executor's habit with jobs that need not start

    // --- the programs
    double bursts = 0;  ///< a second and manager
    std::uint32_t burst_max = 1;
    std::uint32_t requests_max = 1;
    std::uint32_t outstanding_max = 100;
    double all_free = 0;  ///< requests of amount 0
    double elastic = 0;   ///< requests with a min and a max
    duration steady{};    ///< of health: programs go on, and ask for nothing new
    double changes = 0;   ///< a second and manager: a request is added or released
    double cancels = 0;   ///< a call
    double once = 0, with_timeout = 0, with_attempt_timeout = 0, with_no_workers_timeout = 0;
    double asking = 0;   ///< calls whose functions call back
    double nesting = 0;  ///< of those, the share whose callables call the same workers and wait
    double nested_asking =
        0;  ///< of the calls that callables make, those that call back themselves
    double slow = 0, hung = 0, poison = 0, throwing = 0, detached = 0, absent = 0, large = 0;
    double streams = 0;     ///< calls that give items
    double replayable = 0;  ///< of those
    duration slow_max{};
    std::uint32_t concurrency_max = 1;
    double hedged = 0;     ///< calls with a hedge_after
    double addressed = 0;  ///< calls for one worker
};

[[nodiscard]] plan draw(std::uint64_t seed);
[[nodiscard]] std::string type_name(std::uint32_t number);

}  // namespace maus::sim
