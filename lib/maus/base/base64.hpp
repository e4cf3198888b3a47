// Bytes as text (RFC 4648, section 4, with padding).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace maus::base {

[[nodiscard]] std::string to_base64(std::span<const std::uint8_t> bytes);
/// Nothing if it is no base64 as to_base64 writes it.
[[nodiscard]] std::optional<std::vector<std::uint8_t>> from_base64(std::string_view text);

}  // namespace maus::base
