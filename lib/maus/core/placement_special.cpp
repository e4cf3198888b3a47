// What only few calls need (placement.hpp): those for one worker, those that are tried alone, and second
// attempts.
#include <algorithm>

#include "maus/core/placement.hpp"
#include "maus/wire/call_extensions.hpp"

namespace maus::core {

void placement::send_special(worker_link& at, std::uint32_t index, std::uint16_t function,
                             base::buffer& payload, instant now, outbox& out) {
    const call_slot& call = calls_[index];
    const auto* const tags = call.policy.tags.get();
    if (tags != nullptr && tags->scripts) tell_scripts(*tags->scripts, *at.scripts, at.to, out);
    if (call.is_extended()) {
        out.link(at.to).call(attempt_of(index), function, call.at_most_once(), payload,
                             extensions_of(call, now).view());
    } else {
        out.link(at.to).call(attempt_of(index), function, call.at_most_once(), payload);
    }
    watch_for_hedge(index, now);
}

base::buffer placement::extensions_of(const call_slot& call, instant now) {
    wire::call_extensions all;
    if (call.deadline != never) all.time_left = call.deadline - now;
    all.nested = call.nested;
    if (const auto* const tags = call.policy.tags.get()) {
        all.label = tags->label.view();
        all.trace = tags->trace;
    }
    if (call.items) all.stream = call.items->begin(now);
    return wire::encoded(all);
}

// --- calls for one worker -----------------------------------------------------------------------

link_index placement::link_of(const std::string& worker, const call_group& in) const {
    const auto found = link_of_worker_.find(worker);
    if (found == link_of_worker_.end() || links_[found->second].group != &in) return no_index;
    return found->second;
}

void placement::enqueue_for(std::uint32_t index, link_index worker) {
    worker_link& at = links_[worker];
    call_slot& call = calls_[index];
    if (!at.addressed) at.addressed = std::make_unique<addressed_calls>();
    call.link = worker;
    calls_.insert_in_order(list_of(call), index);
    auto& waited_for = call.group->addressed;
    if (std::find(waited_for.begin(), waited_for.end(), worker) == waited_for.end()) {
        waited_for.push_back(worker);
    }
    mark(*call.group);
}

std::uint64_t placement::oldest_in(const call_group& of) const {
    std::uint64_t oldest = ~std::uint64_t{};
    for (const auto& line : of.lines) {
        if (line.calls.first != no_index)
            oldest = std::min(oldest, calls_[line.calls.first].sequence);
    }
    return oldest;
}

// Of the lines whose calls may go: the most urgent one, and of eight calls one is the oldest. Null: there
// is none, or what anybody may have is older.
call_list* placement::next_addressed(worker_link& to, std::uint64_t before) {
    addressed_calls& of = *to.addressed;
    call_list *oldest = nullptr, *most_urgent = nullptr;
    const auto since = [this](const call_list& line) { return calls_[line.first].sequence; };
    for (auto& [calls, nested] : of.lines) {
        call_list* first = nullptr;
        for (call_list* line : {&calls, &nested}) {
            if (line->first == no_index || !has_credit(to, line == &nested)) continue;
            if (first == nullptr || since(*line) < since(*first)) first = line;
        }
        if (first == nullptr) continue;
        most_urgent = first;
        if (oldest == nullptr || since(*first) < since(*oldest)) oldest = first;
    }
    if (oldest == nullptr || since(*oldest) >= before) return nullptr;
    if (oldest == most_urgent) return oldest;
    const bool is_its_turn = of.preferred >= preferred_max;
    of.preferred = is_its_turn ? 0 : of.preferred + 1;
    return is_its_turn ? oldest : most_urgent;
}

// Calls that may go nowhere else, as far as one of them is older than what anybody may have: so neither
// keeps the other waiting for ever.
void placement::pump_addressed(call_group& of, std::uint64_t before, instant now, outbox& out) {
    for (const link_index at : of.addressed) {
        while (call_list* const line = next_addressed(links_[at], before)) {
            const std::uint32_t first = line->first;
            if (of.converts && !convert(first, at)) break;
            send_calls(at, *line, first, 1, now, out);
        }
    }
    std::erase_if(of.addressed,
                  [this](link_index at) { return links_[at].addressed->size() == 0; });
}

// --- calls that are tried alone ---------------------------------------------------------------------

// An idle worker; or none, and the least busy one is kept free until it is idle.
placement::place placement::place_for_suspect(call_group& of, std::uint32_t call) {
    const call_id id = calls_.id_of(call);
    bool reserved = false;
    std::uint32_t least_busy = no_index;
    for (const auto at : of.links) {
        worker_link& candidate = links_[at];
        if (number_of(candidate, calls_[call].method) < 0) continue;
        if (of.is_picky && is_too_large_for(candidate, calls_[call])) continue;
        const bool taken = candidate.reserved_for.value != 0 && candidate.reserved_for != id &&
                           calls_.find(candidate.reserved_for) != nullptr;
        const bool nested = calls_[call].nested;
        if ((taken && !nested) || candidate.is_taken_for(nested) || candidate.closed ||
            candidate.returns.holds()) {
            continue;
        }
        if (candidate.held.size == 0 || (nested && candidate.is_idle())) return {at, true};
        if (candidate.reserved_for == id) reserved = true;
        if (least_busy == no_index || candidate.held.size < links_[least_busy].held.size)
            least_busy = at;
    }
    if (!reserved && least_busy != no_index) links_[least_busy].reserved_for = id;
    return {no_index, reserved || least_busy != no_index};
}

void placement::pump_suspects(call_group& of, call_list& from, instant now, outbox& out) {
    // There may be many suspects. Each link that takes any takes one, or is kept free for one.
    auto takers = std::count_if(of.links.begin(), of.links.end(), [this](link_index at) {
        return !links_[at].is_taken_for(true) && !links_[at].closed && !links_[at].returns.holds();
    });
    for (std::uint32_t call = from.first; call != no_index && takers > 0;) {
        const std::uint32_t next = calls_[call].next;
        const auto [at, takes] = place_for_suspect(of, call);
        if (takes) --takers;
        if (at != no_index && of.converts && !convert(call, at)) {
            call = next;
            continue;
        }
        if (at != no_index) {
            for (const auto other : of.links) {
                if (links_[other].reserved_for == calls_.id_of(call))
                    links_[other].reserved_for = {};
            }
            send_calls(at, from, call, 1, now, out);
            // A nested one stands beside another that waits for it.
            if (links_[at].suspect.value == 0) links_[at].suspect = calls_.id_of(call);
        }
        if (at == no_index) note_if_too_large(call);
        call = next;
    }
}

// --- second attempts ----------------------------------------------------------------------------

// It has been sent. A suspect is not hedged: it would run beside others after all. What may go to one
// worker only cannot be.
void placement::watch_for_hedge(std::uint32_t index, instant now) {
    const call_slot& call = calls_[index];
    const auto* const tags = call.policy.tags.get();
    if (tags == nullptr || tags->hedge_after == duration::max()) return;
    if (call.at_most_once() || call.is_addressed()) return;
    if (call.is_hedge || call.alone || call.hedged || call.stream() != nullptr) return;
    timers_.set(base::after(now, tags->hedge_after), {calls_.id_of(index), call.attempt, true});
}

// Its worker has been sent all of it.
void placement::note_hedge(std::uint32_t index) {
    calls_[index].state = call_state::hedged;
    calls_[calls_[index].partner].hedged = true;
    ++hedged_;
}

std::uint32_t placement::slot_of(wire::attempt which) const {
    const std::uint32_t index = call_table::index_of(which.call);
    const call_slot& call = calls_[index];
    const bool is_other = call.partner != no_index && call.attempt != which.number.value;
    return is_other ? call.partner : index;
}

// Each goes to a worker that can start it now, and that is not the one that has the first attempt. They
// are sent when nobody waits for that room.
void placement::pump_hedges(call_group& of, instant now, outbox& out) {
    for (std::uint32_t index = of.hedges.first; index != no_index;) {
        const call_slot& hedge = calls_[index];
        const std::uint32_t next = hedge.next, first = hedge.partner;
        std::uint32_t best = no_index;
        bool any = false;
        for (const link_index at : of.links) {
            worker_link& candidate = links_[at];
            if (candidate.slots_held >= candidate.concurrency || !has_credit(candidate, false))
                continue;
            any = true;
            if (at == calls_[first].link || number_of(candidate, hedge.method) < 0) continue;
            if (of.is_picky && is_too_large_for(candidate, hedge)) continue;
            if (best == no_index || rather(candidate, links_[best], now)) best = at;
        }
        if (!any) return;
        if (best != no_index && of.converts && !convert(index, best)) {
            inconvertible_.pop_back();  // the first attempt may do all the same
            best = no_index;
        }
        if (best != no_index) {
            send_calls(best, of.hedges, index, 1, now, out);
            if (calls_[index].state == call_state::sent) note_hedge(index);
        }
        index = next;
    }
}

}  // namespace maus::core
