#include "maus/base/utc_text.hpp"

#include <chrono>
#include <cstdio>

namespace maus::base {

namespace {

using std::chrono::days;
using std::chrono::seconds;
using std::chrono::sys_days;

constexpr std::int64_t seconds_a_day = 86'400;

/// Takes exactly so many digits off the front.
std::optional<int> take_digits(std::string_view& text, std::size_t count) {
    if (text.size() < count) return std::nullopt;
    int number = 0;
    for (std::size_t i = 0; i < count; ++i) {
        if (text[i] < '0' || text[i] > '9') return std::nullopt;
        number = number * 10 + (text[i] - '0');
    }
    text.remove_prefix(count);
    return number;
}

bool take(std::string_view& text, char expected) {
    if (!text.starts_with(expected)) return false;
    text.remove_prefix(1);
    return true;
}

std::optional<std::int64_t> take_date(std::string_view& text) {
    const auto year = take_digits(text, 4);
    if (!year || !take(text, '-')) return std::nullopt;
    const auto month = take_digits(text, 2);
    if (!month || !take(text, '-')) return std::nullopt;
    const auto day = take_digits(text, 2);
    if (!day) return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year(*year),
                                           std::chrono::month(static_cast<unsigned>(*month)),
                                           std::chrono::day(static_cast<unsigned>(*day))};
    if (!date.ok()) return std::nullopt;
    return sys_days(date).time_since_epoch().count() * seconds_a_day;
}

/// HH:MM
std::optional<std::int64_t> take_minutes(std::string_view& text) {
    const auto hour = take_digits(text, 2);
    if (!hour || *hour > 23 || !take(text, ':')) return std::nullopt;
    const auto minute = take_digits(text, 2);
    if (!minute || *minute > 59) return std::nullopt;
    return (*hour * 60 + *minute) * 60;
}

std::optional<std::uint32_t> take_fraction(std::string_view& text) {
    if (!take(text, '.')) return 0u;
    std::uint32_t fraction = 0;
    std::size_t count = 0;
    for (; count < 9; ++count) {
        const auto digit = take_digits(text, 1);
        if (!digit) break;
        fraction = fraction * 10 + static_cast<std::uint32_t>(*digit);
    }
    if (count == 0) return std::nullopt;
    for (; count < 9; ++count) fraction *= 10;
    return fraction;
}

std::optional<std::int64_t> take_offset(std::string_view& text) {
    if (take(text, 'Z')) return 0;
    const bool east = text.starts_with('+');
    if (!take(text, east ? '+' : '-')) return std::nullopt;
    const auto offset = take_minutes(text);
    if (!offset) return std::nullopt;
    return east ? *offset : -*offset;
}

}  // namespace

std::optional<std::string> to_utc_text(const value::timestamp& moment) {
    constexpr std::int64_t first = -62'167'219'200, last = 253'402'300'799;
    if (moment.seconds < first || moment.seconds > last) return std::nullopt;
    const std::chrono::sys_seconds at{seconds{moment.seconds}};
    const auto day = std::chrono::floor<days>(at);
    const std::chrono::year_month_day date{day};
    const auto rest = (at - day).count();
    char text[64];
    std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  static_cast<int>(rest / 3600), static_cast<int>(rest / 60 % 60),
                  static_cast<int>(rest % 60));
    std::string made = text;
    if (moment.nanoseconds != 0) {
        std::snprintf(text, sizeof text, ".%09u", static_cast<unsigned>(moment.nanoseconds));
        made += text;
        made.erase(made.find_last_not_of('0') + 1);
    }
    return made + 'Z';
}

std::optional<value::timestamp> from_utc_text(std::string_view text) {
    const auto date = take_date(text);
    if (!date || !take(text, 'T')) return std::nullopt;
    const auto minutes = take_minutes(text);
    if (!minutes || !take(text, ':')) return std::nullopt;
    const auto second = take_digits(text, 2);
    if (!second || *second > 59) return std::nullopt;
    const auto fraction = take_fraction(text);
    if (!fraction) return std::nullopt;
    const auto offset = take_offset(text);
    if (!offset || !text.empty()) return std::nullopt;
    return value::timestamp{*date + *minutes + *second - *offset, *fraction};
}

}  // namespace maus::base
