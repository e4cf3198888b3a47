// The link of a worker to its manager: how it begins, what is said on it, how it ends (worker.hpp).
#include "maus/core/worker.hpp"

#include <algorithm>

namespace maus::core {

namespace {
constexpr duration rest = std::chrono::milliseconds{50};

std::uint64_t stamp_of(instant now) {
    return static_cast<std::uint64_t>(now.time_since_epoch().count());
}
}  // namespace

void worker::try_link(instant now, worker_effects& out) {
    hello_said_ = false;
    link_deadline_ = base::after(now, config_.link_timeout);
    if (!lease_.endpoints.empty()) {
        lease_.link = {.to = routes_.make(), .relayed = {}};
        out.net.push(open{lease_.link.to, lease_.endpoints.back()});
        lease_.endpoints.pop_back();
        return;
    }
    // The parkserver relays where no address works ([P-45]).
    const auto* at = parkservers_.registered_at(lease_.parkserver);
    if (lease_.linked_by_relay || at == nullptr) {
        end_link(false, "the manager does not answer", now, out);
        return;
    }
    lease_.linked_by_relay = true;
    lease_.link = {.to = at->via(), .relayed = lease_.serving.lease};
    say_hello(now, out);
}

void worker::say_hello(instant now, worker_effects& out) {
    hello_said_ = true;
    if (config_.manager.empty()) link_deadline_ = base::after(now, config_.link_timeout);
    wire::hello say;
    say.token = lease_.serving.token;
    say.worker = config_.id;
    say.incarnation = config_.incarnation;
    say.lease = lease_.serving.lease;
    say.type = config_.type;
    say.signatures = config_.signatures;
    say.concurrency = config_.concurrency;
    say.interval_ms = config_.beat.interval_ms;
    say.liveness = config_.beat.liveness;
    say.host = config_.host;
    say.pid = config_.pid;
    say.stamp = stamp_of(now);
    say.can = wire::capabilities_of(config_.settings.features, config_.settings.limits);
    out.net.link(lease_.link).say(say);
}

void worker::from_manager(wire::message& what, instant now, worker_effects& out) {
    const auto head = wire::read_header(what.first.view());
    if (!head) return violation(head.why(), now, out);
    if (head.value().version != wire::version) {
        return violation({errc::version_mismatch, "this worker speaks version 1"}, now, out);
    }
    if (head.value().channel != wire::channel::link) {
        return violation({errc::protocol_violation, "not a link message"}, now, out);
    }
    if (what.frames() > config_.settings.limits.frames_max) {
        return violation({errc::protocol_violation, "too many frames"}, now, out);
    }
    wire::link_reader records{what, config_.settings.limits.extensions_max};
    wire::record record;
    while (records.next(record)) {
        if (!handle(record, now, out)) return;
    }
    if (records.violation()) violation(*records.violation(), now, out);
}

// True: go on with the next record of this message.
bool worker::handle(const wire::record& record, instant now, worker_effects& out) {
    const auto wrong = [&](const char* why) {
        violation({errc::protocol_violation, why}, now, out);
        return false;
    };
    const bool serving = state_ == state::serving || leaving_with_link_;
    switch (record.type) {
        case wire::record_type::call:
            return serving ? called(record, now, out) : wrong("call before welcome");
        case wire::record_type::cancel: {
            base::byte_view body = record.body;
            const auto what = wire::take_attempt(body);
            if (!serving || !what || !body.empty()) return wrong("bad cancel");
            out.revoke.push_back(*what);
            return true;
        }
        case wire::record_type::pong: {
            const auto stamp = wire::decode_stamp(record.body);
            if (!serving || !stamp || !renew_lease(*stamp, now)) return wrong("bad pong");
            return true;
        }
        case wire::record_type::welcome: {
            const auto answer = wire::decode_welcome(record.body, config_.settings.limits);
            if (state_ != state::linking || !hello_said_ || !answer) return wrong("bad welcome");
            welcomed(answer.value(), now, out);
            return state_ == state::serving;
        }
        case wire::record_type::reject:
        case wire::record_type::manager_goodbye: {
            const auto why = wire::decode_parting(record.body);
            if (!why) return wrong("bad goodbye");
            // Who is turned away rests before it offers itself again: it may be sent to the same
            // manager at once, and so round and round.
            if (record.type == wire::record_type::reject && config_.manager.empty()) {
                rested_at_ = base::after(now, rest);
            }
            end_link(true, wire::printable(why.value().why), now, out);
            return false;
        }
        case wire::record_type::manager_unimplemented: {
            const auto type = wire::decode_unimplemented(record.body);
            if (!type) return wrong("bad unimplemented");
            manager_lacks(*type, out);
            return true;
        }
        default:
            if (wire::is_known(record.type)) return wrong("a record that only workers send");
            unknown(record.type, out);
            return true;
    }
}

void worker::unknown(wire::record_type type, worker_effects& out) {
    const auto number = static_cast<std::uint8_t>(type);
    if (wire::is_skipped(number)) return;
    out.net.link(lease_.link).unimplemented(wire::record_type::worker_unimplemented, number);
}

void worker::manager_lacks(std::uint8_t type, worker_effects& out) {
    ++counters_.unimplemented;
    if (std::exchange(lease_.manager_is_older, true)) return;
    out.net.log(log_level::info, "the manager does not know record " + std::to_string(type));
}

void worker::welcomed(const wire::welcome& answer, instant now, worker_effects& out) {
    state_ = state::serving;
    link_deadline_ = never;
    ++link_serial_;
    detached_here_ = 0;
    link_beat_ = heartbeat{answer.interval_ms, answer.liveness}.within_limits();
    lease_.serving.manager = answer.manager;
    lease_.features = wire::common_features(config_.settings.features, answer.can.features);
    lease_.limits = wire::limits_of(answer.can);
    result_bytes_max_ = static_cast<std::size_t>(std::min<std::uint64_t>(
        config_.settings.limits.message_bytes_max, lease_.limits.message_bytes_max));
    lease_until_ = {};
    if (!renew_lease(answer.stamp, now)) {
        return violation({errc::protocol_violation, "a stamp that was never sent"}, now, out);
    }
    if (now >= lease_until_) return end_link(true, "the welcome came too late", now, out);
    ping_manager(now, out);
    out.net.log(log_level::info, "serves manager " + base::brief(answer.manager));
}

void worker::ping_manager(instant now, worker_effects& out) {
    out.net.link(lease_.link).stamp(wire::record_type::ping, stamp_of(now));
    ping_at_ = base::after(now, link_beat_.interval());
}

// False: the stamp is none of this worker's, and a lease that it prolonged might never run out.
bool worker::renew_lease(std::uint64_t stamp, instant now) {
    if (stamp > stamp_of(now)) return false;
    const instant sent{duration{static_cast<std::int64_t>(stamp)}};
    lease_until_ = std::max(lease_until_, base::after(sent, link_beat_.timeout()));
    return true;
}

bool worker::called(const wire::record& record, instant now, worker_effects& out) {
    base::byte_view body = record.body;
    const auto what = wire::take_attempt(body);
    if (!what) {
        violation({errc::protocol_violation, "a call is shorter than its attempt"}, now, out);
        return false;
    }
    ++counters_.calls;
    const auto fail = [&](errc code, std::string text) {
        ++counters_.answers;
        out.net.link(lease_.link)
            .failed(*what, {static_cast<std::uint8_t>(code), {}, std::move(text)});
        return true;
    };
    if (state_ == state::leaving || now >= lease_until_) {
        ++counters_.answers;
        out.net.link(lease_.link).about(wire::record_type::returned, *what);
        return true;
    }
    if (record.function >= config_.signatures.size()) {
        return fail(errc::no_such_function,
                    "no function has number " + std::to_string(record.function));
    }
    if (slots_held_ + detached_here_ >= config_.settings.limits.calls_per_worker_max) {
        return fail(errc::overloaded, "more calls than calls_per_worker_max");
    }
    ++slots_held_;
    const bool at_most_once = (record.flags & wire::flag_at_most_once) != 0;
    out.execute.push_back({link_serial_,
                           *what,
                           record.function,
                           at_most_once,
                           lease_.serving.lease,
                           lease_.serving.manager,
                           {},
                           {}});
    job& made = out.execute.back();
    wire::take_payload(record, body, made.payload, &made.extensions);
    return true;
}

void worker::violation(const base::failure& why, instant now, worker_effects& out) {
    ++counters_.violations;
    out.net.log(log_level::warning, "the manager broke the protocol: " + why.message);
    out.net.link(lease_.link).part(wire::record_type::worker_goodbye, why.code, why.message);
    end_link(true, why.message, now, out);
}

void worker::end_link(bool close_it, std::string_view why, instant now, worker_effects& out) {
    if (close_it && !lease_.linked_by_relay) out.net.push(close{lease_.link.to});
    if (state_ == state::serving) {
        out.net.log(log_level::info, "serves manager " + base::brief(lease_.serving.manager) +
                                         " no more: " + std::string(why));
    }
    link_deadline_ = never;
    ping_at_ = never;
    ++link_serial_;  // what still runs answers to nobody
    detached_here_ = 0;
    leaving_with_link_ = false;
    if (state_ != state::leaving) state_ = state::draining;
    settle_down(now, out);
}

// Free again, or gone, once nothing runs any more.
void worker::settle_down(instant now, worker_effects& out) {
    if (state_ == state::leaving) {
        if (slots_held_ == 0 && (detached_ == 0 || !leaving_with_link_)) say_goodbye(now, out);
        return;
    }
    if (state_ != state::draining || slots_held_ != 0 || now < rested_at_) return;
    state_ = state::free;
    const auto ended = lease_.serving.lease;
    lease_ = {};
    if (!config_.manager.empty()) {
        const auto jitter = static_cast<std::int64_t>(random_.below(200'000'000));
        manager_retry_at_ = base::after(now, std::chrono::milliseconds{50} + duration{jitter});
        return;
    }
    parkservers_.each_registered([&](parkserver_session& at) { tell_state(at, out, ended); });
}

void worker::say_goodbye(instant, worker_effects& out) {
    const std::string why = "the worker stops";
    if (leaving_with_link_) {
        out.net.link(lease_.link).part(wire::record_type::worker_goodbye, errc::shutdown, why);
        if (!lease_.linked_by_relay) out.net.push(close{lease_.link.to});
        leaving_with_link_ = false;
    }
    ++link_serial_;
    parkservers_.leave(why, out.net);
    state_ = state::stopped;
}

}  // namespace maus::core
