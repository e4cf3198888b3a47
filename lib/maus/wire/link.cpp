#include "maus/wire/link.hpp"

#include <algorithm>

#include "maus/base/shared_buffer.hpp"
#include "maus/script.hpp"
#include "maus/wire/archive.hpp"
#include "maus/wire/signature.hpp"
#include "maus/wire/types.hpp"

namespace maus::wire {

using base::failure;

bool link_reader::stop(failure why) {
    violation_ = std::move(why);
    left_ = {};
    return false;
}
bool link_reader::stop(const char* why) { return stop({errc::protocol_violation, why}); }

bool is_known(record_type type) {
    switch (type) {
        case record_type::hello:
        case record_type::result:
        case record_type::failed:
        case record_type::returned:
        case record_type::detached:
        case record_type::started:
        case record_type::ping:
        case record_type::worker_goodbye:
        case record_type::worker_unimplemented:
        case record_type::worker_part:
        case record_type::worker_taken:
        case record_type::item:
        case record_type::callback:
        case record_type::welcome:
        case record_type::reject:
        case record_type::call:
        case record_type::cancel:
        case record_type::pong:
        case record_type::manager_goodbye:
        case record_type::manager_unimplemented:
        case record_type::manager_part:
        case record_type::manager_taken:
        case record_type::more:
        case record_type::callback_result:
        case record_type::callback_failed:
        case record_type::script:
        case record_type::rejected_by:
        case record_type::progress: return true;
    }
    return false;
}

namespace {
bool is_carrier(record_type type) {
    return type == record_type::callback || type == record_type::callback_result;
}
}  // namespace

// A record whose layout or function number no usual record has. One of an unknown type is skipped as a
// whole: only its frame has to be known.
bool link_reader::check_unusual(record& read) {
    if (is_known(read.type)) {
        const bool has_frame = (read.flags & layout_flags) == flag_apart && read.function == 0;
        if (has_frame && is_part(read.type)) return take_part(read);
        if (has_frame && read.type == record_type::item) return take_outside(read);
        const bool carries = (read.flags & layout_flags & ~(flag_apart | flag_extended)) == 0 &&
                             is_carrier(read.type) && read.function == 0;
        if (carries) return take_outside(read);
        return stop((read.flags & layout_flags) != 0 ? "a record has flags that it cannot have"
                                                     : "only a call has a function number");
    }
    read.flags &= flag_apart;
    return read.flags == 0 || take_outside(read);
}

// What stands outside of the body's usual layout: the payload's frame, what came before it, the
// extensions.
bool link_reader::take_outside(record& read) {
    if ((read.flags & flag_apart) != 0) {
        if (apart_used_ == from_.rest.size()) return stop("a record's payload frame is missing");
        read.apart = &from_.rest[apart_used_++];
        if (unfinished_ != nullptr && (read.flags & flag_untold) == 0) unfinished_->tell = true;
        const bool continued =
            (read.flags & flag_continued) != 0 && unfinished_ != nullptr && !is_part(read.type);
        if (continued && !complete(*read.apart)) return false;
    }
    return (read.flags & flag_extended) == 0 || take_extensions(read);
}

bool link_reader::take_extensions(record& read) {
    constexpr std::size_t before = attempt_bytes + sizeof(std::uint32_t);
    if (read.body.size() < before) return stop("a record is shorter than its extensions");
    const std::size_t length = load<std::uint32_t>(read.body.data() + attempt_bytes);
    if (length > read.body.size() - before) return stop("extensions are longer than their record");
    read.extended = read.body.subspan(before, length);
    auto bad = decode_extensions(read.extended, extensions_max_);
    return !bad || stop(*std::move(bad));
}

// --- payloads in parts ---------------------------------------------------------------------------

bool link_reader::take_part(record& read) {
    if (unfinished_ == nullptr) return stop("a part, without the feature that it belongs to");
    if (read.type != unfinished_->part) return stop("a part that only the other side sends");
    if (!take_outside(read)) return false;
    if (read.body.size() != sizeof(std::uint64_t)) return stop("bad part");
    const auto offset = load<std::uint64_t>(read.body.data());
    if (offset == 0) unfinished_->bytes = {};
    if (offset != unfinished_->bytes.size()) return stop("a part does not follow the one before");
    return join(read.apart->view()) && next(read);
}

// The payload's own frame becomes all of it.
bool link_reader::complete(base::buffer& last) {
    if (unfinished_->bytes.empty()) return stop("the last piece of a payload without parts");
    if (!join(last.view())) return false;
    last = std::move(unfinished_->bytes);
    return true;
}

bool link_reader::join(base::byte_view piece) {
    if (piece.size() > unfinished_->bytes_max - unfinished_->bytes.size()) {
        return stop({errc::too_large, "a payload in parts is larger than message_bytes_max, " +
                                          std::to_string(unfinished_->bytes_max)});
    }
    unfinished_->bytes.append(piece);
    return true;
}

std::optional<callback> take_callback(const record& from, base::byte_view& body) {
    if ((from.flags & flag_extended) != 0) {
        body = body.subspan(sizeof(std::uint32_t) + from.extended.size());
    }
    callback read;
    if (from.type == record_type::callback) {
        if (body.size() < sizeof read.function) return std::nullopt;
        read.function = load<std::uint32_t>(body.data());
        body = body.subspan(sizeof read.function);
    }
    if (body.size() < sizeof read.id) return std::nullopt;
    read.id = load<std::uint64_t>(body.data());
    body = body.subspan(sizeof read.id);
    return read;
}

void take_carried(const record& from, base::byte_view body, base::buffer& into) {
    if (from.apart != nullptr) {
        into = std::move(*from.apart);
    } else {
        into.append(body);
    }
}

namespace {
/// What follows the body of a hello or welcome are extensions.
template <class Body>
std::optional<failure> decode_extended(base::byte_view bytes, Body& body, const char* name,
                                       const limits& bounds, extensions* extended) {
    auto bad = decode_front(bytes, body);
    if (bad) {
        bad->code = errc::protocol_violation;
    } else {
        bad = decode_extensions(bytes, bounds.extensions_max, extended);
    }
    if (!bad) bad = check(body.can, bounds);
    if (bad) bad->message = std::string(name) + ": " + bad->message;
    return bad;
}
}  // namespace

base::result<hello> decode_hello(base::byte_view body, const limits& bounds, extensions* extended) {
    hello read;
    if (auto bad = decode_extended(body, read, "hello", bounds, extended)) return *std::move(bad);
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
    if (read.token.none() && !read.lease.none()) {
        return failure{errc::protocol_violation, "hello: a lease without a token"};
    }
    if (auto bad = check_signatures(read.signatures, bounds)) return *std::move(bad);
    return read;
}

namespace {
template <class Body>
base::result<Body> decode_as(base::byte_view body, const char* name) {
    auto decoded = decode<Body>(body);
    if (!decoded) {
        return failure{errc::protocol_violation, std::string(name) + ": " + decoded.why().message};
    }
    return std::get<0>(std::move(decoded).value());
}
}  // namespace

base::result<welcome> decode_welcome(base::byte_view body, const limits& bounds,
                                     extensions* extended) {
    welcome read;
    if (auto bad = decode_extended(body, read, "welcome", bounds, extended)) return *std::move(bad);
    return read;
}
base::result<parting> decode_parting(base::byte_view body, const limits& bounds) {
    auto read = decode_as<parting>(body, "goodbye");
    if (!read) return read;
    if (auto bad = check_text(read.value().why, bounds)) return *std::move(bad);
    return read;
}
base::result<fault> decode_fault(base::byte_view body, const limits& bounds) {
    auto read = decode_as<fault>(body, "failed");
    if (!read) return read;
    for (const auto* text : {&read.value().type, &read.value().text}) {
        if (auto bad = check_text(*text, bounds)) return *std::move(bad);
    }
    return read;
}

base::result<progress> decode_progress(base::byte_view body, const limits& bounds) {
    auto read = decode_as<progress>(body, "progress");
    if (!read) return read;
    if (auto bad = check_text(read.value().text, bounds)) return *std::move(bad);
    return read;
}

base::result<script> decode_script(base::byte_view body, const limits& bounds) {
    auto read = decode_as<script>(body, "script");
    if (!read) return read;
    if (!good_name(read.value().language, bounds.name_bytes_max)) {
        return failure{errc::protocol_violation, "script: the language is not a good name"};
    }
    const std::size_t bytes = read.value().text.size() + maus::detail::script_overhead;
    if (bytes > bounds.script_bytes_max) {
        return failure{errc::too_large,
                       larger_than("a script", bytes, "script_bytes_max", bounds.script_bytes_max)};
    }
    return read;
}

std::optional<std::uint64_t> decode_stamp(base::byte_view body) {
    if (body.size() != sizeof(std::uint64_t)) return std::nullopt;
    return load<std::uint64_t>(body.data());
}

std::optional<base::manager_id> decode_rejected_by(base::byte_view body) {
    rejected_by read;
    if (decode_front(body, read)) return std::nullopt;
    return read.manager;
}

std::optional<std::uint8_t> decode_unimplemented(base::byte_view body) {
    if (body.size() != 1) return std::nullopt;
    return static_cast<std::uint8_t>(body[0]);
}

void link_writer::share_apart(base::buffer& payload) { to_.rest.push_back(base::share(payload)); }

fault link_writer::cut_fault(const fault& why, std::size_t peer_text_bytes_max) const {
    const std::size_t bytes_max = std::min(bounds_.text_bytes_max, peer_text_bytes_max);
    return {why.error, std::string(cut(why.type, bytes_max)),
            std::string(cut(why.text, bytes_max))};
}

void link_writer::failed(attempt of, const fault& why, std::size_t peer_text_bytes_max) {
    archived(record_type::failed, of, cut_fault(why, peer_text_bytes_max));
}

// --- callbacks -----------------------------------------------------------------------------------

std::byte* link_writer::begin_carrying(record_type type, std::uint8_t flags, attempt of,
                                       callback which, std::size_t inside) {
    const bool names_function = type == record_type::callback;
    const std::size_t head = sizeof which.id + (names_function ? sizeof which.function : 0);
    std::byte* at = put(begin(type, flags, 0, attempt_bytes + head + inside), of);
    if (names_function) {
        store(at, which.function);
        at += sizeof which.function;
    }
    store(at, which.id);
    return at + sizeof which.id;
}

void link_writer::carry(record_type type, attempt of, callback which, base::buffer&& payload) {
    if (payload.size() >= bounds_.payload_apart_bytes) {
        return carry_apart(type, of, which, std::move(payload), 0);
    }
    put(begin_carrying(type, 0, of, which, payload.size()), payload.view());
}

void link_writer::carry_apart(record_type type, attempt of, callback which, base::buffer&& payload,
                              std::uint8_t more_flags) {
    const auto flags = static_cast<std::uint8_t>(flag_apart | more_flags);
    (void)begin_carrying(type, flags, of, which, 0);
    to_.rest.push_back(std::move(payload));
}

void link_writer::callback_failed(attempt of, callback which, const fault& why,
                                  std::size_t peer_text_bytes_max) {
    base::buffer bytes;
    encode(bytes, cut_fault(why, peer_text_bytes_max));
    put(begin_carrying(record_type::callback_failed, 0, of, which, bytes.size()), bytes.view());
}

void link_writer::progressed(attempt of, const progress& how_far, std::size_t peer_text_bytes_max) {
    const std::size_t bytes_max = std::min(bounds_.text_bytes_max, peer_text_bytes_max);
    archived(record_type::progress, of,
             progress{how_far.fraction, std::string(cut(how_far.text, bytes_max))});
}

template <class Body>
void link_writer::archived(record_type type, attempt of, const Body& body) {
    base::buffer bytes;
    encode(bytes, body);
    std::byte* at = begin(type, 0, 0, attempt_bytes + bytes.size());
    put(put(at, of), bytes.view());
}

// The head of a call or result. Gives where `inside` more bytes of its body go.
std::byte* link_writer::begin_extended(record_type type, std::uint8_t flags, std::uint16_t function,
                                       attempt of, base::byte_view extended, std::size_t inside) {
    const std::size_t bytes = sizeof(std::uint32_t) + extended.size();
    flags = static_cast<std::uint8_t>(flags | flag_extended);
    std::byte* at = put(begin(type, flags, function, attempt_bytes + bytes + inside), of);
    store(at, static_cast<std::uint32_t>(extended.size()));
    put(at + sizeof(std::uint32_t), extended);
    return at + bytes;
}

void link_writer::call(attempt of, std::uint16_t function, bool at_most_once, base::buffer& payload,
                       const extensions& extended) {
    base::buffer bytes;
    encode_extensions(bytes, extended);
    call(of, function, at_most_once, payload, bytes.view());
}

void link_writer::call(attempt of, std::uint16_t function, bool at_most_once, base::buffer& payload,
                       base::byte_view extended) {
    const bool apart = payload.size() >= bounds_.payload_apart_bytes;
    const auto flags = static_cast<std::uint8_t>((at_most_once ? flag_at_most_once : 0) |
                                                 (apart ? flag_apart : 0));
    std::byte* at = begin_extended(record_type::call, flags, function, of, extended,
                                   apart ? 0 : payload.size());
    apart ? share_apart(payload) : put(at, payload.view());
}

void link_writer::result(attempt of, base::buffer&& payload, const extensions& extended) {
    base::buffer bytes;
    encode_extensions(bytes, extended);
    const bool apart = payload.size() >= bounds_.payload_apart_bytes;
    std::byte* at = begin_extended(record_type::result, apart ? flag_apart : 0, 0, of, bytes.view(),
                                   apart ? 0 : payload.size());
    if (apart) {
        to_.rest.push_back(std::move(payload));
    } else {
        put(at, payload.view());
    }
}

// Its payload is a frame of its own.
void link_writer::begin_call(std::uint8_t flags, std::uint16_t function, attempt of,
                             base::byte_view extended) {
    if (extended.empty()) {
        (void)put(begin(record_type::call, flags, function, attempt_bytes), of);
    } else {
        (void)begin_extended(record_type::call, flags, function, of, extended, 0);
    }
}

void link_writer::call_apart(attempt of, std::uint16_t function, bool at_most_once,
                             base::buffer& payload, std::uint8_t more_flags,
                             base::byte_view extended) {
    const std::uint8_t once = at_most_once ? flag_at_most_once : 0;
    const auto flags = static_cast<std::uint8_t>(once | flag_apart | more_flags);
    begin_call(flags, function, of, extended);
    share_apart(payload);
}

void link_writer::result_apart(attempt of, base::buffer&& payload, std::uint8_t more_flags) {
    const auto flags = static_cast<std::uint8_t>(flag_apart | more_flags);
    (void)put(begin(record_type::result, flags, 0, attempt_bytes), of);
    to_.rest.push_back(std::move(payload));
}

void link_writer::last_of_call(attempt of, std::uint16_t function, bool at_most_once,
                               base::buffer&& piece, base::byte_view extended) {
    const std::uint8_t once = at_most_once ? flag_at_most_once : 0;
    const auto flags = static_cast<std::uint8_t>(flag_apart | flag_continued | once);
    begin_call(flags, function, of, extended);
    to_.rest.push_back(std::move(piece));
}

void link_writer::last_of_result(attempt of, base::buffer&& piece) {
    (void)put(begin(record_type::result, flag_apart | flag_continued, 0, attempt_bytes), of);
    to_.rest.push_back(std::move(piece));
}

void link_writer::part_of_payload(record_type type, std::uint64_t offset, base::buffer&& piece) {
    store(begin(type, flag_apart, 0, sizeof offset), offset);
    to_.rest.push_back(std::move(piece));
}

void link_writer::items(attempt of, std::uint32_t count, base::buffer&& payload, bool apart,
                        std::uint8_t more_flags) {
    apart = apart || payload.size() >= bounds_.payload_apart_bytes;
    const auto flags = static_cast<std::uint8_t>(apart ? flag_apart | more_flags : 0);
    const std::size_t inside = apart ? 0 : payload.size();
    std::byte* at =
        put(begin(record_type::item, flags, 0, attempt_bytes + sizeof count + inside), of);
    store(at, count);
    if (apart) {
        to_.rest.push_back(std::move(payload));
    } else {
        put(at + sizeof count, payload.view());
    }
}

void link_writer::more(attempt of, std::uint32_t items, std::uint64_t bytes) {
    constexpr std::size_t body = attempt_bytes + sizeof items + sizeof bytes;
    std::byte* at = put(begin(record_type::more, 0, 0, body), of);
    store(at, items);
    store(at + sizeof items, bytes);
}

void link_writer::unimplemented(record_type type, std::uint8_t unknown_type) {
    *begin(type, 0, 0, sizeof unknown_type) = std::byte{unknown_type};
}

template <class Body>
void link_writer::archived(record_type type, const Body& body, const extensions& extended) {
    base::buffer bytes;
    encode(bytes, body);
    encode_extensions(bytes, extended);
    put(begin(type, 0, 0, bytes.size()), bytes.view());
}

void link_writer::say(const hello& body, const extensions& extended) {
    archived(record_type::hello, body, extended);
}
void link_writer::say(const welcome& body, const extensions& extended) {
    archived(record_type::welcome, body, extended);
}
void link_writer::say(const rejected_by& body) { archived(record_type::rejected_by, body); }
void link_writer::say(const script& body) { archived(record_type::script, body); }
void link_writer::part(record_type type, errc code, std::string_view why) {
    // Not every peer has told yet what it takes.
    const auto bytes_max = std::min(bounds_.text_bytes_max, text_bytes_always);
    archived(type, parting{static_cast<std::uint8_t>(code), std::string(cut(why, bytes_max))});
}

}  // namespace maus::wire
