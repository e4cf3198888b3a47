#include "maus/core/call_timers.hpp"

namespace maus::core {

void call_timers::set(instant at, call_timer timer) {
    timers_.set(at, timer, [this](const auto& each) { return is_void(each.subject); });
}

std::optional<call_timer> call_timers::pop_due(instant now) {
    while (const auto due = timers_.pop_due(now)) {
        if (!is_void(due->subject)) return due->subject;
    }
    return std::nullopt;
}

// Its call is settled, or the attempt is over.
bool call_timers::is_void(const call_timer& timer) const {
    const call_slot* call = calls_.find(timer.call);
    if (call == nullptr || call->settled) return true;
    const bool runs =
        call->state == call_state::sent || (call->state == call_state::hedged && !timer.hedge);
    return timer.attempt != 0 && !(runs && call->attempt == timer.attempt);
}

}  // namespace maus::core
