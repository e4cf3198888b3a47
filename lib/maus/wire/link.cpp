#include "maus/wire/link.hpp"

#include "maus/base/share.hpp"
#include "maus/wire/archive.hpp"
#include "maus/wire/number.hpp"
#include "maus/wire/signature.hpp"
#include "maus/wire/types.hpp"

namespace maus::wire {

using base::failure;

bool link_reader::stop(const char* why) {
    violation_ = failure{errc::protocol_violation, why};
    left_ = {};
    return false;
}

bool link_reader::next(record& read) {
    if (left_.empty()) {
        if (!violation_ && apart_used_ != from_.rest.size()) {
            return stop("a frame belongs to no record");
        }
        return false;
    }
    if (left_.size() < record_header_bytes) return stop("a record is shorter than its header");
    const std::size_t length = load<std::uint32_t>(left_.data());
    read.type = static_cast<record_type>(left_[4]);
    read.flags = static_cast<std::uint8_t>(left_[5]);
    read.function = load<std::uint16_t>(left_.data() + 6);
    if (length > left_.size() - record_header_bytes)
        return stop("a record is longer than its frame");
    read.body = left_.subspan(record_header_bytes, length);
    left_ = left_.subspan(record_header_bytes + length);
    read.apart = nullptr;

    const bool is_call = read.type == record_type::call;
    const bool carries = is_call || read.type == record_type::result;
    const std::uint8_t allowed =
        static_cast<std::uint8_t>((carries ? flag_apart : 0) | (is_call ? flag_at_most_once : 0));
    if ((read.flags & ~allowed) != 0) return stop("a record has flags that it cannot have");
    if (!is_call && read.function != 0) return stop("only a call has a function number");
    if ((read.flags & flag_apart) != 0) {
        if (apart_used_ == from_.rest.size()) return stop("a record's payload frame is missing");
        read.apart = &from_.rest[apart_used_++];
    }
    return true;
}

std::optional<attempt> take_attempt(base::byte_view& body) {
    if (body.size() < attempt_bytes) return std::nullopt;
    const attempt taken{{load<std::uint64_t>(body.data())}, {load<std::uint32_t>(body.data() + 8)}};
    body = body.subspan(attempt_bytes);
    return taken;
}

base::buffer take_payload(const record& from, base::byte_view body) {
    return from.apart != nullptr ? std::move(*from.apart) : base::buffer{body};
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

std::byte* link_writer::begin(record_type type, std::uint8_t flags, std::uint16_t function,
                              std::size_t body) {
    if (to_.first.empty()) write_header(to_.first, channel::link);
    std::byte* at = to_.first.extend(record_header_bytes + body);
    store(at, static_cast<std::uint32_t>(body));
    at[4] = static_cast<std::byte>(type);
    at[5] = std::byte{flags};
    store(at + 6, function);
    return at + record_header_bytes;
}

namespace {
std::byte* put(std::byte* at, attempt what) {
    store(at, what.call.value);
    store(at + 8, what.number.value);
    return at + attempt_bytes;
}
void put(std::byte* at, base::byte_view bytes) {
    if (!bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
}
}  // namespace

void link_writer::call(attempt what, std::uint16_t function, bool at_most_once,
                       base::buffer& payload) {
    const std::uint8_t once = at_most_once ? flag_at_most_once : 0;
    if (payload.size() >= bounds_.payload_apart_bytes) {
        put(begin(record_type::call, once | flag_apart, function, attempt_bytes), what);
        to_.rest.push_back(base::share(payload));
        return;
    }
    std::byte* at = begin(record_type::call, once, function, attempt_bytes + payload.size());
    put(put(at, what), payload.view());
}

void link_writer::result(attempt what, base::buffer payload) {
    if (payload.size() >= bounds_.payload_apart_bytes) {
        put(begin(record_type::result, flag_apart, 0, attempt_bytes), what);
        to_.rest.push_back(std::move(payload));
        return;
    }
    std::byte* at = begin(record_type::result, 0, 0, attempt_bytes + payload.size());
    put(put(at, what), payload.view());
}

void link_writer::failed(attempt what, const fault& why) {
    fault bounded{why.error, why.type.substr(0, bounds_.text_bytes_max),
                  why.text.substr(0, bounds_.text_bytes_max)};
    base::buffer body;
    encode(body, bounded);
    std::byte* at = begin(record_type::failed, 0, 0, attempt_bytes + body.size());
    put(put(at, what), body.view());
}

void link_writer::about(record_type type, attempt what) {
    put(begin(type, 0, 0, attempt_bytes), what);
}

void link_writer::stamp(record_type type, std::uint64_t value) {
    store(begin(type, 0, 0, sizeof value), value);
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
