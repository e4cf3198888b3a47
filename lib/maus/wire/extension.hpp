// Extensions: what a later version adds to a message of this one (PROTOCOL.md, section 4.1).
//
// A body that may be extended ends with any number of them: u16 tag, u32 length, bytes. Who does
// not know a tag skips it, so that old and new peers understand each other. Tags are one number
// space for all of the protocol.
//
// To add one: take the next free number of the table in PROTOCOL.md, name it here, and look for it
// with `find` where its message is handled.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "maus/base/buffer.hpp"
#include "maus/base/result.hpp"
#include "maus/limits.hpp"

namespace maus::wire {

/// The first tag that is for experiments and never assigned.
inline constexpr std::uint16_t first_experimental_tag = 32768;
inline constexpr std::size_t extension_header_bytes = 6;

struct extension {
    std::uint16_t tag = 0;
    base::byte_view bytes;
};

/// Tags of this version, one line each with the section that describes it.
inline constexpr std::uint16_t page_tag = 1;       // of status_query and status (5.5)
inline constexpr std::uint16_t elastic_tag = 2;    // of request and status (5.7)
inline constexpr std::uint16_t time_left_tag = 3;  // of call (6.2)
inline constexpr std::uint16_t label_tag = 4;      // of call (6.2), request and status (P-118)
inline constexpr std::uint16_t trace_tag = 5;      // of call (6.2)
inline constexpr std::uint16_t reference_functions_tag = 6;  // of register_worker and hello (P-108)
inline constexpr std::uint16_t stream_credit_tag = 8;        // of call (6.4)
inline constexpr std::uint16_t nested_tag = 9;               // of call (P-117)
inline constexpr std::uint16_t dynamic_functions_tag = 10;   // of register_worker and hello (P-97)

/// In the order in which they came. They point into the message that they were read from.
using extensions = std::vector<extension>;

/// The bytes of a tag; of one that came twice, the first counts.
[[nodiscard]] std::optional<base::byte_view> find(const extensions& among, std::uint16_t tag);

[[nodiscard]] std::size_t encoded_bytes(const extensions& these);
void encode_extensions(base::buffer& out, const extensions& these);

/// Reads all of `from` as extensions. protocol_violation if one reaches beyond it, too_large if
/// there are more than `extensions_max`. Without `into` they are only checked.
[[nodiscard]] std::optional<base::failure> decode_extensions(base::byte_view from,
                                                             std::size_t extensions_max,
                                                             extensions* into = nullptr);

}  // namespace maus::wire
