// Times as counts of ticks and as seconds and nanoseconds, exactly or not at all. Part of convert.cpp.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>

#include "maus/value.hpp"

namespace maus::wire::detail {

__extension__ using wide = __int128;

inline constexpr std::int64_t ns_a_second = 1'000'000'000;

inline std::optional<std::int64_t> narrow(wide number) {
    using limits_of = std::numeric_limits<std::int64_t>;
    if (number < limits_of::min() || number > limits_of::max()) return std::nullopt;
    return static_cast<std::int64_t>(number);
}

/// `num/den` seconds are one tick. None of the products exceeds 126 bits.
inline std::optional<value::timestamp> time_of_ticks(wide ticks, std::uint64_t num,
                                                     std::uint64_t den) {
    if (num > INT64_MAX || den > INT64_MAX) return std::nullopt;
    const wide all = ticks * static_cast<wide>(num);
    const wide divisor = static_cast<wide>(den);
    const wide whole = all / divisor - (all % divisor < 0 ? 1 : 0);
    const wide rest = (all - whole * divisor) * ns_a_second;
    const auto seconds = narrow(whole);
    if (!seconds || rest % divisor != 0) return std::nullopt;
    return value::timestamp{*seconds, static_cast<std::uint32_t>(rest / divisor)};
}

inline std::optional<wide> ticks_of_time(const value::timestamp& moment, std::uint64_t num,
                                         std::uint64_t den) {
    if (num > INT64_MAX || den > INT64_MAX) return std::nullopt;
    const wide divisor = static_cast<wide>(den);
    const wide part = moment.nanoseconds * divisor;
    if (part % ns_a_second != 0) return std::nullopt;
    const wide all = moment.seconds * divisor + part / ns_a_second;
    if (all % static_cast<wide>(num) != 0) return std::nullopt;
    return all / static_cast<wide>(num);
}

/// Counts that are floats are as exact as they are.
inline std::optional<value::timestamp> time_of_ticks(double ticks, std::uint64_t num,
                                                     std::uint64_t den) {
    const double all = ticks * static_cast<double>(num) / static_cast<double>(den);
    if (!(std::abs(all) < 9e18)) return std::nullopt;
    const double whole = std::floor(all);
    const auto ns = static_cast<std::int64_t>((all - whole) * static_cast<double>(ns_a_second));
    return value::timestamp{static_cast<std::int64_t>(whole), static_cast<std::uint32_t>(ns)};
}

inline double real_ticks_of_time(const value::timestamp& moment, std::uint64_t num,
                                 std::uint64_t den) {
    const double all = static_cast<double>(moment.seconds) +
                       static_cast<double>(moment.nanoseconds) / static_cast<double>(ns_a_second);
    return all * static_cast<double>(den) / static_cast<double>(num);
}

}  // namespace maus::wire::detail
