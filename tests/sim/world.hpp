// All that one run consists of.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "clockwork.hpp"
#include "history.hpp"
#include "network.hpp"
#include "plan.hpp"

namespace maus::sim {

class process;
class parkserver_process;
class manager_process;
class worker_process;

enum class phase : std::uint8_t {
    chaos,   ///< faults
    healed,  ///< no faults any more; programs go on
    steady,  ///< the same, and they ask for nothing new
    quiet,   ///< programs make no calls; what they are done with they release
    parting  ///< everybody stops
};

struct world {
    world(const plan& drawn, history::witness check, bool trace);
    ~world();

    plan how;
    clockwork time;
    base::random luck;
    history past;
    fault_counts faults;
    network net;
    sim::phase phase = phase::chaos;
    std::uint64_t next_ticket = 0;
    /// What a forger knows: attempts that workers were given lately.
    struct handed {
        std::uint32_t process = 0;
        wire::attempt what;
    };
    std::deque<handed> handed_out;
    std::vector<std::unique_ptr<process>> processes;
    std::vector<parkserver_process*> parkservers;
    std::vector<manager_process*> managers;
    std::vector<worker_process*> workers;
    std::vector<process*> strangers;
    /// Leases that strangers have heard of, and who was offered them.
    struct offer {
        base::lease_id lease;
        base::worker_id to;
    };
    std::deque<offer> overheard;
    void overhear(offer lease) {
        if (how.strangers == 0) return;
        if (overheard.size() >= 8) overheard.pop_front();
        overheard.push_back(lease);
    }
};

}  // namespace maus::sim
