#include "broker/core/parkserver.hpp"

#include <algorithm>
#include <functional>

namespace maus::broker {

using core::heartbeat_monitor;
using core::outbox;
using wire::worker_state;

parkserver::parkserver(parkserver_config config, instant now)
    : config_(std::move(config)), started_(now) {}

std::uint32_t parkserver::standing_request::serving() const {
    const auto elsewhere = std::count_if(held.begin(), held.end(),
                                         [&](const worker_id& id) { return !leased.contains(id); });
    return static_cast<std::uint32_t>(leased.size() + static_cast<std::size_t>(elsewhere));
}

// --- inputs -------------------------------------------------------------------------------------

void parkserver::on(core::received event, instant now, outbox& out) {
    const auto head = wire::read_header(event.what.first.view());
    const auto refuse = [&](errc code, const std::string& why) {
        ++counters_.violations;
        out.log(log_level::debug, "unreadable message: " + why);
        reject(event.from, code, why, out);
    };
    if (!wire::has_magic(event.what.first.view())) {
        // Not maus at all: an answer would only confuse whoever speaks something else.
        ++counters_.violations;
        return;
    }
    if (!head) return refuse(head.why().code, head.why().message);
    if (head.value().version != wire::version) {
        return refuse(errc::version_mismatch, "this parkserver speaks version 1");
    }
    if (event.what.frames() > config_.bounds.frames_max + 1) {
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
    auto decoded = wire::decode_control(event.what, config_.bounds);
    if (!decoded) return refuse(decoded.why().code, decoded.why().message);
    dispatch(event.from, known, decoded.value(), now, out);
}

void parkserver::on(const core::down& event, instant, outbox& out) {
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
    while (!timers_.empty() && timers_.front().at <= now) {
        const timer due = timers_.front();
        std::pop_heap(timers_.begin(), timers_.end(), std::greater<>{});
        timers_.pop_back();
        if (!due.offered.none()) {
            const auto found = leases_.find(due.offered);
            if (found != leases_.end() && !found->second.accepted) {
                end_lease(due.offered, "the offer was not answered", true, false, out);
            }
            continue;
        }
        const auto found = sessions_.find(due.via);
        if (found == sessions_.end()) continue;
        const heartbeat_monitor& alive = found->second.alive();
        if (alive.silent(now)) {
            lose(due.via, "its parkserver heard nothing from it in time", out);
        } else {
            set_timer({alive.silent_at(), due.via, {}});
        }
    }
    while (!to_serve_.empty()) {
        const std::string type = std::move(to_serve_.extract(to_serve_.begin()).value());
        serve(type, now, out);
    }
}

instant parkserver::next_deadline() const {
    if (!to_serve_.empty()) return {};
    return timers_.empty() ? core::never : timers_.front().at;
}

void parkserver::set_timer(timer due) {
    if (timers_.size() >= timers_max_) tidy_timers();
    timers_.push_back(due);
    std::push_heap(timers_.begin(), timers_.end(), std::greater<>{});
}

// A session needs one timer, an offer one while it is open; those of the past would be passed over
// when their time comes, which may be far.
void parkserver::tidy_timers() {
    std::sort(timers_.begin(), timers_.end(),
              [](const timer& one, const timer& other) { return other > one; });
    std::set<route> watched;
    std::erase_if(timers_, [&](const timer& each) {
        if (each.offered.none()) {
            return !sessions_.contains(each.via) || !watched.insert(each.via).second;
        }
        const auto found = leases_.find(each.offered);
        return found == leases_.end() || found->second.accepted;
    });
    timers_max_ = std::max(timers_max_min, timers_.size() * 2);  // sorted, it is a heap
}

void parkserver::reject(route to, errc code, const std::string& why, outbox& out) {
    out.control(to, wire::rejected{static_cast<std::uint8_t>(code), why});
}

void parkserver::dispatch(route from, const session* known, const wire::control& what, instant now,
                          outbox& out) {
    if (const auto* is_worker = std::get_if<wire::register_worker>(&what)) {
        return handle(from, *is_worker, now, out);
    }
    if (const auto* is_manager = std::get_if<wire::register_manager>(&what)) {
        return handle(from, *is_manager, now, out);
    }
    if (std::holds_alternative<wire::status_query>(what)) return tell_status(from, now, out);

    if (known == nullptr) return out.control(from, wire::register_again{});
    if (const auto* beat = std::get_if<wire::ping>(&what)) {
        return out.control(from, wire::pong{beat->stamp});
    }
    if (const auto* bye = std::get_if<wire::goodbye>(&what)) {
        return lose(from, "goodbye: " + wire::printable(bye->why), out);
    }
    if (known->worker != nullptr) {
        from_worker(*known->worker, what, now, out);
    } else {
        from_manager(*known->manager, what, now, out);
    }
}

// --- registration -------------------------------------------------------------------------------

void parkserver::answer_registration(route to, heartbeat_monitor& alive, outbox& out) {
    ++counters_.registrations;
    out.control(to, wire::registered{config_.id, config_.epoch, alive.beat.interval_ms,
                                     alive.beat.liveness});
    set_timer({alive.silent_at(), to, {}});
}

void parkserver::handle(route from, const wire::register_worker& what, instant now, outbox& out) {
    const auto other = sessions_.find(from);
    const auto is_its = [&](const session& known) {
        return known.worker != nullptr && known.worker->registration.worker == what.worker;
    };
    if (other != sessions_.end() && !is_its(other->second)) {
        lose(from, "it registered as somebody else", out);
    }
    const auto known = workers_.find(what.worker);
    const bool is_new = known == workers_.end();
    if (is_new && workers_.size() + managers_.size() >= config_.bounds.peers_max) {
        return reject(from, errc::overloaded, "peers_max peers are registered", out);
    }
    if (!is_new && what.incarnation < known->second.registration.incarnation) {
        return reject(from, errc::protocol_violation,
                      "a newer incarnation of this id is registered", out);
    }
    worker& entry = workers_[what.worker];
    if (!is_new) {
        if (entry.via != from) sessions_.erase(entry.via);
        const bool same_lease = what.serving && is_of(*what.serving, entry.lease) &&
                                what.incarnation == entry.registration.incarnation;
        if (!entry.lease.none() && !same_lease) {
            end_lease(entry.lease, "its worker registered anew", false, true, out);
        }
        set_state(entry, worker_state::occupied);  // out of its old type's pool
    }
    entry.registration = what;
    entry.serves = what.serving.value_or(wire::service{});
    entry.via = from;
    entry.alive = {agreed(config_.beat, {what.interval_ms, what.liveness}), now};
    entry.since = now;
    sessions_[from] = {&entry, nullptr};
    if (what.free) {
        set_free(entry);
    } else if (what.serving && !what.serving->lease.none()) {
        adopt(entry, *what.serving);
    }
    answer_registration(from, entry.alive, out);
    note(out, [&] {
        return "worker " + base::brief(what.worker) + " joined: type " + what.type + ", pid " +
               std::to_string(what.pid) + " on " + wire::printable(what.host, 64);
    });
}

void parkserver::handle(route from, const wire::register_manager& what, instant now, outbox& out) {
    const auto other = sessions_.find(from);
    const auto is_its = [&](const session& known) {
        return known.manager != nullptr && known.manager->registration.manager == what.manager;
    };
    if (other != sessions_.end() && !is_its(other->second)) {
        lose(from, "it registered as somebody else", out);
    }
    auto known = managers_.find(what.manager);
    if (known != managers_.end() && what.incarnation < known->second.registration.incarnation) {
        return reject(from, errc::protocol_violation,
                      "a newer incarnation of this id is registered", out);
    }
    if (known != managers_.end() && known->second.registration.incarnation < what.incarnation) {
        lose_manager(what.manager, "it registered as a new incarnation", out);
        known = managers_.end();
    }
    if (known == managers_.end() &&
        workers_.size() + managers_.size() >= config_.bounds.peers_max) {
        return reject(from, errc::overloaded, "peers_max peers are registered", out);
    }
    manager& entry = managers_[what.manager];
    if (known != managers_.end() && entry.via != from) {
        sessions_.erase(entry.via);
        forget_requests(entry);
    }
    entry.registration = what;
    entry.via = from;
    entry.alive = {agreed(config_.beat, {what.interval_ms, what.liveness}), now};
    entry.since = now;
    sessions_[from] = {nullptr, &entry};
    for (const auto& [token, id] : leases_with(what.manager)) leases_.at(id).manager_via = from;
    answer_registration(from, entry.alive, out);
    note(out, [&] {
        return "manager " + base::brief(what.manager) + " joined: pid " + std::to_string(what.pid) +
               " on " + wire::printable(what.host, 64);
    });
}

// --- what peers say -----------------------------------------------------------------------------

void parkserver::from_worker(worker& who, const wire::control& what, instant, outbox& out) {
    if (const auto* yes = std::get_if<wire::accepted>(&what)) {
        accepted(who, yes->lease, out);
    } else if (const auto* no = std::get_if<wire::refused>(&what)) {
        if (who.state == worker_state::offered && who.lease == no->lease) {
            end_lease(no->lease, "refused", false, false, out);
        }
        const bool unexplained = who.lease.none() && who.state == worker_state::occupied;
        if (unexplained && !who.serves.lease.none()) adopt(who, who.serves);
    } else if (const auto* free = std::get_if<wire::available>(&what)) {
        who.serves = {};
        // Said before it heard of our offer: the offer stands.
        if (who.state == worker_state::offered && free->ended != who.lease) return;
        if (!who.lease.none()) end_lease(who.lease, "its worker is free again", false, true, out);
        set_free(who);
    } else if (const auto* busy = std::get_if<wire::occupied>(&what)) {
        if (who.lease == busy->serving.lease && !who.lease.none()) return;
        who.serves = busy->serving;
        // Said before it heard of our offer, too: it may be free again by then.
        if (who.state == worker_state::offered) return;
        if (!who.lease.none())
            end_lease(who.lease, "its worker serves somebody else", false, true, out);
        // It may not have noticed yet that its manager ended their link.
        const lease_id& named = busy->serving.lease;
        const bool goes_on = !named.none() && named != who.disowned;
        set_state(who, worker_state::occupied);
        if (goes_on) adopt(who, busy->serving);
    } else {
        ++counters_.violations;
        reject(who.via, errc::protocol_violation, "a worker does not say that", out);
    }
}

void parkserver::accepted(worker& who, const lease_id& id, outbox& out) {
    const auto found = leases_.find(id);
    if (found == leases_.end() || who.lease != id) {
        return out.control(who.via, wire::lease_ended{id, "the offer is void"});
    }
    lease& taken = found->second;
    if (taken.accepted) return;
    taken.accepted = true;
    who.state = worker_state::leased;
    who.serves = {id, taken.manager, taken.token};
    ++counters_.grants;
    const auto to = tokens_.find(taken.token);
    if (to != tokens_.end()) {
        out.control(taken.manager_via, wire::granted{to->second.second, id, taken.worker});
    }
    note(out, [&] {
        return "lease " + to_string(id) + ": worker " + base::brief(taken.worker) +
               " serves manager " + base::brief(taken.manager);
    });
}

void parkserver::from_manager(manager& who, const wire::control& what, instant now, outbox& out) {
    if (const auto* wanted = std::get_if<wire::request>(&what)) {
        handle(who, *wanted, now, out);
    } else if (const auto* unwanted = std::get_if<wire::cancel>(&what)) {
        remove_request(who, unwanted->request, out);
    } else if (const auto* lost = std::get_if<wire::worker_lost>(&what)) {
        handle(who, *lost, out);
    } else {
        ++counters_.violations;
        reject(who.via, errc::protocol_violation, "a manager does not say that", out);
    }
}

void parkserver::handle(manager& who, const wire::request& what, instant now, outbox& out) {
    const request_key key{who.registration.manager, what.request};
    const auto token_user = tokens_.find(what.token);
    if (token_user != tokens_.end() && token_user->second != key) {
        ++counters_.violations;
        return reject(who.via, errc::protocol_violation, "the token is used by another request",
                      out);
    }
    if (!who.requests.contains(what.request) &&
        who.requests.size() >= config_.bounds.requests_max) {
        return reject(who.via, errc::overloaded, "requests_max requests are open", out);
    }
    const bool is_new = !who.requests.contains(what.request);
    standing_request& wanted = who.requests[what.request];
    if (!is_new && (wanted.type != what.type || wanted.token != what.token)) {
        ++counters_.violations;
        return reject(who.via, errc::protocol_violation, "a request keeps its type and its token",
                      out);
    }
    if (is_new) {
        const auto place = who.places.find(what.token);
        wanted.order = place == who.places.end() ? ++order_ : place->second;
        if (place != who.places.end()) who.places.erase(place);
        wanted.since = now;
        wanted.type = what.type;
        wanted.token = what.token;
        tokens_[what.token] = key;
        // Leases that were adopted before their manager came.
        const auto& all = leases_with(who.registration.manager);
        for (auto each = all.lower_bound({what.token, {}});
             each != all.end() && each->first == what.token; ++each) {
            wanted.leased.insert(leases_.at(each->second).worker);
        }
    }
    wanted.held.clear();
    for (const auto& each : what.held) {
        wanted.held.insert(each.worker);
        const auto there = workers_.find(each.worker);
        const bool unexplained = there != workers_.end() && there->second.lease.none() &&
                                 there->second.state == worker_state::occupied;
        if (!unexplained || each.lease.none()) continue;
        // The worker knows better: its manager may not have noticed yet that it left.
        const lease_id& word = there->second.serves.lease;
        if (word.none() || word == each.lease) {
            adopt(there->second, {each.lease, who.registration.manager, what.token});
        }
    }
    if (is_new && wanted.serving() > 0) wanted.satisfied = true;
    if (what.amount != wanted.amount || is_new) {
        wanted.amount = what.amount;
        wanted.target = what.amount != 0 ? what.amount : wanted.serving();
    }
    note_request(key, wanted);
}

void parkserver::handle(manager& who, const wire::worker_lost& what, outbox& out) {
    const auto found = who.requests.find(what.request);
    if (found == who.requests.end()) return;
    standing_request& wanted = found->second;
    wanted.held.erase(what.worker);
    const auto lost = leases_.find(what.lease);
    if (lost != leases_.end() && lost->second.manager == who.registration.manager &&
        lost->second.worker == what.worker) {
        workers_.at(what.worker).disowned = what.lease;
        end_lease(what.lease, "its manager lost it", true, false, out);
    }
    note_request({who.registration.manager, what.request}, wanted);
}

void parkserver::relay(core::received& event, outbox& out) {
    const auto id = wire::peek_relay(event.what);
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
            ++counters_.relayed;
            return out.push(core::send{to, std::nullopt, std::move(event.what), 1});
        }
    }
    out.control(event.from, wire::lease_ended{id.value(), "there is no such lease (any more)"});
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
    ++counters_.workers_lost;
    note(out, [&] { return "worker " + base::brief(id) + " left: " + why; });
    if (!found->second.lease.none()) end_lease(found->second.lease, why, false, true, out);
    set_state(found->second, worker_state::occupied);
    sessions_.erase(found->second.via);
    workers_.erase(found);
}

