// Elastic requests: who has which share, and what managers are told of it (parkserver.hpp, shares.hpp).
#include "broker/core/parkserver.hpp"

namespace maus::broker {

using core::outbox;

// Its base is what it has in any case: its min, or more than that from elsewhere (a worker that came
// directly, or through another parkserver, is not here to be shared).
void parkserver::note_share(pool& of, const request_key& key, const standing_request& changed) {
    if (!changed.is_shared()) {
        of.elastic.erase(changed.order);
        of.shares.erase(changed.order);
        return;
    }
    const std::uint32_t base = std::max(changed.range->min, changed.held_counted);
    of.elastic.emplace(changed.order, key);
    of.shares.set(changed.order, {base, changed.range->max, changed.serving()});
}

// What waits and could be served, if elastic requests gave back what they have above their bases: the
// oldest, up to the first that could not be, which keeps those behind it waiting ([P-23]). What would
// not be enough is not taken from anybody.
parkserver::kept parkserver::kept_for_waiting(const pool& of) const {
    constexpr std::size_t at_a_time = 64;  // those behind them are looked at when these are served
    const std::uint64_t most = of.free.size() + of.shares.surplus();
    kept made;
    std::size_t seen = 0;
    for (const auto& [order, key] : of.waiting) {
        const standing_request* const wanted = find(key);
        if (wanted == nullptr || ++seen > at_a_time) break;
        const std::uint64_t room = most - made.all;
        const bool in_parts = wanted->satisfied;
        if (wanted->missing() > room && !in_parts) break;
        const std::uint64_t its = std::min<std::uint64_t>(wanted->missing(), room);
        made.all += its;
        if (!wanted->is_shared()) made.beside_shares += its;
    }
    return made;
}

void parkserver::share_out(pool& of, instant now, outbox& out) {
    const kept waiting = kept_for_waiting(of);
    const std::uint64_t there = of.free.size() + of.shares.surplus();
    const std::uint64_t needed = waiting.beside_shares + of.shares.lacking();
    of.shares.settle(there - std::min(there, needed));
    for (const auto order : of.shares.take_changed()) {
        const request_key& key = of.elastic.at(order);
        tell_share(key, *find(key), of.shares.of(order), now, out);
    }
    while (of.free.size() > waiting.all) {
        const auto poorest = of.shares.next_to_grow();
        if (!poorest) return;
        const request_key key = of.elastic.at(*poorest);
        standing_request& wanted = *find(key);
        offer(*of.free.begin()->second, key, wanted, now, out);
        note_share(of, key, wanted);
        if (wanted.missing() == 0) of.waiting.erase(wanted.order);
    }
}

bool parkserver::may_be_said_again(const standing_request& of, instant now) {
    constexpr auto old_enough = std::chrono::seconds{5};
    return of.bound != 0 && of.newest > of.bound_newest &&
           now >= base::after(of.newest_at, old_enough);
}

// At each of its pings.
void parkserver::look_at_bounds(const manager& of, instant now) {
    for (const auto& [request, each] : of.requests) {
        if (!may_be_said_again(each, now)) continue;
        pools_[each.type].shares.touch(each.order);
        to_serve_.insert(each.type);
    }
}

// It knows of none any more.
void parkserver::forget_bounds(manager& of) {
    for (auto& [request, each] : of.requests) {
        if (std::exchange(each.bound, 0) == 0) continue;
        pools_[each.type].shares.touch(each.order);
        to_serve_.insert(each.type);
    }
}

// A bound is not said before it matters, and stands until the share is larger. A manager keeps to its max by
// itself, so no bound is said for that. (A max may be another parkserver's bound, and two that repeat each
// other's would never let the request grow again, [P-104].) A bound that is said again also counts those that
// came since ([P-102]). That waits until it is sure that the manager has too many with them: what others
// claim may be old for as long as that.
void parkserver::tell_share(const request_key& key, standing_request& wanted, std::uint32_t share,
                            instant now, outbox& out) {
    const bool is_above = wanted.serving() > share;
    const bool is_full = wanted.range->max != 0 && share >= wanted.range->max;
    const bool has_too_many = is_above && !is_full;
    const bool is_void = wanted.bound != 0 && !is_above && (share > wanted.bound || is_full);
    const bool is_said = wanted.bound == share && !may_be_said_again(wanted, now);
    if (has_too_many ? is_said : !is_void) return;
    wanted.bound = has_too_many ? share : 0;
    wanted.bound_newest = leases_made_;
    const lease_id newest{config_.epoch, leases_made_};
    out.control(managers_.at(key.first).via, wire::fair_share{key.second, wanted.bound, newest});
}

std::vector<wire::elastic_status> parkserver::elastic_rows(const wire::status& told) const {
    std::vector<wire::elastic_status> rows;
    for (const auto& each : told.requests) {
        const standing_request* const wanted = find({each.manager, each.request});
        if (wanted == nullptr || !wanted->range) continue;
        const auto of = pools_.find(wanted->type);
        const std::uint32_t share = of == pools_.end() ? 0 : of->second.shares.of(wanted->order);
        rows.push_back({each.manager, each.request, *wanted->range, share});
    }
    return rows;
}

}  // namespace maus::broker
