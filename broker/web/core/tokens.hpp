// The secrets by which a WebSocket peer shows its role: one for each (PROTOCOL.md, section 2.1).
//
// Comparing takes as long for a wrong one as for a right one, wherever they differ.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "broker/web/core/roles.hpp"

namespace maus::web {

class tokens {
public:
    static constexpr std::size_t random_bytes = 16;  ///< of each
    static constexpr std::size_t length_min = 22;    ///< 128 bits in base64
    static constexpr std::size_t length_max = 128;

    /// Made of random bytes, for each role its own.
    explicit tokens(std::span<const std::uint8_t, 3 * random_bytes> random);
    /// As they were read; is_good(each) and all different.
    explicit tokens(std::array<std::string, 3> known) : of_(std::move(known)) {}

    [[nodiscard]] const std::string& of(role which) const {
        return of_[static_cast<std::size_t>(which)];
    }
    [[nodiscard]] std::optional<role> role_of(std::string_view shown) const;

    /// Long enough, and letters, digits, '-' and '_' only: it stands in an address.
    [[nodiscard]] static bool is_good(std::string_view text);

private:
    std::array<std::string, 3> of_;
};

}  // namespace maus::web
