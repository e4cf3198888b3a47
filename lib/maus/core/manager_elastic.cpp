// Elastic requests of a manager: what parkservers are told of them, and how workers are given back
// (manager.hpp; PROTOCOL.md, section 5.7).
#include <algorithm>

#include "maus/base/assert.hpp"
#include "maus/core/manager.hpp"
#include "maus/wire/archive.hpp"
#include "maus/wire/types.hpp"

namespace maus::core {

std::uint32_t manager::standing_request::bound_beside(route parkserver) const {
    std::uint32_t least = 0;
    for (const auto& [via, told] : bounds) {
        if (via != parkserver && (least == 0 || told.workers < least)) least = told.workers;
    }
    return least == 0 ? 0 : std::max(least, range->min);
}

// --- what parkservers are told ------------------------------------------------------------------

// What another parkserver allows is told as its max: else the one would bring what is given back to the
// other ([P-104]). Its own bound is not told to it, since it would never grow beyond it.
void manager::tell(const standing_request& request, parkserver_session& to, manager_effects& out) {
    wire::extensions extended;
    base::buffer bytes;
    if (request.range && wire::uses(to.features(), wire::feature_elastic)) {
        wire::elastic range = *request.range;
        const std::uint32_t bound = request.bound_beside(to.via());
        if (bound != 0 && (range.max == 0 || bound < range.max)) range.max = bound;
        wire::encode(bytes, range);
        extended.push_back({wire::elastic_tag, bytes.view()});
    }
    if (!request.label.empty()) {
        extended.push_back({wire::label_tag, base::as_bytes(request.label)});
    }
    out.net.control(to.via(), as_told(request), extended);
}

void manager::tell_all(const standing_request& request, manager_effects& out) {
    parkservers_.each_registered([&](parkserver_session& to) { tell(request, to, out); });
}

// --- what they say ------------------------------------------------------------------------------

void manager::handle(const parkserver_session& from, const wire::fair_share& told) {
    if (!wire::uses(from.features(), wire::feature_elastic)) {
        ++counters_.violations;
        return;
    }
    const auto found = numbers_.find(told.request);
    if (found == numbers_.end()) return;  // it was released meanwhile
    set_bound(found->second, requests_.at(found->second), from.via(), told);
}

void manager::set_bound(group_id group, standing_request& of, route parkserver,
                        const wire::fair_share& told) {
    const auto old = of.bounds.find(parkserver);
    const std::uint32_t before = old == of.bounds.end() ? 0 : old->second.workers;
    if (told.workers == 0 && before == 0) return;
    if (told.workers == 0) {
        of.bounds.erase(old);
    } else {
        of.bounds[parkserver] = told;
    }
    to_give_back_.insert(group);
    if (told.workers != before) of.changed = of.changed || parkservers_.size() > 1;
}

// What was said in a session is void with it ([P-5]), and when the manager registers again.
void manager::forget_bounds(route parkserver) {
    for (const auto& [number, group] : numbers_) {
        set_bound(group, requests_.at(group), parkserver, {});
    }
}

// --- giving back --------------------------------------------------------------------------------

void manager::give_back(instant now, manager_effects& out) {
    std::erase_if(to_give_back_, [&](group_id group) { return !give_back(group, now, out); });
}

// Between calls only: who is chosen gets no more, and goes when it has answered what it has. So no call
// is lost or runs again. Until then it may be kept after all.
bool manager::give_back(group_id group, instant now, manager_effects& out) {
    standing_request& of = requests_.at(group);
    const std::size_t too_many = too_many_of(of);
    while (of.giving_back.size() > too_many) {
        keep(links_.at(of.giving_back.back()), true);
        of.giving_back.pop_back();
    }
    const bool some_wait =
        of.giving_back.size() < too_many && choose(of, too_many - of.giving_back.size());
    const auto chosen = of.giving_back;
    for (const auto& key : chosen) {
        if (dispatcher_.held_by(links_.at(key).index) != 0) continue;
        end(key, link_end::released, errc::cancelled, "others wait for workers", now, out);
    }
    MAUS_ASSERT(of.giving_back.size() <= of.links.size(), "more are given back than there are");
    return some_wait || !of.giving_back.empty();
}

namespace {
// Whom a parkserver has brought since it said that, it has brought in the knowledge of it. Else a worker
// that the manager has and the parkserver holds lost would have another one come and go for ever
// (maus-sim, seed 132).
bool counts(const base::lease_id& lease, const wire::fair_share& told) {
    return lease.epoch != told.newest.epoch || lease.sequence <= told.newest.sequence;
}
}  // namespace

std::size_t manager::too_many_of(const standing_request& of) const {
    std::size_t most = 0;
    for (const auto& bound : of.bounds) {
        const wire::fair_share& told = bound.second;  // clang 14 captures no structured binding
        const auto counted = static_cast<std::size_t>(
            std::count_if(of.links.begin(), of.links.end(),
                          [&](const link_key& key) { return counts(links_.at(key).lease, told); }));
        const std::size_t least = std::max(told.workers, of.range->min);
        most = std::max(most, counted - std::min(counted, least));
    }
    return most;
}

// Those that have the least to do, and of these the newest. Who came directly is nobody else's. True: there
// are others, of which calls wait for callables now.
bool manager::choose(standing_request& of, std::size_t many) {
    struct candidate {
        std::size_t held;
        std::size_t age;
        link_key key;
    };
    std::vector<candidate> some;
    bool others_wait = false;
    for (std::size_t place = 0; place < of.links.size(); ++place) {
        const link_key& key = of.links[place];
        const link& each = links_.at(key);
        const bool is_bound =
            std::any_of(of.bounds.begin(), of.bounds.end(),
                        [&](const auto& told) { return counts(each.lease, told.second); });
        if (each.lease.none() || each.is_given_back || !is_bound) continue;
        if (dispatcher_.asking_at(each.index) != 0) {
            others_wait = true;
            continue;
        }
        some.push_back({dispatcher_.held_by(each.index), of.links.size() - place, key});
    }
    std::sort(some.begin(), some.end(), [](const candidate& one, const candidate& other) {
        return std::pair(one.held, one.age) < std::pair(other.held, other.age);
    });
    for (std::size_t i = 0; i < std::min(many, some.size()); ++i) {
        of.giving_back.push_back(some[i].key);
        keep(links_.at(some[i].key), false);
    }
    return others_wait && some.size() < many;
}

void manager::keep(link& which, bool keeps) {
    which.is_given_back = !keeps;
    dispatcher_.give_calls(which.index, keeps);
}

std::set<std::pair<route, base::lease_id>> manager::given_back() const {
    std::set<std::pair<route, base::lease_id>> made;
    for (const auto& [group, each] : requests_) {
        for (const auto& key : each.giving_back) made.emplace(key.via, key.relayed);
    }
    return made;
}

}  // namespace maus::core
