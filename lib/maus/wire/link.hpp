// What a worker and its manager say to each other on a link (PROTOCOL.md, section 6).
//
// A link message holds any number of records. The writer appends to a message, the reader walks it
// without copying; both are on the hot path of every call, so calls and results are laid out by
// hand, inline and below, and only the rare records go through the archives.
//
// To add a record: take the next number of section 6, add it to `record_type` and `is_known`, and
// handle it in core. Old peers answer it with `unimplemented`.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "maus/base/id.hpp"
#include "maus/limits.hpp"
#include "maus/wire/capabilities.hpp"
#include "maus/wire/extension.hpp"
#include "maus/wire/message.hpp"
#include "maus/wire/number.hpp"

namespace maus::wire {

enum class record_type : std::uint8_t {
    hello = 1,
    result = 2,
    failed = 3,
    returned = 4,
    detached = 5,
    started = 6,
    ping = 7,
    worker_goodbye = 8,
    worker_unimplemented = 9,
    worker_part = 10,
    worker_taken = 11,
    item = 14,
    callback = 12,
    welcome = 33,
    reject = 34,
    call = 35,
    cancel = 36,
    pong = 37,
    manager_goodbye = 38,
    manager_unimplemented = 39,
    manager_part = 40,
    manager_taken = 41,
    more = 44,
    callback_result = 42,
    callback_failed = 43,
    script = 45,
    rejected_by = 128,
    progress = 129,
};
/// Whether this version has such a record, of either side.
[[nodiscard]] bool is_known(record_type type);
[[nodiscard]] constexpr bool is_part(record_type type) {
    return type == record_type::worker_part || type == record_type::manager_part;
}

/// The payload is the next further frame: on every record, known or not.
inline constexpr std::uint8_t flag_apart = 1;
inline constexpr std::uint8_t flag_at_most_once = 2;
/// Extensions stand between the attempt and the payload of a call or result.
inline constexpr std::uint8_t flag_extended = 4;
/// The payload's own frame is the last piece of it; the parts before it have come.
inline constexpr std::uint8_t flag_continued = 16;
/// The payload's frame is one of which nobody needs to be told that it was read.
inline constexpr std::uint8_t flag_untold = 32;
/// Flags that may change the layout, so that a reader has to know them. The others are ignored.
inline constexpr std::uint8_t layout_flags = 15;
inline constexpr std::size_t record_header_bytes = 8;
inline constexpr std::size_t attempt_bytes = 12;

/// One attempt at one call.
struct attempt {
    base::call_id call;
    base::attempt_number number;
    friend constexpr auto operator<=>(const attempt&, const attempt&) = default;
};

struct hello {
    base::token token;
    base::worker_id worker;
    base::incarnation incarnation;
    base::lease_id lease;
    std::string type;
    std::vector<std::string> signatures;
    std::uint32_t concurrency = 1;
    std::uint32_t interval_ms = 0;
    std::uint32_t liveness = 0;
    std::string host;
    std::uint32_t pid = 0;
    std::uint64_t stamp = 0;
    capabilities can{};
    template <class Archive>
    void serialize(Archive& archive) {
        archive(token, worker, incarnation, lease, type, signatures, concurrency, interval_ms,
                liveness, host, pid, stamp, can);
    }
};

struct welcome {
    base::manager_id manager;
    base::incarnation incarnation;
    std::uint32_t interval_ms = 0;
    std::uint32_t liveness = 0;
    std::uint64_t stamp = 0;
    capabilities can{};
    template <class Archive>
    void serialize(Archive& archive) {
        archive(manager, incarnation, interval_ms, liveness, stamp, can);
    }
};

/// Before a reject with `cancelled`: who says so.
struct rejected_by {
    base::manager_id manager;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(manager);
    }
};

/// reject and both goodbyes.
struct parting {
    std::uint8_t error = 0;
    std::string why;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(error, why);
    }
};

/// Why a function failed, as `failed` carries it.
struct fault {
    std::uint8_t error = 0;
    std::string type;
    std::string text;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(error, type, text);
    }
};

