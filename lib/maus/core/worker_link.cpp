// The link of a worker to its manager: how it begins, what is said on it, how it ends (worker.hpp).
#include "maus/core/worker.hpp"

#include <algorithm>

#include "maus/base/assert.hpp"
#include "maus/wire/call_extensions.hpp"

namespace maus::core {

namespace {
constexpr duration rest = std::chrono::milliseconds{50};

// Before a worker in direct mode comes back to a manager that has given it back.
duration released_rest(base::random& random) {
    return rest + duration{static_cast<std::int64_t>(random.below(200'000'000))};
}

std::uint64_t stamp_of(instant now) {
    return static_cast<std::uint64_t>(now.time_since_epoch().count());
}

bool is_control(const wire::message& message) {
    const auto head = wire::read_header(message.first.view());
    return head && head.value().version == wire::version &&
           head.value().channel == wire::channel::control;
}
}  // namespace

void worker::try_link(instant now, worker_effects& out) {
    MAUS_ASSERT(state_ == state::linking, "a worker looks for a manager that it does not need");
    hello_said_ = false;
    lease_.rejected_by = {};
    // There is no other address to go on to: a manager that is called directly has all the time it needs.
    link_deadline_ = is_direct() ? never : base::after(now, config_.link_timeout);
    if (!lease_.endpoints.empty()) {
        link_endpoint_ = std::move(lease_.endpoints.back());
        lease_.endpoints.pop_back();
        lease_.link = {.to = routes_.make(), .relayed = {}};
        out.net.push(open{lease_.link.to, link_endpoint_});
        return;
    }
    // The parkserver relays where no address works ([P-45]).
    const auto* at = parkservers_.registered_at(lease_.parkserver);
    if (lease_.linked_by_relay || at == nullptr) {
        rested_at_ = base::after(now, outage_.next_rest(random_));
        end_link(false, "the manager does not answer", now, out);
        return;
    }
    lease_.linked_by_relay = true;
    lease_.link = {.to = at->via(), .relayed = lease_.serving.lease};
    say_hello(now, out);
}

// There is no manager at this address, or not the right one.
void worker::address_failed(bool close_it, std::string_view why, instant now, worker_effects& out) {
    if (close_it && !lease_.linked_by_relay) out.net.push(close{lease_.link.to});
    if (outage_.is_news(now)) {
        const std::string who =
            is_direct() ? "the manager" : "manager " + base::brief(lease_.serving.manager);
        const std::string where =
            lease_.linked_by_relay ? "through the relay" : "at " + wire::printable(link_endpoint_);
        out.net.log(log_level::warning,
                    "cannot reach " + who + " " + where + ": " + std::string(why));
    }
    try_link(now, out);
}

void worker::say_hello(instant now, worker_effects& out) {
    hello_said_ = true;
    link_deadline_ = is_direct() ? never : base::after(now, config_.link_timeout);
    wire::hello say;
    say.token = lease_.serving.token;
    say.worker = config_.id;
    say.incarnation = config_.incarnation;
    say.lease = lease_.serving.lease;
    say.type = config_.type;
    say.signatures = wire::plain_functions(config_.signatures);
    say.concurrency = config_.concurrency;
    say.interval_ms = config_.beat.interval_ms;
    say.liveness = config_.beat.liveness;
    say.host = config_.host;
    say.pid = config_.pid;
    say.stamp = stamp_of(now);
    say.can = wire::capabilities_of(config_.settings.features, config_.settings.limits);
    const wire::more_functions more(config_.signatures);
    out.net.link(lease_.link).say(say, more.all());
}

// Why a message cannot be one of a manager's.
std::optional<base::failure> worker::unfit(const wire::message& message) const {
    const auto head = wire::read_header(message.first.view());
    if (!head) return head.why();
    if (head.value().version != wire::version) {
        return base::failure{errc::version_mismatch, "this worker speaks version 1"};
    }
    if (head.value().channel != wire::channel::link) {
        return base::failure{errc::protocol_violation, "not a link message"};
    }
    if (message.frames() > config_.settings.limits.frames_max) {
        return base::failure{errc::protocol_violation, "too many frames"};
    }
    return std::nullopt;
}

void worker::from_manager(wire::message& message, instant now, worker_effects& out) {
    if (state_ == state::linking && is_control(message)) {
        return address_failed(true, "this is a parkserver, not a manager", now, out);
    }
    if (const auto why = unfit(message)) return violation(*why, now, out);
    wire::unfinished_payload* unfinished = nullptr;
    const bool has_frames = !message.rest.empty() && has_link() && lease_.large;
    if (has_frames) {
        lease_.large->came(message);
        unfinished = &lease_.large->unfinished();
    }
    wire::link_reader records{message, config_.settings.limits.extensions_max, unfinished};
    wire::record record;
    while (records.next(record)) {
        if (!handle(record, now, out)) return;
    }
    if (records.violation()) return violation(*records.violation(), now, out);
    if (has_frames && lease_.large) lease_.large->tell(lease_.link, out.net);
}

bool worker::taken(const wire::record& record, instant now, worker_effects& out) {
    const auto bytes = wire::decode_stamp(record.body);
    if (!bytes || !lease_.large || !lease_.large->taken(*bytes, now)) return false;
    pump_large(now, out);
    return true;
}

// True: go on with the next record of this message.
bool worker::handle(const wire::record& record, instant now, worker_effects& out) {
    const auto broken = [&](const base::failure& why) {
        violation(why, now, out);
        return false;
    };
    const auto wrong = [&](const char* why) { return broken({errc::protocol_violation, why}); };
    const bool serving = is_welcomed() || leaving_with_link_;
    switch (record.type) {
        case wire::record_type::call:
            return serving ? called(record, now, out) : wrong("call before welcome");
        case wire::record_type::cancel: {
            base::byte_view body = record.body;
            const auto attempt = wire::take_attempt(body);
            if (!serving || !attempt || !body.empty()) return wrong("bad cancel");
            if (state_ != state::preparing) {
                out.cancel.push_back(*attempt);
            } else if (kept_cancels_.size() <
                       kept_.size()) {  // a peer says no more than makes sense
                kept_cancels_.push_back(*attempt);
            }
            return true;
        }
        case wire::record_type::more:
            return (serving && gets_more(record, out)) || wrong("bad more");
        case wire::record_type::pong: {
            const auto stamp = wire::decode_stamp(record.body);
            if (!serving || !stamp || !renew_lease(*stamp, now)) return wrong("bad pong");
            return true;
        }
        case wire::record_type::welcome: {
            const auto answer = wire::decode_welcome(record.body, config_.settings.limits);
            if (state_ != state::linking || !hello_said_) return wrong("bad welcome");
            if (!answer) return broken(answer.why());
            welcomed(answer.value(), now, out);
            return is_welcomed();
        }
        case wire::record_type::rejected_by: {
            const auto who = wire::decode_rejected_by(record.body);
            if (!who) return wrong("bad rejected_by");
            lease_.rejected_by = *who;
            return true;
        }
        case wire::record_type::reject:
        case wire::record_type::manager_goodbye: {
            const auto why = wire::decode_parting(record.body, config_.settings.limits);
            if (!why) return broken(why.why());
            if (state_ == state::linking) {
                rejected(why.value(), now, out);
            } else {
                if (is_direct()) rested_at_ = base::after(now, released_rest(random_));
                outage_.over();
                end_link(true, wire::printable(why.value().why), now, out);
            }
            return false;
        }
        case wire::record_type::manager_taken:
            if (!serving || !taken(record, now, out)) return wrong("bad taken");
            if (state_ == state::leaving) settle_down(now, out);
            return has_link();
        case wire::record_type::callback_result:
        case wire::record_type::callback_failed:
            return (serving && called_back(record, now, out)) || wrong("bad callback_result");
        case wire::record_type::script: {
            if (!serving) return wrong("script before welcome");
            const auto bad = told(record);
            return !bad || broken(*bad);
        }
        case wire::record_type::manager_part: return wrong("a part without its frame");
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

// Only the manager of the lease can tell that the lease is not wanted any more. Who does not say who it is
// may be that manager, and then rejects at every address.
void worker::rejected(const wire::parting& answer, instant now, worker_effects& out) {
    const base::manager_id by = lease_.rejected_by;
    const std::string why = wire::printable(answer.why);
    if (is_direct() || by.none()) return address_failed(true, "it rejects: " + why, now, out);
    if (by != lease_.serving.manager) {
        const std::string who = "this is another manager, " + base::brief(by) + ": ";
        return address_failed(true, who + why, now, out);
    }
    // Who is turned away rests before it offers itself again: it may be sent to the same manager at
    // once, and so round and round.
    rested_at_ = base::after(now, rest);
    end_link(true, why, now, out);
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
    welcomed_at_ = now;
    if (!lease_.linked_by_relay) outage_.reached();
    if (!is_direct()) outage_.over();
    link_deadline_ = never;
    ++link_serial_;
    detached_here_ = 0;
    nested_here_.clear();
    link_beat_ = heartbeat{answer.interval_ms, answer.liveness}.within_limits();
    lease_.serving.manager = answer.manager;
    lease_.features = wire::common_features(config_.settings.features, answer.can.features);
    lease_.lacks_streams = !wire::uses(lease_.features, wire::feature_streams);
    lease_.limits = wire::limits_of(answer.can);
    const auto* relay = lease_.linked_by_relay ? parkservers_.find(lease_.link.to) : nullptr;
    lease_.results = wire::payload_limit_of(lease_.limits, relay ? &relay->limits() : nullptr);
    result_bytes_max_ = static_cast<std::size_t>(std::min<std::uint64_t>(
        config_.settings.limits.message_bytes_max, lease_.results.bytes_max));
    if (wire::uses(lease_.features, wire::feature_transfer)) {
        lease_.large = std::make_unique<transfers>(transfers::side::worker, config_.settings);
    }
    if (wire::uses(lease_.features, wire::feature_functions)) {
        lease_.asked = std::make_unique<callbacks>(lease_.limits.callbacks_max);
    }
    if (wire::uses(lease_.features, wire::feature_scripts)) {
        lease_.scripts = std::make_shared<known_scripts>(config_.settings.limits.script_bytes_max);
    }
    lease_until_ = {};
    if (!renew_lease(answer.stamp, now)) {
        return violation({errc::protocol_violation, "a stamp that was never sent"}, now, out);
    }
    if (now >= lease_until_) return end_link(true, "the welcome came too late", now, out);
    ping_manager(now, out);
    out.net.log(log_level::info, "serves manager " + base::brief(answer.manager));
    if (config_.has_hooks && state_ == state::serving) set_up(out);
}

void worker::ping_manager(instant now, worker_effects& out) {
    if (lease_.large && lease_.large->stand_still(now, link_beat_.timeout())) {
        return end_link(true, "the manager takes nothing of a large result", now, out);
    }
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
    const auto attempt = wire::take_attempt(body);
    if (!attempt) {
        violation({errc::protocol_violation, "a call is shorter than its attempt"}, now, out);
        return false;
    }
    ++counters_.calls;
    const auto fail = [&](errc code, std::string text) {
        ++counters_.answers;
        out.net.link(lease_.link)
            .failed(*attempt, {static_cast<std::uint8_t>(code), {}, std::move(text)});
        return true;
    };
    if (state_ == state::leaving || now >= lease_until_) {
        ++counters_.answers;
        out.net.link(lease_.link).about(wire::record_type::returned, *attempt);
        return true;
    }
    if (record.function >= config_.signatures.size()) {
        return fail(errc::no_such_function,
                    "no function has number " + std::to_string(record.function));
    }
    if (lease_.lacks_streams && gives_items(record.function)) {
        return fail(errc::unimplemented,
                    "its function gives items, and the manager knows no streams");
    }
    ++slots_held_;
    const bool at_most_once = (record.flags & wire::flag_at_most_once) != 0;
    auto& to = state_ == state::preparing ? kept_ : out.execute;
    job& made = to.emplace_back();
    made.link = link_serial_;
    made.attempt = *attempt;
    made.function = record.function;
    made.at_most_once = at_most_once;
    if (takes_functions_[record.function]) made.scripts = lease_.scripts;
    made.lease = lease_.serving.lease;
    made.manager = lease_.serving.manager;
    wire::take_payload(record, body, made.payload, &made.extensions);
    if (made.extensions && !take_extensions(made, now)) {
        to.pop_back();
        --slots_held_;
        violation({errc::protocol_violation, "a call with a bad extension"}, now, out);
        return false;
    }
    if (has_room_for(made)) {
        if (made.nested) nested_here_.insert(made.attempt);
        return true;
    }
    to.pop_back();
    --slots_held_;
    return fail(errc::overloaded, "more calls than calls_per_worker_max");
}

// A text that calls refer to from now on.
std::optional<base::failure> worker::told(const wire::record& record) {
    if (!lease_.scripts) {
        return base::failure{errc::protocol_violation, "a script, but this worker runs none"};
    }
    auto read = wire::decode_script(record.body, config_.settings.limits);
    if (!read) return read.why();
    auto& [id, language, text] = read.value();
    auto with_it = std::make_shared<known_scripts>(*lease_.scripts);
    with_it->told(std::make_shared<const detail::script_source>(
        detail::script_source{id, std::move(language), std::move(text)}));
    lease_.scripts = std::move(with_it);
    return std::nullopt;
}

// It counts already. What callables wait for has as much room again: all others here may be waiting for it.
bool worker::has_room_for(const job& one) const {
    const std::size_t most = config_.settings.limits.calls_per_worker_max;
    const std::size_t all = slots_held_ + detached_here_;
    return one.nested ? all <= 2 * most : all - nested_here_.size() <= most;
}

bool worker::take_extensions(job& of, instant now) const {
    const auto read = wire::decode_call_extensions(of.extensions->view(), config_.settings.limits);
    if (!read) return false;
    if (read->time_left) of.deadline = base::after(now, *read->time_left);
    of.nested = read->nested;
    return true;
}

// --- callbacks -----------------------------------------------------------------------------------

void worker::ask(job_callback&& event, instant now, worker_effects& out) {
    if (event.payload.size() < config_.settings.limits.payload_apart_bytes) {
        out.net.link(lease_.link)
            .carry(wire::record_type::callback, event.attempt, event.which,
                   std::move(event.payload));
    } else if (!lease_.large) {
        out.net.link_alone(lease_.link)
            .carry_apart(wire::record_type::callback, event.attempt, event.which,
                         std::move(event.payload), 0);
    } else {
        lease_.large->add({event.attempt, 0, false, std::move(event.payload), {}, 0, event.which});
        pump_large(now, out);
    }
}

void worker::ask_next(instant now, worker_effects& out) {
    while (auto next = lease_.asked->next()) ask(std::move(*next), now, out);
}

bool worker::called_back(const wire::record& record, instant now, worker_effects& out) {
    base::byte_view body = record.body;
    if (!lease_.asked || !wire::take_attempt(body)) return false;
    const auto which = wire::take_callback(record, body);
    if (!which) return false;
    callback_done done{which->id, job_value{}};
    if (record.type == wire::record_type::callback_failed) {
        auto fault = wire::decode_fault(body, config_.settings.limits);
        if (!fault) return false;
        done.outcome = job_fault{wire::code_of(fault.value().error), std::move(fault.value().type),
                                 std::move(fault.value().text)};
    } else {
        wire::take_carried(record, body, std::get<job_value>(done.outcome).payload);
    }
    if (!lease_.asked->answered()) return false;
    if (lease_.asked->close(which->id)) out.called_back.push_back(std::move(done));
    ask_next(now, out);
    return true;
}

void worker::violation(const base::failure& why, instant now, worker_effects& out) {
    ++counters_.violations;
    out.net.link(lease_.link).part(wire::record_type::worker_goodbye, why.code, why.message);
    if (state_ == state::linking) return address_failed(true, why.message, now, out);
    out.net.complain(log_level::warning, "the manager broke the protocol: " + why.message);
    rested_at_ = base::after(now, outage_.next_rest(random_));  // it may be offered again at once
    end_link(true, why.message, now, out);
}

void worker::end_link(bool close_it, std::string_view why, instant now, worker_effects& out) {
    MAUS_ASSERT(has_link(), "a link ends twice");
    if (close_it && !lease_.linked_by_relay) out.net.push(close{lease_.link.to});
    if (is_welcomed()) {
        out.net.log(log_level::info, "serves manager " + base::brief(lease_.serving.manager) +
                                         " no more: " + std::string(why));
    }
    // What fails soon after its welcome is as bad as what never answers.
    const bool lasted = lease_until_ - welcomed_at_ >= 2 * link_beat_.timeout();
    if (is_welcomed() && is_direct() && now >= rested_at_) {
        if (lasted) outage_.over();
        rested_at_ = base::after(now, outage_.next_rest(random_));
    }
    link_deadline_ = never;
    ping_at_ = never;
    if (lease_.large) counters_.answers_dropped += unsent_answers();
    lease_.large.reset();
    hand_out_kept(out);  // to be dropped
    lease_.streams.clear();
    lease_.asked.reset();
    lease_.scripts.reset();
    ++link_serial_;  // what still runs answers to nobody
    detached_here_ = 0;
    nested_here_.clear();
    leaving_with_link_ = false;
    if (state_ != state::leaving) state_ = state::draining;
    settle_down(now, out);
}

// Free again, or gone, once nothing runs any more.
void worker::settle_down(instant now, worker_effects& out) {
    if (state_ == state::leaving) {
        const bool done = slots_held_ == 0 && (detached_ == 0 || !leaving_with_link_);
        if (done && all_sent() && !clears_up(out)) say_goodbye(now, out);
        return;
    }
    if (state_ != state::draining || slots_held_ != 0) return;
    if (clears_up(out) || now < rested_at_) return;
    MAUS_ASSERT(kept_.empty() && !lease_.large && !lease_.asked, "a worker is free with a link");
    state_ = state::free;
    const auto ended = lease_.serving.lease;
    lease_ = {};
    if (is_direct()) return;
    parkservers_.each_registered([&](parkserver_session& at) { tell_state(at, out, ended); });
}

void worker::say_goodbye(instant, worker_effects& out) {
    MAUS_ASSERT(state_ == state::leaving, "a worker parts that has not begun to leave");
    const std::string why = "the worker stops";
    if (leaving_with_link_) {
        out.net.link(lease_.link).part(wire::record_type::worker_goodbye, errc::shutdown, why);
        if (!lease_.linked_by_relay) out.net.push(close{lease_.link.to});
        if (lease_.large) counters_.answers_dropped += unsent_answers();
        leaving_with_link_ = false;
    }
    ++link_serial_;
    parkservers_.say_goodbye(why, out.net);
    state_ = state::stopped;
}

}  // namespace maus::core
