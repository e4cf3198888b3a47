// What a parkserver's table may say, by what its workers and managers have told it ([P-22], [P-24], [P-76]).
#include "checkers.hpp"

#include <algorithm>

namespace maus::sim {

// --- whom a worker serves, as it says -------------------------------------------------------------

bool checkers::agency::denies(const base::worker_id& of, const base::lease_id& said) const {
    const auto found = words.find(of);
    return found != words.end() && !found->second.lease.none() && found->second.lease != said;
}

bool checkers::agency::believes(const base::worker_id& of, const base::lease_id& said,
                                bool was_denied) const {
    const auto found = words.find(of);
    if (found == words.end()) return true;
    return !denies(of, said) && (found->second.serves || !was_denied);
}

void checkers::agency::weigh(const base::worker_id& of) {
    for (auto& [key, each] : claims) {
        if (key.second == of) each.counts = believes(of, each.lease, !each.counts);
    }
}

void checkers::agency::set_word(const base::worker_id& of, const word& said) {
    words[of] = said;
    weigh(of);
}

void checkers::serves(const fact& what) {
    agency& at = agencies_[{what.process, what.life}];
    const agency::word said{what.right, what.lease};
    if (what.text == "registers") {
        at.registers[what.link] = said;
        return;
    }
    const auto who = at.workers.find(what.worker);
    if (who == at.workers.end() || who->second.second != what.link) return;
    const auto row = at.rows.find(what.worker);
    const bool is_known = said.serves && !said.lease.none() && row != at.rows.end() &&
                          row->second.lease == said.lease;
    if (!is_known) at.set_word(what.worker, said);
}

// --- whom managers say that they have -------------------------------------------------------------

// Who speaks; none if this is no manager's session any more.
std::optional<base::manager_id> checkers::manager_at(const agency& at, std::uint64_t link) {
    const auto who = at.sessions.find(link);
    if (who == at.sessions.end()) return std::nullopt;
    const auto here = at.managers.find(who->second.manager);
    if (here == at.managers.end() || here->second.second != link) return std::nullopt;
    return here->first;
}

std::optional<base::token> checkers::agency::token_of(const base::manager_id& manager,
                                                      std::uint32_t number) const {
    const auto found = std::find_if(requests.begin(), requests.end(), [&](const auto& each) {
        return each.second.manager == manager && each.second.number == number;
    });
    if (found == requests.end()) return std::nullopt;
    return found->first;
}

bool checkers::agency::is_lent_to(const base::worker_id& who, const base::token& token) const {
    const auto found = rows.find(who);
    if (found == rows.end() || !found->second.is_lent()) return false;
    const auto by = tokens.find({found->second.lease, who});
    return by != tokens.end() && by->second == token;
}

// Its list takes the place of the one before; what follows are the names in it.
void checkers::claims_anew(const fact& what) {
    agency& at = agencies_[{what.process, what.life}];
    const auto manager = manager_at(at, what.link);
    if (!manager) return;
    std::erase_if(at.claims, [](const auto& each) { return each.second.is_old; });
    for (auto& [key, each] : at.claims) {
        if (key.first == *manager && each.request == what.group) each.is_old = true;
    }
}

void checkers::holds(const fact& what) {
    agency& at = agencies_[{what.process, what.life}];
    const auto manager = manager_at(at, what.link);
    if (!manager || at.is_lent_to(what.worker, what.token)) return;
    const auto before = at.claims.find({*manager, what.worker});
    const bool was_denied =
        before != at.claims.end() && before->second.lease == what.lease && !before->second.counts;
    at.claims[{*manager, what.worker}] = {what.group, what.lease,
                                          at.believes(what.worker, what.lease, was_denied), false};
}

void checkers::lost_one(const fact& what) {
    agency& at = agencies_[{what.process, what.life}];
    const auto manager = manager_at(at, what.link);
    if (!manager || !at.token_of(*manager, what.group)) return;
    at.lost[*manager].insert(what.lease);
    const auto held = at.claims.find({*manager, what.worker});
    if (held != at.claims.end() && held->second.request == what.group) at.claims.erase(held);
}

// --- the table ------------------------------------------------------------------------------------

void checkers::row(const fact& what) {
    agency& at = agencies_[{what.process, what.life}];
    agency::row& of = at.rows[what.worker];
    const agency::row before = std::exchange(of, {what.text, what.lease, what.manager});
    if (!of.is_lent()) return;
    const auto by = at.tokens.find({what.lease, what.worker});
    const auto held = at.claims.find({what.manager, what.worker});
    if (by != at.tokens.end() && held != at.claims.end() &&
        at.token_of(what.manager, held->second.request) == by->second) {
        at.claims.erase(held);  // it counts as lent
    }
    if (of.state != "leased") return;
    if (before.state == "offered" && before.lease == of.lease) {
        at.set_word(what.worker, {true, what.lease});  // it has accepted
    }
    expect(!at.denies(what.worker, what.lease), "P-22", what,
           "it is leased by another lease than it says");
    expect(!at.lost[what.manager].contains(what.lease), "P-24", what,
           "it is leased by a lease that its manager has lost");
}

std::uint32_t checkers::agency::serving(const base::manager_id& manager,
                                        std::uint32_t number) const {
    const auto token = token_of(manager, number);
    std::size_t sum = 0;
    for (const auto& [who, each] : rows) {
        if (each.manager == manager && token && is_lent_to(who, *token)) ++sum;
    }
    for (const auto& [key, each] : claims) {
        if (key.first == manager && each.request == number && each.counts && !each.is_old) ++sum;
    }
    return static_cast<std::uint32_t>(sum);
}

void checkers::has(const fact& what) {
    const agency& at = agencies_[{what.process, what.life}];
    const auto named = std::count_if(at.claims.begin(), at.claims.end(), [&](const auto& each) {
        return each.first.first == what.manager && !each.second.is_old;
    });
    expect(static_cast<std::size_t>(named) <= bounds_.peers_max, "P-76", what,
           "its manager holds " + std::to_string(named) + " workers");
    const std::uint32_t should = at.serving(what.manager, what.group);
    expect(what.amount == should, "P-22", what,
           "the request has " + std::to_string(should) + " workers, by what all have said");
}

}  // namespace maus::sim