/// How far a function is. A fraction of NaN: not known.
struct progress {
    double fraction = 0;
    std::string text;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(fraction, text);
    }
};

/// A text that calls refer to from now on, by its id.
struct script {
    base::script_id id;
    std::string language;
    std::string text;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(id, language, text);
    }
};

/// What a worker's function asks of its caller while it runs: which of the callables among its
/// arguments, and the worker's own number for this callback. An answer names the number only.
struct callback {
    std::uint64_t id = 0;
    std::uint32_t function = 0;
};

/// A record where it stands in its message: valid while the message is.
struct record {
    record_type type{};
    std::uint8_t flags = 0;
    std::uint16_t function = 0;
    base::byte_view body;
    base::buffer* apart = nullptr;  ///< the payload's own frame, to be moved from
    base::byte_view extended;       ///< flag_extended: the encoded extensions; else not set
};

/// What has come of a payload that its sender has cut, on one link and in one direction.
struct unfinished_payload {
    record_type part{};         ///< the record that carries more of it
    std::size_t bytes_max = 0;  ///< of the whole payload
    base::buffer bytes;
    bool tell = false;  ///< a frame came of which its sender wants to be told
};

/// Walks the records of a link message whose header was read. Records of unknown types come by, too.
/// Parts do not: their bytes are joined, and come by as the payload of their record.
class link_reader {
public:
    /// `unfinished`: what is left by the messages before; null on a link without parts.
    explicit link_reader(message& from, std::size_t extensions_max = limits{}.extensions_max,
                         unfinished_payload* unfinished = nullptr)
        : from_(from),
          left_(from.first.view().subspan(header_bytes)),
          extensions_max_(extensions_max),
          unfinished_(unfinished) {}

    /// True and a record, or false at the end or at a violation (`violation()` tells which).
    [[nodiscard]] bool next(record& read);
    [[nodiscard]] const std::optional<base::failure>& violation() const { return violation_; }

private:
    bool stop(const char* why);
    bool stop(base::failure why);
    bool check_unusual(record& read);
    bool take_outside(record& read);
    bool take_extensions(record& read);
    bool take_part(record& read);
    bool complete(base::buffer& last);
    bool join(base::byte_view piece);

    message& from_;
    base::byte_view left_;
    std::size_t extensions_max_;
    unfinished_payload* unfinished_;
    std::size_t apart_used_ = 0;
    std::optional<base::failure> violation_;
};

/// Takes the attempt off the front of a record's body; nothing if it is too short.
[[nodiscard]] std::optional<attempt> take_attempt(base::byte_view& body);
/// The payload of a call or result, into an empty buffer: what follows the attempt (and the
/// extensions), or the frame of its own (moved). `body` is what take_attempt left. `extended` gets
/// the encoded extensions, if there are any.
void take_payload(const record& from, base::byte_view body, base::buffer& into,
                  std::unique_ptr<base::buffer>* extended = nullptr);

/// Of a callback or its answer: takes it off the front of what take_attempt left, with the extensions
/// that may stand before it; nothing if it is too short.
[[nodiscard]] std::optional<callback> take_callback(const record& from, base::byte_view& body);
/// The payload of one, into an empty buffer. `body` is what take_callback left.
void take_carried(const record& from, base::byte_view body, base::buffer& into);

/// `extended` gets the extensions, which point into `body`.
[[nodiscard]] base::result<hello> decode_hello(base::byte_view body, const limits& bounds,
                                               extensions* extended = nullptr);
[[nodiscard]] base::result<welcome> decode_welcome(base::byte_view body, const limits& bounds,
                                                   extensions* extended = nullptr);
[[nodiscard]] base::result<parting> decode_parting(base::byte_view body, const limits& bounds);
[[nodiscard]] base::result<fault> decode_fault(base::byte_view body, const limits& bounds);
/// What ping, pong and taken carry.
[[nodiscard]] std::optional<std::uint64_t> decode_stamp(base::byte_view body);
[[nodiscard]] std::optional<base::manager_id> decode_rejected_by(base::byte_view body);
[[nodiscard]] base::result<progress> decode_progress(base::byte_view body, const limits& bounds);
/// too_large: more than script_bytes_max.
[[nodiscard]] base::result<script> decode_script(base::byte_view body, const limits& bounds);
/// The type that the peer does not know.
[[nodiscard]] std::optional<std::uint8_t> decode_unimplemented(base::byte_view body);

