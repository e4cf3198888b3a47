// Simulated time: what happens next, and when.
//
// What always holds: time never goes back; what is due at one instant happens in the order in which
// it was asked for. So a run depends on its seed alone.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

#include "maus/base/random.hpp"
#include "maus/base/time.hpp"

namespace maus::sim {

using base::duration;
using base::instant;
using base::never;

/// Something to which things happen at times that it asked for.
class actor {
public:
    actor() = default;
    actor(const actor&) = delete;
    actor& operator=(const actor&) = delete;
    virtual ~actor() = default;
    virtual void happen(std::uint32_t what, std::uint64_t detail) = 0;
};

class clockwork {
public:
    [[nodiscard]] instant time() const { return time_; }
    [[nodiscard]] std::uint64_t events() const { return events_; }

    void in(duration delay, actor& to, std::uint32_t what, std::uint64_t detail = 0) {
        at(base::after(time_, delay), to, what, detail);
    }
    void at(instant when, actor& to, std::uint32_t what, std::uint64_t detail = 0) {
        if (when == never) return;
        coming_.push_back({std::max(when, time_), ++asked_, &to, what, detail});
        std::push_heap(coming_.begin(), coming_.end(), std::greater<>{});
    }
    /// False: so much happens that the machines must be going round in circles.
    [[nodiscard]] bool run_until(instant end) {
        while (!coming_.empty() && coming_.front().at <= end) {
            if (events_ >= events_max) return false;
            std::pop_heap(coming_.begin(), coming_.end(), std::greater<>{});
            const event next = coming_.back();
            coming_.pop_back();
            time_ = next.at;
            ++events_;
            next.to->happen(next.what, next.detail);
        }
        time_ = std::max(time_, end);
        return true;
    }

private:
    static constexpr std::uint64_t events_max = 1'000'000;  // some 70 times what a run takes
    struct event {
        instant at;
        std::uint64_t order;
        actor* to;
        std::uint32_t what;
        std::uint64_t detail;
        friend bool operator>(const event& a, const event& b) {
            return a.at != b.at ? a.at > b.at : a.order > b.order;
        }
    };
    std::vector<event> coming_;
    instant time_{};
    std::uint64_t asked_ = 0;
    std::uint64_t events_ = 0;
};

// --- chance -------------------------------------------------------------------------------------

/// From 0 up to, not including, 1.
[[nodiscard]] inline double fraction(base::random& from) {
    return static_cast<double>(from() >> 11) * 0x1p-53;
}
[[nodiscard]] inline bool chance(base::random& from, double probability) {
    return fraction(from) < probability;
}
[[nodiscard]] inline std::uint32_t between(base::random& from, std::uint32_t least,
                                           std::uint32_t most) {
    return least + static_cast<std::uint32_t>(from.below(most - least + 1));
}
[[nodiscard]] inline duration between(base::random& from, duration least, duration most) {
    if (most <= least) return least;
    return least + duration{static_cast<std::int64_t>(
                       from.below(static_cast<std::uint64_t>((most - least).count())))};
}
/// The time to the next of events that come `per_second` on average.
[[nodiscard]] duration waiting_time(base::random& from, double per_second);

}  // namespace maus::sim
