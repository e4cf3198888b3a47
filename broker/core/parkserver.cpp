#include "broker/core/parkserver.hpp"

#include <algorithm>

#include "maus/base/assert.hpp"
#include "maus/wire/functions.hpp"

namespace maus::broker {

using core::heartbeat_monitor;
using core::outbox;
using wire::worker_state;

parkserver::parkserver(parkserver_config config, instant now)
    : config_(std::move(config)), started_(now) {}

// --- inputs -------------------------------------------------------------------------------------

void parkserver::on(core::received event, instant now, outbox& out) {
    const route from = event.from;
    if (is_parted(from)) return;
    const bool may_wait = !put_off_.empty() || put_off_.takes_long(event.message);
    if (may_wait && puts_off(event, now, out)) return;
    hear(std::move(event), now, out);
}

void parkserver::hear(core::received event, instant now, outbox& out) {
    const route from = event.from;
    const std::uint64_t before = counters_.violations;
    read(std::move(event), now, out);
    if (counters_.violations != before) count_violation(from, now, out);
}

namespace {
// What else is long has a bound of its own (P-76).
bool is_registration(const wire::message& message) {
    const auto head = wire::read_header(message.first.view());
    return head && head.value().channel == wire::channel::control &&
           (head.value().type == wire::register_worker::type_number ||
            head.value().type == wire::register_manager::type_number);
}
bool is_relayed(const wire::message& message) {
    const auto head = wire::read_header(message.first.view());
    return head && head.value().channel == wire::channel::relay;
}
}  // namespace

// True: it waits for its turn, or was too much (put_off.hpp).
bool parkserver::puts_off(core::received& event, instant now, outbox& out) {
    const route from = event.from;
    const auto known = sessions_.find(from);
    const bool is_large = put_off_.takes_long(event.message) &&
                          (known == sessions_.end() || is_registration(event.message));
    if (!put_off_.has(from)) {
        if (!is_large || put_off_.take_turn(now)) return false;
    } else if (known == sessions_.end() && is_relayed(event.message)) {
        return false;  // it is answered that nobody knows its sender, who may relay much meanwhile
    }
    if (known != sessions_.end()) known->second.alive().heard = now;
    const std::size_t bytes_max = config_.settings.limits.queued_bytes_max;
    if (put_off_.add(from, std::move(event.message), bytes_max)) return true;
    put_off_.drop(from);
    // What it said is lost, and with it what was known of it.
    lose(from, "too much waits behind its registration", out);
    reject(from, errc::overloaded, "too much waits behind large registrations", out);
    return true;
}

void parkserver::read_put_off(instant now, outbox& out) {
    while (auto next = put_off_.next(now)) {
        if (!is_parted(next->first)) hear({next->first, std::move(next->second)}, now, out);
    }
}

bool parkserver::is_parted(route from) const {
    if (offenders_.empty()) return false;
    const auto found = offenders_.find(from);
    return found != offenders_.end() && found->second.is_parted;
}

// Somebody who breaks the protocol now and then is told so, each time. Who does nothing else would cost
// everybody time.
void parkserver::count_violation(route of, instant now, outbox& out) {
    constexpr std::uint32_t violations_max = 16;
    constexpr std::chrono::seconds forgiven_after{1};
    offender& who = offenders_.try_emplace(of, offender{0, now, false}).first->second;
    const auto forgiven = static_cast<std::uint64_t>((now - who.since) / forgiven_after);
    who.violations -= static_cast<std::uint32_t>(std::min<std::uint64_t>(forgiven, who.violations));
    who.since = base::after(who.since, forgiven * forgiven_after);
    if (++who.violations <= violations_max) return;
    who.is_parted = true;
    forget_asker(of);
    put_off_.drop(of);
    lose(of, "it goes on to break the protocol", out);
    out.push(core::close{of});
}

void parkserver::read(core::received event, instant now, outbox& out) {
    const auto head = wire::read_header(event.message.first.view());
    const auto refuse = [&](errc code, const std::string& why) {
        ++counters_.violations;
        out.log(log_level::debug, "unreadable message: " + why);
        reject(event.from, code, why, out);
    };
    if (!wire::has_magic(event.message.first.view())) {
        // Not maus at all: an answer would only confuse whoever speaks something else.
        ++counters_.violations;
        return;
    }
    if (!head) return refuse(head.why().code, head.why().message);
    if (head.value().version != wire::version) {
        return refuse(errc::version_mismatch, "this parkserver speaks version 1");
    }
    if (event.message.frames() > config_.settings.limits.frames_max + 1) {
        return refuse(errc::protocol_violation, "more frames than frames_max");
    }
    const auto found = sessions_.find(event.from);
    const session* known = found == sessions_.end() ? nullptr : &found->second;
    if (known != nullptr) known->alive().heard = now;
    if (head.value().channel == wire::channel::relay) {
        if (known == nullptr) return out.control(event.from, wire::register_again{});
        return relay(event, out);
    }
    if (head.value().channel == wire::channel::link) {
        return refuse(errc::protocol_violation,
                      "link messages go to managers, or in a relay message");
    }
    wire::extensions extended;
    auto decoded = wire::decode_control(event.message, config_.settings.limits, &extended);
    if (!decoded && decoded.why().code == errc::unimplemented) {
        const std::uint8_t type = head.value().type;
        if (!wire::is_skipped(type)) {
            out.control(event.from, wire::parkserver_unimplemented{type});
        }
        return;
    }
    if (!decoded) return refuse(decoded.why().code, decoded.why().message);
    if (auto* const enlists = std::get_if<wire::register_worker>(&decoded.value())) {
        const auto why =
            wire::add_more_functions(extended, config_.settings.limits, enlists->signatures);
        if (why) return refuse(why->code, why->message);
    }
    if (std::holds_alternative<wire::status_query>(decoded.value())) {
        const auto begin = wire::find(extended, wire::page_tag);
        return begin ? tell_page(event.from, *begin, now, out) : tell_status(event.from, now, out);
    }
    dispatch(event.from, known, decoded.value(), extended, now, out);
}

void parkserver::on(const core::down& event, instant, outbox& out) {
    offenders_.erase(event.from);
    put_off_.drop(event.from);
    forget_asker(event.from);
    lose(event.from, event.why.empty() ? "its connection closed" : event.why, out);
}

void parkserver::stop(outbox& out) {
    for (const auto& [id, each] : workers_) {
        out.control(each.via, wire::parkserver_goodbye{"the parkserver stops"});
    }
    for (const auto& [id, each] : managers_) {
        out.control(each.via, wire::parkserver_goodbye{"the parkserver stops"});
    }
}

void parkserver::advance_to(instant now, outbox& out) {
    while (const auto due = timers_.pop_due(now)) {
        if (is_void(*due)) continue;
        if (!due->subject.offered.none()) {
            end_lease(due->subject.offered, "the offer was not answered", true, false, out);
        } else {
            check_session(due->subject.via, now, out);
        }
    }
    go_on_with_answer(now, out);
    read_put_off(now, out);
    while (!to_serve_.empty()) {
        const std::string type = std::move(to_serve_.extract(to_serve_.begin()).value());
        serve(type, now, out);
    }
}

instant parkserver::next_deadline() const {
    if (!to_serve_.empty() || answer_.making) return {};
    const instant next = std::min(timers_.next(), put_off_.next_deadline());
    if (!answer_.waiting.empty()) return std::min(next, hand_over_at_);
    return answer_.frame ? std::min(next, answer_.until) : next;
}

// A session has one timer, an offer one while it is open.
bool parkserver::is_void(const timers::timer& timer) const {
    if (timer.subject.offered.none()) {
        const auto found = sessions_.find(timer.subject.via);
        return found == sessions_.end() || found->second.timer != timer.subject.timer;
    }
    const auto found = leases_.find(timer.subject.offered);
    return found == leases_.end() || found->second.accepted;
}

void parkserver::set_timer(instant at, check due) {
    timers_.set(at, due, [this](const auto& each) { return is_void(each); });
}

void parkserver::watch(session& known, route via) {
    known.timer = ++timers_made_;
    set_timer(known.alive().silent_at(), {via, known.timer, {}});
}

void parkserver::check_session(route via, instant now, outbox& out) {
    session& known = sessions_.at(via);
    if (known.alive().silent(now)) {
        lose(via, "its parkserver heard nothing from it in time", out);
    } else {
        watch(known, via);
    }
}

void parkserver::reject(route to, errc code, const std::string& why, outbox& out) {
    out.control(to, wire::rejected{static_cast<std::uint8_t>(code), why});
}

void parkserver::dispatch(route from, const session* known, const wire::control& message,
                          const wire::extensions& extended, instant now, outbox& out) {
    if (const auto* is_worker = std::get_if<wire::register_worker>(&message)) {
        return handle(from, *is_worker, now, out);
    }
    if (const auto* is_manager = std::get_if<wire::register_manager>(&message)) {
        return handle(from, *is_manager, now, out);
    }
    if (const auto* unknown = std::get_if<wire::unimplemented>(&message)) {
        return peer_lacks(known, unknown->type, out);
    }
    if (known == nullptr) return out.control(from, wire::register_again{});
    if (const auto* beat = std::get_if<wire::ping>(&message)) {
        if (known->manager != nullptr) look_at_bounds(*known->manager, now);
        return out.control(from, wire::pong{beat->stamp});
    }
    if (const auto* bye = std::get_if<wire::goodbye>(&message)) {
        return lose(from, "goodbye: " + wire::printable(bye->why), out);
    }
    if (known->worker != nullptr) {
        from_worker(*known->worker, message, now, out);
    } else {
        from_manager(*known->manager, message, extended, now, out);
    }
}

void parkserver::relay(core::received& event, outbox& out) {
    const auto id = wire::peek_relay(event.message);
    if (!id) {
        ++counters_.violations;
        return reject(event.from, errc::protocol_violation, id.why().message, out);
    }
    const auto found = leases_.find(id.value());
    if (found != leases_.end() && found->second.accepted) {
        const lease& over = found->second;
        const bool from_worker = over.worker_via == event.from;
        const route to = from_worker ? over.manager_via : over.worker_via;
        if ((from_worker || over.manager_via == event.from) && to != route{}) {
            if (const auto why = too_large_to_relay(event.message, to); !why.empty()) {
                ++counters_.violations;
                reject(event.from, errc::too_large, why, out);
                return end_lease(id.value(), why, true, true, out);
            }
            ++counters_.relayed;
            return out.push(core::send{to, std::nullopt, std::move(event.message), 1});
        }
    }
    out.control(event.from, wire::lease_ended{id.value(), "there is no such lease (any more)"});
}

// Why this is more than the other end takes: its connection would close, with all that it serves. Empty:
// it is not. Who sends it was told of both limits ([P-81]).
std::string parkserver::too_large_to_relay(const wire::message& relayed, route to) const {
    const limits& own = config_.settings.limits;
    const bool is_small = relayed.rest.size() == 1 && relayed.rest[0].size() <= own.batch_bytes_max;
    const auto found = sessions_.find(to);
    if (is_small || found == sessions_.end()) return {};
    const wire::peer_limits& its = found->second.common().limits;
    const bool is_its = its.message_bytes_max < own.message_bytes_max;
    const std::uint64_t bytes_max = is_its ? its.message_bytes_max : own.message_bytes_max;
    // Behind the relay's own frame, the first has records and the others are a payload each.
    std::uint64_t room = std::min<std::uint64_t>(its.control_bytes_max, own.control_bytes_max);
    for (const auto& frame : relayed.rest) {
        if (frame.size() > room && frame.size() - room > bytes_max) {
            return wire::larger_than(
                "a relayed frame", frame.size(),
                is_its ? "the other end's message_bytes_max" : "the parkserver's message_bytes_max",
                bytes_max);
        }
        room = 0;
    }
    return {};
}

// --- registration -------------------------------------------------------------------------------

// Never answered: two peers that do not know each other's word for it would go on for ever.
void parkserver::peer_lacks(const session* who, std::uint8_t type, outbox& out) {
    ++counters_.unimplemented;
    if (who == nullptr || std::exchange(who->is_older(), true)) return;
    note(out, [&] { return "a peer does not know message " + std::to_string(type); });
}

// What a registration says of its sender; the lists themselves are not kept.
parkserver::shared_ground parkserver::common_with(wire::capabilities& capabilities) {
    common_ground made{wire::common_features(config_.settings.features, capabilities.features),
                       wire::limits_of(capabilities)};
    capabilities = {};
    if (!newest_ground_ || *newest_ground_ != made) {
        newest_ground_ = std::make_shared<const common_ground>(std::move(made));
    }
    return newest_ground_;
}

const wire::feature_set& parkserver::features_of(const worker_id& id) const {
    static const wire::feature_set none;
    const auto found = workers_.find(id);
    return found == workers_.end() ? none : found->second.common->features;
}

const wire::feature_set& parkserver::features_of(const manager_id& id) const {
    static const wire::feature_set none;
    const auto found = managers_.find(id);
    return found == managers_.end() ? none : found->second.common->features;
}

// Whether another connection has a better right to this id. Two that are alive may have one: an incarnation is
// a number that anybody can say, so the one that was there first has it as long as it is there ([P-78]).
template <class Peer, class Id>
bool parkserver::is_taken(const Peer& known, const Id& id, base::incarnation by, route from,
                          outbox& out) {
    const base::incarnation its = known.registration.incarnation;
    if (by == its || (by > its && known.via == from)) return false;
    if (by < its) {
        reject(from, errc::protocol_violation, "a newer incarnation of this id is registered", out);
        return true;
    }
    reject(from, errc::protocol_violation,
           "another connection is registered with this id, and it is alive; two peers need two ids",
           out);
    out.complain(log_level::warning,
                 base::brief(id) +
                     " registers over a second connection, as a newer incarnation: "
                     "rejected, as the first one is alive");
    return true;
}

void parkserver::answer_registration(session& known, route to, outbox& out) {
    const heartbeat_monitor& alive = known.alive();
    ++counters_.registrations;
    out.control(to, wire::registered{
                        config_.id, config_.epoch, alive.beat.interval_ms, alive.beat.liveness,
                        wire::capabilities_of(config_.settings.features, config_.settings.limits)});
    watch(known, to);
}

void parkserver::handle(route from, const wire::register_worker& registration, instant now,
                        outbox& out) {
    const auto other = sessions_.find(from);
    const auto is_its = [&](const session& known) {
        return known.worker != nullptr && known.worker->registration.worker == registration.worker;
    };
    const bool was_another = other != sessions_.end() && !is_its(other->second);
    const auto known = workers_.find(registration.worker);
    const bool is_new = known == workers_.end();
    if (is_new && workers_.size() + managers_.size() >= config_.settings.limits.peers_max) {
        return reject(from, errc::overloaded, "peers_max peers are registered", out);
    }
    if (!is_new &&
        is_taken(known->second, registration.worker, registration.incarnation, from, out)) {
        return;
    }
    if (was_another) lose(from, "it registered as somebody else", out);
    worker& entry = workers_[registration.worker];
    if (!is_new) {
        if (entry.via != from) sessions_.erase(entry.via);
        const bool same_lease = registration.serving && is_of(*registration.serving, entry.lease) &&
                                registration.incarnation == entry.registration.incarnation;
        if (!entry.lease.none() && !same_lease) {
            end_lease(entry.lease, "its worker registered anew", false, true, out);
        }
        set_state(entry, worker_state::occupied);  // out of its old type's pool
    }
    entry.registration = registration;
    entry.registration.concurrency = std::max(registration.concurrency, 1u);
    entry.common = common_with(entry.registration.can);
    set_word(entry, registration.serving);
    entry.via = from;
    entry.alive = {agreed(config_.beat, {registration.interval_ms, registration.liveness}), now};
    entry.since = now;
    session& made = sessions_[from] = {&entry, nullptr};
    if (registration.free) {
        set_free(entry);
    } else if (registration.serving && !registration.serving->lease.none()) {
        adopt(entry, *registration.serving);
    }
    answer_registration(made, from, out);
    note(out, [&] {
        return "worker " + base::brief(registration.worker) + " joined: type " + registration.type +
               ", pid " + std::to_string(registration.pid) + " on " +
               wire::printable(registration.host, 64);
    });
}

void parkserver::handle(route from, const wire::register_manager& registration, instant now,
                        outbox& out) {
    const auto other = sessions_.find(from);
    const auto is_its = [&](const session& known) {
        return known.manager != nullptr &&
               known.manager->registration.manager == registration.manager;
    };
    const bool was_another = other != sessions_.end() && !is_its(other->second);
    auto known = managers_.find(registration.manager);
    if (known != managers_.end() &&
        is_taken(known->second, registration.manager, registration.incarnation, from, out)) {
        return;
    }
    if (known != managers_.end() &&
        known->second.registration.incarnation < registration.incarnation) {
        lose_manager(registration.manager, "it registered as a new incarnation", out);
        known = managers_.end();
    }
    if (known == managers_.end() &&
        workers_.size() + managers_.size() >= config_.settings.limits.peers_max) {
        return reject(from, errc::overloaded, "peers_max peers are registered", out);
    }
    if (was_another) lose(from, "it registered as somebody else", out);
    manager& entry = managers_[registration.manager];
    if (known != managers_.end() && entry.via != from) {
        sessions_.erase(entry.via);
        forget_requests(entry);
    }
    forget_bounds(entry);
    entry.registration = registration;
    entry.common = common_with(entry.registration.can);
    entry.via = from;
    entry.alive = {agreed(config_.beat, {registration.interval_ms, registration.liveness}), now};
    entry.since = now;
    session& made = sessions_[from] = {nullptr, &entry};
    for (const auto& [token, id] : leases_with(registration.manager))
        leases_.at(id).manager_via = from;
    answer_registration(made, from, out);
    note(out, [&] {
        return "manager " + base::brief(registration.manager) + " joined: pid " +
               std::to_string(registration.pid) + " on " + wire::printable(registration.host, 64);
    });
}

// --- who is gone --------------------------------------------------------------------------------

void parkserver::lose(route from, const std::string& why, outbox& out) {
    const auto found = sessions_.find(from);
    if (found == sessions_.end()) return;
    const session gone = found->second;
    if (gone.worker != nullptr) {
        lose_worker(worker_id{gone.worker->registration.worker}, why, out);
    } else {
        lose_manager(manager_id{gone.manager->registration.manager}, why, out);
    }
}

void parkserver::lose_worker(const worker_id& id, const std::string& why, outbox& out) {
    const auto found = workers_.find(id);
    MAUS_ASSERT(found != workers_.end(), "a worker is lost twice");
    ++counters_.workers_lost;
    note(out, [&] { return "worker " + base::brief(id) + " left: " + why; });
    if (!found->second.lease.none()) end_lease(found->second.lease, why, false, true, out);
    set_state(found->second, worker_state::occupied);
    sessions_.erase(found->second.via);
    workers_.erase(found);
    weigh_claims(id);
}

void parkserver::lose_manager(const manager_id& id, const std::string& why, outbox& out) {
    const auto found = managers_.find(id);
    MAUS_ASSERT(found != managers_.end(), "a manager is lost twice");
    ++counters_.managers_lost;
    note(out, [&] { return "manager " + base::brief(id) + " left: " + why; });
    while (!found->second.requests.empty()) {
        remove_request(found->second, found->second.requests.begin()->first, out);
    }
    for (auto of = leases_of_.find(id); of != leases_of_.end(); of = leases_of_.find(id)) {
        end_lease(of->second.begin()->second, "its manager left", true, false, out);
    }
    MAUS_ASSERT(found->second.said == 0, "a manager without requests holds workers");
    sessions_.erase(found->second.via);
    managers_.erase(found);
}

}  // namespace maus::broker
