// What may travel with a call beside its arguments, as extensions (PROTOCOL.md, section 6.2). Users know
// them as call_tags.hpp; `placement::extensions_of` sends them, `take_extensions` of the worker reads them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "maus/base/buffer.hpp"
#include "maus/base/time.hpp"
#include "maus/call_tags.hpp"
#include "maus/limits.hpp"
#include "maus/wire/extension.hpp"

namespace maus::wire {

/// Of a stream: what it may send at first, and how many of its items are not sent.
struct stream_credit {
    std::uint32_t items = 0;
    std::uint64_t bytes = 0;
    std::uint64_t skip = 0;
    friend bool operator==(const stream_credit&, const stream_credit&) = default;
};

struct call_extensions {
    std::optional<base::duration> time_left;  ///< until its deadline
    std::string_view label;                   ///< points into what it was read from; empty: none
    trace_context trace;                      ///< empty: none
    std::optional<stream_credit> stream;
    bool nested = false;  ///< a callable waits for it, for which some call of this link waits
};

[[nodiscard]] base::buffer encoded(const call_extensions& these);
/// Nothing if one of them is not as it must be. Others are skipped.
[[nodiscard]] std::optional<call_extensions> decode_call_extensions(base::byte_view from,
                                                                    const limits& bounds);

}  // namespace maus::wire
