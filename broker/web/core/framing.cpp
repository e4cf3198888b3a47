#include "broker/web/core/framing.hpp"

#include "maus/wire/number.hpp"

namespace maus::web {

using base::failure;

namespace {
void append(std::string& to, const base::buffer& frame) {
    std::byte length[length_bytes];
    wire::store(length, static_cast<std::uint32_t>(frame.size()));
    to += base::as_text(length);
    to += base::as_text(frame.view());
}
}  // namespace

base::result<wire::message> unpack(base::byte_view binary, const limits& bounds) {
    wire::message made;
    std::size_t frames = 0;
    while (!binary.empty()) {
        if (binary.size() < length_bytes) {
            return failure{errc::protocol_violation, "a frame's length is cut off"};
        }
        const std::size_t length = wire::load<std::uint32_t>(binary.data());
        binary = binary.subspan(length_bytes);
        if (length > binary.size()) {
            return failure{errc::protocol_violation, "a frame is longer than its message"};
        }
        if (frames > bounds.frames_max) {  // a relayed message has one more
            return failure{errc::protocol_violation, "a message has too many frames"};
        }
        base::buffer frame{binary.first(length)};
        if (frames++ == 0) {
            made.first = std::move(frame);
        } else {
            made.rest.push_back(std::move(frame));
        }
        binary = binary.subspan(length);
    }
    if (frames == 0) return failure{errc::protocol_violation, "a message has no frames"};
    return made;
}

std::string pack(const wire::message& message) {
    std::string made;
    made.reserve(message.frames() * length_bytes + message.bytes());
    append(made, message.first);
    for (const auto& frame : message.rest) append(made, frame);
    return made;
}

}  // namespace maus::web
