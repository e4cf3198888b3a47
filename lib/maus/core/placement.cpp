#include "maus/core/placement.hpp"

#include <algorithm>

#include "maus/base/assert.hpp"
#include "maus/base/shared_buffer.hpp"
#include "maus/wire/signature.hpp"

namespace maus::core {

namespace {
// What is sent after large arguments arrives after them. How long that takes nobody tells: reckoned
// with a network of 1 Gbit/s.
constexpr std::size_t bulk_bytes_min = 256u << 10;
constexpr duration bulk_time_a_byte{8};
constexpr duration bulk_time_max = std::chrono::seconds{1};
}  // namespace

void placement::define(method_id method, std::string signature, std::vector<std::string> needs) {
    if (methods_.size() <= method.value) methods_.resize(method.value + 1);
    const bool takes_references = wire::takes_references(signature);
    methods_[method.value] = {std::move(signature), std::move(needs), takes_references};
}

void placement::add_group(group_id id, group_policy policy, instant now) {
    call_group& made = groups_[id];
    made.policy = policy;
    made.linkless_since = now;
}

void placement::remove_group(group_id id) {
    const auto found = groups_.find(id);
    MAUS_ASSERT(found != groups_.end() && found->second.calls == 0,
                "a group is removed that has calls, or is no_index");
    for (const auto at : found->second.links) links_[at].group = nullptr;
    std::erase(to_pump_, &found->second);
    called_last_ = {};
    groups_.erase(found);
}

// --- links --------------------------------------------------------------------------------------

link_index placement::add_link(link_address to, std::string worker,
                               std::vector<std::string> signatures, std::uint32_t concurrency,
                               wire::payload_limit payloads, std::unique_ptr<transfers> large,
                               bool takes_references, std::unique_ptr<known_scripts> scripts) {
    link_index index;
    if (free_links_.empty()) {
        index = static_cast<link_index>(links_.size());
        links_.emplace_back();
    } else {
        index = free_links_.back();
        free_links_.pop_back();
    }
    worker_link& made = links_[index];
    made = {};
    made.live = true;
    made.to = to;
    link_of_worker_.insert_or_assign(worker, index);
    made.worker = std::move(worker);
    made.concurrency = std::clamp<std::uint32_t>(
        concurrency, 1, static_cast<std::uint32_t>(limits_.calls_per_worker_max / 2));
    made.detached_max = made.concurrency * limits_.detached_per_slot_max;
    made.window = {made.concurrency, limits_.prefetch_max};
    made.payloads = payloads;
    made.large = std::move(large);
    made.takes_references = takes_references;
    made.scripts = std::move(scripts);
    for (std::size_t number = 0; number < signatures.size(); ++number) {
        made.numbers.emplace(std::move(signatures[number]), static_cast<std::uint16_t>(number));
    }
    return index;
}

void placement::join(link_index index, call_group& group) {
    worker_link& at = links_[index];
    at.group = &group;
    group.links.push_back(index);
    group.is_picky = group.is_picky || at.payloads.bytes_max < limits_.message_bytes_max ||
                     (at.scripts && at.scripts->bytes_max() < limits_.script_bytes_max);
}

void placement::remove_link(link_index index, instant now) {
    worker_link& old = links_[index];
    MAUS_ASSERT(old.live && old.held.size == 0, "a link is removed twice, or still has calls");
    const auto named = link_of_worker_.find(old.worker);
    if (named != link_of_worker_.end() && named->second == index) link_of_worker_.erase(named);
    if (call_group* left = old.group; left != nullptr) {
        std::erase(left->links, index);
        std::erase(left->addressed, index);
        if (left->links.empty()) left->linkless_since = now;
        mark(*left);
    }
    old = {};
    free_links_.push_back(index);
}

void placement::give_calls(link_index index, bool gives) {
    worker_link& at = links_[index];
    at.closed = !gives;
    if (gives && at.group != nullptr) mark(*at.group);
}

std::int32_t placement::look_up(worker_link& at, std::uint32_t method) {
    if (at.number_of.size() <= method) at.number_of.resize(method + 1, worker_link::unknown);
    const auto found = at.numbers.find(methods_[method].signature);
    if (!has_what_is_needed(at, method)) return at.number_of[method] = worker_link::absent;
    if (found != at.numbers.end()) return at.number_of[method] = found->second;
    return at.number_of[method] = look_up_convertible(at, method);
}

// Of several the first.
std::int32_t placement::look_up_convertible(worker_link& at, std::uint32_t method) {
    const std::pair<const std::string, std::uint16_t>* first = nullptr;
    for (const auto& each : at.numbers) {
        const bool earlier = first == nullptr || each.second < first->second;
        if (earlier && wire::is_convertible(methods_[method].signature, each.first)) first = &each;
    }
    if (first == nullptr) return worker_link::absent;
    auto made = wire::conversion::between(methods_[method].signature, first->first);
    if (!made) return worker_link::absent;
    at.conversions.insert_or_assign(method, std::move(made).value());
    if (at.group != nullptr) at.group->converts = true;
    return worker_link::converted + first->second;
}

// --- calls --------------------------------------------------------------------------------------

void placement::enqueue(std::uint32_t index) {
    call_slot& call = calls_[index];
    call.state = call_state::queued;
    call.detached = false;
    if (call.hedged) call.attempt += std::exchange(call.numbers_spent, 0);
    call.callbacks = 0;
    if (call.is_addressed()) return enqueue_for(index, call.link);
    call.link = no_index;
    calls_.insert_in_order(list_of(call), index);
    mark(*call.group);
}

void placement::detach(std::uint32_t index, instant now) {
    call_slot& call = calls_[index];
    worker_link& at = links_[call.link];
    if (call.callbacks == 0) --at.slots_held;
    call.detached = true;
    if (at.timed != 0) start_clocks(at, now);
    if (at.group != nullptr) mark(*at.group);
}

// An attempt's time runs from when its worker may have started it: waiting behind others is free.
void placement::start_clocks(worker_link& at, instant now) {
    std::size_t runs = 0;
    for (auto index = at.held.first; index != no_index && runs < at.concurrency;
         index = calls_[index].next) {
        call_slot& call = calls_[index];
        if (call.detached || call.state == call_state::sending) continue;
        if (call.callbacks != 0) continue;  // another may have its slot
        ++runs;
        if (call.running) continue;
        call.running = true;
        if (call.timed()) {
            call.hangs_at = base::after(now, call.policy.attempt_timeout);
            timers_.set(call.hangs_at, {calls_.id_of(index), call.attempt});
        }
    }
}

// --- who gets which call ------------------------------------------------------------------------

inline std::size_t placement::credit(worker_link& at, bool nested) {
    // What a callable waits for goes beside those that hold slots: their functions may stand in line to
    // ask (callbacks_max), behind that very callable.
    const bool is_awaited = nested && at.asking != 0;
    if (at.returns.holds() || at.is_taken_for(nested) || at.closed ||
        (at.slots_held >= at.window.size() && !is_awaited)) {
        return 0;
    }
    // Who waits for a callback counts for none of these bounds: the callable may wait for this call.
    const std::size_t beside = at.held.size - at.slots_held;
    if (beside >= at.detached_max + at.asking) return 0;
    if (at.asking == 0 && has_many_bytes(at)) return 0;
    // Its functions that wait have a bound of their own: some room in it is for what they wait for.
    if (!nested && at.asking * 2 >= at.concurrency * limits_.detached_per_slot_max) return 0;
    if (at.reserved_for.value != 0 && !is_awaited) {
        const call_slot* suspect = calls_.find(at.reserved_for);
        const bool waits = suspect != nullptr && suspect->state == call_state::queued;
        if (waits) return 0;
        at.reserved_for = {};
    }
    // What its functions wait for has as much room again: all that it holds may wait or stand in line to.
    const std::size_t most = limits_.calls_per_worker_max * (is_awaited ? 2 : 1);
    const std::size_t room = most - std::min(most, at.held.size);
    if (at.window.size() <= at.slots_held) return std::min<std::size_t>(1, room);
    return std::min(at.window.size() - at.slots_held, room);
}

bool placement::has_credit(worker_link& at, bool nested) { return credit(at, nested) != 0; }

// A call that is sent behind large arguments waits until they have arrived. So it goes elsewhere,
// unless it would have to queue there, and not here.
bool placement::rather(const worker_link& one, const worker_link& other, instant now) {
    const auto has_bulk = [now](const worker_link& at) {
        return now < at.bulk_until && at.held.size != 0;
    };
    const auto is_full = [](const worker_link& at) { return at.slots_held >= at.concurrency; };
    const bool bulk = has_bulk(one);
    if (bulk != has_bulk(other)) {
        const worker_link& slow = bulk ? one : other;
        const worker_link& quick = bulk ? other : one;
        if (is_full(slow) || !is_full(quick)) return !bulk;
    }
    return one.slots_held * other.concurrency < other.slots_held * one.concurrency;
}

const worker_link* placement::most_generous(const call_slot& call) {
    const worker_link* best = nullptr;
    for (const auto index : call.group->links) {
        worker_link& at = links_[index];
        if (number_of(at, call.method) < 0) continue;
        if (!is_too_large_for(at, call)) return &at;
        if (best == nullptr || at.payloads.bytes_max > best->payloads.bytes_max) best = &at;
    }
    return best;
}

// Nobody took it now. Does any worker that knows its function take it ever?
void placement::note_if_too_large(std::uint32_t index) {
    const call_slot& call = calls_[index];
    if (!call.group->is_picky) return;
    const worker_link* best = most_generous(call);
    if (best != nullptr && is_too_large_for(*best, call)) too_large_.push_back(index);
}

std::uint32_t placement::least_loaded(call_group& of, const call_slot& call, instant now) {
    std::uint32_t best = no_index;
    const std::size_t count = of.links.size();
    for (std::size_t i = 0; i < count; ++i) {
        const link_index at = of.links[(of.turn + i) % count];
        worker_link& candidate = links_[at];
        if (credit(candidate, call.nested) == 0 || number_of(candidate, call.method) < 0) continue;
        if (of.is_picky && is_too_large_for(candidate, call)) continue;
        if (best == no_index || rather(candidate, links_[best], now)) best = at;
    }
    return best;
}

bool placement::convert(std::uint32_t index, link_index to) {
    worker_link& at = links_[to];
    call_slot& call = calls_[index];
    if (number_of(at, call.method) < worker_link::converted) return true;
    auto made = at.conversions.at(call.method).arguments(call.payload.view());
    const std::size_t bytes_max = std::min(at.payloads.bytes_max, limits_.message_bytes_max);
    if (made && made.value().size() > bytes_max) {
        made = base::failure{errc::too_large,
                             wire::larger_than("the converted arguments", made.value().size(),
                                               "message_bytes_max", bytes_max)};
    }
    if (!made) {
        const bool is_known = std::any_of(inconvertible_.begin(), inconvertible_.end(),
                                          [&](const auto& each) { return each.first == index; });
        if (!is_known) inconvertible_.emplace_back(index, made.why());
        return false;
    }
    converted_ = std::move(made).value();
    call.bytes = static_cast<std::uint32_t>(converted_.size());
    call.large = call.large || converted_.size() > base::buffer::inline_capacity;
    return true;
}

// Of the lines whose calls may go: the most urgent one with the oldest call. `only`: there is no other.
inline call_line* placement::next_line(call_group& of, bool& only) {
    call_line *oldest = nullptr, *most_urgent = nullptr;
    const auto is_older = [this](const call_line& one, const call_line& other) {
        return calls_[one.calls.first].sequence < calls_[other.calls.first].sequence;
    };
    for (auto& line : of.lines) {
        if (line.calls.first == no_index || line.blocked) continue;
        only = oldest == nullptr;
        if (only) {
            oldest = most_urgent = &line;
            continue;
        }
        if (is_older(line, *oldest)) oldest = &line;
        if (line.priority == most_urgent->priority ? is_older(line, *most_urgent)
                                                   : line.priority > most_urgent->priority) {
            most_urgent = &line;
        }
    }
    if (oldest == most_urgent) return oldest;
    const bool is_its_turn = of.preferred >= preferred_max;
    of.preferred = is_its_turn ? 0 : of.preferred + 1;
    return is_its_turn ? oldest : most_urgent;
}

void placement::pump(call_group& of, instant now, outbox& out) {
    bool waiting = false;
    for (auto& line : of.lines) {
        line.blocked = false;
        waiting = waiting || line.calls.first != no_index;
    }
    waiting = waiting || !of.addressed.empty();
    for (const auto at : of.links) {
        links_[at].window.estimate(waiting && links_[at].held.size == 0, now);
    }
    if (of.nested_suspects.first != no_index) pump_suspects(of, of.nested_suspects, now, out);
    if (of.suspects.first != no_index) pump_suspects(of, of.suspects, now, out);
    if (!of.addressed.empty()) [[unlikely]]
        pump_addressed(of, oldest_in(of), now, out);
    for (;;) {
        bool only = true;
        call_line* const line = next_line(of, only);
        if (line == nullptr) break;
        const std::uint32_t first = line->calls.first;
        const std::uint32_t at = least_loaded(of, calls_[first], now);
        if (at == no_index) {
            line->blocked = true;
            note_if_too_large(first);
            continue;
        }
        if (of.converts && !convert(first, at)) {
            line->blocked = true;
            continue;
        }
        // One, and then there may be another that is older, or a worker that has less to do.
        std::size_t run = 1;
        if (only && of.links.size() == 1 && !of.is_picky && !of.converts)
            run = std::min(credit(links_[at], line->nested), line->calls.size);
        of.turn += run;
        send_calls(at, line->calls, first, run, now, out);
    }
    // What is left is for those that nobody else can make use of, and then for those that run already.
    if (!of.addressed.empty()) [[unlikely]]
        pump_addressed(of, ~std::uint64_t{}, now, out);
    if (of.hedges.first != no_index) [[unlikely]]
        pump_hedges(of, now, out);
}

std::size_t placement::pump(instant now, outbox& out) {
    sent_ = 0;
    if (!large_to_pump_.empty()) [[unlikely]] {
        for (const link_index at : large_to_pump_) sent_ += pump_large(at, now, out);
        large_to_pump_.clear();
    }
    for (std::size_t i = 0; i < to_pump_.size(); ++i) {
        to_pump_[i]->to_pump = false;
        pump(*to_pump_[i], now, out);
    }
    to_pump_.clear();
    return sent_;
}

bool placement::takes_no_more_with(const call_slot& call, worker_link& at, instant now) {
    at.bytes_held += call.bytes;
    if (call.bytes >= bulk_bytes_min) {
        at.bulk_until =
            std::min(base::after(std::max(at.bulk_until, now), bulk_time_a_byte * call.bytes),
                     base::after(now, bulk_time_max));
    }
    return has_many_bytes(at);
}

// So many calls of one function that follow each other in `from`, or fewer if they are large.
void placement::send_calls(link_index to, call_list& from, std::uint32_t first, std::size_t count,
                           instant now, outbox& out) {
    worker_link& at = links_[to];
    if (at.held.size == 0) {
        at.window.begin(now);
        at.bulk_until = {};
    }
    const std::int32_t number = number_of(at, calls_[first].method);
    const auto function = static_cast<std::uint16_t>(number);
    const bool converted = number >= worker_link::converted;
    bool timed = false;
    std::size_t sending = 0;
    std::uint32_t index = first, last = first;
    for (std::size_t sent = 0; sent < count; ++sent) {
        call_slot& call = calls_[index];
        call.state = call_state::sent;
        call.link = to;
        ++call.attempt;
        call.running = false;
        call.converted = converted;
        base::buffer& payload = converted ? converted_ : call.payload;
        if (call.timed()) {
            ++at.timed;
            timed = true;
        }
        if (call.large && takes_no_more_with(call, at, now)) count = sent + 1;
        if (payload.size() >= limits_.payload_apart_bytes) [[unlikely]] {
            if (send_large(at, index, function, payload, now, out)) ++sending;
        } else if (call.is_special()) [[unlikely]] {
            send_special(at, index, function, payload, now, out);
        } else {
            out.link(at.to).call({calls_.id_of(index), {call.attempt}}, function,
                                 call.at_most_once(), payload);
        }
        last = index;
        index = call.next;
    }
    calls_.move_run(from, at.held, first, last, count);
    at.slots_held += count;
    sent_ += count;
    if (sending != 0) sent_ = sent_ - sending + pump_large(to, now, out);
    if (timed) start_clocks(at, now);
}

bool placement::send_large(worker_link& at, std::uint32_t index, std::uint16_t function,
                           base::buffer& payload, instant now, outbox& out) {
    call_slot& call = calls_[index];
    const wire::attempt attempt = attempt_of(index);
    base::buffer extended;
    if (call.is_extended()) extended = extensions_of(call, now);
    const auto* const tags = call.policy.tags.get();
    const auto scripts = tags != nullptr ? tags->scripts : nullptr;
    if (!at.large) {
        watch_for_hedge(index, now);
        if (scripts) tell_scripts(*scripts, *at.scripts, at.to, out);
        out.link(at.to, payload.size())
            .call_apart(attempt, function, call.at_most_once(), payload, 0, extended.view());
        return false;
    }
    call.state = call_state::sending;
    transfers::transfer sent{attempt, function, call.at_most_once(), base::share(payload),
                             std::move(extended)};
    if (scripts) sent.scripts = {scripts, at.scripts.get()};
    at.large->add(std::move(sent));
    return true;
}

// What is sent to its end stands behind what was sent before, in the order in which the worker reads it.
std::size_t placement::pump_large(link_index to, instant now, outbox& out) {
    worker_link& at = links_[to];
    if (!at.large) return 0;  // the link has ended meanwhile
    bool timed = false;
    const auto done = at.large->pump(now, at.to, out);
    for (const auto& sent : done) {
        const std::uint32_t index = slot_of(sent);
        calls_[index].state = call_state::sent;
        if (calls_[index].is_hedge) note_hedge(index);
        watch_for_hedge(index, now);
        calls_.unlink(at.held, index);
        calls_.push_back(at.held, index);
        timed = timed || calls_[index].timed();
        // Its credit was told when it began to be sent.
        if (auto* items = calls_[index].stream()) {
            const auto more = items->read(0, 0, true, now);
            if (more) out.link(at.to).more({sent.call, sent.number}, more->items, more->bytes);
        }
    }
    if (timed) start_clocks(at, now);
    return done.size();
}

void placement::withdraw(std::uint32_t index, outbox& out) {
    const call_slot& call = calls_[index];
    worker_link& at = links_[call.link];
    at.large->withdraw(attempt_of(index), at.to, out);
    calls_.unlink(at.held, index);
    --at.slots_held;
    if (call.large) at.bytes_held -= call.bytes;
    if (call.timed()) --at.timed;
    if (call_table::index_of(at.suspect) == index) at.suspect = {};
    if (at.group != nullptr) mark(*at.group);
}

}  // namespace maus::core
