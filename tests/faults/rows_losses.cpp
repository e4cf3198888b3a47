// Processes that die, stop, hang, or take others with them.
#include <algorithm>
#include <cstdio>

#include "rows.hpp"
#include "watch.hpp"

namespace faults {

namespace {

using maus::worker_state;

void kill_worker(stage& on) {
    on.start_parkserver();
    auto team = on.workers(4);
    auto& boss = on.manager({"--amount", "2", "--once-every", "10", "--later-every", "7"});
    on.wait_for(boss, kind::settled, 50);
    // Mid-function, twice; then one that has hardly begun to register.
    for (int i = 0; i < 2; ++i) {
        on.kill(on.busy(team));
        on.wait_for(boss, kind::settled, 50);
    }
    on.kill(on.worker());
    on.wait_for(boss, kind::settled, 50);
    // One that has just registered, and one that takes leave meanwhile.
    const auto registered = [&] {
        auto& fresh = on.worker();
        on.wait("its registration", [&] {
            const auto seen = on.status();
            return seen && std::any_of(seen->workers.begin(), seen->workers.end(), [&](auto& each) {
                       return each.pid == static_cast<std::uint32_t>(fresh.pid());
                   });
        });
        return &fresh;
    };
    on.kill(*registered());
    on.wait_for(boss, kind::settled, 50);
    auto& leaving = *registered();
    on.ask_to_end(leaving);
    on.kill(leaving);
    on.wait_for(boss, kind::settled, 50);
}

void kill_manager(stage& on) {
    on.start_parkserver();
    (void)on.workers(6);
    auto& lost = on.manager({"--amount", "2", "--outstanding", "200"});
    auto& stays = on.manager(calm({"--amount", "2"}));
    on.wait_for(lost, kind::settled, 50);
    on.wait_for(stays, kind::settled, 50);
    auto& heir = on.manager({"--amount", "4"});  // waits for the two that `lost` has
    on.wait_for(lost, kind::settled, 50);
    on.kill(lost);
    on.wait_for(heir, kind::settled, 50);
    on.wait_for(stays, kind::settled, 50);
    // The first Maus freed all workers then.
    on.check(stays.count(kind::left) == 0, "another manager lost workers");
}

void kill_parkserver(stage& on) {
    on.start_parkserver();
    (void)on.workers(4);
    auto& boss = on.manager(calm({"--amount", "2"}));
    on.wait_for(boss, kind::settled, 50);
    auto& waits = on.manager({"--amount", "4"});
    on.wait("its request", [&] {
        const auto seen = on.status();
        return seen && seen->requests.size() == 2;
    });
    for (int i = 0; i < 2; ++i) {
        on.kill_parkserver();
        on.wait_for(boss, kind::settled, 100);
        on.start_parkserver();
        on.wait_for_workers(2, worker_state::leased);
        on.wait_for_workers(2, worker_state::available);
    }
    on.check(boss.count(kind::left) == 0, "a lease ended with its parkserver");
    on.ask_to_end(boss);
    on.wait_for(waits, kind::settled, 50);
}

void kill_parkserver_relayed(stage& on) {
    on.start_parkserver();
    (void)on.workers(2);
    auto& boss = on.manager({"--amount", "2", "--relayed"});
    on.wait_for(boss, kind::settled, 50);
    on.kill_parkserver();
    on.start_parkserver();
    on.wait_for(boss, kind::settled, 50);
}

void zombie(stage& on) {
    on.start_parkserver();
    auto team = on.workers(3);
    auto& boss = on.manager({"--amount", "2", "--once-every", "10"});
    on.wait_for(boss, kind::settled, 50);
    auto& sleeper = on.busy(team);
    const std::size_t lost = boss.count(kind::left);
    on.stop(sleeper);
    on.wait("the zombie to be given up", [&] { return boss.count(kind::left) > lost; });
    on.wait_for(boss, kind::settled, 50);
    on.go_on(sleeper);
    on.wait_for_workers(1, worker_state::available);
    on.wait_for_workers(2, worker_state::leased);
    on.wait_for(boss, kind::settled, 50);
}

void hung(stage& on) {
    on.start_parkserver();
    (void)on.workers(4);
    auto& boss = on.manager({"--amount", "2", "--calls", "100", "--hang-every", "45",
                             "--attempt-timeout-ms", "500", "--run-us", "200"});
    on.wait_for_end(boss);
    boss.refresh();
    std::size_t timed_out = 0;
    for (const auto& each : boss.facts()) {
        timed_out += each.error == maus::errc::attempt_timeout ? 1 : 0;
    }
    on.check(timed_out == 2, std::to_string(timed_out) + " calls timed out, not 2");
}

void deadlines(stage& on) {
    on.start_parkserver();
    auto team = on.workers(1);
    auto& boss = on.manager(
        {"--amount", "1", "--timeout-ms", "300", "--calls", "400", "--outstanding", "100"});
    on.wait_for(boss, kind::settled, 20);
    on.stop(*team.front());
    on.wait_for_end(boss);
    on.go_on(*team.front());
}

void poison(stage& on) {
    on.start_parkserver();
    std::vector<peer*> team = on.workers(4);
    auto& boss = on.manager({"--amount", "2", "--calls", "150", "--poison-every", "70"});
    on.wait("the end of the manager", [&] {
        for (auto& each : team) {
            each->refresh();
            if (each->killed) each = &on.worker();
        }
        return !boss.process().alive();
    });
    boss.refresh();
    std::size_t poisoned = 0;
    for (const auto& each : boss.facts()) {
        if (each.error) ++poisoned;
        on.check(!each.error || (each.error == maus::errc::poisoned && each.attempts.size() == 3),
                 "an error that is not `poisoned` after 3 attempts: " + each.text);
    }
    on.check(poisoned == 2, std::to_string(poisoned) + " calls were poisoned, not 2");
}

void slow_worker(stage& on) {
    on.start_parkserver();
    (void)on.workers(2);
    auto& slow = on.worker({"--slower-ms", "60"});
    on.wait_for_workers(3, worker_state::available);
    auto& boss = on.manager({"--amount", "3", "--calls", "600", "--outstanding", "600"});
    on.wait_for_end(boss);
    const std::size_t had = slow.count(kind::started);
    on.check(had < 150, "the slow worker hoarded: it ran " + std::to_string(had) + " of 600 calls");
}

/// How much memory each of some processes takes besides what it had.
class more_memory {
public:
    void begin(const std::string& name, pid_t pid) {
        forget_peak(pid);
        all_.push_back({name, pid, peak_of(pid)});
    }
    /// Of the one that took most.
    [[nodiscard]] std::pair<std::string, std::size_t> most() const {
        std::pair<std::string, std::size_t> found;
        for (const auto& each : all_) {
            const std::size_t peak = std::max(peak_of(each.pid), each.had);
            if (peak - each.had >= found.second) found = {each.name, peak - each.had};
        }
        return found;
    }

private:
    struct process {
        std::string name;
        pid_t pid;
        std::size_t had;
    };
    std::vector<process> all_;
};

void slow_manager(stage& on) {
    on.start_parkserver();
    auto team = on.workers(6);
    // 10 MB of results could pile up for each; one is told them by its workers, one by the parkserver.
    const words large{"--amount", "2", "--outstanding", "200", "--extra-bytes", "50000"};
    words large_and_relayed = large;
    large_and_relayed.emplace_back("--relayed");
    auto& slow = on.manager(large);
    auto& relayed = on.manager(large_and_relayed);
    auto& other = on.manager(calm({"--amount", "2"}));
    for (auto* each : {&slow, &relayed, &other}) on.wait_for(*each, kind::settled, 200);

    more_memory others;
    others.begin("the parkserver", on.parkserver().pid());
    others.begin(other.name(), other.pid());
    for (const auto* each : team) others.begin(each->name(), each->pid());
    on.stop(slow);
    on.stop(relayed);
    on.wait_for_workers(4, worker_state::available);  // their workers hear nothing, and leave
    on.wait_for(other, kind::settled, 500);
    on.check(other.count(kind::left) == 0, "another manager lost workers");
    const auto [name, more] = others.most();
    constexpr std::size_t bound = 4 << 20;
    std::printf("at most %zu KiB more while managers were stopped, by %s\n", more >> 10,
                name.c_str());
    on.check(more < bound, "I7: " + name + " took " + std::to_string(more >> 10) +
                               " KiB more while managers were stopped");
    on.kill(relayed);
    on.go_on(slow);
    on.wait_for(slow, kind::settled, 300);
}

void idle_lease(stage& on) {
    on.start_parkserver();
    (void)on.workers(4);
    auto& idle = on.manager({"--amount", "3", "--calls", "20", "--idle"});
    on.wait_for_all(idle, kind::settled, 20);
    auto& one = on.manager({"--amount", "1"});
    on.wait_for(one, kind::settled, 20);
    auto& three = on.manager({"--amount", "3"});
    on.wait_for(one, kind::settled, 20);
    on.check(three.count(kind::joined) == 0, "more workers were leased than there are");
    on.kill(idle);
    on.wait_for(three, kind::settled, 20);
    on.wait_for(one, kind::settled, 20);
}

}  // namespace

std::vector<row> rows_of_losses() {
    return {
        {"kill-worker", "kill -9 of workers: mid-call, as they register, as they leave",
         kill_worker},
        {"kill-manager", "kill -9 of a manager mid-burst", kill_manager},
        {"kill-parkserver", "kill -9 of the parkserver mid-lease and mid-request, and back",
         kill_parkserver},
        {"kill-parkserver-relayed", "the same while it relays calls", kill_parkserver_relayed},
        {"zombie", "SIGSTOP of a worker past its lease, then SIGCONT", zombie},
        {"hung", "functions that never return while heartbeats go on", hung},
        {"deadlines", "calls with deadlines at a worker that is stopped", deadlines},
        {"poison", "calls that abort their worker", poison},
        {"slow-worker", "a worker 60 times slower than the others", slow_worker},
        {"slow-manager", "a manager that stops reading", slow_manager},
        {"idle-lease", "a manager that keeps workers idle, then dies", idle_lease},
    };
}

}  // namespace faults
