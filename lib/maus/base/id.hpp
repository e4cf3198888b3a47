// Names for things, each with a type of its own, so that none is taken for another.
#pragma once

#include <array>
#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <utility>

#include "maus/base/hex.hpp"
#include "maus/base/random.hpp"

namespace maus::base {

/// A number that names something within one process or one session.
template <class Tag, class Number = std::uint64_t>
struct strong_id {
    Number value{};
    friend constexpr auto operator<=>(const strong_id&, const strong_id&) = default;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(value);
    }
};

/// 128 random bits that name something everywhere. All zero means "none".
template <class Tag>
struct unique_id {
    std::array<std::uint8_t, 16> bytes{};

    friend constexpr bool operator==(const unique_id&, const unique_id&) = default;
    /// By the bytes from the first to the last, in two comparisons instead of a call: maps of ids
    /// are searched for every message.
    friend constexpr auto operator<=>(const unique_id& one, const unique_id& other) {
        return one.halves() <=> other.halves();
    }
    [[nodiscard]] constexpr bool none() const { return *this == unique_id{}; }

    [[nodiscard]] static unique_id make(random& source) {
        unique_id made;
        const std::uint64_t halves[2] = {source(), source()};
        std::memcpy(made.bytes.data(), halves, sizeof halves);
        return made;
    }
    template <class Archive>
    void serialize(Archive& archive) {
        archive(bytes);
    }

private:
    [[nodiscard]] constexpr std::pair<std::uint64_t, std::uint64_t> halves() const {
        const auto read = std::bit_cast<std::array<std::uint64_t, 2>>(bytes);
        if constexpr (std::endian::native == std::endian::big) return {read[0], read[1]};
        return {__builtin_bswap64(read[0]), __builtin_bswap64(read[1])};
    }
};

template <class Tag>
[[nodiscard]] std::string to_string(const unique_id<Tag>& id) {
    std::string text;
    text.reserve(2 * id.bytes.size());
    append_hex(text, id.bytes);
    return text;
}
/// The first eight digits, for logs.
template <class Tag>
[[nodiscard]] std::string brief(const unique_id<Tag>& id) {
    return to_string(id).substr(0, 8);
}

using worker_id = unique_id<struct worker_tag>;
using manager_id = unique_id<struct manager_tag>;
using parkserver_id = unique_id<struct parkserver_tag>;
/// What a request, its assignments and their hellos have in common.
using token = unique_id<struct token_tag>;
/// The hash of a text that is sent to be run (script.hpp).
using script_id = unique_id<struct script_tag>;

using incarnation = strong_id<struct incarnation_tag>;
using request_id = strong_id<struct request_tag>;
/// One connection, as the shell and the core call it. Never used again once it is down.
using route = strong_id<struct route_tag>;
/// Slot in the low half, generation in the high half: a slot's reuse makes a new call_id.
using call_id = strong_id<struct call_tag>;
using attempt_number = strong_id<struct attempt_tag, std::uint32_t>;
using group_id = strong_id<struct group_tag, std::uint32_t>;
using method_id = strong_id<struct method_tag, std::uint32_t>;

struct lease_id {
    std::uint64_t epoch = 0;
    std::uint64_t sequence = 0;
    friend constexpr auto operator<=>(const lease_id&, const lease_id&) = default;
    [[nodiscard]] constexpr bool none() const { return epoch == 0 && sequence == 0; }
    template <class Archive>
    void serialize(Archive& archive) {
        archive(epoch, sequence);
    }
};
[[nodiscard]] inline std::string to_string(const lease_id& lease) {
    return std::to_string(lease.epoch) + "." + std::to_string(lease.sequence);
}

}  // namespace maus::base

template <class Tag, class Number>
struct std::hash<maus::base::strong_id<Tag, Number>> {
    std::size_t operator()(const maus::base::strong_id<Tag, Number>& id) const noexcept {
        return std::hash<Number>{}(id.value);
    }
};
