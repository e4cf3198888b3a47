// What workers and managers say, and what becomes of leases and requests by it (parkserver.hpp).
#include "broker/core/parkserver.hpp"

#include "maus/base/assert.hpp"

namespace maus::broker {

using core::outbox;
using wire::worker_state;

// --- what peers say -----------------------------------------------------------------------------

void parkserver::from_worker(worker& who, const wire::control& message, instant, outbox& out) {
    if (const auto* yes = std::get_if<wire::accepted>(&message)) {
        accepted(who, yes->lease, out);
    } else if (const auto* no = std::get_if<wire::refused>(&message)) {
        if (who.state == worker_state::offered && who.lease == no->lease) {
            end_lease(no->lease, "refused", false, false, out);
        }
        const bool unexplained = who.lease.none() && who.state == worker_state::occupied;
        if (unexplained && !who.word().none()) adopt(who, *who.registration.serving);
    } else if (const auto* free = std::get_if<wire::available>(&message)) {
        set_word(who, std::nullopt);
        // Said before it heard of our offer: the offer stands.
        if (who.state == worker_state::offered && free->ended != who.lease) return;
        if (!who.lease.none()) end_lease(who.lease, "its worker is free again", false, true, out);
        set_free(who);
    } else if (const auto* busy = std::get_if<wire::occupied>(&message)) {
        if (who.lease == busy->serving.lease && !who.lease.none()) return;
        set_word(who, busy->serving);
        // Said before it heard of our offer, too: it may be free again by then.
        if (who.state == worker_state::offered) return;
        if (!who.lease.none())
            end_lease(who.lease, "its worker serves somebody else", false, true, out);
        const bool goes_on = !busy->serving.lease.none();
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
    set_word(who, wire::service{id, taken.manager, taken.token});
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

void parkserver::from_manager(manager& who, const wire::control& message,
                              const wire::extensions& extended, instant now, outbox& out) {
    if (const auto* wanted = std::get_if<wire::request>(&message)) {
        handle(who, *wanted, extended, now, out);
    } else if (const auto* unwanted = std::get_if<wire::cancel>(&message)) {
        remove_request(who, unwanted->request, out);
    } else if (const auto* lost = std::get_if<wire::worker_lost>(&message)) {
        handle(who, *lost, out);
    } else {
        ++counters_.violations;
        reject(who.via, errc::protocol_violation, "a manager does not say that", out);
    }
}

// A manager cannot hold more workers than there may be, whatever it says.
std::optional<base::failure> parkserver::objection_to(const wire::request& request,
                                                      const manager& who) const {
    const limits& bounds = config_.settings.limits;
    const auto token_user = tokens_.find(request.token);
    if (token_user != tokens_.end() &&
        token_user->second != request_key{who.registration.manager, request.request}) {
        return base::failure{errc::protocol_violation, "the token is used by another request"};
    }
    const auto known = who.requests.find(request.request);
    const bool is_new = known == who.requests.end();
    if (is_new && who.requests.size() >= bounds.requests_max) {
        return base::failure{errc::overloaded, "requests_max requests are open"};
    }
    if (!is_new && (known->second.type != request.type || known->second.token != request.token)) {
        return base::failure{errc::protocol_violation, "a request keeps its type and its token"};
    }
    const std::size_t others = who.said - (is_new ? 0 : known->second.said);
    if (others + request.held.size() > bounds.peers_max) {
        return base::failure{errc::overloaded, "more than peers_max workers are held"};
    }
    return std::nullopt;
}

parkserver::standing_request parkserver::make_request(manager& who, const wire::request& request,
                                                      instant now) {
    standing_request made;
    const auto place = who.places.find(request.token);
    made.order = place == who.places.end() ? ++order_ : place->second;
    if (place != who.places.end()) who.places.erase(place);
    made.since = now;
    made.type = request.type;
    made.token = request.token;
    tokens_[request.token] = {who.registration.manager, request.request};
    // Leases that were adopted before their manager came.
    const auto& all = leases_with(who.registration.manager);
    for (auto each = all.lower_bound({request.token, {}});
         each != all.end() && each->first == request.token; ++each) {
        made.leased.insert(leases_.at(each->second).worker);
    }
    return made;
}

void parkserver::take_held(manager& who, standing_request& wanted, const wire::request& request) {
    const request_key key{who.registration.manager, request.request};
    hold(key, wanted, request.held);
    who.said += request.held.size() - wanted.said;
    wanted.said = request.held.size();
    for (const auto& each : request.held) {
        const auto there = workers_.find(each.worker);
        const bool unexplained = there != workers_.end() && there->second.lease.none() &&
                                 there->second.state == worker_state::occupied;
        if (!unexplained || each.lease.none() || denies(each.worker, each.lease)) continue;
        adopt(there->second, {each.lease, who.registration.manager, request.token});
    }
}

// --- whom requests have -------------------------------------------------------------------------

void parkserver::lease_to(const request_key& key, standing_request& wanted, const worker_id& id) {
    wanted.leased.insert(id);
    unhold(key, wanted, id);
}

// Instead of all that it held before.
void parkserver::hold(const request_key& key, standing_request& wanted,
                      const std::vector<wire::held_worker>& said) {
    std::vector<claims::claim> made;
    made.reserve(said.size());
    for (const auto& each : said) {
        if (wanted.leased.contains(each.worker)) continue;
        const claims::claim* const before = claims_.find(key.first, each.worker);
        const bool was_denied = before != nullptr && before->lease == each.lease && !before->counts;
        const bool counts = is_believed(each.worker, each.lease, was_denied);
        made.push_back({each.worker, key.second, each.lease, counts});
    }
    unhold_all(key, wanted);
    for (const auto& ended : claims_.add(key.first, std::move(made))) {
        const request_key other{key.first, ended.request};
        standing_request& held = *find(other);
        if (ended.counts) --held.held_counted;
        note_request(other, held);
    }
    wanted.held_counted = claims_.counted(key.first, key.second);
}

void parkserver::unhold(const request_key& key, standing_request& wanted, worker_id id) {
    const claims::claim* const held = claims_.find(key.first, id);
    if (held == nullptr || held->request != key.second) return;
    if (held->counts) {
        MAUS_ASSERT(wanted.held_counted > 0, "a claim counts for no request");
        --wanted.held_counted;
    }
    claims_.erase(key.first, id);
}

void parkserver::unhold_all(const request_key& key, standing_request& wanted) {
    if (wanted.said == 0) return;
    claims_.erase_all(key.first, key.second);
    wanted.held_counted = 0;
}

// The worker knows better ([P-22]): its manager may not have noticed yet that it left.
bool parkserver::denies(const worker_id& id, const lease_id& said) const {
    const auto there = workers_.find(id);
    return there != workers_.end() && there->second.denies(said);
}

// Free again, a worker serves nobody whom it denied before. Were such a claim to count while its worker is
// free, the worker would be lent to somebody else, and taken back as soon as it says so.
bool parkserver::is_believed(const worker_id& id, const lease_id& said, bool was_denied) const {
    const auto there = workers_.find(id);
    if (there == workers_.end()) return true;
    const bool is_free = !there->second.registration.serving;
    return !there->second.denies(said) && !(was_denied && is_free);
}

void parkserver::set_word(worker& who, const std::optional<wire::service>& word) {
    who.registration.serving = word;
    weigh_claims(who.registration.worker);
}

// A worker has said something else of itself, or is gone.
void parkserver::weigh_claims(const worker_id& id) {
    claims_.each_to(id, [&](const manager_id& of, claims::claim& held) {
        const request_key key{of, held.request};
        standing_request& wanted = *find(key);
        const bool counts = is_believed(id, held.lease, !held.counts);
        if (std::exchange(held.counts, counts) == counts) return;
        MAUS_ASSERT(counts || wanted.held_counted > 0, "a claim counted for no request");
        counts ? ++wanted.held_counted : --wanted.held_counted;
        note_request(key, wanted);
    });
}

// --- requests -----------------------------------------------------------------------------------

void parkserver::handle(manager& who, const wire::request& request,
                        const wire::extensions& extended, instant now, outbox& out) {
    const auto refuse = [&](const base::failure& why) {
        if (why.code == errc::protocol_violation) ++counters_.violations;
        reject(who.via, why.code, why.message, out);
    };
    const bool knows_elastic = wire::uses(who.common->features, wire::feature_elastic);
    const auto range = wire::elastic_in(knows_elastic ? extended : wire::extensions{});
    if (!range) return refuse(range.why());
    if (const auto objection = objection_to(request, who)) return refuse(*objection);
    const bool is_new = !who.requests.contains(request.request);
    standing_request& wanted = who.requests[request.request];
    if (is_new) wanted = make_request(who, request, now);
    take_held(who, wanted, request);
    if (is_new && wanted.serving() > 0) wanted.satisfied = true;
    wanted.range = range.value();
    wanted.label = wire::request_label_in(extended, config_.settings.limits);
    if (request.amount != wanted.amount || is_new) {
        wanted.amount = request.amount;
        wanted.target = request.amount != 0 ? request.amount : wanted.serving();
    }
    note_request({who.registration.manager, request.request}, wanted);
}

void parkserver::handle(manager& who, const wire::worker_lost& loss, outbox& out) {
    const auto found = who.requests.find(loss.request);
    if (found == who.requests.end()) return;
    who.lost.insert(loss.lease);
    if (who.lost.size() > config_.settings.limits.lost_leases_max) who.lost.erase(who.lost.begin());
    standing_request& wanted = found->second;
    unhold({who.registration.manager, loss.request}, wanted, loss.worker);
    const auto lost = leases_.find(loss.lease);
    if (lost != leases_.end() && lost->second.manager == who.registration.manager &&
        lost->second.worker == loss.worker) {
        end_lease(loss.lease, "its manager lost it", true, false, out);
    }
    note_request({who.registration.manager, loss.request}, wanted);
}

// --- leases -------------------------------------------------------------------------------------

void parkserver::set_free(worker& who) {
    MAUS_ASSERT(who.lease.none(), "a worker that is leased is set free");
    set_state(who, worker_state::available);
    who.free_order = ++order_;
    pools_[who.registration.type].free.emplace(who.free_order, &who);
    to_serve_.insert(who.registration.type);
}

// Into another state, and out of the pool of the free ones. serve() forgets a pool that is empty.
void parkserver::set_state(worker& who, worker_state next) {
    if (who.state == worker_state::available) {
        pool& from = pools_[who.registration.type];
        from.free.erase(who.free_order);
        if (from.free.empty()) to_serve_.insert(who.registration.type);
    }
    who.state = next;
}

void parkserver::offer(worker& who, const request_key& to, standing_request& wanted, instant now,
                       outbox& out) {
    MAUS_ASSERT(who.state == worker_state::available && who.lease.none(),
                "a worker is offered that is not free");
    const manager& asking = managers_.at(to.first);
    const lease_id id{config_.epoch, ++leases_made_};
    wanted.newest = leases_made_;
    wanted.newest_at = now;
    set_state(who, worker_state::offered);
    who.lease = id;
    leases_[id] = {who.registration.worker, to.first, wanted.token, false, who.via, asking.via};
    leases_of_[to.first].insert({wanted.token, id});
    lease_to(to, wanted, who.registration.worker);
    set_timer(base::after(now, who.alive.beat.timeout()), {{}, 0, id});
    out.control(who.via, wire::assign{id, wanted.token, to.first, asking.registration.endpoints});
}

// Whether a worker tells of a lease what is known of it.
bool parkserver::is_of(const wire::service& reported, const lease_id& id) const {
    const auto known = leases_.find(id);
    return reported.lease == id && known != leases_.end() &&
           known->second.manager == reported.manager && known->second.token == reported.token;
}

void parkserver::adopt(worker& who, const wire::service& reported) {
    const auto known = leases_.find(reported.lease);
    if (known != leases_.end() && known->second.worker != who.registration.worker)
        return;  // not its own
    if (reported.lease.epoch == config_.epoch && reported.lease.sequence > leases_made_)
        return;  // no lease
    const auto there = managers_.find(reported.manager);
    // The worker may not have noticed yet that its manager ended their link.
    if (there != managers_.end() && there->second.lost.contains(reported.lease)) return;
    MAUS_ASSERT(who.lease.none() || who.lease == reported.lease, "a worker has two leases");
    set_state(who, worker_state::leased);
    who.lease = reported.lease;
    const route via = there == managers_.end() ? route{} : there->second.via;
    leases_[reported.lease] = {
        who.registration.worker, reported.manager, reported.token, true, who.via, via};
    leases_of_[reported.manager].insert({reported.token, reported.lease});
    const auto to = tokens_.find(reported.token);
    if (to == tokens_.end() || to->second.first != reported.manager) return;
    standing_request& wanted = *find(to->second);
    lease_to(to->second, wanted, who.registration.worker);
    note_request(to->second, wanted);
}

void parkserver::end_lease(lease_id id, const std::string& why, bool tell_worker, bool tell_manager,
                           outbox& out) {
    const auto found = leases_.find(id);
    if (found == leases_.end()) return;
    const lease old = found->second;
    leases_.erase(found);
    const auto siblings = leases_of_.find(old.manager);
    MAUS_ASSERT(siblings != leases_of_.end(), "a lease is no manager's");
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
        const request_key& key = tokens_.at(old.token);
        unhold(key, *wanted, old.worker);
        note_request(key, *wanted);
    }
}

const std::set<parkserver::token_and_lease>& parkserver::leases_with(const manager_id& of) const {
    static const std::set<token_and_lease> nothing;
    const auto found = leases_of_.find(of);
    return found == leases_of_.end() ? nothing : found->second;
}

const parkserver::standing_request* parkserver::find(const request_key& key) const {
    const auto of = managers_.find(key.first);
    if (of == managers_.end()) return nullptr;
    const auto found = of->second.requests.find(key.second);
    return found == of->second.requests.end() ? nullptr : &found->second;
}

parkserver::standing_request* parkserver::find(const request_key& key) {
    return const_cast<standing_request*>(std::as_const(*this).find(key));
}

parkserver::standing_request* parkserver::request_of(const lease& of) {
    const auto key = tokens_.find(of.token);
    return key == tokens_.end() || key->second.first != of.manager ? nullptr : find(key->second);
}

void parkserver::remove_request(manager& of, request_id request, outbox& out) {
    const auto found = of.requests.find(request);
    if (found == of.requests.end()) return;
    unhold_all({of.registration.manager, request}, found->second);
    const standing_request old = std::move(found->second);
    MAUS_ASSERT(of.said >= old.said, "a request holds more than its manager");
    of.said -= old.said;
    tokens_.erase(old.token);
    withdraw(old);
    of.requests.erase(found);
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
    claims_.erase_all(of.registration.manager);
    for (auto& [request, old] : of.requests) {
        of.places[old.token] = old.order;
        tokens_.erase(old.token);
        withdraw(old);
    }
    of.requests.clear();
    of.said = 0;
}

// A request waits while it has less than it is to have.
void parkserver::note_request(const request_key& key, standing_request& changed) {
    // Whoever brought them.
    if (changed.range && changed.missing() == 0) changed.satisfied = true;
    pool& of = pools_[changed.type];
    if (changed.missing() > 0) {
        of.waiting.emplace(changed.order, key);
    } else {
        of.waiting.erase(changed.order);
    }
    note_share(of, key, changed);
    to_serve_.insert(changed.type);
}

void parkserver::withdraw(const standing_request& old) {
    pool& of = pools_[old.type];
    of.waiting.erase(old.order);
    of.elastic.erase(old.order);
    of.shares.erase(old.order);
    to_serve_.insert(old.type);
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
            break;
        }
    }
    if (!from.elastic.empty()) share_out(from, now, out);
    if (from.free.empty() && from.waiting.empty() && from.elastic.empty()) pools_.erase(found);
}

// False: it has to wait, and those behind it too.
bool parkserver::serve(pool& from, const request_key& key, standing_request& wanted, instant now,
                       outbox& out) {
    std::size_t missing = wanted.missing();
    if (wanted.target == 0 && !wanted.range) {
        missing = from.free.size();
        wanted.target = wanted.serving() + static_cast<std::uint32_t>(missing);
    } else if (!wanted.satisfied && from.free.size() < missing) {
        return false;
    }
    for (; missing > 0 && !from.free.empty(); --missing) {
        offer(*from.free.begin()->second, key, wanted, now, out);
    }
    if (wanted.range) note_share(from, key, wanted);
    if (missing > 0) return false;
    wanted.satisfied = true;
    from.waiting.erase(wanted.order);
    if (wanted.range) note_share(from, key, wanted);
    return true;
}

}  // namespace maus::broker
