// What workers and managers say to a parkserver, and what it says to them (PROTOCOL.md, section 5).
//
// Every struct is one message. `decode_control` is total: whatever comes from outside gives a
// message whose fields are within the limits, or a named failure. A body may end with extensions
// (extension.hpp).
//
// To add a message: take the next number of section 5, write its struct here, add it to `control`,
// and bound its fields in control.cpp. Old peers answer it with `unimplemented`.
// A struct that is here gets no other field (PROTOCOL.md, P-56): what comes later is an extension, as
// functions.cpp has one for `register_worker`.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "maus/base/id.hpp"
#include "maus/limits.hpp"
#include "maus/wire/archive.hpp"
#include "maus/wire/capabilities.hpp"
#include "maus/wire/extension.hpp"
#include "maus/wire/message.hpp"

namespace maus::wire {

using base::incarnation;
using base::lease_id;
using base::manager_id;
using base::parkserver_id;
using base::request_id;
using base::token;
using base::worker_id;

/// A lease that is in use, as its worker tells it.
struct service {
    lease_id lease;
    manager_id manager;
    wire::token token;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(lease, manager, token);
    }
    friend bool operator==(const service&, const service&) = default;
};

/// A worker that serves a request already, as its manager tells it.
struct held_worker {
    lease_id lease;
    worker_id worker;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(lease, worker);
    }
};

struct register_worker {
    static constexpr std::uint8_t type_number = 1;
    worker_id worker;
    wire::incarnation incarnation;
    std::string type;
    std::vector<std::string> signatures;
    std::uint32_t concurrency = 1;
    std::uint32_t interval_ms = 0;
    std::uint32_t liveness = 0;
    std::string host;
    std::uint32_t pid = 0;
    bool free = true;
    std::optional<service> serving;
    capabilities can{};
    template <class Archive>
    void serialize(Archive& archive) {
        archive(worker, incarnation, type, signatures, concurrency, interval_ms, liveness, host,
                pid, free, serving, can);
    }
};

struct register_manager {
    static constexpr std::uint8_t type_number = 2;
    manager_id manager;
    wire::incarnation incarnation;
    std::vector<std::string> endpoints;
    std::uint32_t interval_ms = 0;
    std::uint32_t liveness = 0;
    std::string host;
    std::uint32_t pid = 0;
    capabilities can{};
    template <class Archive>
    void serialize(Archive& archive) {
        archive(manager, incarnation, endpoints, interval_ms, liveness, host, pid, can);
    }
};

struct request {
    static constexpr std::uint8_t type_number = 3;
    request_id request;
    wire::token token;
    std::string type;
    std::uint32_t amount = 0;
    std::vector<held_worker> held;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(request, token, type, amount, held);
    }
};

struct cancel {
    static constexpr std::uint8_t type_number = 4;
    request_id request;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(request);
    }
};

struct accepted {
    static constexpr std::uint8_t type_number = 5;
    lease_id lease;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(lease);
    }
};

struct refused {
    static constexpr std::uint8_t type_number = 6;
    lease_id lease;
    std::uint8_t error = 0;
    std::string why;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(lease, error, why);
    }
};

struct available {
    static constexpr std::uint8_t type_number = 7;
    lease_id ended;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(ended);
    }
};

struct occupied {
    static constexpr std::uint8_t type_number = 8;
    service serving;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(serving);
    }
};

struct worker_lost {
    static constexpr std::uint8_t type_number = 9;
    request_id request;
    lease_id lease;
    worker_id worker;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(request, lease, worker);
    }
};

struct ping {
    static constexpr std::uint8_t type_number = 10;
    std::uint64_t stamp = 0;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(stamp);
    }
};

struct goodbye {
    static constexpr std::uint8_t type_number = 11;
    std::string why;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(why);
    }
};

struct status_query {
    static constexpr std::uint8_t type_number = 12;
    template <class Archive>
    void serialize(Archive&) {}
};

/// To the parkserver: it said something of a type that is unknown here.
struct unimplemented {
    static constexpr std::uint8_t type_number = 13;
    std::uint8_t type = 0;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(type);
    }
};

struct registered {
    static constexpr std::uint8_t type_number = 65;
    parkserver_id parkserver;
    std::uint64_t epoch = 0;
    std::uint32_t interval_ms = 0;
    std::uint32_t liveness = 0;
    capabilities can{};
    template <class Archive>
    void serialize(Archive& archive) {
        archive(parkserver, epoch, interval_ms, liveness, can);
    }
};

