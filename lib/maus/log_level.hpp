// How much a log line matters.
#pragma once

#include <cstdint>
#include <string_view>

namespace maus {

/// off is for thresholds only: nothing is logged at it.
enum class log_level : std::uint8_t { debug, info, warning, error, off };

[[nodiscard]] constexpr std::string_view to_string(log_level level) noexcept {
    switch (level) {
        case log_level::debug: return "debug";
        case log_level::info: return "info";
        case log_level::warning: return "warning";
        case log_level::error: return "error";
        case log_level::off: return "off";
    }
    return "unknown";
}

}  // namespace maus
