// Spans of time as people type them: "2s", "500ms", "1.5s", "2min", "1h".
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include <CLI/CLI.hpp>

namespace maus::programs {

/// Nothing if it is none, or has no unit.
[[nodiscard]] std::optional<std::chrono::nanoseconds> duration_of(std::string_view text);
[[nodiscard]] CLI::Validator is_duration();

}  // namespace maus::programs