/// Appends records to a message. A new message gets its header with the first record.
class link_writer {
public:
    link_writer(message& to, const limits& bounds) : to_(to), bounds_(bounds) {}

    /// `payload` is copied, or shared if it is large (base::share): the caller keeps it.
    void call(attempt of, std::uint16_t function, bool at_most_once, base::buffer& payload);
    /// The same, with extensions.
    void call(attempt of, std::uint16_t function, bool at_most_once, base::buffer& payload,
              const extensions& extended);
    /// With extensions that are encoded already.
    void call(attempt of, std::uint16_t function, bool at_most_once, base::buffer& payload,
              base::byte_view extended);
    /// `payload` is taken if it is large.
    void result(attempt of, base::buffer&& payload);
    void result(attempt of, base::buffer&& payload, const extensions& extended);
    /// The same of a payload that is large.
    void call_apart(attempt of, std::uint16_t function, bool at_most_once, base::buffer& payload,
                    std::uint8_t more_flags = 0, base::byte_view extended = {});
    void result_apart(attempt of, base::buffer&& payload, std::uint8_t more_flags = 0);
    /// Texts are cut to what the peer takes, too.
    void failed(attempt of, const fault& why,
                std::size_t peer_text_bytes_max = std::numeric_limits<std::size_t>::max());
    /// callback, callback_result. `payload` is taken if it is large.
    void carry(record_type type, attempt of, callback which, base::buffer&& payload);
    /// The same of a payload that is large, or of its last piece (flag_continued).
    void carry_apart(record_type type, attempt of, callback which, base::buffer&& payload,
                     std::uint8_t more_flags);
    void callback_failed(attempt of, callback which, const fault& why,
                         std::size_t peer_text_bytes_max);
    /// The last piece of a payload whose parts were sent.
    void last_of_call(attempt of, std::uint16_t function, bool at_most_once, base::buffer&& piece,
                      base::byte_view extended = {});
    void last_of_result(attempt of, base::buffer&& piece);
    /// worker_part, manager_part.
    void part_of_payload(record_type type, std::uint64_t offset, base::buffer&& piece);
    /// So many items (streams.hpp). `apart`: in a frame of its own, and so if it is large.
    void items(attempt of, std::uint32_t count, base::buffer&& payload, bool apart = false,
               std::uint8_t more_flags = 0);
    void more(attempt of, std::uint32_t items, std::uint64_t bytes);
    /// worker_taken, manager_taken.
    void taken(record_type type, std::uint64_t bytes) { stamp(type, bytes); }
    /// returned, detached, started, cancel.
    void about(record_type type, attempt of);
    /// Its text is cut to what the peer takes, too.
    void progressed(attempt of, const progress& how_far, std::size_t peer_text_bytes_max);
    /// ping, pong.
    void stamp(record_type type, std::uint64_t value);
    /// worker_unimplemented, manager_unimplemented.
    void unimplemented(record_type type, std::uint8_t unknown_type);
    void say(const hello& body, const extensions& extended = {});
    void say(const welcome& body, const extensions& extended = {});
    void say(const rejected_by& body);
    void say(const script& body);
    /// reject, worker_goodbye, manager_goodbye.
    void part(record_type type, errc code, std::string_view why);

private:
    std::byte* begin(record_type type, std::uint8_t flags, std::uint16_t function,
                     std::size_t body);
    [[nodiscard]] static std::byte* put(std::byte* at, attempt of);
    static void put(std::byte* at, base::byte_view bytes);
    void share_apart(base::buffer& payload);
    void begin_call(std::uint8_t flags, std::uint16_t function, attempt of,
                    base::byte_view extended);
    std::byte* begin_extended(record_type type, std::uint8_t flags, std::uint16_t function,
                              attempt of, base::byte_view extended, std::size_t inside);
    template <class Body>
    void archived(record_type type, const Body& body, const extensions& extended = {});
    template <class Body>
    void archived(record_type type, attempt of, const Body& body);
    std::byte* begin_carrying(record_type type, std::uint8_t flags, attempt of, callback which,
                              std::size_t inside);
    [[nodiscard]] fault cut_fault(const fault& why, std::size_t peer_text_bytes_max) const;

