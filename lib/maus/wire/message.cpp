#include "maus/wire/message.hpp"

#include "maus/wire/number.hpp"

namespace maus::wire {

using base::failure;

namespace {
constexpr char magic[3] = {'M', 'A', 'U'};

/// Length of the UTF-8 sequence at the start of `text`, 0 if it is none (RFC 3629, table 3-7 of
/// Unicode).
std::size_t sequence_length(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto follows = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xBF) {
        return i < text.size() && byte(i) >= low && byte(i) <= high;
    };
    const unsigned lead = byte(0);
    if (lead < 0x80) return 1;
    if (lead >= 0xC2 && lead <= 0xDF) return follows(1) ? 2 : 0;
    if (lead >= 0xE0 && lead <= 0xEF) {
        const unsigned low = lead == 0xE0 ? 0xA0 : 0x80;
        const unsigned high = lead == 0xED ? 0x9F : 0xBF;
        return follows(1, low, high) && follows(2) ? 3 : 0;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        const unsigned low = lead == 0xF0 ? 0x90 : 0x80;
        const unsigned high = lead == 0xF4 ? 0x8F : 0xBF;
        return follows(1, low, high) && follows(2) && follows(3) ? 4 : 0;
    }
    return 0;
}

/// Of one well-formed sequence. C1 are U+0080 to U+009F.
bool is_control(std::string_view sequence) {
    const auto lead = static_cast<unsigned char>(sequence[0]);
    if (sequence.size() == 1) return lead < 0x20 || lead == 0x7F;
    return sequence.size() == 2 && lead == 0xC2 && static_cast<unsigned char>(sequence[1]) < 0xA0;
}

/// Whether a terminal may show what follows in another order or on another line: U+061C, U+200E,
/// U+200F, U+2028 to U+202E, U+2066 to U+2069.
bool reorders(std::string_view sequence) {
    if (sequence == "\xD8\x9C") return true;
    if (sequence.size() != 3 || sequence[0] != '\xE2') return false;
    const auto last = static_cast<unsigned char>(sequence[2]);
    if (sequence[1] == '\x80')
        return last == 0x8E || last == 0x8F || (last >= 0xA8 && last <= 0xAE);
    return sequence[1] == '\x81' && last >= 0xA6 && last <= 0xA9;
}

bool is_name(std::string_view text) {
    while (!text.empty()) {
        const std::size_t length = sequence_length(text);
        if (length == 0 || is_control(text.substr(0, length))) return false;
        text.remove_prefix(length);
    }
    return true;
}
}  // namespace

failure other_version(std::uint8_t theirs) {
    return {errc::version_mismatch, "it speaks version " + std::to_string(theirs) +
                                        " of the protocol, this program version " +
                                        std::to_string(version)};
}

void write_header(base::buffer& frame, channel on, std::uint8_t type) {
    std::byte* at = frame.extend(header_bytes);
    std::memcpy(at, magic, sizeof magic);
    at[3] = std::byte{version};
    at[4] = static_cast<std::byte>(on);
    at[5] = std::byte{type};
    at[6] = at[7] = std::byte{0};
}

bool has_magic(base::byte_view frame) {
    return frame.size() >= sizeof magic && std::memcmp(frame.data(), magic, sizeof magic) == 0;
}

base::result<header> read_header(base::byte_view frame) {
    if (frame.size() < header_bytes) {
        return failure{errc::protocol_violation, "a frame is shorter than its header"};
    }
    if (!has_magic(frame)) {
        return failure{errc::protocol_violation, "this is not a maus message"};
    }
    header read;
    read.version = static_cast<std::uint8_t>(frame[3]);
    if (read.version != version) return read;
    const auto on = static_cast<std::uint8_t>(frame[4]);
    if (on < 1 || on > 3) return failure{errc::protocol_violation, "unknown channel"};
    read.channel = static_cast<channel>(on);
    read.type = static_cast<std::uint8_t>(frame[5]);
    if (frame[6] != std::byte{0} || frame[7] != std::byte{0}) {
        return failure{errc::protocol_violation, "reserved bytes of a header are not 0"};
    }
    if (read.channel != channel::control && read.type != 0) {
        return failure{errc::protocol_violation, "only control messages have a type"};
    }
    return read;
}

base::buffer relay_frame(base::lease_id lease) {
    base::buffer frame;
    write_header(frame, channel::relay);
    std::byte* at = frame.extend(16);
    store(at, lease.epoch);
    store(at + 8, lease.sequence);
    return frame;
}

base::result<base::lease_id> peek_relay(const message& relayed) {
    if (relayed.first.size() < relay_bytes || relayed.rest.empty()) {
        return failure{errc::protocol_violation,
                       "a relay message needs a lease and a link message"};
    }
    const std::byte* at = relayed.first.data() + header_bytes;
    const base::lease_id lease{load<std::uint64_t>(at), load<std::uint64_t>(at + 8)};
    if (lease.none()) return failure{errc::protocol_violation, "a relay message's lease is 0"};
    return lease;
}

base::result<base::lease_id> unwrap_relay(message& relayed) {
    auto lease = peek_relay(relayed);
    if (lease) {
        relayed.first = std::move(relayed.rest.front());
        relayed.rest.erase(relayed.rest.begin());
    }
    return lease;
}

std::string printable(std::string_view text, std::size_t bytes_max) {
    std::string clean;
    while (!text.empty() && clean.size() < bytes_max) {
        const std::size_t length = sequence_length(text);
        const std::string_view sequence = text.substr(0, length);
        if (length == 0 || is_control(sequence) || reorders(sequence)) {
            clean += '?';
        } else {
            clean += sequence;
        }
        text.remove_prefix(length == 0 ? 1 : length);
    }
    if (!text.empty()) clean += "...";
    return clean;
}

std::string_view cut(std::string_view text, std::size_t bytes_max) {
    if (text.size() <= bytes_max) return text;
    const auto continues = [&](std::size_t at) {
        return (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
    };
    constexpr std::size_t sequence_bytes_max = 4;
    std::size_t end = bytes_max;
    while (end > 0 && bytes_max - end < sequence_bytes_max && continues(end)) --end;
    return text.substr(0, continues(end) ? bytes_max : end);
}

bool good_name(std::string_view text, std::size_t bytes_max) {
    return !text.empty() && text.size() <= bytes_max && is_name(text);
}

}  // namespace maus::wire
