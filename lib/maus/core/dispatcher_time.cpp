// What time does to calls (dispatcher.hpp).
#include <algorithm>

#include "maus/core/dispatcher.hpp"

namespace maus::core {

void dispatcher::expire(const call_timer& due, instant now, outbox& out, std::vector<settled>& done,
                        std::vector<link_index>& hung) {
    const std::uint32_t index = call_table::index_of(due.call);
    const call_slot* call = &calls_[index];
    if (due.hedge) [[unlikely]]
        return begin_hedge(index);
    if (due.attempt == 0) {
        settle_unasked(index,
                       failure_of(*call, errc::deadline_exceeded, "not settled by its deadline"),
                       &out, done);
    } else if (now < call->hangs_at || call->callbacks != 0) {
        // It waits for its caller, or did: its time begins anew.
    } else if (call->stream() == nullptr || took_too_long(due, now)) {
        const link_index at = call->link;
        const std::uint32_t first = first_of(index);
        settle_unasked(first,
                       failure_of(calls_[first], errc::attempt_timeout,
                                  "worker " + placement_[at].worker + " did not answer in time"),
                       nullptr, done);
        if (std::find(hung.begin(), hung.end(), at) == hung.end()) hung.push_back(at);
    }
}

void dispatcher::advance_to(instant now, outbox& out, std::vector<settled>& done,
                            std::vector<link_index>& hung) {
    while (const auto due = timers_.pop_due(now)) expire(*due, now, out, done, hung);
    if (impatient_groups_ == 0) return;
    for (auto& [id, of] : placement_.groups()) {
        if (of.policy.no_workers_timeout == duration::max() || !of.links.empty() || of.calls == 0) {
            continue;
        }
        const auto starve = [&, &of = of](call_list& waiting) {  // clang 14 captures no binding
            for (std::uint32_t index = waiting.first; index != no_index;) {
                const std::uint32_t next = calls_[index].next;
                const instant since = std::max(of.linkless_since, calls_[index].submitted);
                if (now >= base::after(since, of.policy.no_workers_timeout)) {
                    settle_unasked(
                        index,
                        failure_of(calls_[index], errc::no_workers, "no worker came in time"),
                        nullptr, done);
                }
                index = next;
            }
        };
        for (auto& line : of.lines) starve(line.calls);
        starve(of.suspects);
        starve(of.nested_suspects);
    }
}

instant dispatcher::next_deadline() const {
    instant next = timers_.next();
    if (impatient_groups_ == 0) return next;
    for (const auto& [id, of] : placement_.groups()) {
        if (of.policy.no_workers_timeout == duration::max() || !of.links.empty()) continue;
        const auto consider = [&, &of = of](const call_list& waiting) {
            for (std::uint32_t index = waiting.first; index != no_index;
                 index = calls_[index].next) {
                const instant since = std::max(of.linkless_since, calls_[index].submitted);
                next = std::min(next, base::after(since, of.policy.no_workers_timeout));
                if (since == of.linkless_since) break;  // none of the later ones is due sooner
            }
        };
        for (const auto& line : of.lines) consider(line.calls);
        consider(of.suspects);
        consider(of.nested_suspects);
    }
    return next;
}

}  // namespace maus::core
