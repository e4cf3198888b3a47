// Little-endian integers at any address.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstring>

#include "maus/base/buffer.hpp"

namespace maus::wire {

template <std::unsigned_integral T>
[[nodiscard]] constexpr T little(T value) {
    if constexpr (std::endian::native == std::endian::little || sizeof(T) == 1) {
        return value;
    } else {
        T swapped{};
        for (std::size_t i = 0; i < sizeof(T); ++i) {
            swapped = static_cast<T>((swapped << 8) | ((value >> (8 * i)) & 0xff));
        }
        return swapped;
    }
}

template <std::unsigned_integral T>
[[nodiscard]] T load(const std::byte* from) {
    T value;
    std::memcpy(&value, from, sizeof value);
    return little(value);
}

template <std::unsigned_integral T>
void store(std::byte* to, T value) {
    value = little(value);
    std::memcpy(to, &value, sizeof value);
}

}  // namespace maus::wire
