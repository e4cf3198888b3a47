// A maus message as one binary WebSocket message, and back (PROTOCOL.md, section 2.1).
//
//     u32 length (little-endian), that many bytes     for each frame, in order; nothing behind the last
//
// `unpack` is total: any bytes give a message or a named failure, and it asks for no more memory than
// a multiple of what has come.
#pragma once

#include <string>

#include "maus/base/result.hpp"
#include "maus/limits.hpp"
#include "maus/wire/message.hpp"

namespace maus::web {

/// What stands before each frame.
inline constexpr std::size_t length_bytes = 4;

[[nodiscard]] base::result<wire::message> unpack(base::byte_view binary, const limits& bounds);
[[nodiscard]] std::string pack(const wire::message& message);

}  // namespace maus::web
