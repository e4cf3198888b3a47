// The records of streams: items, and the credit for more of them (PROTOCOL.md, section 6.4).
//
//     item   u64 call, u32 attempt, u32 items; payload: the only item, or each as u32 length, bytes
//     more   u64 call, u32 attempt, u32 items, u64 bytes
#pragma once

#include <cstdint>
#include <optional>

#include "maus/base/buffer.hpp"
#include "maus/wire/link.hpp"

namespace maus::wire {

/// What stands before an item that is not alone in its record.
inline constexpr std::size_t item_length_bytes = sizeof(std::uint32_t);

/// Some items of a stream. Those of a well-formed record: see `check`.
struct items {
    attempt of;
    std::uint32_t count = 0;
    base::buffer payload;

    /// Of their encodings.
    [[nodiscard]] std::uint64_t bytes() const {
        return payload.size() - (count == 1 ? 0 : count * std::uint64_t{item_length_bytes});
    }
};
/// Nothing: the record is none, or has no items, or other ones than it says.
[[nodiscard]] std::optional<items> take_items(const record& from);

/// Takes the next item off the front of a payload of `count` items (that is well-formed).
[[nodiscard]] inline base::byte_view next_item(base::byte_view& payload, std::uint32_t count) {
    if (count == 1) return std::exchange(payload, {});
    const std::size_t length = load<std::uint32_t>(payload.data());
    const auto item = payload.subspan(item_length_bytes, length);
    payload = payload.subspan(item_length_bytes + length);
    return item;
}

/// `count` grows by an item that is encoded in `one`. `one` may be moved from; `payload` grows.
void add_item(base::buffer& payload, std::uint32_t& count, base::buffer&& one);

/// Credit for more items.
struct more {
    attempt of;
    std::uint32_t items = 0;
    std::uint64_t bytes = 0;
};
[[nodiscard]] std::optional<more> decode_more(base::byte_view body);

}  // namespace maus::wire
