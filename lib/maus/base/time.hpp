// Time as the cores see it: handed in, never read.
//
// `core_clock` has no now(), so a state machine that asks for the time does not compile. The shells
// read CLOCK_BOOTTIME (which goes on in suspend) and hand an `instant` in with every event.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace maus::base {

using duration = std::chrono::nanoseconds;

struct core_clock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<core_clock>;
    static constexpr bool is_steady = true;
};

using instant = core_clock::time_point;

/// Later than everything: "no deadline".
inline constexpr instant never = instant::max();

/// `from + delay` that stays at `never` instead of running over.
[[nodiscard]] constexpr instant after(instant from, duration delay) {
    if (delay >= never - from) return never;
    return from + delay;
}

[[nodiscard]] constexpr std::uint64_t whole_ms(duration d) {
    return d <= duration::zero()
               ? 0
               : static_cast<std::uint64_t>(
                     std::chrono::duration_cast<std::chrono::milliseconds>(d).count());
}

}  // namespace maus::base
