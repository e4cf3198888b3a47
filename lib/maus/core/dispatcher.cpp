#include "maus/core/dispatcher.hpp"

#include <algorithm>
#include <cassert>

namespace maus::core {

namespace {
constexpr std::int32_t absent = -1, unknown = -2;  // in link::number_of
// What is sent after large arguments arrives after them. How long that takes nobody tells: reckoned
// with a network of 1 Gbit/s.
constexpr std::size_t bulk_bytes_min = 256u << 10;
constexpr duration bulk_time_a_byte{8};
constexpr duration bulk_time_max = std::chrono::seconds{1};

constexpr std::string_view name_of(std::string_view signature) {
    return signature.substr(0, signature.find('('));
}
}  // namespace

// --- slots and lists ----------------------------------------------------------------------------

inline call_id dispatcher::id_of(std::uint32_t index) const {
    return {static_cast<std::uint64_t>(slots_[index].generation) << 32 | index};
}

inline dispatcher::slot* dispatcher::find(call_id call) {
    const auto index = static_cast<std::uint32_t>(call.value);
    if (index >= slots_.size()) return nullptr;
    slot& found = slots_[index];
    const bool current = found.state != call_state::empty && found.generation == call.value >> 32;
    return current ? &found : nullptr;
}

inline std::uint32_t dispatcher::take_slot() {
    std::uint32_t index;
    if (free_slots_.empty()) {
        index = static_cast<std::uint32_t>(slots_.size());
        slots_.emplace_back();
        slots_.back().generation = first_generation_;
    } else {
        index = free_slots_.back();
        free_slots_.pop_back();
    }
    if (++slots_[index].generation == 0) slots_[index].generation = 1;  // no call's id is 0
    return index;
}

inline void dispatcher::free_slot(std::uint32_t index) {
    slot& old = slots_[index];
    // The next call takes the place of what is small, and whoever is not looked at stays out of the
    // cache.
    if (old.large) old.payload = {};
    if (std::exchange(old.tried, false)) old.attempts.clear();
    old.state = call_state::empty;
    old.group = nullptr;
    free_slots_.push_back(index);
}

inline void dispatcher::push_back(list& to, std::uint32_t index) {
    slots_[index].previous = to.last;
    slots_[index].next = none;
    (to.last == none ? to.first : slots_[to.last].next) = index;
    to.last = index;
    ++to.size;
}

void dispatcher::insert_in_order(list& to, std::uint32_t index) {
    slot& entry = slots_[index];
    if (to.last == none || slots_[to.last].sequence < entry.sequence) return push_back(to, index);
    std::uint32_t before = to.first;
    while (slots_[before].sequence < entry.sequence) before = slots_[before].next;
    slot& follower = slots_[before];
    entry.next = before;
    entry.previous = follower.previous;
    (follower.previous == none ? to.first : slots_[follower.previous].next) = index;
    follower.previous = index;
    ++to.size;
}

inline void dispatcher::unlink(list& from, std::uint32_t index) {
    slot& entry = slots_[index];
    (entry.previous == none ? from.first : slots_[entry.previous].next) = entry.next;
    (entry.next == none ? from.last : slots_[entry.next].previous) = entry.previous;
    entry.previous = entry.next = none;
    --from.size;
}

inline dispatcher::queue& dispatcher::queue_of(group& of, std::uint32_t method) {
    for (auto& candidate : of.queues) {
        if (candidate.method == method) return candidate;
    }
    of.queues.push_back({method, false, false, {}});
    return of.queues.back();
}

inline dispatcher::group* dispatcher::find_group(group_id id) {
    if (called_last_.second == nullptr || called_last_.first != id) {
        const auto found = groups_.find(id);
        if (found == groups_.end()) return nullptr;
        called_last_ = {id, &found->second};
    }
    return called_last_.second;
}

inline void dispatcher::mark(group& of) {
    if (of.to_pump) return;
    of.to_pump = true;
    to_pump_.push_back(&of);
}

std::int32_t dispatcher::look_up(link& at, std::uint32_t method) {
    if (at.number_of.size() <= method) at.number_of.resize(method + 1, unknown);
    const auto found = at.numbers.find(methods_[method]);
    return at.number_of[method] = found == at.numbers.end() ? absent : found->second;
}

// The function's number at that worker, or less than 0.
inline std::int32_t dispatcher::number_of(link& at, std::uint32_t method) {
    const bool looked_up = method < at.number_of.size() && at.number_of[method] != unknown;
    return looked_up ? at.number_of[method] : look_up(at, method);
}

// --- functions and groups -----------------------------------------------------------------------

void dispatcher::define(method_id method, std::string signature) {
    if (methods_.size() <= method.value) methods_.resize(method.value + 1);
    methods_[method.value] = std::move(signature);
}

void dispatcher::add_group(group_id id, group_policy policy, instant now) {
    group& made = groups_[id];
    made.policy = policy;
    made.linkless_since = now;
    if (policy.no_workers_timeout != duration::max()) ++impatient_groups_;
}

void dispatcher::remove_group(group_id id, errc code, std::string_view why,
                              std::vector<settled>& done) {
    const auto found = groups_.find(id);
    if (found == groups_.end()) return;
    group& old = found->second;
    for (std::uint32_t index = 0; index < slots_.size(); ++index) {
        if (slots_[index].group == &old) {
            settle_unasked(index, failure_of(slots_[index], code, why), nullptr, done);
        }
    }
    for (const auto at : old.links) links_[at].group = nullptr;
    if (old.policy.no_workers_timeout != duration::max()) --impatient_groups_;
    std::erase(to_pump_, &old);
    called_last_ = {};
    groups_.erase(found);
}

std::size_t dispatcher::links_in(group_id id) const {
    const auto found = groups_.find(id);
    return found == groups_.end() ? 0 : found->second.links.size();
}

std::size_t dispatcher::queued(group_id id) const {
    const auto found = groups_.find(id);
    if (found == groups_.end()) return 0;
    std::size_t sum = found->second.suspects.size;
    for (const auto& each : found->second.queues) sum += each.calls.size;
    return sum;
}

// --- links --------------------------------------------------------------------------------------

link_index dispatcher::add_link(link_address to, std::string worker,
                                const std::vector<std::string>& signatures,
                                std::uint32_t concurrency, std::uint64_t payload_bytes_max) {
    link_index index;
    if (free_links_.empty()) {
        index = static_cast<link_index>(links_.size());
        links_.emplace_back();
    } else {
        index = free_links_.back();
        free_links_.pop_back();
    }
    link& made = links_[index];
    made = {};
    made.live = true;
    made.to = to;
    made.worker = std::move(worker);
    made.concurrency = std::clamp<std::uint32_t>(
        concurrency, 1, static_cast<std::uint32_t>(bounds_.calls_per_worker_max / 2));
    made.window = {made.concurrency, bounds_.prefetch_max};
    made.payload_bytes_max = payload_bytes_max;
    for (std::size_t number = 0; number < signatures.size(); ++number) {
        made.numbers.emplace(signatures[number], static_cast<std::uint16_t>(number));
    }
    return index;
}

void dispatcher::join(link_index index, group_id id, instant, std::vector<settled>& done) {
    group& joined = groups_.at(id);
    link& at = links_[index];
    at.group = &joined;
    joined.links.push_back(index);
    joined.is_picky = joined.is_picky || at.payload_bytes_max < bounds_.message_bytes_max;
    for (auto& waiting : joined.queues) {
        if (waiting.known) continue;
        waiting.known = number_of(at, waiting.method) >= 0;
        while (!waiting.known && waiting.calls.first != none) {
            const std::uint32_t first = waiting.calls.first;
            settle_unasked(first, *refusal(joined, waiting.method), nullptr, done);
        }
    }
    mark(joined);
}

void dispatcher::complete(group_id id, std::vector<settled>& done) {
    group& whole = groups_.at(id);
    const auto refuse_all = [&](list& waiting, std::uint32_t method) {
        for (std::uint32_t index = waiting.first; index != none;) {
            const std::uint32_t next = slots_[index].next;
            if (slots_[index].method == method) {
                settle_unasked(index, *refusal(whole, method), nullptr, done);
            }
            index = next;
        }
    };
    for (auto& line : whole.queues) {
        line.known = !refusal(whole, line.method);
        if (line.known) continue;
        refuse_all(line.calls, line.method);
        refuse_all(whole.suspects, line.method);
    }
}

void dispatcher::round_trip(link_index index, duration measured) {
    links_[index].window.round_trip(measured);
}

void dispatcher::resume(link_index index) {
    link& at = links_[index];
    if (!std::exchange(at.paused, false)) return;
    if (at.group != nullptr) mark(*at.group);
}

void dispatcher::remove_link(link_index index, link_end how, std::string_view why, instant now,
                             std::vector<settled>& done) {
    link& old = links_[index];
    std::vector<std::pair<std::uint32_t, suspicion>> held;
    std::size_t could_run = how == link_end::lost ? old.concurrency : 0;
    for (std::uint32_t call = old.held.first; call != none; call = slots_[call].next) {
        // A detached call runs beside the slots; of the others the first ones run ([P-49]).
        auto guilt = suspicion::none;
        if (how == link_end::lost && slots_[call].detached) {
            guilt = suspicion::blamed;
        } else if (could_run > 0) {
            guilt = suspicion::blamed;
            --could_run;
        } else if (how == link_end::lost) {
            guilt = suspicion::doubted;
        }
        held.emplace_back(call, guilt);
    }
    // From the last to the first, so that each goes in front of the one before.
    for (auto call = held.rbegin(); call != held.rend(); ++call) {
        lose(call->first, call->second, why, now, done);
    }
    if (group* left = old.group; left != nullptr) {
        std::erase(left->links, index);
        if (left->links.empty()) left->linkless_since = now;
        mark(*left);
    }
    old = {};
    free_links_.push_back(index);
}

// --- the fate of one call -----------------------------------------------------------------------

outcome dispatcher::failure_of(const slot& call, errc code, std::string_view text) const {
    auto about = std::make_unique<outcome::details>();
    about->function = name_of(methods_[call.method]);
    const bool waited_in_vain = code == errc::no_workers || code == errc::deadline_exceeded ||
                                code == errc::cancelled || code == errc::shutdown;
    about->text = waited_in_vain ? explained(*call.group, text) : std::string(text);
    about->attempts = call.attempts;
    return {code, {}, std::move(about)};
}

std::string dispatcher::explained(const group& of, std::string_view text) const {
    std::string told(text);
    if (of.links.empty() && !why_no_workers_.empty()) told += "; " + why_no_workers_;
    return told;
}

// Nothing if some worker of the group has the function, or if there is no worker yet.
std::optional<outcome> dispatcher::refusal(group& of, std::uint32_t method) {
    if (of.links.empty()) return std::nullopt;
    const std::string_view wanted = methods_[method];
    std::string other;
    for (const auto at : of.links) {
        if (number_of(links_[at], method) >= 0) return std::nullopt;
        for (const auto& [signature, number] : links_[at].numbers) {
            if (name_of(signature) == name_of(wanted)) other = signature;
        }
    }
    auto about = std::make_unique<outcome::details>();
    about->function = name_of(wanted);
    if (other.empty()) {
        about->text = "no worker exposes " + std::string(wanted);
        return outcome{errc::no_such_function, {}, std::move(about)};
    }
    about->text = "called as " + std::string(wanted) + ", but the workers expose " + other;
    return outcome{errc::signature_mismatch, {}, std::move(about)};
}

void dispatcher::refuse(const submission& call, errc code, std::string text,
                        std::vector<settled>& done) {
    auto about = std::make_unique<outcome::details>();
    about->function = name_of(methods_[call.method.value]);
    about->text = std::move(text);
    turn_away(call.ticket, {code, {}, std::move(about)}, done);
}

void dispatcher::turn_away(std::uint64_t ticket, outcome&& why, std::vector<settled>& done) {
    ++counters_.submitted;
    ++counters_.errors;
    done.push_back({ticket, std::move(why)});
}

call_id dispatcher::submit(submission&& call, instant now, std::vector<settled>& done) {
    const auto no = [&](errc code, std::string text) {
        refuse(call, code, std::move(text), done);
        return call_id{};
    };
    group* const found = find_group(call.group);
    if (found == nullptr) return no(errc::cancelled, "its workers were released");
    group& of = *found;
    if (of.calls >= bounds_.calls_max) {
        return no(errc::overloaded,
                  explained(of, "calls_max calls of this group are not settled yet"));
    }
    if (call.payload.size() > bounds_.message_bytes_max) {
        return no(errc::too_large,
                  wire::larger_than("the arguments", call.payload.size(),
                                    "the manager's message_bytes_max", bounds_.message_bytes_max));
    }
    if (call.policy.timeout <= duration::zero()) {
        return no(errc::deadline_exceeded, "its time was up before it began");
    }
    queue& line = queue_of(of, call.method.value);
    if (!line.known) {
        if (auto why = refusal(of, call.method.value)) {
            turn_away(call.ticket, std::move(*why), done);
            return {};
        }
        line.known = !of.links.empty();
    }
    ++counters_.submitted;
    const std::uint32_t index = take_slot();
    slot& made = slots_[index];
    made.large = call.payload.size() > base::buffer::inline_capacity;
    made.payload = std::move(call.payload);
    made.ticket = call.ticket;
    made.sequence = next_sequence_++;
    made.attempt = 0;
    made.group = &of;
    made.method = call.method.value;
    made.link = none;
    made.state = call_state::queued;
    made.starts = 0;
    made.doubts = 0;
    made.alone = made.settled = made.detached = false;
    made.policy = {call.policy.at_most_once, std::max<std::uint8_t>(call.policy.max_crashes, 1)};
    made.timed = call.policy.attempt_timeout != duration::max();
    made.attempt_timeout = call.policy.attempt_timeout;
    made.submitted = now;
    push_back(line.calls, index);
    ++of.calls;
    ++outstanding_;
    if (call.policy.timeout != duration::max()) {
        set_timer(index, base::after(now, call.policy.timeout), 0);
    }
    mark(of);
    return id_of(index);
}

inline outcome& dispatcher::settle(std::uint32_t index, bool failed, std::vector<settled>& done) {
    slot& call = slots_[index];
    assert(!call.settled && call.group != nullptr);
    ++(failed ? counters_.errors : counters_.results);
    --call.group->calls;
    --outstanding_;
    call.settled = true;
    call.group = nullptr;
    done.push_back({call.ticket, {}});
    return done.back().result;
}

void dispatcher::settle(std::uint32_t index, outcome&& result, std::vector<settled>& done) {
    const bool failed = result.error.has_value();
    settle(index, failed, done) = std::move(result);
}

// Settles a call whose worker did not say anything; the worker, if it has it, is told not to start
// it.
void dispatcher::settle_unasked(std::uint32_t index, outcome&& result, outbox* out,
                                std::vector<settled>& done) {
    slot& call = slots_[index];
    if (call.state == call_state::queued) {
        group& of = *call.group;
        unlink(call.alone ? of.suspects : queue_of(of, call.method).calls, index);
        settle(index, std::move(result), done);
        free_slot(index);
        return;
    }
    settle(index, std::move(result), done);
    call.payload = {};
    if (out != nullptr) {
        out->link(links_[call.link].to)
            .about(wire::record_type::cancel, {id_of(index), {call.attempt}});
    }
}

void dispatcher::cancel(call_id id, std::string_view why, outbox& out, std::vector<settled>& done) {
    slot* call = find(id);
    if (call == nullptr || call->settled) return;
    const auto index = static_cast<std::uint32_t>(id.value);
    settle_unasked(index, failure_of(*call, errc::cancelled, why), &out, done);
}

void dispatcher::enqueue(std::uint32_t index) {
    slot& call = slots_[index];
    call.state = call_state::queued;
    call.detached = false;
    call.link = none;
    group& of = *call.group;
    insert_in_order(call.alone ? of.suspects : queue_of(of, call.method).calls, index);
    mark(of);
}

void dispatcher::lose(std::uint32_t index, suspicion guilt, std::string_view why, instant now,
                      std::vector<settled>& done) {
    slot& call = slots_[index];
    link& with = links_[call.link];
    unlink(with.held, index);
    if (call.settled) return free_slot(index);
    const bool fatal = call.policy.at_most_once;
    if (guilt == suspicion::blamed) ++call.starts;
    if (guilt == suspicion::doubted) ++call.doubts;
    if (guilt != suspicion::none || fatal) {
        call.tried = true;
        call.attempts.push_back({with.worker, now - call.submitted, std::string(why)});
    }
    if (fatal) {
        settle(index,
               failure_of(
                   call, errc::maybe_executed,
                   "worker " + with.worker + " was lost before it answered: " + std::string(why)),
               done);
        return free_slot(index);
    }
    // Once it has taken a worker down, what was doubtful before counts too: the cap is a bound.
    const int starts = call.starts + call.doubts;
    if (guilt == suspicion::blamed && starts >= call.policy.max_crashes) {
        settle(index,
               failure_of(call, errc::poisoned,
                          std::to_string(starts) + " workers were lost while they ran it"),
               done);
        return free_slot(index);
    }
    ++counters_.reassigned;
    // What seems to have waited may have run: its answer, or that of one before it, may have been
    // lost with the worker. Alone it will be the only suspect ([P-49]). Innocent detached calls are
    // many; they are run alone only when it is about to matter.
    if (guilt != suspicion::none && (!call.detached || starts + 1 >= call.policy.max_crashes)) {
        call.alone = true;
    }
    enqueue(index);
}

inline void dispatcher::give_slot_back(link& at, slot& call) {
    if (call.detached) return;
    --at.slots_held;
    at.window.answered();
}

inline void dispatcher::put_down(std::uint32_t index, instant now) {
    slot& call = slots_[index];
    link& at = links_[call.link];
    unlink(at.held, index);
    give_slot_back(at, call);
    if (call.timed) --at.timed;
    if (at.timed != 0) start_clocks(at, now);
    if (at.held.size == 0) at.exclusive = false;
    if (at.group != nullptr) mark(*at.group);
}

// An attempt's time runs from when its worker may have started it: waiting behind others is free.
void dispatcher::start_clocks(link& at, instant now) {
    std::size_t runs = 0;
    for (auto index = at.held.first; index != none && runs < at.concurrency;
         index = slots_[index].next) {
        slot& call = slots_[index];
        if (call.detached) continue;
        ++runs;
        if (call.running) continue;
        call.running = true;
        if (call.timed) {
            set_timer(index, base::after(now, call.attempt_timeout), call.attempt);
        }
    }
}

inline bool dispatcher::answered(std::uint32_t index, bool failed, instant now,
                                 std::vector<settled>& done) {
    put_down(index, now);
    const bool awaited = !slots_[index].settled;
    if (awaited) {
        settle(index, failed, done);
    } else {
        ++counters_.stale_answers;
    }
    free_slot(index);
    return awaited;
}

void dispatcher::answered(std::uint32_t index, outcome&& result, instant now,
                          std::vector<settled>& done) {
    const bool failed = result.error.has_value();
    if (answered(index, failed, now, done)) done.back().result = std::move(result);
}

bool dispatcher::answer(link_index from, const wire::record& record, instant now,
                        std::vector<settled>& done) {
    base::byte_view body = record.body;
    const auto what = wire::take_attempt(body);
    if (!what) return false;
    const bool bare =
        record.type != wire::record_type::result && record.type != wire::record_type::failed;
    if (bare && !body.empty()) return false;
    slot* call = find(what->call);
    const bool current = call != nullptr && call->state == call_state::sent && call->link == from &&
                         call->attempt == what->number.value;
    if (!current) {
        ++counters_.stale_answers;
        return true;
    }
    const auto index = static_cast<std::uint32_t>(what->call.value);
    switch (record.type) {
        case wire::record_type::result:
            if (answered(index, false, now, done)) {
                wire::take_payload(record, body, done.back().result.payload);
            }
            return true;
        case wire::record_type::failed: {
            auto fault = wire::decode_fault(body);
            if (!fault) return false;
            outcome failed =
                failure_of(*call, wire::code_of(fault.value().error), fault.value().text);
            failed.about->type = std::move(fault.value().type);
            answered(index, std::move(failed), now, done);
            return true;
        }
        case wire::record_type::returned:
            if (call->settled) {
                put_down(index, now);
                free_slot(index);
                return true;
            }
            links_[from].paused = true;
            if (call->policy.at_most_once) {
                answered(index,
                         failure_of(
                             *call, errc::cancelled,
                             "its worker gave it back unstarted, and at_most_once forbids another"),
                         now, done);
            } else {
                put_down(index, now);
                ++counters_.reassigned;
                enqueue(index);
            }
            return true;
        case wire::record_type::detached:
            if (call->detached) return false;
            give_slot_back(links_[from], *call);
            call->detached = true;
            if (links_[from].timed != 0) start_clocks(links_[from], now);
            if (links_[from].group != nullptr) mark(*links_[from].group);
            return true;
        case wire::record_type::started: return call->policy.at_most_once;
        default: return false;
    }
}

// --- time ---------------------------------------------------------------------------------------

void dispatcher::set_timer(std::uint32_t index, instant at, std::uint32_t attempt) {
    timers_.set(at, {id_of(index), attempt},
                [this](const auto& each) { return is_void(each.subject); });
}

// Its call is settled, or the attempt is over.
bool dispatcher::is_void(const call_timer& timer) {
    const slot* call = find(timer.call);
    if (call == nullptr || call->settled) return true;
    return timer.attempt != 0 &&
           !(call->state == call_state::sent && call->attempt == timer.attempt);
}

void dispatcher::expire(const call_timer& due, outbox& out, std::vector<settled>& done,
                        std::vector<link_index>& hung) {
    if (is_void(due)) return;
    const slot* call = find(due.call);
    const auto index = static_cast<std::uint32_t>(due.call.value);
    if (due.attempt == 0) {
        settle_unasked(index,
                       failure_of(*call, errc::deadline_exceeded, "not settled by its deadline"),
                       &out, done);
    } else {
        const link_index at = call->link;
        settle_unasked(index,
                       failure_of(*call, errc::attempt_timeout,
                                  "worker " + links_[at].worker + " did not answer in time"),
                       nullptr, done);
        if (std::find(hung.begin(), hung.end(), at) == hung.end()) hung.push_back(at);
    }
}

void dispatcher::advance_to(instant now, outbox& out, std::vector<settled>& done,
                            std::vector<link_index>& hung) {
    while (const auto due = timers_.pop_due(now)) expire(due->subject, out, done, hung);
    if (impatient_groups_ == 0) return;
    for (auto& [id, of] : groups_) {
        if (of.policy.no_workers_timeout == duration::max() || !of.links.empty() || of.calls == 0) {
            continue;
        }
        const auto starve = [&, &of = of](list& waiting) {  // clang 14 captures no binding
            for (std::uint32_t index = waiting.first; index != none;) {
                const std::uint32_t next = slots_[index].next;
                const instant since = std::max(of.linkless_since, slots_[index].submitted);
                if (now >= base::after(since, of.policy.no_workers_timeout)) {
                    settle_unasked(
                        index,
                        failure_of(slots_[index], errc::no_workers, "no worker came in time"),
                        nullptr, done);
                }
                index = next;
            }
        };
        for (auto& line : of.queues) starve(line.calls);
        starve(of.suspects);
    }
}

instant dispatcher::next_deadline() const {
    instant next = timers_.next();
    if (impatient_groups_ == 0) return next;
    for (const auto& [id, of] : groups_) {
        if (of.policy.no_workers_timeout == duration::max() || !of.links.empty()) continue;
        const auto consider = [&, &of = of](const list& waiting) {
            for (std::uint32_t index = waiting.first; index != none; index = slots_[index].next) {
                const instant since = std::max(of.linkless_since, slots_[index].submitted);
                next = std::min(next, base::after(since, of.policy.no_workers_timeout));
                if (since == of.linkless_since) break;  // none of the later ones is due sooner
            }
        };
        for (const auto& line : of.queues) consider(line.calls);
        consider(of.suspects);
    }
    return next;
}

// --- who gets which call ------------------------------------------------------------------------

inline std::size_t dispatcher::credit(link& at) {
    if (at.paused || at.exclusive || at.slots_held >= at.window.size()) return 0;
    if (at.reserved_for.value != 0) {
        const slot* suspect = find(at.reserved_for);
        const bool waits = suspect != nullptr && suspect->state == call_state::queued;
        if (waits) return 0;
        at.reserved_for = {};
    }
    const std::size_t room =
        bounds_.calls_per_worker_max - std::min(bounds_.calls_per_worker_max, at.held.size);
    return std::min(at.window.size() - at.slots_held, room);
}

// A call that is sent behind large arguments waits until they have arrived. So it goes elsewhere,
// unless it would have to queue there, and not here.
bool dispatcher::rather(const link& one, const link& other, instant now) {
    const auto has_bulk = [now](const link& at) {
        return now < at.bulk_until && at.held.size != 0;
    };
    const auto is_full = [](const link& at) { return at.slots_held >= at.concurrency; };
    const bool bulk = has_bulk(one);
    if (bulk != has_bulk(other)) {
        const link& slow = bulk ? one : other;
        const link& quick = bulk ? other : one;
        if (is_full(slow) || !is_full(quick)) return !bulk;
    }
    return one.slots_held * other.concurrency < other.slots_held * one.concurrency;
}

bool dispatcher::is_too_large_for(const link& at, std::uint32_t call) const {
    return slots_[call].payload.size() > at.payload_bytes_max;
}

// Settles a call that workers of its group know but that none of them takes, because it is larger
// than each of them allows. False: one may take it, now or later.
bool dispatcher::turned_away_as_too_large(group& of, std::uint32_t call,
                                          std::vector<settled>& done) {
    const link* largest = nullptr;
    for (const auto index : of.links) {
        link& at = links_[index];
        if (number_of(at, slots_[call].method) < 0) continue;
        if (!is_too_large_for(at, call)) return false;
        if (largest == nullptr || at.payload_bytes_max > largest->payload_bytes_max) largest = &at;
    }
    if (largest == nullptr) return false;
    const std::string whose = "worker " + largest->worker + "'s message_bytes_max";
    const std::string why = wire::larger_than("the arguments", slots_[call].payload.size(), whose,
                                              largest->payload_bytes_max);
    settle_unasked(call, failure_of(slots_[call], errc::too_large, why), nullptr, done);
    return true;
}

std::uint32_t dispatcher::least_loaded(group& of, std::uint32_t call, instant now) {
    const std::uint32_t method = slots_[call].method;
    std::uint32_t best = none;
    const std::size_t count = of.links.size();
    for (std::size_t i = 0; i < count; ++i) {
        const link_index at = of.links[(of.turn + i) % count];
        link& candidate = links_[at];
        if (credit(candidate) == 0 || number_of(candidate, method) < 0) continue;
        if (of.is_picky && is_too_large_for(candidate, call)) continue;
        if (best == none || rather(candidate, links_[best], now)) best = at;
    }
    return best;
}

// An idle worker; or none, and the least busy one is kept free until it is idle.
dispatcher::place dispatcher::place_for_suspect(group& of, std::uint32_t call) {
    const call_id id = id_of(call);
    bool reserved = false;
    std::uint32_t least_busy = none;
    for (const auto at : of.links) {
        link& candidate = links_[at];
        if (number_of(candidate, slots_[call].method) < 0) continue;
        if (of.is_picky && is_too_large_for(candidate, call)) continue;
        const bool taken = candidate.reserved_for.value != 0 && candidate.reserved_for != id &&
                           find(candidate.reserved_for) != nullptr;
        if (taken || candidate.exclusive || candidate.paused) continue;
        if (candidate.held.size == 0) return {at, true};
        if (candidate.reserved_for == id) reserved = true;
        if (least_busy == none || candidate.held.size < links_[least_busy].held.size)
            least_busy = at;
    }
    if (!reserved && least_busy != none) links_[least_busy].reserved_for = id;
    return {none, reserved || least_busy != none};
}

void dispatcher::pump_suspects(group& of, instant now, outbox& out, std::vector<settled>& done) {
    // There may be many suspects. Each link that takes any takes one, or is kept free for one.
    auto takers = std::count_if(of.links.begin(), of.links.end(), [this](link_index at) {
        return !links_[at].exclusive && !links_[at].paused;
    });
    for (std::uint32_t call = of.suspects.first; call != none && takers > 0;) {
        const std::uint32_t next = slots_[call].next;
        if (of.is_picky && turned_away_as_too_large(of, call, done)) {
            call = next;
            continue;
        }
        const auto [at, takes] = place_for_suspect(of, call);
        if (takes) --takers;
        if (at != none) {
            for (const auto other : of.links) {
                if (links_[other].reserved_for == id_of(call)) links_[other].reserved_for = {};
            }
            send_calls(at, of.suspects, call, 1, now, out);
            links_[at].exclusive = true;
        }
        call = next;
    }
}

void dispatcher::pump(group& of, instant now, outbox& out, std::vector<settled>& done) {
    bool waiting = false;
    for (auto& line : of.queues) {
        line.blocked = false;
        waiting = waiting || line.calls.first != none;
    }
    for (const auto at : of.links) {
        links_[at].window.estimate(waiting && links_[at].held.size == 0, now);
    }
    if (of.suspects.first != none) pump_suspects(of, now, out, done);
    for (;;) {
        queue* oldest = nullptr;
        bool only = true;  // no other line has calls that may go
        for (auto& line : of.queues) {
            if (line.calls.first == none || line.blocked) continue;
            only = oldest == nullptr;
            if (only || slots_[line.calls.first].sequence < slots_[oldest->calls.first].sequence) {
                oldest = &line;
            }
        }
        if (oldest == nullptr) return;
        const std::uint32_t at = least_loaded(of, oldest->calls.first, now);
        if (at == none) {
            const bool settled =
                of.is_picky && turned_away_as_too_large(of, oldest->calls.first, done);
            oldest->blocked = !settled;
            continue;
        }
        // One, and then there may be another that is older, or a worker that has less to do.
        std::size_t run = 1;
        if (only && of.links.size() == 1 && !of.is_picky)
            run = std::min(credit(links_[at]), oldest->calls.size);
        of.turn += run;
        send_calls(at, oldest->calls, oldest->calls.first, run, now, out);
    }
}

void dispatcher::pump(instant now, outbox& out, std::vector<settled>& done) {
    for (std::size_t i = 0; i < to_pump_.size(); ++i) {
        to_pump_[i]->to_pump = false;
        pump(*to_pump_[i], now, out, done);
    }
    to_pump_.clear();
}

inline void dispatcher::move_run(list& from, list& to, std::uint32_t first, std::uint32_t last,
                                 std::size_t count) {
    const std::uint32_t before = slots_[first].previous, after = slots_[last].next;
    (before == none ? from.first : slots_[before].next) = after;
    (after == none ? from.last : slots_[after].previous) = before;
    from.size -= count;
    slots_[first].previous = to.last;
    slots_[last].next = none;
    (to.last == none ? to.first : slots_[to.last].next) = first;
    to.last = last;
    to.size += count;
}

// So many calls of one function that follow each other in `from`.
void dispatcher::send_calls(link_index to, list& from, std::uint32_t first, std::size_t count,
                            instant now, outbox& out) {
    link& at = links_[to];
    if (at.held.size == 0) {
        at.window.begin(now);
        at.bulk_until = {};
    }
    const auto function = static_cast<std::uint16_t>(number_of(at, slots_[first].method));
    bool timed = false;
    std::uint32_t index = first, last = first;
    for (std::size_t sent = 0; sent < count; ++sent) {
        slot& call = slots_[index];
        call.state = call_state::sent;
        call.link = to;
        ++call.attempt;
        call.running = false;
        if (call.timed) {
            ++at.timed;
            timed = true;
        }
        if (call.payload.size() >= bulk_bytes_min) {
            const auto bytes = static_cast<std::int64_t>(call.payload.size());
            at.bulk_until =
                std::min(base::after(std::max(at.bulk_until, now), bulk_time_a_byte * bytes),
                         base::after(now, bulk_time_max));
        }
        out.link(at.to, call.payload.size())
            .call({id_of(index), {call.attempt}}, function, call.policy.at_most_once, call.payload);
        last = index;
        index = call.next;
    }
    move_run(from, at.held, first, last, count);
    at.slots_held += count;
    counters_.sent += count;
    if (timed) start_clocks(at, now);
}

}  // namespace maus::core
