// Processes that die, stop and hang.
#include <signal.h>

#include "rows.hpp"

namespace faults {

namespace {

using maus::wire::worker_state;

void kill_worker(stage& on) {
    on.start_parkserver();
    auto team = on.workers(4);
    auto& boss = on.manager({"--amount", "2", "--once-every", "10", "--later-every", "7"});
    on.wait_for(boss, kind::settled, 50);
    // Mid-function; then one that is idle; then one that has hardly begun.
    on.kill(on.busy(team));
    on.wait_for(boss, kind::settled, 50);
    on.kill(on.busy(team));
    on.wait_for(boss, kind::settled, 50);
    team.push_back(&on.worker());
    on.kill(*team.back());
    on.wait_for(boss, kind::settled, 50);
}

}  // namespace

std::vector<row> rows_of_losses() {
    return {
        {"kill-worker", "kill -9 of workers: mid-call, idle, while they register", true, true,
         false, kill_worker},
    };
}

}  // namespace faults
