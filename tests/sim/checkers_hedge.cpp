// What must be true of calls with two attempts at a time, and of those for one worker (checkers.hpp).
#include <algorithm>

#include "checkers.hpp"

namespace maus::sim {

// A call that is sent again has lost its last attempt, or was given it back; else it is its second one.
void checkers::sent_beside(const fact& what, call& of, const linked& over) {
    const base::worker_id& worker = over.from.worker;
    expect(of.only.none() || of.only == worker, "only", what,
           "a call for one worker was sent to another");
    std::size_t open = 0, ended = 0;
    for (const auto& each : of.attempts) {
        if (each.ended) {
            ++ended;
            continue;
        }
        if (!each.answered) ++open;
        expect(of.is_hedged(), "P-106", what,
               "it was sent again before its last attempt had ended");
        expect(each.worker != worker, "P-106", what, "one worker has two attempts at a call");
        expect(what.local >= each.sent_at + of.hedge_after, "P-106", what,
               "its second attempt came too early");
    }
    expect(open <= 1, "P-106", what, "it has three attempts at a time");
    if (ended < of.attempts.size()) ++of.hedges;
    expect(of.hedges <= 1, "P-106", what, "it was hedged more than once");
    of.attempts.push_back({worker, over.from.said_by, seen_, what.local});
    sent_at_[{of.manager, worker}].insert(what.ticket);
}

// Null: nobody saw how it was sent.
const checkers::call::attempt* checkers::attempt_of(const call& of, std::uint32_t number) {
    return number == 0 || number > of.attempts.size() ? nullptr : &of.attempts[number - 1];
}

bool checkers::is_current(const call& of, std::uint32_t number) {
    const call::attempt* its = attempt_of(of, number);
    return of.is_hedged() && its != nullptr && !its->ended;
}

void checkers::end_attempts(const life_key& manager, const fact& what) {
    const base::worker_id& at = what.worker;
    const auto found = sent_at_.find({manager, at});
    if (found == sent_at_.end()) return;
    for (const std::uint64_t ticket : found->second) {
        call& of = calls_.at(ticket);
        for (auto& each : of.attempts) {
            if (each.worker != at) continue;
            attempt_is_over(of, each, what);
            each.ended = true;
        }
    }
    sent_at_.erase(found);
}

// True: it ran there.
bool checkers::stop_running(call& of, const base::worker_id& at) {
    bool ran = false;
    for (auto& each : of.attempts) {
        if (each.worker != at || each.ended || !each.runs) continue;
        each.runs.reset();
        ran = true;
    }
    return ran;
}

void checkers::cancelled(const fact& what) {
    const auto over = links_.find({{what.process, what.life}, what.link, what.lease});
    if (over == links_.end()) return;
    const auto sent = handed_.find({over->second.from.said_by, what.call, what.attempt});
    if (sent == handed_.end()) return fail("P-39", what, "it was never sent");
    call& of = calls_.at(sent->second.ticket);
    expect(of.settled > 0, "P-39", what, "somebody waits for it");
    if (what.attempt <= of.attempts.size()) of.attempts[what.attempt - 1].cancelled = true;
}

// Whoever is told nothing answers long after the call was settled, or its link ends long after that.
void checkers::attempt_is_over(const call& of, const call::attempt& which, const fact& what) {
    if (of.settled == 0 || of.orphaned || which.ended || which.answered) return;
    if (!of.is_hedged() && !of.given_up) return;
    const bool is_late = what.at > of.settled_at + slack_;
    expect(which.cancelled || !is_late, of.is_hedged() ? "P-106" : "P-94", what,
           "an attempt at call " + std::to_string(of.id) + " came too late and was not cancelled");
}

}  // namespace maus::sim
