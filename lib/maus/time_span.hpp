// How long something may take, as options and waits take it.
//
//     options.timeout = 1.5s * 2;                       // any duration of std::chrono
//     options.timeout = std::chrono::hours::max();      // for ever, and not a number that ran over
//
// Conversions of std::chrono run over without a word: hours::max() as nanoseconds is -3600 s. So every
// duration that a program gives us is converted here, and nowhere else.
#pragma once

#include <chrono>

namespace maus {

/// Any duration, kept within what `Unit` (std::chrono::nanoseconds, ...) holds: what is too long is
/// Unit::max(), which counts as "for ever"; what is negative or not a number is 0. Rounded up.
template <class Unit>
struct saturated : Unit {
    template <class Rep, class Period>
    constexpr saturated(std::chrono::duration<Rep, Period> given) : Unit(converted(given)) {}

private:
    template <class Rep, class Period>
    static constexpr Unit converted(std::chrono::duration<Rep, Period> given) {
        using rough = std::chrono::duration<long double, typename Unit::period>;
        if (!(given > given.zero())) return Unit::zero();
        if (std::chrono::duration_cast<rough>(given) >= rough(Unit::max())) return Unit::max();
        return std::chrono::ceil<Unit>(given);
    }
};

using time_span = saturated<std::chrono::nanoseconds>;

}  // namespace maus