    message& to_;
    const limits& bounds_;
};

inline bool link_reader::next(record& read) {
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
    const std::uint8_t allowed = static_cast<std::uint8_t>(
        (carries ? flag_apart | flag_extended : 0) | (is_call ? flag_at_most_once : 0));
    const bool unusual =
        (read.flags & layout_flags & ~allowed) != 0 || (!is_call && read.function != 0);
    if (unusual) [[unlikely]]
        return check_unusual(read);
    if ((read.flags & (flag_apart | flag_extended)) != 0) return take_outside(read);
    return true;
}

inline std::optional<attempt> take_attempt(base::byte_view& body) {
    if (body.size() < attempt_bytes) return std::nullopt;
    const attempt taken{{load<std::uint64_t>(body.data())}, {load<std::uint32_t>(body.data() + 8)}};
    body = body.subspan(attempt_bytes);
    return taken;
}

inline void take_payload(const record& from, base::byte_view body, base::buffer& into,
                         std::unique_ptr<base::buffer>* extended) {
    if ((from.flags & (flag_apart | flag_extended)) == 0) {
        into.append(body);
        return;
    }
    const bool has_extensions = (from.flags & flag_extended) != 0;
    if (has_extensions && extended != nullptr) {
        *extended = std::make_unique<base::buffer>(from.extended);
    }
    if (from.apart != nullptr) {
        into = std::move(*from.apart);
    } else {
        into.append(body.subspan(sizeof(std::uint32_t) + from.extended.size()));
    }
}

inline std::byte* link_writer::begin(record_type type, std::uint8_t flags, std::uint16_t function,
                                     std::size_t body) {
    // What takes a second record may well take many.
    constexpr std::size_t room_for_many = 4096;
    if (to_.first.empty()) {
        write_header(to_.first, channel::link);
    } else {
        to_.first.reserve(room_for_many);
    }
    std::byte* at = to_.first.extend(record_header_bytes + body);
    store(at, static_cast<std::uint32_t>(body));
    at[4] = static_cast<std::byte>(type);
    at[5] = std::byte{flags};
    store(at + 6, function);
    return at + record_header_bytes;
}

inline std::byte* link_writer::put(std::byte* at, attempt of) {
    store(at, of.call.value);
    store(at + 8, of.number.value);
    return at + attempt_bytes;
}
inline void link_writer::put(std::byte* at, base::byte_view bytes) {
    if (!bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
}

inline void link_writer::call(attempt of, std::uint16_t function, bool at_most_once,
                              base::buffer& payload) {
    if (payload.size() >= bounds_.payload_apart_bytes) [[unlikely]]
        return call_apart(of, function, at_most_once, payload);
    const std::uint8_t once = at_most_once ? flag_at_most_once : 0;
    std::byte* at = begin(record_type::call, once, function, attempt_bytes + payload.size());
    put(put(at, of), payload.view());
}

inline void link_writer::result(attempt of, base::buffer&& payload) {
    if (payload.size() >= bounds_.payload_apart_bytes) [[unlikely]]
        return result_apart(of, std::move(payload));
    std::byte* at = begin(record_type::result, 0, 0, attempt_bytes + payload.size());
    put(put(at, of), payload.view());
}

inline void link_writer::about(record_type type, attempt of) {
    (void)put(begin(type, 0, 0, attempt_bytes), of);
}

inline void link_writer::stamp(record_type type, std::uint64_t value) {
    store(begin(type, 0, 0, sizeof value), value);
}

}  // namespace maus::wire