void parkserver::lose_manager(const manager_id& id, const std::string& why, outbox& out) {
    const auto found = managers_.find(id);
    ++counters_.managers_lost;
    note(out, [&] { return "manager " + base::brief(id) + " left: " + why; });
    while (!found->second.requests.empty()) {
        remove_request(found->second, found->second.requests.begin()->first, out);
    }
    for (auto of = leases_of_.find(id); of != leases_of_.end(); of = leases_of_.find(id)) {
        end_lease(of->second.begin()->second, "its manager left", true, false, out);
    }
    sessions_.erase(found->second.via);
    managers_.erase(found);
}

// --- leases -------------------------------------------------------------------------------------

void parkserver::set_free(worker& who) {
    set_state(who, worker_state::available);
    who.free_order = ++order_;
    pools_[who.registration.type].free.emplace(who.free_order, &who);
    to_serve_.insert(who.registration.type);
}

// Into another state, and out of the pool of the free ones.
void parkserver::set_state(worker& who, worker_state next) {
    if (who.state == worker_state::available)
        pools_[who.registration.type].free.erase(who.free_order);
    who.state = next;
}

void parkserver::offer(worker& who, const request_key& to, standing_request& wanted, instant now,
                       outbox& out) {
    const manager& asking = managers_.at(to.first);
    const lease_id id{config_.epoch, ++leases_made_};
    set_state(who, worker_state::offered);
    who.lease = id;
    leases_[id] = {who.registration.worker, to.first, wanted.token, false, who.via, asking.via};
    leases_of_[to.first].insert({wanted.token, id});
    wanted.leased.insert(who.registration.worker);
    set_timer({base::after(now, who.alive.beat.timeout()), {}, id});
    out.control(who.via, wire::assign{id, wanted.token, to.first, asking.registration.endpoints});
}

