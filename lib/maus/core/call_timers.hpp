// The deadlines of calls and of their attempts.
#pragma once

#include "maus/core/call_table.hpp"
#include "maus/core/timer_heap.hpp"

namespace maus::core {

struct call_timer {
    call_id call;
    std::uint32_t attempt = 0;  // 0: the call's own deadline
    bool hedge = false;         // not the attempt's end, but when there is to be a second one
};

class call_timers {
public:
    explicit call_timers(const call_table& calls) : calls_(calls) {}

    void set(instant at, call_timer timer);
    /// Takes out the soonest that is due and still means something.
    [[nodiscard]] std::optional<call_timer> pop_due(instant now);
    /// Nothing is due before.
    [[nodiscard]] instant next() const { return timers_.next(); }
    [[nodiscard]] std::size_t size() const { return timers_.size(); }

private:
    [[nodiscard]] bool is_void(const call_timer& timer) const;

    const call_table& calls_;
    timer_heap<call_timer> timers_;
};

}  // namespace maus::core
