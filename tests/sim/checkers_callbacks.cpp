// What must be true of calls whose functions ask their callers (checkers.hpp): P-110 and P-111.
#include "checkers.hpp"

#include <algorithm>
#include <utility>

namespace maus::sim {

void checkers::asks(const fact& what) {
    const auto found = calls_.find(what.ticket);
    if (found == calls_.end()) return fail("P-110", what, "a call asks that nobody submitted");
    auto& its = found->second.callbacks_of[what.attempt];
    ++its.asked;
    its.until = what.deadline;
    const auto sent = handed_.find({{what.process, what.life}, what.call, what.attempt});
    if (sent == handed_.end()) return;
    linked& over = *sent->second.over;
    over.waiting_most = std::max(over.waiting_most, ++over.waiting);
    if (sent->second.slot_back) return;
    if (sent->second.nested || std::exchange(sent->second.asks, true)) return;
    ++sent->second.over->asking;
}

void checkers::hears(const fact& what) {
    expect(what.right, "P-110", what,
           "a function hears what its caller's callable did not say, or what it did not ask");
    const auto found = calls_.find(what.ticket);
    if (found == calls_.end()) return;
    const instant until = found->second.callbacks_of[what.attempt].until;
    const auto sent = handed_.find({{what.process, what.life}, what.call, what.attempt});
    // Who runs nested is refused if as many asked as may, or as may wait.
    bool has_no_room = false;
    if (sent != handed_.end()) {
        linked& over = *sent->second.over;
        has_no_room = sent->second.nested && (over.waiting_most > bounds_.callbacks_max ||
                                              over.held_most + 1 >= bounds_.calls_per_worker_max);
        // One that is too late for its function holds its room on.
        if (!what.error || *what.error != errc::deadline_exceeded) --over.waiting;
    }
    const bool has_cause = !what.error || (*what.error == errc::overloaded && has_no_room) ||
                           *what.error == errc::remote_exception ||
                           *what.error == errc::cancelled ||
                           (*what.error == errc::deadline_exceeded && until != never);
    expect(has_cause, "P-110", what, "a callback fails for no reason");
    const auto& its = found->second.callbacks_of[what.attempt];
    const bool in_vain = found->second.settled != 0 && its.replied > found->second.settled_at;
    expect(what.error || !in_vain, "P-110", what,
           "a function hears what was said when nobody waited for its call any more");
    expect(until == never || what.local <= until + slack_, "P-110", what,
           "a function waited for its caller longer than it wanted to");
}

checkers::handed* checkers::handed_as(const call& of, std::uint32_t number) {
    const call::attempt* const its = attempt_of(of, number);
    if (its == nullptr) return nullptr;
    const auto sent = handed_.find({its->sent_to, of.id, number});
    return sent == handed_.end() ? nullptr : &sent->second;
}

// Each callback runs its callable once, and only while its program waits for the call.
void checkers::called_back(const fact& what) {
    expect(what.right, "P-110", what, "a callable runs for a call that nobody waits for");
    const auto found = calls_.find(what.ticket);
    if (found == calls_.end()) return;
    call& of = found->second;
    expect(what.attempt == of.sent || of.is_hedged(), "P-110", what,
           "a callable runs for an older attempt");
    auto& its = of.callbacks_of[what.attempt];
    expect(++its.ran <= its.asked, "P-110", what, "a callable runs more often than it is asked");
    handed* const sent = handed_as(of, what.attempt);
    if (sent != nullptr && of.settled == 0 && !std::exchange(sent->called, true))
        ++sent->over->called;
}

// From now on its manager counts its function among those that hold a slot.
void checkers::replied(const fact& what) {
    const auto found = calls_.find(what.ticket);
    if (found == calls_.end()) return;
    found->second.callbacks_of[what.attempt].replied = what.at;
    handed* const sent = handed_as(found->second, what.attempt);
    if (sent == nullptr) return;
    if (std::exchange(sent->asks, false)) --sent->over->asking;
    called_no_more(*sent);
}

// For their caller, as far as its manager knows.
bool checkers::all_wait(const call& of) {
    std::uint32_t number = 0;
    std::size_t going_on = 0, waiting = 0;
    for (const call::attempt& each : of.attempts) {
        const handed* const sent = handed_as(of, ++number);
        if (each.ended) continue;
        ++going_on;
        if (sent != nullptr && sent->called) ++waiting;
    }
    return going_on != 0 && waiting == going_on;
}

// Of a call that was sent once: it did not run when its worker was lost, and others did.
bool checkers::waited_beside_others(const call& of) {
    const handed* const its = handed_as(of, 1);
    if (of.sent != 1 || its == nullptr || !its->called || its->slot_back) return false;
    return std::any_of(handed_.begin(), handed_.end(), [&](const auto& each) {
        const handed& other = each.second;
        return &other != its && other.over == its->over && !other.slot_back && !other.asks &&
               !other.called && calls_.at(other.ticket).settled == 0;
    });
}

}  // namespace maus::sim