// Whether a worker tells of a lease what is known of it.
bool parkserver::is_of(const wire::service& told, const lease_id& id) const {
    const auto known = leases_.find(id);
    return told.lease == id && known != leases_.end() && known->second.manager == told.manager &&
           known->second.token == told.token;
}

void parkserver::adopt(worker& who, const wire::service& told) {
    const auto known = leases_.find(told.lease);
    if (known != leases_.end() && known->second.worker != who.registration.worker)
        return;  // not its own
    if (told.lease.epoch == config_.epoch && told.lease.sequence > leases_made_)
        return;  // no lease
    set_state(who, worker_state::leased);
    who.lease = told.lease;
    const auto there = managers_.find(told.manager);
    const route via = there == managers_.end() ? route{} : there->second.via;
    leases_[told.lease] = {who.registration.worker, told.manager, told.token, true, who.via, via};
    leases_of_[told.manager].insert({told.token, told.lease});
    const auto to = tokens_.find(told.token);
    if (to == tokens_.end() || to->second.first != told.manager) return;
    standing_request& wanted = *find(to->second);
    wanted.leased.insert(who.registration.worker);
    note_request(to->second, wanted);
}

void parkserver::end_lease(lease_id id, const std::string& why, bool tell_worker, bool tell_manager,
                           outbox& out) {
    const auto found = leases_.find(id);
    if (found == leases_.end()) return;
    const lease old = found->second;
    leases_.erase(found);
    const auto siblings = leases_of_.find(old.manager);
    siblings->second.erase({old.token, id});
    if (siblings->second.empty()) leases_of_.erase(siblings);
    if (tell_worker) out.control(old.worker_via, wire::lease_ended{id, why});
    if (tell_manager && old.accepted && old.manager_via != route{}) {
        out.control(old.manager_via, wire::lease_ended{id, why});
    }
    const auto who = workers_.find(old.worker);
    if (who != workers_.end() && who->second.lease == id) {
        who->second.lease = {};
        set_state(who->second, worker_state::occupied);  // until it says that it is available
    }
    if (standing_request* wanted = request_of(old)) {
        wanted->leased.erase(old.worker);
        wanted->held.erase(old.worker);
        note_request(tokens_.at(old.token), *wanted);
    }
}

