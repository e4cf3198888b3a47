// SHA-256 (FIPS 180-4), to name texts by what they say. Not fast, and not for secrets.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace maus::base {

[[nodiscard]] std::array<std::uint8_t, 32> sha256(std::string_view text);

}  // namespace maus::base
