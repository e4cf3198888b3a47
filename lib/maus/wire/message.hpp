// A message as it comes from or goes to a connection: a first frame with a header, and further
// frames.
//
// PROTOCOL.md, section 4. What the frames hold is told by control.hpp and link.hpp.
#pragma once

#include <cstdint>
#include <vector>

#include "maus/base/buffer.hpp"
#include "maus/base/id.hpp"
#include "maus/base/result.hpp"

namespace maus::wire {

inline constexpr std::uint8_t version = 1;
inline constexpr std::size_t header_bytes = 8;
inline constexpr std::size_t relay_bytes = 24;

enum class channel : std::uint8_t { control = 1, link = 2, relay = 3 };

/// A control message or link record of an unknown type from here on is skipped; one below is
/// answered with `unimplemented` (PROTOCOL.md, section 4.3).
inline constexpr std::uint8_t first_skipped_type = 128;
[[nodiscard]] constexpr bool is_skipped(std::uint8_t unknown_type) {
    return unknown_type >= first_skipped_type;
}

struct header {
    std::uint8_t version = wire::version;
    wire::channel channel = wire::channel::control;
    std::uint8_t type = 0;
};

struct message {
    base::buffer first;
    std::vector<base::buffer> rest;

    [[nodiscard]] std::size_t frames() const { return 1 + rest.size(); }
    [[nodiscard]] std::size_t bytes() const {
        std::size_t sum = first.size();
        for (const auto& frame : rest) sum += frame.size();
        return sum;
    }
};

/// "it speaks version 7 of the protocol, this program version 1"
[[nodiscard]] base::failure other_version(std::uint8_t theirs);
void write_header(base::buffer& frame, channel on, std::uint8_t type = 0);
/// Whether somebody who speaks this protocol, in whatever version, wrote the frame.
[[nodiscard]] bool has_magic(base::byte_view frame);
/// protocol_violation if the magic, the channel or a reserved byte is wrong. Accepts every version:
/// the caller answers an unknown one.
[[nodiscard]] base::result<header> read_header(base::byte_view frame);

/// The first frame of a relay message. A later version may write more into it: who reads it takes
/// the lease off its front and leaves the rest alone.
[[nodiscard]] base::buffer relay_frame(base::lease_id lease);
/// Takes the first frame off a relay message: what is left is the link message inside.
[[nodiscard]] base::result<base::lease_id> unwrap_relay(message& relayed);
/// The lease of a relay message, which stays as it is.
[[nodiscard]] base::result<base::lease_id> peek_relay(const message& relayed);

/// Text from a peer made fit for a log or a terminal: control characters, and those that change the
/// order in which others are shown, become '?'. The length is bounded.
[[nodiscard]] std::string printable(std::string_view text, std::size_t bytes_max = 200);
/// The beginning of a text, of at most bytes_max bytes; no character is cut in two.
[[nodiscard]] std::string_view cut(std::string_view text, std::size_t bytes_max);
/// Valid UTF-8, 1 to bytes_max bytes, no control characters.
[[nodiscard]] bool good_name(std::string_view text, std::size_t bytes_max);

}  // namespace maus::wire