struct register_again {
    static constexpr std::uint8_t type_number = 66;
    template <class Archive>
    void serialize(Archive&) {}
};

struct rejected {
    static constexpr std::uint8_t type_number = 67;
    std::uint8_t error = 0;
    std::string why;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(error, why);
    }
};

struct assign {
    static constexpr std::uint8_t type_number = 68;
    lease_id lease;
    wire::token token;
    manager_id manager;
    std::vector<std::string> endpoints;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(lease, token, manager, endpoints);
    }
};

struct lease_ended {
    static constexpr std::uint8_t type_number = 69;
    lease_id lease;
    std::string why;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(lease, why);
    }
};

struct granted {
    static constexpr std::uint8_t type_number = 70;
    request_id request;
    lease_id lease;
    worker_id worker;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(request, lease, worker);
    }
};

struct pong {
    static constexpr std::uint8_t type_number = 71;
    std::uint64_t stamp = 0;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(stamp);
    }
};

struct parkserver_goodbye {
    static constexpr std::uint8_t type_number = 72;
    std::string why;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(why);
    }
};

enum class worker_state : std::uint8_t { occupied = 0, available = 1, offered = 2, leased = 3 };
[[nodiscard]] std::string_view to_string(worker_state state);

struct worker_status {
    worker_id worker;
    wire::incarnation incarnation;
    std::string type;
    std::vector<std::string> signatures;
    std::uint32_t concurrency = 1;
    std::string host;
    std::uint32_t pid = 0;
    worker_state state = worker_state::occupied;
    lease_id lease;
    manager_id manager;
    std::uint64_t age_ms = 0;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(worker, incarnation, type, signatures, concurrency, host, pid, state, lease,
                manager, age_ms);
    }
};

struct manager_status {
    manager_id manager;
    std::vector<std::string> endpoints;
    std::string host;
    std::uint32_t pid = 0;
    std::uint64_t age_ms = 0;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(manager, endpoints, host, pid, age_ms);
    }
};

struct request_status {
    manager_id manager;
    request_id request;
    std::string type;
    std::uint32_t amount = 0;
    std::uint32_t serving = 0;
    std::uint64_t age_ms = 0;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(manager, request, type, amount, serving, age_ms);
    }
};

struct status {
    static constexpr std::uint8_t type_number = 73;
    std::string version;
    parkserver_id parkserver;
    std::uint64_t epoch = 0;
    std::uint64_t uptime_ms = 0;
    std::vector<worker_status> workers;
    std::vector<manager_status> managers;
    std::vector<request_status> requests;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(version, parkserver, epoch, uptime_ms, workers, managers, requests);
    }
};

/// From the parkserver: the same.
struct parkserver_unimplemented {
    static constexpr std::uint8_t type_number = 74;
    std::uint8_t type = 0;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(type);
    }
};

/// How many workers an elastic request is to have at most (5.7): what it has beyond, its manager gives
/// back.
struct fair_share {
    static constexpr std::uint8_t type_number = 75;
    request_id request;
    std::uint32_t workers = 0;  ///< 0: no bound any more
    lease_id newest;            ///< that it has offered: workers of later ones do not count
    template <class Archive>
    void serialize(Archive& archive) {
        archive(request, workers, newest);
    }
};

using control =
    std::variant<register_worker, register_manager, request, cancel, accepted, refused, available,
                 occupied, worker_lost, ping, goodbye, status_query, unimplemented, registered,
                 register_again, rejected, assign, lease_ended, granted, pong, parkserver_goodbye,
                 status, parkserver_unimplemented, fair_share>;

/// `from` is a control message of this version (read_header said so). A type that this version does
/// not know is errc::unimplemented: the message is answered with `unimplemented` or skipped
/// (`is_skipped`), and is no violation. `extended` gets the extensions, which point into `from`.
[[nodiscard]] base::result<control> decode_control(const message& from, const limits& bounds,
                                                   extensions* extended = nullptr);
[[nodiscard]] message encode_control(const control& body, const extensions& extended = {});

/// The code that a number on the wire stands for ([P-53]).
[[nodiscard]] errc code_of(std::uint8_t number);

}  // namespace maus::wire

template <>
struct maus::enum_range<maus::wire::worker_state> {
    static constexpr auto min = maus::wire::worker_state::occupied;
    static constexpr auto max = maus::wire::worker_state::leased;
};
