// PROTOCOL.md in C++: its encoding and its messages, written from that file alone.
//
// Nothing of lib/maus is used here, so that the conformance tests test the specification and not
// the code against itself. Names and order of fields are those of sections 5 and 6.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace spec {

using bytes = std::string;
using frames = std::vector<bytes>;
using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;

struct id {
    std::array<char, 16> raw{};
    friend auto operator<=>(const id&, const id&) = default;
};
/// Never 0, and another one at each call.
id fresh_id();
std::string hex(const bytes& what);

// --- section 3: encoding -------------------------------------------------------------------------

class writer {
public:
    template <class... Fields>
    void operator()(const Fields&... each) {
        (put(each), ...);
    }
    bytes out;

private:
    void number(u64 value, int width) {
        for (int i = 0; i < width; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
    }
    void put(bool value) { number(value ? 1 : 0, 1); }
    void put(u8 value) { number(value, 1); }
    void put(u16 value) { number(value, 2); }
    void put(u32 value) { number(value, 4); }
    void put(u64 value) { number(value, 8); }
    void put(std::int32_t value) { number(static_cast<u32>(value), 4); }
    void put(double value) { put(std::bit_cast<u64>(value)); }
    void put(const id& value) { out.append(value.raw.data(), value.raw.size()); }
    void put(const std::string& value) {
        number(value.size(), 4);
        out += value;
    }
    template <class T>
    void put(const std::vector<T>& values) {
        number(values.size(), 4);
        for (const auto& each : values) put(each);
    }
    void put(const std::map<u16, u64>& values) {
        number(values.size(), 4);
        for (const auto& [key, value] : values) (*this)(key, value);
    }
    template <class T>
    void put(const std::optional<T>& value) {
        put(value.has_value());
        if (value) put(*value);
    }
    template <class Body>
    auto put(const Body& body) -> decltype(const_cast<Body&>(body).fields(*this), void()) {
        const_cast<Body&>(body).fields(*this);
    }
};

/// Throws if the bytes are not what they should be.
class reader {
public:
    explicit reader(bytes from) : from_(std::move(from)) {}
    template <class... Fields>
    void operator()(Fields&... each) {
        (get(each), ...);
    }
    [[nodiscard]] std::size_t left() const { return from_.size() - at_; }
    bytes take(std::size_t count) {
        if (left() < count) throw std::runtime_error("spec: bytes are missing");
        at_ += count;
        return from_.substr(at_ - count, count);
    }

private:
    u64 number(int width) {
        const bytes raw = take(static_cast<std::size_t>(width));
        u64 value = 0;
        for (int i = width; i-- > 0;) {
            value = value << 8 | static_cast<unsigned char>(raw[static_cast<std::size_t>(i)]);
        }
        return value;
    }
    void get(bool& value) {
        const u64 read = number(1);
        if (read > 1) throw std::runtime_error("spec: a bool is neither 0 nor 1");
        value = read == 1;
    }
    void get(u8& value) { value = static_cast<u8>(number(1)); }
    void get(u16& value) { value = static_cast<u16>(number(2)); }
    void get(u32& value) { value = static_cast<u32>(number(4)); }
    void get(u64& value) { value = number(8); }
    void get(std::int32_t& value) { value = static_cast<std::int32_t>(number(4)); }
    void get(id& value) {
        const bytes raw = take(16);
        std::memcpy(value.raw.data(), raw.data(), 16);
    }
    void get(std::string& value) { value = take(number(4)); }
    template <class T>
    void get(std::vector<T>& values) {
        const u64 count = number(4);
        values.clear();
        for (u64 i = 0; i < count; ++i) get(values.emplace_back());
    }
    void get(std::map<u16, u64>& values) {
        const u64 count = number(4);
        values.clear();
        for (u64 i = 0; i < count; ++i) {
            u16 key = 0;
            get(key);
            get(values[key]);
        }
    }
    template <class T>
    void get(std::optional<T>& value) {
        bool there = false;
        get(there);
        value.reset();
        if (there) get(value.emplace());
    }
    template <class Body>
    auto get(Body& body) -> decltype(body.fields(*this), void()) {
        body.fields(*this);
    }

