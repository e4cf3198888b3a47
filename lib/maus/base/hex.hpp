// Hexadecimal digits of bytes: two each, small letters only.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace maus::base {

inline constexpr std::string_view hex_digits = "0123456789abcdef";

inline void append_hex(std::string& to, std::uint8_t byte) {
    to += hex_digits[byte >> 4];
    to += hex_digits[byte & 15];
}
inline void append_hex(std::string& to, std::span<const std::uint8_t> bytes) {
    for (const auto each : bytes) append_hex(to, each);
}
/// Of the first two characters; nothing: they are no digits, or too few.
[[nodiscard]] inline std::optional<std::uint8_t> hex_byte(std::string_view from) {
    if (from.size() < 2) return std::nullopt;
    const auto high = hex_digits.find(from[0]), low = hex_digits.find(from[1]);
    if (high == hex_digits.npos || low == hex_digits.npos) return std::nullopt;
    return static_cast<std::uint8_t>(high << 4 | low);
}

}  // namespace maus::base
