// The links of a manager: how one begins, what is said on it, how it ends (manager.hpp).
#include "maus/core/manager.hpp"

#include <algorithm>

#include "maus/base/assert.hpp"
#include "maus/wire/functions.hpp"

namespace maus::core {

using base::failure;

namespace {
/// Why the dispatcher does not take an answer.
failure unfit_answer(const wire::record& record, const limits& bounds) {
    base::byte_view body = record.body;
    if (record.type == wire::record_type::failed && wire::take_attempt(body)) {
        if (auto fault = wire::decode_fault(body, bounds); !fault) return fault.why();
    }
    return {errc::protocol_violation, "bad answer"};
}

bool is_to_skip(wire::record_type type) {
    return !wire::is_known(type) && wire::is_skipped(static_cast<std::uint8_t>(type));
}
}  // namespace

link_address manager::address_of(const link_key& key) const {
    link_address made{.to = key.via, .relayed = {}};
    if (!key.relayed.none()) made.relayed = key.relayed;
    return made;
}

// True: it waits for its turn, or was too much (put_off.hpp).
bool manager::puts_off(const link_key& key, wire::message& message, instant now,
                       manager_effects& out) {
    const auto known = links_.find(key);
    const bool is_linked = known != links_.end();
    const bool is_stranger = !is_linked && (!key.relayed.none() || !ended_.contains(key.via));
    if (!put_off_.has(key) && !(is_stranger && put_off_.takes_long(message))) return false;
    if (is_linked) known->second.alive.heard = now;
    if (put_off_.add(key, std::move(message), config_.settings.limits.queued_bytes_max))
        return true;
    const failure why{errc::overloaded, "too much waits behind large hellos"};
    put_off_.drop(key);
    is_linked ? violation(key, why, now, out) : reject(key, why, out);
    return true;
}

void manager::read_put_off(instant now, manager_effects& out) {
    while (auto next = put_off_.next(now)) read(next->first, next->second, now, out);
}

void manager::read(const link_key& key, wire::message& message, instant now, manager_effects& out) {
    const auto found = links_.find(key);
    const bool linked = found != links_.end();
    if (!linked && key.relayed.none() && ended_.contains(key.via)) return count_stale(message);
    const auto head = wire::read_header(message.first.view());
    std::optional<failure> bad;
    if (!head) {
        bad = head.why();
    } else if (head.value().version != wire::version) {
        bad = failure{errc::version_mismatch, "this manager speaks version 1"};
    } else if (head.value().channel != wire::channel::link) {
        bad = failure{errc::protocol_violation, "a manager takes link messages only"};
    } else if (message.frames() > config_.settings.limits.frames_max) {
        bad = failure{errc::protocol_violation, "more frames than frames_max"};
    }
    if (bad) return linked ? violation(key, *bad, now, out) : reject(key, *bad, out);
    if (!linked) return greet(key, message, now, out);

    found->second.alive.heard = now;
    wire::unfinished_payload* unfinished = nullptr;
    transfers* large = nullptr;
    if (!message.rest.empty()) large = dispatcher_.large_of(found->second.index);
    if (large != nullptr) {
        large->came(message);
        unfinished = &large->unfinished();
    }
    wire::link_reader records{message, config_.settings.limits.extensions_max, unfinished};
    wire::record record;
    while (records.next(record)) {
        if (!handle(key, found->second, record, now, out)) return;
    }
    if (records.violation()) return violation(key, *records.violation(), now, out);
    if (large != nullptr) large->tell(dispatcher_.address_of(found->second.index), out.net);
}

void manager::greet(const link_key& key, wire::message& message, instant now,
                    manager_effects& out) {
    wire::link_reader records{message, config_.settings.limits.extensions_max};
    wire::record record;
    bool skipped = false;
    bool read = records.next(record);
    for (; read && is_to_skip(record.type); read = records.next(record)) skipped = true;
    if (!read) {
        if (skipped && !records.violation()) return;
        return reject(
            key, records.violation().value_or(failure{errc::protocol_violation, "no record"}), out);
    }
    if (record.type != wire::record_type::hello) {
        // Over a relay, late answers of an ended lease come by here.
        if (!key.relayed.none()) return count_stale(message);
        return reject(key, {errc::protocol_violation, "a link begins with hello"}, out);
    }
    wire::extensions extended;
    auto hello = wire::decode_hello(record.body, config_.settings.limits, &extended);
    if (!hello) return reject(key, hello.why(), out);
    if (const auto why =
            wire::add_more_functions(extended, config_.settings.limits, hello.value().signatures)) {
        return reject(key, *why, out);
    }
    welcome(key, std::move(hello).value(), now, out);
    const auto made = links_.find(key);
    if (made == links_.end()) return;
    while (records.next(record)) {
        if (!handle(key, made->second, record, now, out)) return;
    }
    if (records.violation()) violation(key, *records.violation(), now, out);
}

std::optional<group_id> manager::request_for(const wire::hello& hello) const {
    if (!hello.token.none()) {
        const auto found = tokens_.find(hello.token);
        if (found == tokens_.end()) return std::nullopt;
        return found->second;
    }
    for (const auto& [group, each] : requests_) {
        if (each.type == hello.type && !each.is_full(each.links.size())) return group;
    }
    return std::nullopt;
}

// Nothing: it is welcome. A hello that is rejected must leave the links that are there alone: anybody may
// say one.
std::optional<failure> manager::unwelcome(const wire::hello& hello, const link* old) const {
    const bool has_token = !hello.token.none();
    // Only a parkserver and this manager know a token; an id and an incarnation are known to many.
    if (old != nullptr && old->by_token && !has_token) {
        return failure{errc::protocol_violation, "this worker is linked by a token"};
    }
    if (old != nullptr && old->by_token == has_token && hello.incarnation < old->incarnation) {
        return failure{errc::protocol_violation, "a newer incarnation is linked"};
    }
    if (old != nullptr && !old->by_token && !has_token && old->incarnation < hello.incarnation) {
        return failure{errc::protocol_violation, "this worker is linked already, and is alive"};
    }
    if (stopped_ || (has_token && !tokens_.contains(hello.token))) {
        return failure{errc::cancelled, "this manager has no such request (any more)"};
    }
    if (!has_token) return std::nullopt;
    const group_id group = tokens_.at(hello.token);
    const standing_request& wanted = requests_.at(group);
    const std::size_t others =
        wanted.links.size() - (old != nullptr && old->group == group ? 1 : 0);
    if (wanted.is_full(others)) {
        return failure{errc::cancelled, "this manager has as many as it wanted"};
    }
    return std::nullopt;
}

void manager::welcome(const link_key& key, wire::hello hello, instant now, manager_effects& out) {
    const auto old = std::find_if(links_.begin(), links_.end(), [&](const auto& each) {
        return each.second.worker == hello.worker;
    });
    const bool again = old != links_.end();
    if (const auto why = unwelcome(hello, again ? &old->second : nullptr)) {
        return reject(key, *why, out);
    }
    if (again) {  // before its old link was seen to end
        const link_key before = old->first;
        end(before, link_end::lost, errc::cancelled, "it came again on another link", now, out);
        // One that came by itself may have taken its place.
        if (const auto why = unwelcome(hello, nullptr)) return reject(key, *why, out);
    }
    const auto group = request_for(hello);
    link_address to = address_of(key);
    const heartbeat beat = agreed(config_.beat, {hello.interval_ms, hello.liveness});
    out.net.link(to).say(
        wire::welcome{config_.id, config_.incarnation, beat.interval_ms, beat.liveness, hello.stamp,
                      wire::capabilities_of(config_.settings.features, config_.settings.limits)});
    link made;
    made.worker = hello.worker;
    made.incarnation = hello.incarnation;
    made.lease = hello.lease;
    made.by_token = !hello.token.none();
    made.type = hello.type;
    made.alive = {beat, now};
    made.welcomed = now;
    made.features = wire::common_features(config_.settings.features, hello.can.features);
    made.limits = wire::limits_of(hello.can);
    if (!wire::uses(made.features, wire::feature_streams)) {  // what they give nobody could hear
        wire::without_streams(hello.signatures);
    }
    const auto* relay = key.relayed.none() ? nullptr : parkservers_.find(key.via);
    made.index = dispatcher_.add_link(
        to, to_string(hello.worker), std::move(hello.signatures), hello.concurrency,
        wire::payload_limit_of(made.limits, relay != nullptr ? &relay->limits() : nullptr),
        wire::uses(made.features, wire::feature_transfer)
            ? std::make_unique<transfers>(transfers::side::manager, config_.settings)
            : nullptr,
        wire::uses(made.features, wire::feature_functions),
        wire::uses(made.features, wire::feature_scripts)
            ? std::make_unique<known_scripts>(made.limits.script_bytes_max)
            : nullptr);
    silence_check_ = std::min(silence_check_, made.alive.silent_at());
    const bool is_first = links_.emplace(key, std::move(made)).second;
    MAUS_ASSERT(is_first, "a connection has two links");
    ++counters_.joined;
    if (group) join(key, *group, out);
}

void manager::join(const link_key& key, group_id group, manager_effects& out) {
    link& joining = links_.at(key);
    standing_request& wanted = requests_.at(group);
    MAUS_ASSERT(!wanted.is_full(wanted.links.size()), "a request has more workers than it wants");
    MAUS_ASSERT(!joining.group, "a worker serves two requests");
    joining.group = group;
    wanted.links.push_back(key);
    wanted.changed = wanted.changed || is_news(joining);
    if (!wanted.bounds.empty()) to_give_back_.insert(group);
    dispatcher_.join(joining.index, group, out.done);
    note_strength(group, out);
    out.news.push_back({notice_kind::worker_joined, group, to_string(joining.worker), {}});
    out.net.log(log_level::info, "worker " + base::brief(joining.worker) + " joined");
}

// While a request waits for workers, one of them may expose what those that are there do not. Who
// takes all that are free waits for nobody in particular.
void manager::note_strength(group_id group, manager_effects& out) {
    const standing_request& wanted = requests_.at(group);
    if (!wanted.links.empty() && wanted.links.size() >= wanted.least()) {
        dispatcher_.complete(group, out.done);
    }
}

// Whether some parkserver has to be told that a request has this worker, or has it no more. One alone
// knows its own leases; several do not hear of each other's, and none of a worker that came by
// itself.
bool manager::is_news(const link& which) const {
    return which.lease.none() || parkservers_.size() > 1;
}

void manager::seek_direct(group_id group, manager_effects& out) {
    std::vector<link_key> idle;
    const standing_request& wanted = requests_.at(group);
    for (const auto& [key, each] : links_) {
        if (!each.group && each.type == wanted.type) idle.push_back(key);
    }
    std::sort(idle.begin(), idle.end());
    for (const auto& key : idle) {
        if (wanted.is_full(wanted.links.size())) return;
        join(key, group, out);
    }
}

// True: go on with the next record of this message. False: the link has ended.
bool manager::handle(const link_key& key, link& from, const wire::record& record, instant now,
                     manager_effects& out) {
    const auto broken = [&](const failure& why) {
        violation(key, why, now, out);
        return false;
    };
    const auto wrong = [&](const char* why) { return broken({errc::protocol_violation, why}); };
    const limits& bounds = config_.settings.limits;
    switch (record.type) {
        case wire::record_type::result:
        case wire::record_type::failed:
        case wire::record_type::returned:
        case wire::record_type::detached:
        case wire::record_type::started:
            return dispatcher_.answer(from.index, record, now, out.done) ||
                   broken(unfit_answer(record, bounds));
        case wire::record_type::ping: {
            const auto stamp = wire::decode_stamp(record.body);
            if (!stamp) return wrong("bad ping");
            out.net.link(dispatcher_.address_of(from.index)).stamp(wire::record_type::pong, *stamp);
            if (from.welcomed) dispatcher_.round_trip(from.index, now - *from.welcomed);
            from.welcomed.reset();
            dispatcher_.resume(from.index, now);
            return true;
        }
        case wire::record_type::worker_goodbye: {
            const auto why = wire::decode_parting(record.body, bounds);
            if (!why) return broken(why.why());
            const bool refuses = wire::code_of(why.value().error) == errc::cancelled;
            end(key, refuses ? link_end::refused : link_end::lost, std::nullopt,
                wire::printable(why.value().why), now, out);
            return false;
        }
        case wire::record_type::hello: return wrong("hello twice");
        case wire::record_type::worker_taken: {
            const auto bytes = wire::decode_stamp(record.body);
            return (bytes && dispatcher_.taken(from.index, *bytes, now)) || wrong("bad taken");
        }
        case wire::record_type::progress:
            return progressed_to(from, record, out) || wrong("bad progress");
        case wire::record_type::item:
            if (!wire::uses(from.features, wire::feature_streams))
                return wrong("an item, without the feature");
            return dispatcher_.give_items(from.index, record, now, out.items, out.done, out.net) ||
                   wrong("bad item");
        case wire::record_type::callback:
            return call_back(key, from, record, now, out) || wrong("bad callback");
        case wire::record_type::worker_part: return wrong("a part without its frame");
        case wire::record_type::worker_unimplemented: {
            const auto type = wire::decode_unimplemented(record.body);
            if (!type) return wrong("bad unimplemented");
            worker_lacks(from, *type, out);
            return true;
        }
        default:
            if (wire::is_known(record.type)) return wrong("a record that only managers send");
            if (!is_to_skip(record.type)) {
                out.net.link(dispatcher_.address_of(from.index))
                    .unimplemented(wire::record_type::manager_unimplemented,
                                   static_cast<std::uint8_t>(record.type));
            }
            return true;
    }
}

bool manager::progressed_to(const link& from, const wire::record& record, manager_effects& out) {
    base::byte_view body = record.body;
    const auto attempt = wire::take_attempt(body);
    if (!attempt) return false;
    auto read = wire::decode_progress(body, config_.settings.limits);
    if (!read) return false;
    const auto ticket = dispatcher_.ticket_of(from.index, *attempt);
    if (ticket) out.progress.push_back({*ticket, std::move(read).value()});
    return true;
}

void manager::worker_lacks(link& who, std::uint8_t type, manager_effects& out) {
    ++counters_.unimplemented;
    if (std::exchange(who.is_older, true)) return;
    out.net.log(log_level::info, "worker " + base::brief(who.worker) + " does not know record " +
                                     std::to_string(type));
}

const wire::feature_set& manager::features_of(const base::worker_id& worker) const {
    static const wire::feature_set none;
    for (const auto& [key, each] : links_) {
        if (each.worker == worker) return each.features;
    }
    return none;
}

// What comes on a connection whose link has ended: nothing of it counts.
void manager::count_stale(wire::message& message) {
    if (!wire::read_header(message.first.view())) return;
    wire::link_reader records{message, config_.settings.limits.extensions_max};
    wire::record record;
    while (records.next(record)) {
        const bool answer =
            record.type == wire::record_type::result || record.type == wire::record_type::failed;
        if (answer) dispatcher_.count_stale();
    }
}

void manager::reject(const link_key& key, const failure& why, manager_effects& out) {
    if (why.code != errc::cancelled) {
        ++counters_.violations;
        out.net.complain(log_level::warning, "a stranger was rejected: " + why.message);
    }
    link_address to = address_of(key);
    if (why.code == errc::cancelled) out.net.link(to).say(wire::rejected_by{config_.id});
    out.net.link(to).part(wire::record_type::reject, why.code, why.message);
    if (key.relayed.none()) {
        ended_.insert(key.via);
        out.net.push(close{key.via});
    }
}

void manager::violation(const link_key& key, const failure& why, instant now,
                        manager_effects& out) {
    ++counters_.violations;
    out.net.complain(log_level::warning, "worker " + base::brief(links_.at(key).worker) +
                                             " broke the protocol: " + why.message);
    end(key, link_end::lost, why.code, why.message, now, out);
}

void manager::end(const link_key& key, link_end how, std::optional<errc> code, std::string_view why,
                  instant now, manager_effects& out) {
    const auto found = links_.find(key);
    MAUS_ASSERT(found != links_.end(), "a link ends twice");
    const link old = found->second;
    if (code) {
        out.net.link(dispatcher_.address_of(old.index))
            .part(wire::record_type::manager_goodbye, *code, why);
    }
    dispatcher_.remove_link(old.index, how, why, now, out.done);
    links_.erase(found);
    if (key.relayed.none()) {
        ended_.insert(key.via);
        out.net.push(close{key.via});
    }
    const bool lost = how != link_end::released || code == errc::attempt_timeout;
    if (lost) ++counters_.lost;
    if (!old.group) return;
    out.news.push_back({lost ? notice_kind::worker_lost : notice_kind::worker_released, *old.group,
                        to_string(old.worker), std::string(why)});
    const auto wanted = requests_.find(*old.group);
    if (wanted == requests_.end()) return;
    std::erase(wanted->second.links, key);
    std::erase(wanted->second.giving_back, key);
    wanted->second.changed = wanted->second.changed || is_news(old);
    note_strength(*old.group, out);
    if (lost) {
        out.net.log(log_level::warning,
                    "worker " + base::brief(old.worker) + " lost: " + std::string(why));
        parkservers_.tell(wire::worker_lost{wanted->second.request, old.lease, old.worker},
                          out.net);
    }
    // One that came by itself while all were there may take its place.
    if (!stopped_) seek_direct(*old.group, out);
}

}  // namespace maus::core
