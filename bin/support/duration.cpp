#include "bin/support/duration.hpp"

#include <charconv>
#include <string>

namespace maus::programs {

namespace {

std::optional<std::chrono::nanoseconds> span_of(std::string_view text, double seconds_of_bare) {
    double number = 0;
    const char* const end = text.data() + text.size();
    const auto [last, wrong] = std::from_chars(text.data(), end, number);
    if (wrong != std::errc{} || !(number > 0)) return std::nullopt;
    const std::string_view unit(last, static_cast<std::size_t>(end - last));
    const double seconds = unit == "ms"                   ? 0.001
                           : unit == "s"                  ? 1
                           : unit == "min" || unit == "m" ? 60
                           : unit == "h"                  ? 3600
                           : unit.empty()                 ? seconds_of_bare
                                                          : 0;
    constexpr double seconds_max = 1e9;  // some thirty years
    if (seconds == 0 || number * seconds > seconds_max) return std::nullopt;
    return std::chrono::nanoseconds{static_cast<std::int64_t>(number * seconds * 1e9)};
}

}  // namespace

std::optional<std::chrono::nanoseconds> duration_of(std::string_view text) {
    return span_of(text, 0);
}

std::optional<std::chrono::nanoseconds> duration_of(std::string_view text, const bare_unit& bare) {
    const auto found = span_of(text, std::chrono::duration<double>(bare.one).count());
    return found && *found >= bare.least && *found <= bare.most ? found : std::nullopt;
}

CLI::Validator is_duration() {
    return {[](const std::string& text) {
                return duration_of(text) ? std::string{}
                                         : "'" + text + "' is no time; write 500ms, 2s, 5min or 1h";
            },
            ""};
}

CLI::Validator is_duration(const bare_unit& bare) {
    return {[bare](const std::string& text) {
                return duration_of(text, bare) ? std::string{}
                                               : "'" + text + "' is no time of " + bare.about +
                                                     "; 500ms, 2s, 5min or 1h is one";
            },
            ""};
}

}  // namespace maus::programs
