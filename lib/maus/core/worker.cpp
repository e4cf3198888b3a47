#include "maus/core/worker.hpp"

#include <algorithm>
#include <cassert>

namespace maus::core {

namespace {
constexpr duration rest = std::chrono::milliseconds{50};

std::uint64_t stamp_of(instant now) {
    return static_cast<std::uint64_t>(now.time_since_epoch().count());
}
}  // namespace

std::string_view to_string(worker::state state) {
    switch (state) {
        case worker::state::free: return "free";
        case worker::state::linking: return "linking";
        case worker::state::serving: return "serving";
        case worker::state::draining: return "draining";
        case worker::state::leaving: return "leaving";
        case worker::state::stopped: return "stopped";
    }
    return "unknown";
}

worker::worker(worker_config config, instant now)
    : config_(std::move(config)), random_(config_.seed) {
    config_.beat = config_.beat.within_limits();
    config_.concurrency = std::max(config_.concurrency, 1u);
    for (const auto& endpoint : config_.parkservers)
        parkservers_.emplace_back(endpoint, config_.beat);
    if (!config_.manager.empty()) manager_retry_at_ = now;
}

std::size_t worker::registrations() const {
    return static_cast<std::size_t>(
        std::count_if(parkservers_.begin(), parkservers_.end(),
                      [](const parkserver_session& at) { return at.is_registered(); }));
}

parkserver_session* worker::parkserver_at(route via) {
    if (state_ == state::stopped) return nullptr;  // their connections were given up
    for (auto& at : parkservers_) {
        if (at.via() == via && at.now_in() != parkserver_session::state::waiting) return &at;
    }
    return nullptr;
}

// --- inputs -------------------------------------------------------------------------------------

void worker::on(up event, instant now, worker_effects& out) {
    if (auto* at = parkserver_at(event.from)) {
        register_with(*at, now, out);
    } else if (state_ == state::linking && event.from == lease_.link.to && !hello_said_) {
        say_hello(now, out);
    }
}

void worker::on(received event, instant now, worker_effects& out) {
    if (auto* at = parkserver_at(event.from)) {
        from_parkserver(*at, event, now, out);
    } else if (has_link() && !lease_.linked_by_relay && event.from == lease_.link.to) {
        from_manager(event.what, now, out);
    }
}

void worker::on(down event, instant now, worker_effects& out) {
    if (auto* at = parkserver_at(event.from)) {
        parkserver_lost(*at, false, event.why, now, out);
    } else if (has_link() && !lease_.linked_by_relay && event.from == lease_.link.to) {
        // An address that is no address: perhaps the next one works, or the relay.
        if (state_ == state::linking && !hello_said_) return try_link(now, out);
        end_link(false, event.why, now, out);
    }
}

void worker::on(job_done&& event, instant now, worker_effects& out) {
    if (event.was_detached) {
        --detached_;
        if (event.link == link_serial_) --detached_here_;
    } else {
        --slots_held_;
    }
    if (event.link != link_serial_ || !(state_ == state::serving || leaving_with_link_)) {
        ++counters_.answers_dropped;
    } else {
        auto* value = std::get_if<job_value>(&event.outcome);
        auto record =
            out.net.link(lease_.link, value != nullptr ? value->payload.size() : std::size_t{0});
        ++counters_.answers;
        if (value != nullptr) {
            if (value->payload.size() > config_.bounds.message_bytes_max) {
                record.failed(event.what, {static_cast<std::uint8_t>(errc::too_large),
                                           {},
                                           "the result is larger than message_bytes_max"});
            } else {
                record.result(event.what, std::move(value->payload));
            }
        } else if (const auto* fault = std::get_if<job_fault>(&event.outcome)) {
            record.failed(event.what,
                          {static_cast<std::uint8_t>(fault->code), fault->type, fault->text});
        } else {
            record.about(wire::record_type::returned, event.what);
        }
    }
    if (state_ != state::serving) settle_down(now, out);
}

void worker::on(job_detached event, instant now, worker_effects& out) {
    --slots_held_;
    ++detached_;
    if (event.link == link_serial_) ++detached_here_;
    if (event.link == link_serial_ && (state_ == state::serving || leaving_with_link_)) {
        out.net.link(lease_.link).about(wire::record_type::detached, event.what);
    }
    settle_down(now, out);
}

void worker::on(job_started event, instant, worker_effects& out) {
    if (event.link == link_serial_ && (state_ == state::serving || leaving_with_link_)) {
        out.net.link(lease_.link).about(wire::record_type::started, event.what);
    }
}

void worker::on(stop_worker event, instant now, worker_effects& out) {
    if (state_ == state::leaving || state_ == state::stopped) return;
    if (state_ == state::linking) end_link(true, "the worker stops", now, out);
    leaving_with_link_ = state_ == state::serving;
    state_ = state::leaving;
    manager_retry_at_ = never;
    leave_by_ = event.by;
    // No offers any more while what runs here ends.
    for (auto& at : parkservers_) {
        if (at.is_registered()) tell_state(at, out);
    }
    settle_down(now, out);
}

void worker::advance_to(instant now, worker_effects& out) {
    if (state_ == state::stopped) return;
    for (auto& at : parkservers_) {
        switch (at.advance_to(now, out.net)) {
            case parkserver_session::want::nothing: break;
            case parkserver_session::want::connect:
                if (state_ != state::leaving) at.connect(route{++routes_made_}, now, out.net);
                break;
            case parkserver_session::want::give_up:
                parkserver_lost(at, true, "nothing was heard from it in time", now, out);
                break;
        }
    }
    if (has_link() && now >= lease_until_ && state_ != state::linking) {
        end_link(true, "the manager was silent", now, out);
    }
    if (state_ == state::linking && now >= link_deadline_) {
        if (!lease_.linked_by_relay) out.net.push(close{lease_.link.to});
        try_link(now, out);
    }
    if (has_link() && state_ != state::linking && now >= ping_at_) {
        out.net.link(lease_.link).stamp(wire::record_type::ping, stamp_of(now));
        ping_at_ = base::after(now, link_beat_.interval());
    }
    if (state_ == state::free && now >= manager_retry_at_) {
        manager_retry_at_ = never;
        lease_ = {};
        lease_.endpoints = {config_.manager};
        state_ = state::linking;
        try_link(now, out);
        link_deadline_ = never;  // libzmq goes on trying; a manager may come at any time
    }
    if (state_ == state::leaving && now >= leave_by_) say_goodbye(now, out);
    if (state_ == state::draining && now >= rested_at_) settle_down(now, out);
}

instant worker::next_deadline() const {
    if (state_ == state::stopped) return never;
    instant next = std::min(leave_by_, state_ == state::free ? manager_retry_at_ : never);
    for (const auto& at : parkservers_) {
        // While it leaves, it does not look for parkservers.
        if (state_ == state::leaving && at.now_in() == parkserver_session::state::waiting) continue;
        next = std::min(next, at.next_deadline());
    }
    if (state_ == state::draining && slots_held_ == 0) next = std::min(next, rested_at_);
    if (state_ == state::linking) return std::min(next, link_deadline_);
    if (has_link()) next = std::min({next, lease_until_, ping_at_});
    return next;
}

// --- parkservers --------------------------------------------------------------------------------

void worker::register_with(parkserver_session& at, instant now, worker_effects& out) {
    at.registering(now);
    wire::register_worker say;
    say.worker = config_.id;
    say.incarnation = config_.incarnation;
    say.type = config_.type;
    say.signatures = config_.signatures;
    say.concurrency = config_.concurrency;
    say.interval_ms = config_.beat.interval_ms;
    say.liveness = config_.beat.liveness;
    say.host = config_.host;
    say.pid = config_.pid;
    say.free = is_free();
    at.said_free = say.free;
    const bool serves =
        state_ == state::serving || (state_ == state::linking && config_.manager.empty());
    if (serves) say.serving = lease_.serving;
    at.said_lease = serves ? lease_.serving.lease : base::lease_id{};
    out.net.control(at.via(), say);
}

bool worker::is_free() const { return state_ == state::free && config_.manager.empty(); }

void worker::tell_state(parkserver_session& at, worker_effects& out, base::lease_id ended) {
    at.said_free = is_free();
    at.said_lease = at.said_free ? base::lease_id{} : lease_.serving.lease;
    if (at.said_free) {
        out.net.control(at.via(), wire::available{ended});
    } else {
        out.net.control(at.via(), wire::occupied{lease_.serving});
    }
}

void worker::parkserver_lost(parkserver_session& at, bool close_it, std::string_view why,
                             instant now, worker_effects& out) {
    const bool carried_the_link =
        has_link() && lease_.linked_by_relay && lease_.link.to == at.via();
    if (at.lost(close_it, now, random_, out.net)) {
        out.net.log(log_level::warning,
                    "parkserver " + at.endpoint() + " is lost: " + std::string(why));
    }
    if (carried_the_link) end_link(false, "the parkserver that relayed is lost", now, out);
}

void worker::from_parkserver(parkserver_session& from, received& event, instant now,
                             worker_effects& out) {
    const auto head = wire::read_header(event.what.first.view());
    if (!head || head.value().version != wire::version) {
        ++counters_.violations;
        out.net.log(log_level::warning, "unreadable message from parkserver " + from.endpoint());
        return;
    }
    from.heard(now);
    if (head.value().channel == wire::channel::relay) {
        const auto over = wire::unwrap_relay(event.what);
        if (over && has_link() && lease_.linked_by_relay && lease_.link.to == event.from &&
            lease_.serving.lease == over.value()) {
            from_manager(event.what, now, out);
        }
        return;
    }
    auto decoded = wire::decode_control(event.what, config_.bounds);
    if (!decoded) {
        ++counters_.violations;
        out.net.log(log_level::warning,
                    "parkserver " + from.endpoint() + ": " + decoded.why().message);
        return;
    }
    handle(from, decoded.value(), now, out);
}

void worker::handle(parkserver_session& from, const wire::control& what, instant now,
                    worker_effects& out) {
    if (const auto* answer = std::get_if<wire::registered>(&what)) {
        from.registered(*answer, now);
        out.net.log(log_level::info, "registered with parkserver " + from.endpoint());
        const bool other_lease = has_link() && from.said_lease != lease_.serving.lease;
        if (from.said_free != is_free() || other_lease) tell_state(from, out);
    } else if (std::holds_alternative<wire::register_again>(what)) {
        if (from.is_registered()) register_with(from, now, out);
    } else if (const auto* no = std::get_if<wire::rejected>(&what)) {
        out.net.log(log_level::error, "parkserver " + from.endpoint() +
                                          " rejects this worker: " + wire::printable(no->why));
        from.rejected();
        parkserver_lost(from, true, "it rejects this worker", now, out);
    } else if (const auto* offer = std::get_if<wire::assign>(&what)) {
        handle(from, *offer, now, out);
    } else if (const auto* ended = std::get_if<wire::lease_ended>(&what)) {
        if (!has_link() || lease_.serving.lease != ended->lease) return;
        if (state_ == state::linking || lease_.linked_by_relay) {
            if (lease_.parkserver != from.endpoint()) return;
            end_link(true, wire::printable(ended->why), now, out);
        } else if (state_ == state::serving && from.is_registered()) {
            tell_state(from, out);  // it goes on by its own link, and says so
        }
    } else if (const auto* parted = std::get_if<wire::parkserver_goodbye>(&what)) {
        parkserver_lost(from, true, wire::printable(parted->why), now, out);
    } else if (!std::holds_alternative<wire::pong>(what)) {
        ++counters_.violations;
    }
}

void worker::handle(parkserver_session& from, const wire::assign& offer, instant now,
                    worker_effects& out) {
    if (state_ != state::free || !config_.manager.empty()) {
        out.net.control(
            from.via(),
            wire::refused{offer.lease, static_cast<std::uint8_t>(errc::overloaded),
                          std::string("the worker is ") + std::string(to_string(state_))});
        return;
    }
    lease_ = {};
    lease_.serving = {offer.lease, offer.manager, offer.token};
    lease_.endpoints.assign(offer.endpoints.rbegin(), offer.endpoints.rend());
    lease_.parkserver = from.endpoint();
    state_ = state::linking;
    ++counters_.leases;
    from.said_free = false;
    from.said_lease = offer.lease;
    out.net.control(from.via(), wire::accepted{offer.lease});
    for (auto& other : parkservers_) {
        if (&other != &from && other.is_registered()) tell_state(other, out);
    }
    try_link(now, out);
}

// --- the link -----------------------------------------------------------------------------------

void worker::try_link(instant now, worker_effects& out) {
    hello_said_ = false;
    link_deadline_ = base::after(now, config_.link_timeout);
    if (!lease_.endpoints.empty()) {
        lease_.link = {.to = route{++routes_made_}, .relayed = {}};
        out.net.push(open{lease_.link.to, lease_.endpoints.back()});
        lease_.endpoints.pop_back();
        return;
    }
    // The parkserver relays where no address works ([P-45]).
    const auto at =
        std::find_if(parkservers_.begin(), parkservers_.end(), [this](const auto& each) {
            return each.endpoint() == lease_.parkserver && each.is_registered();
        });
    if (lease_.linked_by_relay || at == parkservers_.end()) {
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
    if (what.frames() > config_.bounds.frames_max) {
        return violation({errc::protocol_violation, "too many frames"}, now, out);
    }
    wire::link_reader records{what};
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
            const auto answer = wire::decode_welcome(record.body, config_.bounds);
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
        default: return wrong("a record that only workers send, or unknown");
    }
}

void worker::welcomed(const wire::welcome& answer, instant now, worker_effects& out) {
    state_ = state::serving;
    link_deadline_ = never;
    ++link_serial_;
    detached_here_ = 0;
    link_beat_ = heartbeat{answer.interval_ms, answer.liveness}.within_limits();
    lease_.serving.manager = answer.manager;
    lease_until_ = {};
    if (!renew_lease(answer.stamp, now)) {
        return violation({errc::protocol_violation, "a stamp that was never sent"}, now, out);
    }
    if (now >= lease_until_) return end_link(true, "the welcome came too late", now, out);
    out.net.link(lease_.link).stamp(wire::record_type::ping, stamp_of(now));
    ping_at_ = base::after(now, link_beat_.interval());
    out.net.log(log_level::info, "serves manager " + base::brief(answer.manager));
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
    if (slots_held_ + detached_here_ >= config_.bounds.calls_per_worker_max) {
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
                           {}});
    wire::take_payload(record, body, out.execute.back().payload);
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
    for (auto& at : parkservers_) {
        if (at.is_registered()) tell_state(at, out, ended);
    }
}

void worker::say_goodbye(instant, worker_effects& out) {
    const std::string why = "the worker stops";
    if (leaving_with_link_) {
        out.net.link(lease_.link).part(wire::record_type::worker_goodbye, errc::shutdown, why);
        if (!lease_.linked_by_relay) out.net.push(close{lease_.link.to});
        leaving_with_link_ = false;
    }
    ++link_serial_;
    for (auto& at : parkservers_) {
        if (at.is_registered()) out.net.control(at.via(), wire::goodbye{why});
        if (at.now_in() != parkserver_session::state::waiting) out.net.push(close{at.via()});
    }
    state_ = state::stopped;
}

}  // namespace maus::core
