#include "plan.hpp"

#include <algorithm>
#include <cmath>

namespace maus::sim {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

std::string type_name(std::uint32_t number) { return "type" + std::to_string(number); }

duration waiting_time(base::random& from, double per_second) {
    if (per_second <= 0) return duration::max();
    const double wait = -std::log(1.0 - fraction(from)) / per_second;
    return duration{static_cast<std::int64_t>(std::min(wait, 1e6) * 1e9)};
}

namespace {

// Often none of it, else a share up to `most`.
double some(base::random& from, double probability, double most) {
    return chance(from, probability) ? fraction(from) * most : 0;
}

void draw_network(plan& made, base::random& from) {
    made.delay_min = between(from, microseconds{10}, microseconds{200});
    made.delay_max = made.delay_min + between(from, microseconds{20}, milliseconds{3});
    made.spike = some(from, 0.5, 0.05);
    made.spike_max = between(from, milliseconds{5}, milliseconds{400});
    made.pipe_full = some(from, 0.2, 0.003);
    made.without_notice = some(from, 0.5, 0.7);
    made.breaks = some(from, 0.5, 3);
    made.deaf = some(from, 0.4, 1.5);
    made.partitions = some(from, 0.4, 1);
    made.partitions_cut = some(from, 0.6, 1);
    made.partition_max = between(from, milliseconds{100}, seconds{3});
}

void draw_processes(plan& made, base::random& from) {
    made.crashes = some(from, 0.6, 2.5);
    made.crash_midway = fraction(from);
    made.stops = some(from, 0.3, 1);
    made.pauses = some(from, 0.5, 1.5);
    made.park_share = some(from, 0.6, 0.5);
    made.keep_identity = chance(from, 0.3) ? 1 : some(from, 0.6, 1);
    made.pause_max = between(from, milliseconds{50}, seconds{3});
    made.down_max = between(from, milliseconds{20}, seconds{2});
    made.latency_max = between(from, microseconds{5}, milliseconds{chance(from, 0.2) ? 20 : 1});
    made.returned_at_once = chance(from, 0.5);
    made.babble = some(from, 0.3, 0.3);
    made.twins = some(from, 0.15, 0.2);
}

void draw_programs(plan& made, base::random& from) {
    made.bursts = chance(from, 0.1) ? 0.2 : 2 + fraction(from) * 40;
    made.burst_max = between(from, 1, 12);
    made.requests_max = between(from, 1, 3);
    made.outstanding_max = chance(from, 0.2) ? 400 : 60;
    made.all_free = some(from, 0.5, 1);
    made.changes = some(from, 0.7, 2);
    made.cancels = some(from, 0.4, 0.2);
    made.once = some(from, 0.6, 0.6);
    made.with_timeout = some(from, 0.4, 0.5);
    made.with_attempt_timeout = some(from, 0.5, 1);
    made.with_no_workers_timeout = some(from, 0.3, 1);
    made.slow = some(from, 0.6, 0.5);
    made.hung = some(from, 0.3, 0.03);
    made.poison = some(from, 0.4, 0.03);
    made.throwing = some(from, 0.4, 0.2);
    made.detached = some(from, 0.4, 0.3);
    made.absent = some(from, 0.3, 0.05);
    made.large = some(from, 0.3, 0.3);
    made.slow_max = between(from, milliseconds{2}, milliseconds{600});
    made.concurrency_max = chance(from, 0.5) ? 1 : between(from, 1, 5);
}

// Where many functions ask and few may, their callables have little room to call the same workers.
// Nothing but what they wait for lets them go on: no deadline helps them.
void draw_narrow(plan& made, base::random& from) {
    made.asking = 0.2 + fraction(from) * 0.6;
    made.nesting = 0.4 + fraction(from) * 0.6;
    made.nested_asking = some(from, 0.5, 0.6);
    made.bounds.callbacks_max = between(from, 1, 8);
    if (chance(from, 0.5)) made.bounds.calls_per_worker_max = between(from, 4, 6);
    made.workers = std::min(made.workers, between(from, 1, 3));
    made.direct_workers = std::min(made.direct_workers, between(from, 1, 2));
    made.concurrency_max = between(from, 1, 3);
    made.cancels = some(from, 0.5, 0.2);
    made.poison = some(from, 0.5, 0.03);
    made.types = 1;
    made.changes = made.hung = made.hedged = 0;
    made.with_timeout = made.with_attempt_timeout = made.with_no_workers_timeout = 0;
    if (chance(from, 0.4)) {  // and callables of calls that nobody waits for, amid suspects
        made.bounds.callbacks_max = 1;
        made.cancels = 0.1 + fraction(from) * 0.4;
        made.crashes = 1 + fraction(from) * 3;
    }
}

// Nested calls fill all the room that workers have, and wait there for callables that make more of them.
void draw_full(plan& made, base::random& from) {
    made.managers = between(from, 1, 2);
    made.workers = made.parkservers == 0 || chance(from, 0.5) ? 0 : 1;
    made.direct_workers = made.workers == 0 ? between(from, 1, 3) : 0;
    made.requests_max = 1;
    made.asking = 0.8;
    made.nesting = 1;
    made.nested_asking = 0.8 + fraction(from) * 0.2;
    made.bounds.callbacks_max = between(from, 8, 24);
    made.bounds.calls_per_worker_max = 4;
    made.bounds.calls_max = maus::limits{}.calls_max;
    made.bounds.detached_per_slot_max = maus::limits{}.detached_per_slot_max;
    made.bursts = 5 + fraction(from) * 20;
    made.burst_max = between(from, 4, 12);
    made.once = some(from, 0.3, 0.3);
    made.outstanding_max = 60;
    made.slow = made.throwing = made.absent = made.streams = 0;
    made.breaks = some(from, 0.5, 1);
    made.crashes = some(from, 0.5, 1);
}

// Callables wait for suspects, and workers that are lost come back to another manager.
void draw_lost(plan& made, base::random& from) {
    made.managers = 2;
    made.parkservers = made.workers = 0;
    made.direct_workers = between(from, 2, 4);
    made.requests_max = 1;
    made.asking = 0.6;
    made.nesting = 1;
    made.nested_asking = 0.9;
    made.bounds = {};
    made.bounds.payload_apart_bytes = 100;
    made.burst_max = 6;
    made.concurrency_max = 5;
    made.crashes = 2 + fraction(from) * 2;
    made.outstanding_max = 20;  // each brings ten others, one after the other
    made.slow = made.stops = made.pauses = made.partitions = made.cancels = 0;
    made.once = made.poison = made.throwing = made.detached = made.absent = 0;
    made.streams = made.addressed = 0;
}

// Two elastic requests at least, whose workers the parkservers lose and find again.
void draw_shares(plan& made, base::random& from) {
    made.elastic = 1;
    made.parkservers = between(from, 1, 3);
    made.managers = between(from, 2, 3);
    made.workers = between(from, 5, 9);
    made.types = made.requests_max = 1;
    made.changes = made.hung = made.crashes = made.stops = 0;
    made.breaks = some(from, 0.5, 2);
    made.deaf = 1 + fraction(from) * 3;
    made.half_closes = some(from, 0.5, 2);
    made.steady = seconds{14};
}

void draw_liars(plan& made, base::random& from) {
    made.returns = some(from, 0.06, 0.8);
    made.hoards = some(from, 0.05, 1);
    if (made.hoards == 0) return;
    made.strangers = std::max(made.strangers, 1u);
    // There is room for all that are honest.
    made.bounds.peers_max =
        4 * (made.managers + made.workers + made.direct_workers + made.strangers);
}

}  // namespace

plan draw(std::uint64_t seed) {
    base::random from{seed * 0x2545F4914F6CDD1Du + 0x632BE59BD9B4E019u};
    plan made;
    made.seed = seed;
    made.parkservers = chance(from, 0.08) ? 0 : chance(from, 0.55) ? 1 : between(from, 2, 3);
    made.managers = chance(from, 0.4) ? 1 : between(from, 2, 4);
    made.workers = chance(from, 0.4) ? between(from, 1, 3) : between(from, 2, 9);
    made.direct_workers = made.parkservers == 0 || chance(from, 0.25) ? between(from, 1, 4) : 0;
    if (made.parkservers == 0) made.workers = 0;
    made.types = made.workers < 2 || chance(from, 0.6) ? 1 : 2;
    made.relayed = some(from, 0.5, 1);
    made.bad_address = some(from, 0.2, 0.5);
    made.interval_ms_min = between(from, 20, 200);
    made.interval_ms_max = made.interval_ms_min + between(from, 0, 100);
    made.liveness_min = between(from, 2, 4);
    made.liveness_max = made.liveness_min + between(from, 0, 2);
    made.link_timeout = between(from, milliseconds{200}, seconds{2});
    made.chaos = between(from, seconds{2}, seconds{8});
    if (chance(from, 0.3)) made.bounds.batch_records_max = between(from, 1, 8);
    if (chance(from, 0.3)) made.bounds.frames_max = between(from, 2, 6);
    if (chance(from, 0.2)) made.bounds.prefetch_max = between(from, 1, 16);
    if (chance(from, 0.1)) made.bounds.calls_max = between(from, 1, 30);
    if (chance(from, 0.1)) made.bounds.calls_per_worker_max = between(from, 4, 40);
    made.bounds.payload_apart_bytes = 100;  // so that small payloads cover both ways
    draw_network(made, from);
    draw_processes(made, from);
    draw_programs(made, from);
    made.half_closes = some(from, 0.3, 1.5);
    made.stopped_clocks = some(from, 0.2, 1);
    made.wall_jumps = some(from, 0.3, 1);
    made.forges = some(from, 0.2, 0.3);
    if (chance(from, 0.25)) made.strangers = between(from, 1, 2);
    made.clock_jumps = some(from, 0.3, 1.5);
    made.unknowns = some(from, 0.4, 0.3);
    if (chance(from, 0.3)) made.bounds.detached_per_slot_max = between(from, 1, 4);
    made.elastic = some(from, 0.5, 1);
    if (made.elastic > 0 && chance(from, 0.4)) {
        made.steady = seconds{14};
        made.hung = 0;  // a worker that hangs is not between calls
    }
    made.hedged = some(from, 0.4, 1);
    made.addressed = some(from, 0.3, 0.5);
    made.hooks = some(from, 0.35, 1);
    if (made.hooks > 0) {
        made.refusals = some(from, 0.6, 0.7);
        made.hook_max = between(from, milliseconds{1}, milliseconds{300});
    }
    made.streams = some(from, 0.4, 0.5);
    made.replayable = fraction(from);
    made.bounds.stream_items_max = between(from, 1, 12);
    made.bounds.stream_bytes_max = between(from, 1, 1000);
    made.asking = some(from, 0.4, 0.3);
    made.nesting = some(from, 0.6, 0.6);
    if (chance(from, 0.3)) made.bounds.callbacks_max = between(from, 1, 6);
    const bool is_narrow = made.asking > 0 && chance(from, 0.25);
    if (is_narrow) draw_narrow(made, from);
    if (made.steady > duration{} && chance(from, 0.5)) draw_shares(made, from);
    // Drawn last, so that the other seeds mean what they meant.
    if (is_narrow && chance(from, 0.6)) {
        chance(from, 0.4) ? draw_full(made, from) : draw_lost(made, from);
    }
    if (!is_narrow) draw_liars(made, from);
    return made;
}

}  // namespace maus::sim