    bytes from_;
    std::size_t at_ = 0;
};

template <class Body>
bytes encoded(const Body& body) {
    writer to;
    to(body);
    return to.out;
}
template <class Body>
Body decoded(const bytes& from) {
    reader in(from);
    Body body;
    in(body);
    if (in.left() != 0) throw std::runtime_error("spec: bytes are left over");
    return body;
}

// --- section 4: frames ---------------------------------------------------------------------------

inline constexpr u8 on_control = 1, on_link = 2, on_relay = 3;

inline bytes header(u8 on, u8 type = 0, u8 version = 1) {
    return bytes("MAU") + static_cast<char>(version) + static_cast<char>(on) +
           static_cast<char>(type) + bytes(2, '\0');
}
/// Any number of arguments or one result, for functions whose types are in the table.
template <class... Values>
bytes payload(const Values&... values) {
    writer to;
    to(values...);
    return to.out;
}

/// [P-59] One extension: a body may end with any number of them.
inline bytes extension(u16 tag, const bytes& inside) {
    return payload(tag, static_cast<u32>(inside.size())) + inside;
}

// --- section 5: control messages -----------------------------------------------------------------

struct lease {
    u64 epoch = 0, sequence = 0;
    void fields(auto& io) { io(epoch, sequence); }
    friend auto operator<=>(const lease&, const lease&) = default;
};
struct serving_now {
    spec::lease lease;
    id manager, token;
    void fields(auto& io) { io(lease, manager, token); }
};
struct held_worker {
    spec::lease lease;
    id worker;
    void fields(auto& io) { io(lease, worker); }
};

struct register_worker {
    static constexpr u8 type_number = 1;
    id worker = fresh_id();
    u64 incarnation = 1;
    std::string type = "default";
    std::vector<std::string> signatures = {"add(i32,i32)->i32"};
    u32 concurrency = 1, interval_ms = 1000, liveness = 100;
    std::string host = "fake";
    u32 pid = 1;
    bool free = true;
    std::optional<serving_now> serving;
    std::vector<std::string> features{};
    std::map<u16, u64> limits{};
    void fields(auto& io) {
        io(worker, incarnation, type, signatures, concurrency, interval_ms, liveness, host, pid,
           free, serving, features, limits);
    }
};
struct register_manager {
    static constexpr u8 type_number = 2;
    id manager = fresh_id();
    u64 incarnation = 1;
    std::vector<std::string> endpoints;
    u32 interval_ms = 1000, liveness = 100;
    std::string host = "fake";
    u32 pid = 1;
    std::vector<std::string> features{};
    std::map<u16, u64> limits{};
    void fields(auto& io) {
        io(manager, incarnation, endpoints, interval_ms, liveness, host, pid, features, limits);
    }
};
struct request {
    static constexpr u8 type_number = 3;
    u64 number = 1;
    id token = fresh_id();
    std::string type = "default";
    u32 amount = 1;
    std::vector<held_worker> held;
    void fields(auto& io) { io(number, token, type, amount, held); }
};
struct cancel {
    static constexpr u8 type_number = 4;
    u64 number = 1;
    void fields(auto& io) { io(number); }
};
struct accepted {
    static constexpr u8 type_number = 5;
    spec::lease lease;
    void fields(auto& io) { io(lease); }
};
struct refused {
    static constexpr u8 type_number = 6;
    spec::lease lease;
    u8 error = 13;
    std::string why;
    void fields(auto& io) { io(lease, error, why); }
};
struct available {
    static constexpr u8 type_number = 7;
    lease ended;
    void fields(auto& io) { io(ended); }
};
struct occupied {
    static constexpr u8 type_number = 8;
    spec::lease lease;
    id manager, token;
    void fields(auto& io) { io(lease, manager, token); }
};
struct worker_lost {
    static constexpr u8 type_number = 9;
    u64 number = 1;
    spec::lease lease;
    id worker;
    void fields(auto& io) { io(number, lease, worker); }
};
struct ping {
    static constexpr u8 type_number = 10;
    u64 stamp = 0;
    void fields(auto& io) { io(stamp); }
};
struct goodbye {
    static constexpr u8 type_number = 11;
    std::string why;
    void fields(auto& io) { io(why); }
};
struct status_query {
    static constexpr u8 type_number = 12;
    void fields(auto&) {}
};
struct unimplemented {
    static constexpr u8 type_number = 13;
    u8 type = 0;
    void fields(auto& io) { io(type); }
};
struct registered {
    static constexpr u8 type_number = 65;
    id parkserver = fresh_id();
    u64 epoch = 1;
    u32 interval_ms = 1000, liveness = 100;
    std::vector<std::string> features{};
    std::map<u16, u64> limits{};
    void fields(auto& io) { io(parkserver, epoch, interval_ms, liveness, features, limits); }
};
struct register_again {
    static constexpr u8 type_number = 66;
    void fields(auto&) {}
};
struct rejected {
    static constexpr u8 type_number = 67;
    u8 error = 0;
    std::string why;
    void fields(auto& io) { io(error, why); }
};
struct assign {
    static constexpr u8 type_number = 68;
    spec::lease lease;
    id token, manager;
    std::vector<std::string> endpoints;
    void fields(auto& io) { io(lease, token, manager, endpoints); }
};
struct lease_ended {
    static constexpr u8 type_number = 69;
    spec::lease lease;
    std::string why;
    void fields(auto& io) { io(lease, why); }
};
struct granted {
    static constexpr u8 type_number = 70;
    u64 number = 0;
    spec::lease lease;
    id worker;
    void fields(auto& io) { io(number, lease, worker); }
};
struct pong {
    static constexpr u8 type_number = 71;
    u64 stamp = 0;
    void fields(auto& io) { io(stamp); }
};
struct parkserver_goodbye {
    static constexpr u8 type_number = 72;
    std::string why;
    void fields(auto& io) { io(why); }
};
struct parkserver_unimplemented {
    static constexpr u8 type_number = 74;
    u8 type = 0;
    void fields(auto& io) { io(type); }
};
struct fair_share {
    static constexpr u8 type_number = 75;
    u64 number = 1;
    u32 workers = 0;
    lease newest{};
    void fields(auto& io) { io(number, workers, newest); }
};
struct elastic_range {  // [P-99] the extension of a request
    u32 min = 1, max = 0;
    void fields(auto& io) { io(min, max); }
    friend bool operator==(const elastic_range&, const elastic_range&) = default;
};
struct elastic_row {  // [P-105] and of a status in pages
    id manager;
    u64 number = 0;
    elastic_range range;
    u32 share = 0;
    void fields(auto& io) { io(manager, number, range, share); }
};
struct labelled_row {  // [P-118] the same of labels
    id manager;
    u64 number = 0;
    std::string label;
    void fields(auto& io) { io(manager, number, label); }
};
inline constexpr u16 tag_page = 1, tag_elastic = 2, tag_label = 4;

struct worker_status {
    id worker;
    u64 incarnation = 0;
    std::string type;
    std::vector<std::string> signatures;
    u32 concurrency = 0;
    std::string host;
    u32 pid = 0;
    u8 state = 0;
    spec::lease lease;
    id manager;
    u64 age_ms = 0;
    void fields(auto& io) {
        io(worker, incarnation, type, signatures, concurrency, host, pid, state, lease, manager,
           age_ms);
    }
};
struct manager_status {
    id manager;
    std::vector<std::string> endpoints;
    std::string host;
    u32 pid = 0;
    u64 age_ms = 0;
    void fields(auto& io) { io(manager, endpoints, host, pid, age_ms); }
};
struct request_status {
    id manager;
    u64 number = 0;
    std::string type;
    u32 amount = 0, serving = 0;
    u64 age_ms = 0;
    void fields(auto& io) { io(manager, number, type, amount, serving, age_ms); }
};
struct status {
    static constexpr u8 type_number = 73;
    std::string version;
    id parkserver;
    u64 epoch = 0, uptime_ms = 0;
    std::vector<worker_status> workers;
    std::vector<manager_status> managers;
    std::vector<request_status> requests;
    void fields(auto& io) {
        io(version, parkserver, epoch, uptime_ms, workers, managers, requests);
    }
};

template <class Message>
frames control(const Message& what) {
    return {header(on_control, Message::type_number) + encoded(what)};
}

// --- section 6: link records ---------------------------------------------------------------------

enum record_type : u8 {
    r_hello = 1,
    r_result = 2,
    r_failed = 3,
    r_returned = 4,
    r_detached = 5,
    r_started = 6,
    r_ping = 7,
    r_worker_goodbye = 8,
    r_worker_unimplemented = 9,
    r_worker_part = 10,
    r_callback = 12,
    r_worker_taken = 11,
    r_item = 14,
    r_welcome = 33,
    r_reject = 34,
    r_call = 35,
    r_cancel = 36,
    r_pong = 37,
    r_manager_goodbye = 38,
    r_manager_unimplemented = 39,
    r_manager_part = 40,
    r_callback_result = 42,
    r_callback_failed = 43,
    r_script = 45,
    r_manager_taken = 41,
    r_more = 44,
    r_rejected_by = 128,
    r_progress = 129,
};
inline constexpr u8 flag_apart = 1, flag_at_most_once = 2, flag_extended = 4, flag_continued = 16,
                    flag_untold = 32;

struct record {
    u8 type = 0;
    u8 flags = 0;
    u16 function = 0;
    bytes body;
    std::optional<bytes> apart;  // flag_apart: the frame of its own
};

struct hello {
    static constexpr u8 type_number = r_hello;
    id token;
    id worker = fresh_id();
    u64 incarnation = 1;
    spec::lease lease;
    std::string type = "default";
    std::vector<std::string> signatures = {"add(i32,i32)->i32"};
    u32 concurrency = 1, interval_ms = 1000, liveness = 100;
    std::string host = "fake";
    u32 pid = 1;
    u64 stamp = 77;
    std::vector<std::string> features{};
    std::map<u16, u64> limits{};
    void fields(auto& io) {
        io(token, worker, incarnation, lease, type, signatures, concurrency, interval_ms, liveness,
           host, pid, stamp, features, limits);
    }
};
struct welcome {
    static constexpr u8 type_number = r_welcome;
    id manager = fresh_id();
    u64 incarnation = 1;
    u32 interval_ms = 1000, liveness = 100;
    u64 stamp = 0;
    std::vector<std::string> features{};
    std::map<u16, u64> limits{};
    void fields(auto& io) {
        io(manager, incarnation, interval_ms, liveness, stamp, features, limits);
    }
};
struct parting {  // reject and both goodbyes
    u8 error = 0;
    std::string why;
    void fields(auto& io) { io(error, why); }
};
struct attempt {
    u64 call = 0;
    u32 number = 0;
    void fields(auto& io) { io(call, number); }
    friend auto operator<=>(const attempt&, const attempt&) = default;
};
struct fault {
    attempt of;
    u8 error = 0;
    std::string type, text;
    void fields(auto& io) { io(of, error, type, text); }
};

template <class Body>
record to_record(u8 type, const Body& body) {
    return {type, 0, 0, encoded(body), {}};
}
inline record to_record(u8 type, u64 stamp) { return {type, 0, 0, payload(stamp), {}}; }
inline record with_payload(u8 type, const attempt& of, const bytes& what) {
    return {type, 0, 0, encoded(of) + what, {}};
}
inline record a_call(const attempt& of, u16 function, const bytes& arguments, u8 flags = 0) {
    return {r_call, flags, function, encoded(of) + arguments, {}};
}

frames link_message(const std::vector<record>& records);
std::vector<record> read_link_message(const frames& message);
/// What a call, result, or any record about an attempt begins with.
attempt attempt_of(const record& from);
/// What follows the attempt (and its extensions), wherever it stands.
bytes payload_of(const record& from);

/// [P-60] The same call or result with extensions between its attempt and its payload.
record with_extensions(record plain, const bytes& extensions);

/// [P-12]
frames relayed(const lease& over, frames link);

/// What a peer of a later version says where one of this version says `message`: the same with
/// extensions, flags, records and messages that nobody knows, before it and inside it.
std::vector<frames> from_the_future(const frames& message);
inline constexpr u8 answered_type = 100, skipped_type = 200;

}  // namespace spec