const std::set<parkserver::token_and_lease>& parkserver::leases_with(const manager_id& of) const {
    static const std::set<token_and_lease> nothing;
    const auto found = leases_of_.find(of);
    return found == leases_of_.end() ? nothing : found->second;
}

parkserver::standing_request* parkserver::find(const request_key& key) {
    const auto of = managers_.find(key.first);
    if (of == managers_.end()) return nullptr;
    const auto found = of->second.requests.find(key.second);
    return found == of->second.requests.end() ? nullptr : &found->second;
}

parkserver::standing_request* parkserver::request_of(const lease& of) {
    const auto key = tokens_.find(of.token);
    return key == tokens_.end() || key->second.first != of.manager ? nullptr : find(key->second);
}

void parkserver::remove_request(manager& of, request_id request, outbox& out) {
    const auto found = of.requests.find(request);
    if (found == of.requests.end()) return;
    const standing_request old = std::move(found->second);
    tokens_.erase(old.token);
    pools_[old.type].waiting.erase(old.order);
    of.requests.erase(found);
    to_serve_.insert(old.type);
    // Offers that nobody waits for any more. What is in use ends when its worker says so.
    for (const auto& id : old.leased) {
        const auto there = workers_.find(id);
        if (there != workers_.end() && there->second.state == worker_state::offered) {
            end_lease(there->second.lease, "the request was cancelled", true, false, out);
        }
    }
}

