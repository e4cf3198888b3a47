// What the simulated functions are called, take, do and give back.
#pragma once

#include <array>
#include <cstring>
#include <string_view>

#include "maus/base/buffer.hpp"

namespace maus::sim {

/// What a worker says that refuses a lease.
inline constexpr const char* refusal = "no licence is left";

enum class function : std::uint32_t {
    echo,
    slow,
    hang,
    poison,
    toss,
    later,
    rare,
    absent,
    items,
    ask
};
inline constexpr std::size_t functions = 10;
inline constexpr std::array<std::string_view, functions> signatures = {
    "echo(u64)->u64",          "slow(u64)->u64",
    "hang(u64)->u64",          "poison(u64)->u64",
    "toss(u64)->u64",          "later(u64)->u64",
    "rare(u64)->u64",          "absent(u64)->u64",
    "items(u64)->stream<u64>", "ask(u64,fn<u64(u64)>)->u64"};

/// Whether a function gives its slot back before it is done: some poison does, too.
[[nodiscard]] constexpr bool may_detach(function which, std::uint64_t argument) {
    return which == function::later || which == function::items ||
           (which == function::poison && argument % 4 == 0);
}

/// A call's arguments. Larger calls carry some bytes more.
struct arguments {
    std::uint64_t ticket = 0;
    std::uint64_t argument = 0;
    std::uint64_t run_ns = 0;
    std::uint32_t which = 0;
    std::uint32_t extra = 0;
};

/// A result carries who made it, so that a checker can tell whether it was to be accepted.
struct answer {
    std::uint64_t ticket = 0;
    std::uint64_t value = 0;
    std::uint64_t call = 0;
    std::uint32_t attempt = 0;
    std::uint32_t process = 0;
    std::uint32_t life = 0;
    std::uint32_t extra = 0;
    std::array<std::uint8_t, 16> worker{};
};

/// An item of a stream carries where it belongs and who made it.
struct item {
    std::uint64_t ticket = 0;
    std::uint64_t index = 0;
    std::uint32_t attempt = 0;
    std::uint32_t extra = 0;
};
/// How many a call gives; some a large one among them.
[[nodiscard]] constexpr std::uint64_t items_of(std::uint64_t argument) { return argument % 24; }
[[nodiscard]] constexpr std::uint32_t extra_of(std::uint64_t argument, std::uint64_t index) {
    return (argument >> 8) % 3 == 0 && index % 5 == 3 ? 300 : 0;
}

[[nodiscard]] constexpr std::uint64_t value_of(std::uint64_t argument) {
    return argument * 0x9E3779B97F4A7C15u + 0xD1B54A32D192ED03u;
}

template <class T>
[[nodiscard]] base::buffer pack(const T& what) {
    base::buffer made;
    std::memcpy(made.extend(sizeof(T)), &what, sizeof(T));
    if (what.extra != 0) std::memset(made.extend(what.extra), 0x5A, what.extra);
    return made;
}
/// False if the bytes are not those of one T.
template <class T>
[[nodiscard]] bool unpack(base::byte_view bytes, T& read) {
    if (bytes.size() < sizeof(T)) return false;
    std::memcpy(&read, bytes.data(), sizeof(T));
    return bytes.size() == sizeof(T) + read.extra;
}

}  // namespace maus::sim
