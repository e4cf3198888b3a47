#include "maus/core/worker.hpp"

#include <algorithm>

#include "maus/base/assert.hpp"
#include "maus/wire/signature.hpp"

namespace maus::core {

std::string_view to_string(worker::state state) {
    switch (state) {
        case worker::state::free: return "free";
        case worker::state::linking: return "linking";
        case worker::state::preparing: return "preparing";
        case worker::state::serving: return "serving";
        case worker::state::draining: return "draining";
        case worker::state::leaving: return "leaving";
        case worker::state::stopped: return "stopped";
    }
    return "unknown";
}

worker::worker(worker_config config, instant)
    : config_(std::move(config)),
      random_(config_.seed),
      parkservers_(config_.beat.within_limits(), config_.settings, random_, routes_) {
    config_.beat = config_.beat.within_limits();
    config_.concurrency = std::max(config_.concurrency, 1u);
    for (const auto& endpoint : config_.parkservers) parkservers_.add(endpoint);
    const auto& all = config_.signatures;
    if (std::any_of(all.begin(), all.end(),
                    [](const auto& each) { return wire::is_stream(each); })) {
        for (const auto& each : all) streams_.push_back(wire::is_stream(each));
    }
    for (const auto& each : all) takes_functions_.push_back(wire::takes_references(each));
}

// --- inputs -------------------------------------------------------------------------------------

void worker::on(up event, instant now, worker_effects& out) {
    if (auto* at = parkservers_.connected(event, now)) {
        send_registration(*at, out);
    } else if (state_ == state::linking && event.from == lease_.link.to && !hello_said_) {
        say_hello(now, out);
    }
}

void worker::on(received event, instant now, worker_effects& out) {
    if (auto* at = parkservers_.find(event.from)) {
        from_parkserver(*at, event, now, out);
    } else if (has_link() && !lease_.linked_by_relay && event.from == lease_.link.to) {
        from_manager(event.message, now, out);
    }
}

void worker::on(down event, instant now, worker_effects& out) {
    if (const auto lost = parkservers_.disconnected(event, now, out.net)) {
        parkserver_lost(*lost, now, out);
    } else if (has_link() && !lease_.linked_by_relay && event.from == lease_.link.to) {
        if (state_ == state::linking) return address_failed(false, event.why, now, out);
        end_link(false, event.why, now, out);
    }
}

inline void worker::answer(wire::attempt of, base::buffer&& result, instant now,
                           worker_effects& out) {
    if (result.size() > result_bytes_max_) [[unlikely]] {
        out.net.link(lease_.link).failed(of, result_too_large(result.size()));
    } else if (result.size() >= config_.settings.limits.payload_apart_bytes) [[unlikely]] {
        return answer_large(of, std::move(result), now, out);
    } else {
        out.net.link(lease_.link).result(of, std::move(result));
    }
    ++counters_.answers;
}

void worker::on(job_done&& event, instant now, worker_effects& out) {
    MAUS_ASSERT((event.was_detached ? detached_ : slots_held_) > 0, "a job is done twice");
    if (event.was_detached) {
        --detached_;
        if (event.link == link_serial_) {
            MAUS_ASSERT(detached_here_ > 0, "a detached job is done that is of no link");
            --detached_here_;
        }
    } else {
        --slots_held_;
    }
    if (event.link == link_serial_ && !nested_here_.empty()) nested_here_.erase(event.attempt);
    if (event.link != link_serial_ || !(state_ == state::serving || leaving_with_link_)) {
        ++counters_.answers_dropped;
    } else if (!lease_.streams.empty() && holds_end(event)) {
        return;  // its items come first
    } else if (auto* value = std::get_if<job_value>(&event.outcome)) {
        answer(event.attempt, std::move(value->payload), now, out);
    } else {
        answer_without_value(event, out);
    }
    if (state_ != state::serving) settle_down(now, out);
}

void worker::answer_without_value(const job_done& event, worker_effects& out) {
    ++counters_.answers;
    auto record = out.net.link(lease_.link);
    if (const auto* fault = std::get_if<job_fault>(&event.outcome)) {
        record.failed(event.attempt,
                      {static_cast<std::uint8_t>(fault->code), fault->type, fault->text},
                      static_cast<std::size_t>(lease_.limits.text_bytes_max));
    } else {
        record.about(wire::record_type::returned, event.attempt);
    }
}

void worker::answer_large(wire::attempt of, base::buffer&& result, instant now,
                          worker_effects& out) {
    if (!lease_.large) {
        ++counters_.answers;
        return out.net.link_alone(lease_.link).result_apart(of, std::move(result));
    }
    lease_.large->add({of, 0, false, std::move(result)});
    pump_large(now, out);
    if (lease_.large->waiting_bytes() > config_.settings.limits.queued_bytes_max) {
        end_link(true, "more results than queued_bytes_max wait for it to take them", now, out);
    }
}

void worker::pump_large(instant now, worker_effects& out) {
    for (const auto& sent : lease_.large->pump(now, lease_.link, out.net)) {
        if (lease_.streams.empty()) {
            ++counters_.answers;
        } else {
            items_sent(sent, out);
        }
    }
}

wire::fault worker::result_too_large(std::size_t bytes) const {
    const bool own = result_bytes_max_ >= config_.settings.limits.message_bytes_max;
    const char* whose = own                        ? "the worker's message_bytes_max"
                        : lease_.results.is_relays ? "the relaying parkserver's message_bytes_max"
                                                   : "the manager's message_bytes_max";
    return {static_cast<std::uint8_t>(errc::too_large),
            {},
            wire::larger_than("the result", bytes, whose, result_bytes_max_)};
}

void worker::on(job_detached event, instant now, worker_effects& out) {
    MAUS_ASSERT(slots_held_ > 0, "a job that is not running is detached");
    --slots_held_;
    ++detached_;
    if (event.link == link_serial_) ++detached_here_;
    if (event.link == link_serial_ && (state_ == state::serving || leaving_with_link_)) {
        out.net.link(lease_.link).about(wire::record_type::detached, event.attempt);
    }
    settle_down(now, out);
}

void worker::on(job_started event, instant, worker_effects& out) {
    if (event.link == link_serial_ && (state_ == state::serving || leaving_with_link_)) {
        out.net.link(lease_.link).about(wire::record_type::started, event.attempt);
    }
}

void worker::on(const job_progress& event, instant, worker_effects& out) {
    if (event.link != answerable()) return;
    out.net.link(lease_.link)
        .progressed(event.attempt, event.how_far,
                    static_cast<std::size_t>(lease_.limits.text_bytes_max));
}

void worker::on(job_callback&& event, instant now, worker_effects& out) {
    const auto fail = [&](errc code, std::string why) {
        out.called_back.push_back({event.which.id, job_fault{code, {}, std::move(why)}});
    };
    if (event.link != answerable()) return fail(errc::cancelled, "its manager is gone");
    if (!lease_.asked) return fail(errc::unimplemented, "its manager knows no callbacks");
    if (event.payload.size() > result_bytes_max_) {
        return fail(errc::too_large,
                    wire::larger_than("the arguments of a callback", event.payload.size(),
                                      "what its manager or the relay takes", result_bytes_max_));
    }
    if (event.nested && !lease_.asked->has_room()) {
        return fail(errc::overloaded,
                    "callbacks_max callbacks are not answered, and some may wait for this one");
    }
    const bool is_large = event.payload.size() >= config_.settings.limits.payload_apart_bytes;
    if (is_large && lease_.large &&
        lease_.large->waiting_bytes() > config_.settings.limits.queued_bytes_max) {
        return fail(errc::overloaded, "more than queued_bytes_max wait for its manager");
    }
    if (auto sent = lease_.asked->add(std::move(event))) ask(std::move(*sent), now, out);
}

void worker::on(stop_worker event, instant now, worker_effects& out) {
    if (state_ == state::leaving || state_ == state::stopped) return;
    if (state_ == state::linking) end_link(true, "the worker stops", now, out);
    leaving_with_link_ = is_welcomed();
    state_ = state::leaving;
    hand_out_kept(out);  // to be returned
    leave_by_ = event.by;
    parkservers_.stop_looking();
    // No offers any more while what runs here ends.
    parkservers_.each_registered([&](parkserver_session& at) { tell_state(at, out); });
    settle_down(now, out);
}

void worker::advance_to(instant now, worker_effects& out) {
    if (state_ == state::stopped) return;
    for (const auto& lost : parkservers_.advance_to(now, out.net)) parkserver_lost(lost, now, out);
    if (has_link() && now >= lease_until_ && state_ != state::linking) {
        end_link(true, "the manager was silent", now, out);
    }
    if (state_ == state::linking && now >= link_deadline_) {
        address_failed(true, hello_said_ ? "no answer to hello" : "no connection in time", now,
                       out);
    }
    if (has_link() && state_ != state::linking && now >= ping_at_) {
        ping_manager(now, out);
    }
    while (lease_.asked) {
        const auto overdue = lease_.asked->pop_overdue(now);
        if (!overdue) break;
        out.called_back.push_back(
            {*overdue, job_fault{errc::deadline_exceeded, {}, "not answered by its deadline"}});
    }
    if (state_ == state::leaving && now >= leave_by_) say_goodbye(now, out);
    if (state_ == state::draining && now >= rested_at_) settle_down(now, out);
    if (state_ == state::free && is_direct()) {
        lease_ = {};
        lease_.endpoints = {config_.manager};
        state_ = state::linking;
        try_link(now, out);
    }
}

instant worker::next_deadline() const {
    if (state_ == state::stopped) return never;
    instant next = state_ == state::free && is_direct() ? instant{} : leave_by_;
    next = std::min(next, parkservers_.next_deadline());
    const bool runs = slots_held_ != 0 || setting_ != setting::none;
    if (state_ == state::draining && !runs) next = std::min(next, rested_at_);
    if (state_ == state::linking) return std::min(next, link_deadline_);
    if (has_link()) next = std::min({next, lease_until_, ping_at_});
    if (lease_.asked) next = std::min(next, lease_.asked->next_deadline());
    return next;
}

// --- parkservers --------------------------------------------------------------------------------

void worker::send_registration(parkserver_session& to, worker_effects& out) {
    wire::register_worker say;
    say.worker = config_.id;
    say.incarnation = config_.incarnation;
    say.type = config_.type;
    say.signatures = wire::plain_functions(config_.signatures);
    say.concurrency = config_.concurrency;
    say.interval_ms = config_.beat.interval_ms;
    say.liveness = config_.beat.liveness;
    say.host = config_.host;
    say.pid = config_.pid;
    say.can = wire::capabilities_of(config_.settings.features, config_.settings.limits);
    say.free = is_free();
    to.said_free = say.free;
    const bool serves = is_welcomed() || (state_ == state::linking && !is_direct());
    if (serves) say.serving = lease_.serving;
    to.said_lease = serves ? lease_.serving.lease : base::lease_id{};
    const wire::more_functions more(config_.signatures);
    out.net.control(to.via(), say, more.all());
}

void worker::registered(parkserver_session& with, worker_effects& out) {
    const bool other_lease = has_link() && with.said_lease != lease_.serving.lease;
    if (with.said_free != is_free() || other_lease) tell_state(with, out);
}

bool worker::is_free() const { return state_ == state::free && !is_direct(); }

void worker::tell_state(parkserver_session& at, worker_effects& out, base::lease_id ended) {
    at.said_free = is_free();
    at.said_lease = at.said_free ? base::lease_id{} : lease_.serving.lease;
    if (at.said_free) {
        out.net.control(at.via(), wire::available{ended});
    } else {
        out.net.control(at.via(), wire::occupied{lease_.serving});
    }
}

void worker::parkserver_lost(const session_lost& lost, instant now, worker_effects& out) {
    const bool carried_the_link =
        has_link() && lease_.linked_by_relay && lease_.link.to == lost.via;
    if (carried_the_link) end_link(false, "the parkserver that relayed is lost", now, out);
}

void worker::from_parkserver(parkserver_session& from, received& event, instant now,
                             worker_effects& out) {
    const auto left = parkservers_.read(from, event.message, now, out.net);
    if (const auto* relayed = std::get_if<relayed_message>(&left)) {
        const bool is_the_link = has_link() && lease_.linked_by_relay &&
                                 lease_.link.to == event.from &&
                                 lease_.serving.lease == relayed->lease;
        if (is_the_link) from_manager(event.message, now, out);
    } else if (std::holds_alternative<registration_due>(left)) {
        send_registration(from, out);
    } else if (std::holds_alternative<registration_done>(left)) {
        registered(from, out);
    } else if (const auto* lost = std::get_if<session_lost>(&left)) {
        parkserver_lost(*lost, now, out);
    } else if (const auto* message = std::get_if<wire::control>(&left)) {
        handle(from, *message, now, out);
    } else if (std::holds_alternative<unreadable>(left)) {
        ++counters_.violations;
    } else if (std::holds_alternative<unimplemented>(left)) {
        ++counters_.unimplemented;
    }
}

void worker::handle(parkserver_session& from, const wire::control& message, instant now,
                    worker_effects& out) {
    if (const auto* offer = std::get_if<wire::assign>(&message)) {
        handle(from, *offer, now, out);
    } else if (const auto* ended = std::get_if<wire::lease_ended>(&message)) {
        lease_ended(from, *ended, now, out);
    } else if (std::holds_alternative<wire::rejected>(message)) {
        from.rejected();
        const auto lost = parkservers_.lose(from, true, "it rejects this worker", now, out.net);
        parkserver_lost(lost, now, out);
    } else {
        ++counters_.violations;
    }
}

void worker::lease_ended(parkserver_session& by, const wire::lease_ended& message, instant now,
                         worker_effects& out) {
    if (!has_link() || lease_.serving.lease != message.lease) return;
    if (state_ == state::linking || lease_.linked_by_relay) {
        if (lease_.parkserver != by.endpoint()) return;
        end_link(true, wire::printable(message.why), now, out);
    } else if (is_welcomed() && by.is_registered()) {
        tell_state(by, out);  // it goes on by its own link, and says so
    }
}

void worker::handle(parkserver_session& from, const wire::assign& offer, instant now,
                    worker_effects& out) {
    if (state_ != state::free || is_direct()) {
        out.net.control(
            from.via(),
            wire::refused{offer.lease, static_cast<std::uint8_t>(errc::overloaded),
                          std::string("the worker is ") + std::string(to_string(state_))});
        return;
    }
    MAUS_ASSERT(slots_held_ == 0 && setting_ == setting::none, "a free worker is still at work");
    lease_ = {};
    lease_.serving = {offer.lease, offer.manager, offer.token};
    lease_.endpoints.assign(offer.endpoints.rbegin(), offer.endpoints.rend());
    lease_.parkserver = from.endpoint();
    state_ = state::linking;
    ++counters_.leases;
    from.said_free = false;
    from.said_lease = offer.lease;
    out.net.control(from.via(), wire::accepted{offer.lease});
    parkservers_.each_registered([&](parkserver_session& other) {
        if (&other != &from) tell_state(other, out);
    });
    try_link(now, out);
}

}  // namespace maus::core
