// Spans of time as people type them: "2s", "500ms", "1.5s", "2min", "1h".
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>

namespace maus::programs {

/// Nothing if it is none, or has no unit.
[[nodiscard]] std::optional<std::chrono::nanoseconds> duration_of(std::string_view text);
[[nodiscard]] CLI::Validator is_duration();

/// What a number without a unit is of; and the shortest and longest that may be given.
struct bare_unit {
    std::chrono::nanoseconds one;
    std::chrono::nanoseconds least, most;
    std::string about;  ///< "0.1 to 86400 s"
};
/// The same, with a unit or without. Nothing: it is none, or out of bounds.
[[nodiscard]] std::optional<std::chrono::nanoseconds> duration_of(std::string_view text,
                                                                  const bare_unit& bare);
[[nodiscard]] CLI::Validator is_duration(const bare_unit& bare);

}  // namespace maus::programs
