// What somebody hostile or broken sends: good messages of every kind, and all the ways to damage
// them.
#pragma once

#include <functional>
#include <random>

#include "maus/wire/archive.hpp"
#include "talk.hpp"

namespace hostile {

using namespace maus;

inline wire::message copy_of(const wire::message& what) {
    wire::message made;
    made.first = what.first.copy();
    for (const auto& frame : what.rest) made.rest.push_back(frame.copy());
    return made;
}
inline wire::message from_bytes(const std::string& frame) {
    wire::message made;
    made.first.append(base::as_bytes(frame));
    return made;
}
inline std::string to_bytes(const wire::message& what) {
    return std::string(base::as_text(what.first.view()));
}

/// One control message of each kind. Ids that a test wants to be known are 1 (worker), 2 (manager),
/// 3 (token), lease 1.1.
inline std::vector<wire::control> each_control() {
    const auto worker = talk::id<base::worker_id>(1);
    const auto manager = talk::id<base::manager_id>(2);
    const auto token = talk::id<base::token>(3);
    const base::lease_id lease{1, 1};
    wire::register_worker as_worker;
    as_worker.worker = worker;
    as_worker.incarnation = {1};
    as_worker.type = "default";
    as_worker.signatures = {"add(i32,i32)->i32", "name(str)->list<str>"};
    as_worker.interval_ms = 1000;
    as_worker.liveness = 3;
    as_worker.host = "host";
    as_worker.free = false;
    as_worker.serving = wire::service{lease, manager, token};
    as_worker.can = {{"later"}, {{1, 1000}, {900, 1}}};
    wire::register_manager as_manager;
    as_manager.manager = manager;
    as_manager.endpoints = {"tcp://127.0.0.1:1"};
    wire::status status;
    status.version = "0.1.0";
    status.workers.resize(1);
    status.workers[0].worker = worker;
    status.managers.resize(1);
    status.requests.resize(1);
    return {as_worker,
            as_manager,
            wire::request{{1}, token, "default", 1, {{lease, worker}}},
            wire::cancel{{1}},
            wire::accepted{lease},
            wire::refused{lease, 13, "busy"},
            wire::available{lease},
            wire::occupied{{lease, manager, token}},
            wire::worker_lost{{1}, lease, worker},
            wire::ping{7},
            wire::goodbye{"bye"},
            wire::status_query{},
            wire::unimplemented{100},
            wire::registered{{}, 1, 1000, 3},
            wire::register_again{},
            wire::rejected{15, "no"},
            wire::assign{lease, token, manager, {"tcp://127.0.0.1:1"}},
            wire::lease_ended{lease, "over"},
            wire::granted{{1}, lease, worker},
            wire::pong{7},
            wire::parkserver_goodbye{"bye"},
            status,
            wire::parkserver_unimplemented{100},
            wire::fair_share{{1}, 2, lease}};
}

inline wire::hello a_hello() {
    wire::hello made;
    made.token = talk::id<base::token>(3);
    made.worker = talk::id<base::worker_id>(1);
    made.incarnation = {1};
    made.lease = {1, 1};
    made.type = "default";
    made.signatures = {"add(i32,i32)->i32"};
    made.interval_ms = 1000;
    made.liveness = 3;
    return made;
}

/// A record whose text no sender of ours would leave so long.
template <class Body>
wire::message uncut(wire::record_type type, const Body& body) {
    base::buffer bytes;
    wire::encode(bytes, body);
    wire::message made;
    wire::write_header(made.first, wire::channel::link);
    std::byte* at = made.first.extend(wire::record_header_bytes);
    wire::store(at, static_cast<std::uint32_t>(bytes.size()));
    at[4] = static_cast<std::byte>(type);
    std::memset(at + 5, 0, 3);
    made.first.append(bytes.view());
    return made;
}

/// One link message of each kind of record, about call `call`, attempt 1.
inline std::vector<wire::message> each_link_message(base::call_id call, const limits& bounds) {
    using type = wire::record_type;
    const wire::attempt what{call, {1}};
    const auto one = [&](auto write) { return talk::link_message(bounds, write); };
    std::vector<wire::message> all;
    all.push_back(one([](auto& to) { to.say(a_hello()); }));
    all.push_back(one([](auto& to) { to.say(wire::welcome{{}, {1}, 1000, 3, 7}); }));
    for (const auto kind : {type::returned, type::detached, type::started, type::cancel}) {
        all.push_back(one([&](auto& to) { to.about(kind, what); }));
    }
    for (const auto kind : {type::ping, type::pong, type::worker_taken, type::manager_taken}) {
        all.push_back(one([&](auto& to) { to.stamp(kind, 7); }));
    }
    for (const auto kind : {type::reject, type::worker_goodbye, type::manager_goodbye}) {
        all.push_back(one([&](auto& to) { to.part(kind, errc::shutdown, "bye"); }));
    }
    all.push_back(one([&](auto& to) { to.failed(what, {7, "error", "text"}); }));
    for (const std::size_t size : {std::size_t{8}, bounds.payload_apart_bytes}) {
        base::buffer payload;
        std::memset(payload.extend(size), 1, size);
        all.push_back(one([&](auto& to) { to.call(what, 0, true, payload); }));
        for (const auto kind : {type::worker_part, type::manager_part}) {
            all.push_back(one([&](auto& to) { to.part_of_payload(kind, 0, payload.copy()); }));
        }
        all.push_back(one([&](auto& to) { to.result(what, std::move(payload)); }));
    }
    return all;
}

/// All the ways to damage a message that are worth a try: every truncation, every byte changed,
/// bytes and frames too many or missing.
inline void damage(const wire::message& good, const std::function<void(wire::message)>& with) {
    const std::string bytes = to_bytes(good);
    const auto again = [&](const std::string& first) {
        wire::message made = copy_of(good);
        made.first.clear();
        made.first.append(base::as_bytes(first));
        with(std::move(made));
    };
    for (std::size_t length = 0; length < bytes.size(); ++length) again(bytes.substr(0, length));
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        for (const int value : {0, 1, 2, 0x7f, 0x80, 0xff, 0x0a, 0x1b}) {
            std::string changed = bytes;
            changed[at] = static_cast<char>(value);
            if (changed != bytes) again(changed);
        }
    }
    for (const std::size_t more : {std::size_t{1}, std::size_t{100}, std::size_t{100'000}}) {
        again(bytes + std::string(more, '\0'));
    }
    again(bytes + bytes);
    for (const std::size_t frames : {std::size_t{1}, std::size_t{66}, std::size_t{10'000}}) {
        wire::message made = copy_of(good);
        for (std::size_t i = 0; i < frames; ++i) made.rest.emplace_back();
        with(std::move(made));
    }
    if (!good.rest.empty()) {
        wire::message made = copy_of(good);
        made.rest.pop_back();
        with(std::move(made));
    }
}

/// Bytes that are no message at all, and some that nearly are.
inline std::vector<std::string> junk() {
    std::vector<std::string> all = {"",
                                    std::string(1, '\0'),
                                    "M",
                                    "MAU",
                                    "MAU\1",
                                    "GET / HTTP/1.1\r\n\r\n",
                                    std::string("\x16\x03\x01\x02\x00\x01", 6),
                                    std::string(1 << 20, '\xff'),
                                    std::string("MAU\1\1\0\0\0", 8),
                                    std::string("MAU\1\2\0\0\0", 8),
                                    std::string("MAU\1\3\0\0\0", 8),
                                    std::string("MAU\1\4\0\0\0", 8),
                                    std::string("MAU\1\1\1\1\0", 8),
                                    std::string("MAU\1\2\1\0\0", 8),
                                    std::string("MAU\2\1\1\0\0", 8),
                                    std::string("MAU\0\1\1\0\0", 8)};
    for (int type = 0; type < 256; ++type) {
        std::string header("MAU\1\1\0\0\0", 8);
        header[5] = static_cast<char>(type);
        all.push_back(header);
        std::string record("MAU\1\2\0\0\0\0\0\0\0\0\0\0\0", 16);
        record[12] = static_cast<char>(type);
        all.push_back(record);
    }
    return all;
}

}  // namespace hostile
