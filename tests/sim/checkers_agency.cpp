// What a parkserver and a worker may say, by what was said to them.
#include "checkers.hpp"

#include <utility>

namespace maus::sim {

// --- who is free --------------------------------------------------------------------------------

void checkers::told(const fact& what) {
    standing& of = standings_[{{what.process, what.life}, what.link}];
    if (what.text == "void") {
        if (what.lease == of.offered) of.offered = {};
        if (what.lease == of.newest) of.newest = {};
        // It may have been told so of an offer that stands (it spoke of the lease and did not
        // accept): what it says next does not count until that offer is over (seed 1689972).
        of.surely = false;
        return;
    }
    if (what.lease == of.newest) of.newest = {};
    of.surely = what.right && of.newest.none();
    // An offer that crossed with an earlier lease's end stands.
    if (what.right && !of.offered.none() && what.lease != of.offered && !what.lease.none()) return;
    of.free = what.right;
    of.offered = {};
}

void checkers::offered(const fact& what) {
    expect(ever_offered_.insert(what.lease).second, "P-26", what, "a lease was offered twice");
    standing& of = standings_[{{what.process, what.life}, what.link}];
    expect(of.free, "P-27", what, "a worker was offered that did not say that it is free");
    of.free = of.surely = false;
    of.offered = of.newest = what.lease;
    served_at_once(what);
    served_in_order(what);
}

// --- who is there -------------------------------------------------------------------------------

void checkers::agency::forget_requests(const base::manager_id& of) {
    std::erase_if(requests, [&](const auto& each) { return each.second.manager == of; });
    std::erase_if(claims, [&](const auto& each) { return each.first.first == of; });
}

// Of a peer that is registered already.
void checkers::took_over(const fact& what, const agency::session& older) {
    const auto& [incarnation, link] = older;
    expect(what.incarnation >= incarnation, "P-15", what,
           "an older life took the place of a newer one");
    expect(what.incarnation <= incarnation || what.link == link, "P-78", what,
           "a newer life took the place of one that is alive");
}

void checkers::enrolled(const fact& what) {
    agency& at = agencies_[{what.process, what.life}];
    at.sessions[what.link] = {what.worker, what.manager, what.text};
    unreached_.erase(what.process);
    if (!what.worker.none()) {
        const auto known = at.workers.find(what.worker);
        if (known != at.workers.end()) took_over(what, known->second);
        at.workers[what.worker] = {what.incarnation, what.link};
        at.set_word(what.worker, at.registers[what.link]);
        return;
    }
    const auto known = at.managers.find(what.manager);
    if (known != at.managers.end()) {
        took_over(what, known->second);
        if (known->second.second != what.link) {
            // What it requested holds only if it says it again, but keeps its place then ([P-20]).
            std::map<base::token, std::uint64_t> places;
            for (const auto& [token, each] : at.requests) {
                if (each.manager == what.manager) places[token] = each.place;
            }
            if (!places.empty()) at.places[what.manager] = std::move(places);
            at.forget_requests(what.manager);
        }
    }
    at.managers[what.manager] = {what.incarnation, what.link};
}

// Who cannot be reached is tried ever more seldom. A parkserver that registers anybody is reached: whether
// that lasted is not looked at.
void checkers::dialled(const fact& what) {
    if (!parkservers_.contains(what.amount) || strangers_.contains(what.process)) return;
    failures_to_reach& of = unreached_[what.amount][{what.process, what.life}];
    const duration shortest =
        std::min<duration>(std::chrono::milliseconds{100} * (1u << std::min(of.tries, 5u)) / 2,
                           std::chrono::seconds{1});
    expect(of.tries == 0 || what.at - of.last >= shortest, "P-19", what,
           "a parkserver that was not reached " + std::to_string(of.tries) +
               " times is tried again too early");
    ++of.tries;
    of.last = what.at;
}

void checkers::parted(const fact& what) {
    agency& at = agencies_[{what.process, what.life}];
    at.workers.erase(what.worker);
    at.rows.erase(what.worker);
    if (at.words.erase(what.worker) != 0) at.weigh(what.worker);
    at.lost.erase(what.manager);
    if (at.managers.erase(what.manager) == 0) return;
    at.forget_requests(what.manager);
    at.places.erase(what.manager);
}

// --- who is served first ------------------------------------------------------------------------

void checkers::asked(const fact& what) {
    agency& at = agencies_[{what.process, what.life}];
    const auto who = at.sessions.find(what.link);
    if (who == at.sessions.end()) return;
    const auto here = at.managers.find(who->second.manager);
    if (here == at.managers.end() || here->second.second != what.link) return;
    if (at.requests.contains(what.token)) return;
    auto& places = at.places[here->first];
    const auto old = places.find(what.token);
    const std::uint64_t place = old == places.end() ? ++at.requests_made : old->second;
    if (old != places.end()) places.erase(old);
    at.requests[what.token] = {here->first, what.group,   what.text,
                               what.amount, what.elastic, place};
}

void checkers::unasked(const fact& what) {
    agency& at = agencies_[{what.process, what.life}];
    const auto who = at.sessions.find(what.link);
    if (who == at.sessions.end()) return;
    // What comes on a session that another has replaced is not heard.
    const auto here = at.managers.find(who->second.manager);
    if (here == at.managers.end() || here->second.second != what.link) return;
    std::erase_if(at.requests, [&](const auto& each) {
        return each.second.manager == who->second.manager && each.second.number == what.group;
    });
    std::erase_if(at.claims, [&](const auto& each) {
        return each.first.first == who->second.manager && each.second.request == what.group;
    });
}

// A request that never had anybody, as far as this parkserver can know, waits for sure.
void checkers::served_in_order(const fact& what) {
    agency& at = agencies_[{what.process, what.life}];
    at.ends[what.lease] = {{what.worker, {}, {}}, {{}, what.manager, {}}};
    at.tokens[{what.lease, what.worker}] = what.token;
    const bool has_had_some = !at.served.insert(what.token).second;
    const auto served = at.requests.find(what.token);
    if (served == at.requests.end()) return;
    // What those that wait have no use for, an elastic one may have meanwhile.
    if (served->second.elastic && has_had_some) return;
    for (const auto& [token, each] : at.requests) {
        expect(each.place >= served->second.place || each.type != served->second.type ||
                   at.served.contains(token),
               "P-23", what, "an older request of its type has nobody yet");
    }
}

// What a request is offered first it is offered in one go ([P-21]).
void checkers::served_at_once(const fact& what) {
    const life_key by{what.process, what.life};
    if (!portion_) {
        const bool is_first = !agencies_[by].served.contains(what.token);
        portion_ = {by, what.token, what.at, 0, is_first, {}};
    }
    ++portion_->workers;
    portion_->newest = what;
}

// Something else happens: the portion is complete.
void checkers::end_portion() {
    const portion dealt = *std::exchange(portion_, std::nullopt);
    const agency& at = agencies_[dealt.by];
    const auto to = at.requests.find(dealt.token);
    if (!dealt.is_first || to == at.requests.end()) return;
    const agency::standing_request& wanted = to->second;
    if (wanted.elastic) {
        return expect(dealt.workers >= wanted.amount, "P-100", dealt.newest,
                      "an elastic request for " + std::to_string(wanted.amount) +
                          " at least that never had any got " + std::to_string(dealt.workers));
    }
    if (wanted.amount != 0) {
        return expect(dealt.workers == wanted.amount, "P-21", dealt.newest,
                      "a request for " + std::to_string(wanted.amount) +
                          " that never had any got " + std::to_string(dealt.workers));
    }
    for (const auto& [worker, session] : at.workers) {
        const auto known = at.sessions.find(session.second);
        expect(known->second.type != wanted.type || !standings_[{dealt.by, session.second}].surely,
               "P-21", dealt.newest, "a request for all that are free did not get them all");
    }
}

// --- who gives workers back ---------------------------------------------------------------------

void checkers::given_back(const fact& what, const group_state& from) {
    ++moves_;
    expect(from.workers.size() >= from.min && from.min != 0, "P-103", what,
           "it was given back, and " + std::to_string(from.workers.size()) +
               " are left of a min of " + std::to_string(from.min));
    constexpr std::size_t moves_most = 60;  // there are 13 workers at most
    expect(moves_ != moves_most, "P-101", what,
           "workers go to and fro, though nothing comes, goes or is asked for");
}

void checkers::note_change(const fact& what) {
    switch (what.what) {
        case fact::kind::left:
            if (what.text.find("worker_lost") == std::string::npos) return;
            break;
        case fact::kind::booted:
        case fact::kind::died:
        case fact::kind::enrolled:
        case fact::kind::parted:
        case fact::kind::requested:
        case fact::kind::released:
        case fact::kind::asked:
        case fact::kind::unasked: break;
        default: return;
    }
    moves_ = 0;
}

void checkers::named(const fact& what) {
    agency& at = agencies_[{what.process, what.life}];
    at.served.insert(what.token);
    at.tokens[{what.lease, what.worker}] = what.token;
    at.ends[what.lease].push_back({what.worker, {}, {}});
    at.ends[what.lease].push_back({{}, what.manager, {}});
}

void checkers::relayed(const fact& what) {
    agency& at = agencies_[{what.process, what.life}];
    const auto from = at.sessions.find(what.link);
    bool of_its_ends = false;
    for (const auto& each : at.ends[what.lease]) {
        if (from == at.sessions.end()) break;
        const auto& [worker, manager, type] = from->second;
        of_its_ends = of_its_ends || (!worker.none() && worker == each.worker) ||
                      (!manager.none() && manager == each.manager);
    }
    expect(of_its_ends, "P-45", what, "it relayed what none of the lease's two ends said");
}

// --- what a worker answers ----------------------------------------------------------------------

void checkers::given(const fact& what) {
    services_[{what.process, what.life}].given[{what.call, what.attempt}] = {
        {what.link, what.lease}, false};
}

void checkers::answered(const fact& what) {
    auto& here = services_[{what.process, what.life}].given;
    const auto task = here.find({what.call, what.attempt});
    const service::way over{what.link, what.lease};
    if (task == here.end() || task->second.over != over) {
        return fail("P-41", what, "it answered a call that did not come over this link");
    }
    expect(!task->second.answered, "P-37", what, "it answered a call twice");
    task->second.answered = task->second.answered || what.right;
    const auto sent = handed_.find({{what.process, what.life}, what.call, what.attempt});
    if (sent == handed_.end()) return;
    handed& of = sent->second;
    if (what.right) ++of.over->answered;
    if (what.right && of.nested) --of.over->nested_open;
    call& whose = calls_.at(of.ticket);
    if (what.text == "returned") whose.returned = what.attempt;
    if (what.attempt <= whose.attempts.size()) {
        call::attempt& its = whose.attempts[what.attempt - 1];
        attempt_is_over(whose, its, what);
        if (what.text == "returned") its.ended = true;
        if (what.right) its.answered = what.at;
    }
    const bool gives_back = what.right || what.text == "detached";
    if (gives_back && !std::exchange(of.slot_back, true)) {
        if (std::exchange(of.asks, false)) --of.over->asking;
        ++of.over->slots_back;
        if (of.nested) --of.over->nested;
    }
}

}  // namespace maus::sim
