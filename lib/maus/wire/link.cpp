#include "maus/wire/link.hpp"

#include "maus/base/shared_buffer.hpp"
#include "maus/wire/archive.hpp"
#include "maus/wire/signature.hpp"
#include "maus/wire/types.hpp"

namespace maus::wire {

using base::failure;

bool link_reader::stop(const char* why) {
    violation_ = failure{errc::protocol_violation, why};
    left_ = {};
    return false;
}

base::result<hello> decode_hello(base::byte_view body, const limits& bounds) {
    auto decoded = decode<hello>(body);
    if (!decoded) return failure{errc::protocol_violation, "hello: " + decoded.why().message};
    hello& read = std::get<0>(decoded.value());
    if (read.worker.none()) {
        return failure{errc::protocol_violation, "hello: the worker's id is 0"};
    }
    if (read.type.size() > bounds.name_bytes_max) {
        return failure{errc::too_large, "hello: the type is too long"};
    }
    if (!good_name(read.type, bounds.name_bytes_max)) {
        return failure{errc::protocol_violation, "hello: the type is not a good name"};
    }
    if (read.host.size() > bounds.name_bytes_max) {
        return failure{errc::too_large, "hello: the host's name is too long"};
    }
    if (read.signatures.size() > bounds.functions_max) {
        return failure{errc::too_large, "hello: too many functions"};
    }
    for (const auto& text : read.signatures) {
        if (auto parsed = parse_signature(text); !parsed) return std::move(parsed).why();
    }
    return std::move(read);
}

namespace {
template <class Body>
base::result<Body> decode_as(base::byte_view body, const char* what) {
    auto decoded = decode<Body>(body);
    if (!decoded) {
        return failure{errc::protocol_violation, std::string(what) + ": " + decoded.why().message};
    }
    return std::get<0>(std::move(decoded).value());
}
}  // namespace

base::result<welcome> decode_welcome(base::byte_view body) {
    return decode_as<welcome>(body, "welcome");
}
base::result<parting> decode_parting(base::byte_view body) {
    return decode_as<parting>(body, "goodbye");
}
base::result<fault> decode_fault(base::byte_view body) { return decode_as<fault>(body, "failed"); }

std::optional<std::uint64_t> decode_stamp(base::byte_view body) {
    if (body.size() != sizeof(std::uint64_t)) return std::nullopt;
    return load<std::uint64_t>(body.data());
}

void link_writer::share_apart(base::buffer& payload) { to_.rest.push_back(base::share(payload)); }

void link_writer::failed(attempt what, const fault& why) {
    fault bounded{why.error, why.type.substr(0, bounds_.text_bytes_max),
                  why.text.substr(0, bounds_.text_bytes_max)};
    base::buffer body;
    encode(body, bounded);
    std::byte* at = begin(record_type::failed, 0, 0, attempt_bytes + body.size());
    put(put(at, what), body.view());
}

template <class Body>
void link_writer::archived(record_type type, const Body& body) {
    base::buffer bytes;
    encode(bytes, body);
    put(begin(type, 0, 0, bytes.size()), bytes.view());
}

void link_writer::say(const hello& what) { archived(record_type::hello, what); }
void link_writer::say(const welcome& what) { archived(record_type::welcome, what); }
void link_writer::part(record_type type, errc code, std::string_view why) {
    archived(type, parting{static_cast<std::uint8_t>(code), std::string(why)});
}

}  // namespace maus::wire
