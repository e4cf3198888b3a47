// Deadlines, soonest first.
//
// An entry is not taken out when it becomes void (its call is settled, its session is gone): that
// would cost a search each time. Its owner passes it over when its time comes. Since that may be
// far, the heap is tidied when it has doubled: so it holds at most twice as many entries as mean
// something, and a few more.
#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "maus/base/time.hpp"

namespace maus::core {

template <class Subject>
class timer_heap {
public:
    struct timer {
        base::instant at;
        Subject subject;
        friend bool operator>(const timer& one, const timer& other) { return one.at > other.at; }
    };

    /// `is_void(timer)` tells whether nothing would be done when a timer's time comes.
    template <class IsVoid>
    void set(base::instant at, Subject subject, IsVoid is_void) {
        if (timers_.size() >= tidy_at_) tidy(is_void);
        timers_.push_back({at, std::move(subject)});
        std::push_heap(timers_.begin(), timers_.end(), std::greater<>{});
    }
    /// Takes out the soonest if its time has come.
    [[nodiscard]] std::optional<timer> pop_due(base::instant now) {
        if (timers_.empty() || timers_.front().at > now) return std::nullopt;
        std::pop_heap(timers_.begin(), timers_.end(), std::greater<>{});
        std::optional<timer> due{std::move(timers_.back())};
        timers_.pop_back();
        return due;
    }
    /// When the soonest is due, be it void or not.
    [[nodiscard]] base::instant next() const {
        return timers_.empty() ? base::never : timers_.front().at;
    }
    [[nodiscard]] std::size_t size() const { return timers_.size(); }

    /// So few are not worth tidying.
    static constexpr std::size_t untidied_max = 1024;

private:
    template <class IsVoid>
    void tidy(IsVoid is_void) {
        std::erase_if(timers_, is_void);
        std::make_heap(timers_.begin(), timers_.end(), std::greater<>{});
        tidy_at_ = std::max(untidied_max, timers_.size() * 2);
    }

    std::vector<timer> timers_;
    std::size_t tidy_at_ = untidied_max;
};

}  // namespace maus::core
