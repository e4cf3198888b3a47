// Is a peer alive, and when do we have to show that we are?
//
// state    | event                              | then
// ---------|------------------------------------|---------------------------------
// alive    | anything is heard                  | alive, for another heartbeat timeout
// alive    | nothing for the heartbeat timeout  | silent (the owner gives the peer up)
//
// The heartbeat timeout is interval x liveness. Both are agreed at registration ([P-16]); `agreed` makes
// the agreement.
#pragma once

#include <algorithm>
#include <cstdint>

#include "maus/base/time.hpp"
#include "maus/options.hpp"

namespace maus::core {

struct heartbeat {
    std::uint32_t interval_ms = 1000;
    std::uint32_t liveness = 3;

    static constexpr std::uint32_t interval_ms_min = 10;
    static constexpr std::uint32_t interval_ms_max = 3'600'000;
    static constexpr std::uint32_t liveness_min = 2;
    static constexpr std::uint32_t liveness_max = 100;

    /// What a program chose, moved into the limits.
    [[nodiscard]] static constexpr heartbeat of(const heartbeat_options& options) {
        const auto ms = std::clamp<std::int64_t>(options.interval.count(), 0, interval_ms_max);
        return heartbeat{static_cast<std::uint32_t>(ms), options.liveness}.within_limits();
    }
    [[nodiscard]] constexpr heartbeat within_limits() const {
        return {std::clamp(interval_ms, interval_ms_min, interval_ms_max),
                std::clamp(liveness, liveness_min, liveness_max)};
    }
    [[nodiscard]] constexpr base::duration interval() const {
        return std::chrono::milliseconds{interval_ms};
    }
    /// How long a silent peer counts as alive.
    [[nodiscard]] constexpr base::duration timeout() const { return interval() * liveness; }
};

[[nodiscard]] constexpr heartbeat agreed(heartbeat one, heartbeat other) {
    return heartbeat{std::max(one.interval_ms, other.interval_ms),
                     std::max(one.liveness, other.liveness)}
        .within_limits();
}

struct heartbeat_monitor {
    heartbeat beat;
    base::instant heard{};

    [[nodiscard]] base::instant silent_at() const { return base::after(heard, beat.timeout()); }
    [[nodiscard]] bool silent(base::instant now) const { return now >= silent_at(); }
};

}  // namespace maus::core
