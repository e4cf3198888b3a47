// Moments as text (RFC 3339): 2023-11-14T22:13:20.123456789Z.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "maus/value.hpp"

namespace maus::base {

/// Nothing outside of the years 0 to 9999.
[[nodiscard]] std::optional<std::string> to_utc_text(const value::timestamp& moment);
/// With up to nine digits of a second, and Z or an offset (+01:00).
[[nodiscard]] std::optional<value::timestamp> from_utc_text(std::string_view text);

}  // namespace maus::base
