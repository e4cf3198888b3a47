#include "chaos.hpp"

#include "peers.hpp"

namespace maus::sim {

using std::chrono::milliseconds;

void chaos::begin() {
    for (std::uint32_t each = 0; each < kinds; ++each) plan_next(each);
}

double chaos::rate(std::uint32_t of) const {
    switch (of) {
        case crash: return world_.how.crashes;
        case stop: return world_.how.stops;
        case pause: return world_.how.pauses;
        case break_one: return world_.how.breaks;
        case deafen: return world_.how.deaf;
        case half_close: return world_.how.half_closes;
        case partition: return world_.how.partitions;
        case set_clock: return world_.how.clock_jumps;
        default: return 0;
    }
}

void chaos::plan_next(std::uint32_t of) {
    const duration wait = waiting_time(world_.luck, rate(of));
    if (wait != duration::max()) world_.time.in(wait, *this, of);
}

process& chaos::victim() {
    if (!world_.parkservers.empty() && chance(world_.luck, world_.how.park_share)) {
        return *world_.parkservers[world_.luck.below(world_.parkservers.size())];
    }
    const std::size_t first = world_.parkservers.size();
    return *world_.processes[first + world_.luck.below(world_.processes.size() - first)];
}

void chaos::happen(std::uint32_t what, std::uint64_t) {
    if (world_.phase != phase::chaos) return;
    plan_next(what);
    switch (what) {
        case break_one: return world_.net.break_one();
        case deafen: return world_.net.deafen_one();
        case half_close: return world_.net.half_close_one();
        case partition: return world_.net.partition();
        case set_clock: return set_a_clock();
        default: break;
    }
    process& who = victim();
    if (!who.is_up()) return;
    if (what == crash) {
        ++world_.faults.crashes;
        if (chance(world_.luck, world_.how.crash_midway)) {
            who.crash_midway(between(world_.luck, 1, 6));
        } else {
            who.crash("chaos");
        }
    } else if (what == pause) {
        ++world_.faults.pauses;
        who.pause(between(world_.luck, milliseconds{1}, world_.how.pause_max),
                  chance(world_.luck, world_.how.stopped_clocks));
    } else if (!who.is_paused()) {
        ++world_.faults.stops;
        who.stop();
    }
}

// Of any machine, parkservers as often as others: their epochs come from it.
void chaos::set_a_clock() {
    const duration hour = std::chrono::hours{1};
    world_.processes[world_.luck.below(world_.processes.size())]->set_clock(
        between(world_.luck, {}, hour * 2) - hour);
}

void chaos::heal() {
    world_.phase = phase::healed;
    world_.past.say("--- healed");
    world_.net.heal();
    part_twins();
    for (const auto& each : world_.processes) {
        each->crash_midway(0);
        each->set_clock({});
        each->resume();
        each->nudge();
    }
}

// Two workers of one identity are somebody's mistake; it is mended, since none of the two is to be
// free for ever without being asked.
void chaos::part_twins() {
    for (std::size_t i = 0; i < world_.workers.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            auto& older = *world_.workers[i];
            if (older.id().none() || older.id() != world_.workers[j]->id()) continue;
            older.crash("chaos");
            older.lose_identity();
        }
    }
}

}  // namespace maus::sim