// What was wanted in an earlier session is void ([P-5]): what still holds is said again, and gets
// its old place. Offers stand until then, since most requests are made again.
void parkserver::forget_requests(manager& of) {
    if (!of.requests.empty()) of.places.clear();
    for (const auto& [request, old] : of.requests) {
        of.places[old.token] = old.order;
        tokens_.erase(old.token);
        pools_[old.type].waiting.erase(old.order);
        to_serve_.insert(old.type);
    }
    of.requests.clear();
}

// A request waits while it has less than it is to have.
void parkserver::note_request(const request_key& key, standing_request& changed) {
    const std::uint32_t serving = changed.serving();
    const bool waits = changed.target == 0 ? serving == 0 : serving < changed.target;
    auto& waiting = pools_[changed.type].waiting;
    if (waits) {
        waiting.emplace(changed.order, key);
    } else {
        waiting.erase(changed.order);
    }
    to_serve_.insert(changed.type);
}

void parkserver::serve(const std::string& type, instant now, outbox& out) {
    const auto found = pools_.find(type);
    if (found == pools_.end()) return;
    pool& from = found->second;
    while (!from.free.empty() && !from.waiting.empty()) {
        const auto [order, key] = *from.waiting.begin();
        standing_request* wanted = find(key);
        if (wanted == nullptr) {
            from.waiting.erase(order);
        } else if (!serve(from, key, *wanted, now, out)) {
            return;
        }
    }
    if (from.free.empty() && from.waiting.empty()) pools_.erase(found);
}

// False: it has to wait, and those behind it too.
bool parkserver::serve(pool& from, const request_key& key, standing_request& wanted, instant now,
                       outbox& out) {
    const std::uint32_t serving = wanted.serving();
    std::size_t missing;
    if (wanted.target == 0) {
        missing = from.free.size();
        wanted.target = serving + static_cast<std::uint32_t>(missing);
    } else {
        missing = wanted.target - serving;
        if (!wanted.satisfied && from.free.size() < missing) return false;
    }
    for (; missing > 0 && !from.free.empty(); --missing) {
        offer(*from.free.begin()->second, key, wanted, now, out);
    }
    if (missing > 0) return false;
    wanted.satisfied = true;
    from.waiting.erase(wanted.order);
    return true;
}

// --- status -------------------------------------------------------------------------------------

// A larger answer than the asker takes would only cost it its connection.
void parkserver::tell_status(route to, instant now, outbox& out) {
    wire::message told = wire::encode_control(status(now));
    if (told.first.size() > config_.bounds.message_bytes_max) {
        return reject(to, errc::too_large,
                      "the status of " + std::to_string(workers_.size()) +
                          " workers is larger than message_bytes_max",
                      out);
    }
    out.push(core::send{to, std::nullopt, std::move(told), 1});
}

wire::status parkserver::status(instant now) const {
    wire::status told;
    told.version = config_.version;
    told.parkserver = config_.id;
    told.epoch = config_.epoch;
    told.uptime_ms = base::whole_ms(now - started_);
    for (const auto& [id, each] : workers_) {
        wire::worker_status entry;
        entry.worker = id;
        entry.incarnation = each.registration.incarnation;
        entry.type = each.registration.type;
        entry.signatures = each.registration.signatures;
        entry.concurrency = each.registration.concurrency;
        entry.host = each.registration.host;
        entry.pid = each.registration.pid;
        entry.state = each.state;
        entry.lease = each.lease;
        const auto serves = leases_.find(each.lease);
        if (serves != leases_.end()) entry.manager = serves->second.manager;
        entry.age_ms = base::whole_ms(now - each.since);
        told.workers.push_back(std::move(entry));
    }
    for (const auto& [id, each] : managers_) {
        told.managers.push_back({id, each.registration.endpoints, each.registration.host,
                                 each.registration.pid, base::whole_ms(now - each.since)});
        for (const auto& [request, wanted] : each.requests) {
            told.requests.push_back({id, request, wanted.type, wanted.amount, wanted.serving(),
                                     base::whole_ms(now - wanted.since)});
        }
    }
    return told;
}

}  // namespace maus::broker
