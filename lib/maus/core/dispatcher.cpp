#include "maus/core/dispatcher.hpp"

#include <algorithm>

#include "maus/base/assert.hpp"

namespace maus::core {

namespace {
outcome labelled(outcome&& of, const call_tags* with) {
    if (with != nullptr && of.about) of.about->label = with->label;
    return std::move(of);
}
std::string lost_worker(const std::string& worker, std::string_view why) {
    return "worker " + worker + " was lost before it answered: " + std::string(why);
}
}  // namespace

// --- functions and groups -----------------------------------------------------------------------

void dispatcher::add_group(group_id id, group_policy policy, instant now) {
    placement_.add_group(id, policy, now);
    if (policy.no_workers_timeout != duration::max()) ++impatient_groups_;
}

void dispatcher::remove_group(group_id id, errc code, std::string_view why,
                              std::vector<settled>& done) {
    call_group* const old = placement_.find(id);
    if (old == nullptr) return;
    for (std::uint32_t index = 0; index < calls_.size(); ++index) {
        if (calls_[index].group == old) {
            settle_unasked(index, failure_of(calls_[index], code, why), nullptr, done);
        }
    }
    if (old->policy.no_workers_timeout != duration::max()) --impatient_groups_;
    placement_.remove_group(id);
}

std::size_t dispatcher::links_in(group_id id) const {
    const auto found = placement_.groups().find(id);
    return found == placement_.groups().end() ? 0 : found->second.links.size();
}

std::size_t dispatcher::queued(group_id id) const {
    const auto found = placement_.groups().find(id);
    if (found == placement_.groups().end()) return 0;
    std::size_t sum = found->second.suspects.size + found->second.nested_suspects.size;
    for (const auto& each : found->second.lines) sum += each.calls.size;
    for (const auto at : found->second.addressed) sum += placement_[at].addressed->size();
    return sum;
}

// --- links --------------------------------------------------------------------------------------

void dispatcher::join(link_index index, group_id id, std::vector<settled>& done) {
    call_group& joined = placement_.groups().at(id);
    placement_.join(index, joined);
    for (auto& waiting : joined.lines) {
        if (waiting.known) continue;
        waiting.known = placement_.number_of(placement_[index], waiting.method) >= 0;
        while (!waiting.known && waiting.calls.first != no_index) {
            const std::uint32_t first = waiting.calls.first;
            settle_unasked(first, *refusal(joined, waiting.method), nullptr, done);
        }
    }
    placement_.mark(joined);
}

void dispatcher::complete(group_id id, std::vector<settled>& done) {
    call_group& whole = placement_.groups().at(id);
    const auto refuse_all = [&](call_list& waiting, std::uint32_t method) {
        for (std::uint32_t index = waiting.first; index != no_index;) {
            const std::uint32_t next = calls_[index].next;
            if (calls_[index].method == method) {
                settle_unasked(index, *refusal(whole, method), nullptr, done);
            }
            index = next;
        }
    };
    for (auto& line : whole.lines) {
        line.known = !refusal(whole, line.method);
        if (line.known) continue;
        refuse_all(line.calls, line.method);
        refuse_all(whole.suspects, line.method);
        refuse_all(whole.nested_suspects, line.method);
    }
}

void dispatcher::round_trip(link_index index, duration measured) {
    placement_[index].window.round_trip(measured);
}

bool dispatcher::taken(link_index index, std::uint64_t bytes, instant now) {
    transfers* const large = large_of(index);
    if (large == nullptr || !large->taken(bytes, now)) return false;
    placement_.mark_large(index);
    return true;
}

void dispatcher::resume(link_index index, instant now) {
    worker_link& at = placement_[index];
    if (!at.returns.end(now)) return;
    if (at.group != nullptr) placement_.mark(*at.group);
}

void dispatcher::remove_link(link_index index, link_end how, std::string_view why, instant now,
                             std::vector<settled>& done) {
    worker_link& old = placement_[index];
    std::vector<std::pair<std::uint32_t, suspicion>> held;
    std::size_t could_run = how == link_end::lost ? old.concurrency : 0;
    const bool others_run = old.slots_held != 0;
    for (std::uint32_t call = old.held.first; call != no_index; call = calls_[call].next) {
        // Detached calls, and those that wait for their callers, run beside the slots; of the others
        // the first ones run ([P-49], [P-111]).
        auto guilt = suspicion::innocent;
        if (calls_[call].state == call_state::sending) {
            // Its worker does not know of it.
        } else if (how == link_end::lost && calls_[call].callbacks != 0) {
            // It waited for its caller. Who ran meanwhile is rather to blame, unless it was alone but
            // for what it wanted itself.
            const bool is_innocent = others_run && !calls_[call].alone;
            guilt = is_innocent ? suspicion::doubted : suspicion::blamed;
        } else if (how == link_end::lost && calls_[call].detached) {
            guilt = suspicion::blamed;
        } else if (could_run > 0) {
            guilt = suspicion::blamed;
            --could_run;
        } else if (how == link_end::lost && calls_[call].alone) {
            guilt = suspicion::blamed;  // what it ran beside had waited for it
        } else if (how == link_end::lost) {
            guilt = suspicion::doubted;
        }
        held.emplace_back(call, guilt);
    }
    // From the last to the first, so that each goes in front of the one before.
    for (auto call = held.rbegin(); call != held.rend(); ++call) {
        lose(call->first, call->second, why, now, done);
    }
    if (old.addressed) lose_addressed(index, why, done);
    placement_.remove_link(index, now);
}

// --- the fate of one call -----------------------------------------------------------------------

outcome dispatcher::failure_of(const call_slot& call, errc code, std::string_view text) const {
    MAUS_ASSERT(call.group != nullptr, "a settled call fails");
    auto about = std::make_unique<outcome::details>();
    about->function = name_of(placement_.signature(call.method));
    const bool waited_in_vain = code == errc::no_workers || code == errc::deadline_exceeded ||
                                code == errc::cancelled || code == errc::shutdown;
    about->text = waited_in_vain ? explained(*call.group, text) : std::string(text);
    about->attempts = call.attempts;
    about->label = call.policy.label();
    if (const auto* items = call.stream()) about->delivered = items->delivered();
    return {code, {}, std::move(about)};
}

std::string dispatcher::explained(const call_group& of, std::string_view text) const {
    std::string told(text);
    if (of.links.empty() && !why_no_workers_.empty()) told += "; " + why_no_workers_;
    return told;
}

// Nothing if some worker of the group has the function, or if there is no worker yet.
std::optional<outcome> dispatcher::refusal(call_group& of, std::uint32_t method) {
    if (of.links.empty()) return std::nullopt;
    for (const auto at : of.links) {
        if (placement_.number_of(placement_[at], method) >= 0) return std::nullopt;
    }
    return refusal_by(of.links, method);
}

void dispatcher::refuse(const submission& call, errc code, std::string text,
                        std::vector<settled>& done) {
    auto about = std::make_unique<outcome::details>();
    about->function = name_of(placement_.signature(call.method.value));
    about->text = std::move(text);
    turn_away(call, {code, {}, std::move(about)}, done);
}

void dispatcher::turn_away(const submission& call, outcome&& why, std::vector<settled>& done) {
    ++counters_.submitted;
    ++counters_.errors;
    done.emplace_back(call.ticket, labelled(std::move(why), call.options.tags.get()));
}

call_id dispatcher::submit(submission&& call, instant now, std::vector<settled>& done) {
    const auto no = [&](errc code, std::string text) {
        refuse(call, code, std::move(text), done);
        return call_id{};
    };
    call_group* const found = placement_.find(call.group);
    if (found == nullptr) return no(errc::cancelled, "its workers were released");
    call_group& of = *found;
    if (of.calls >= limits_.calls_max) {
        return no(errc::overloaded,
                  explained(of, "calls_max calls of this group are not settled yet"));
    }
    if (call.payload.size() > limits_.message_bytes_max) {
        return no(errc::too_large,
                  wire::larger_than("the arguments", call.payload.size(),
                                    "the manager's message_bytes_max", limits_.message_bytes_max));
    }
    if (const auto bytes = call.options.script_bytes(); bytes > limits_.script_bytes_max) {
        return no(errc::too_large,
                  wire::larger_than("the text of its scripts", bytes,
                                    "the manager's script_bytes_max", limits_.script_bytes_max));
    }
    if (call.options.timeout <= duration::zero()) {
        return no(errc::deadline_exceeded, "its time was up before it began");
    }
    call_line* line = nullptr;
    link_index only = no_index;
    if (call.options.is_addressed()) [[unlikely]] {
        only = link_for(of, call, done);
        if (only == no_index) return {};
    } else {
        line = &placement::line_of(of, call.method.value, call.options.priority, call.nested);
    }
    if (line != nullptr && !line->known) {
        if (auto why = refusal(of, call.method.value)) {
            turn_away(call, std::move(*why), done);
            return {};
        }
        line->known = !of.links.empty();
    }
    ++counters_.submitted;
    const std::uint32_t index = calls_.take();
    call_slot& made = calls_[index];
    made.bytes = static_cast<std::uint32_t>(call.payload.size());
    made.large = call.payload.size() > base::buffer::inline_capacity;
    made.payload = std::move(call.payload);
    made.ticket = call.ticket;
    made.sequence = next_sequence_++;
    made.attempt = 0;
    made.group = &of;
    made.method = call.method.value;
    made.link = no_index;
    made.state = call_state::queued;
    made.starts = 0;
    made.doubts = 0;
    made.alone = made.settled = made.detached = false;
    made.callbacks = 0;
    made.nested = call.nested;
    const duration timeout = call.options.timeout;
    made.policy = std::move(call.options);
    if (made.policy.max_crashes == 0) made.policy.max_crashes = 1;
    made.items = std::move(call.items);
    made.hedged = false;
    made.submitted = now;
    made.deadline = never;
    if (line != nullptr) {
        calls_.push_back(line->calls, index);
    } else {
        placement_.enqueue_for(index, only);
    }
    ++of.calls;
    ++outstanding_;
    if (timeout != duration::max()) {
        made.deadline = base::after(now, timeout);
        timers_.set(made.deadline, {calls_.id_of(index)});
    }
    placement_.mark(of);
    return calls_.id_of(index);
}

inline outcome& dispatcher::settle(std::uint32_t index, bool failed, std::vector<settled>& done) {
    call_slot& call = calls_[index];
    MAUS_ASSERT(!call.settled && call.group != nullptr, "a settled call is settled again");
    ++(failed ? counters_.errors : counters_.results);
    --call.group->calls;
    --outstanding_;
    call.settled = true;
    call.group = nullptr;
    return done.emplace_back(call.ticket).result;
}

void dispatcher::settle(std::uint32_t index, outcome&& result, std::vector<settled>& done) {
    const bool failed = result.error.has_value();
    settle(index, failed, done) = labelled(std::move(result), calls_[index].policy.tags.get());
}

// Settles a call whose worker did not say anything; the worker, if it has it, is told not to start
// it.
void dispatcher::settle_unasked(std::uint32_t index, outcome&& result, outbox* out,
                                std::vector<settled>& done) {
    call_slot& call = calls_[index];
    if (call.partner != no_index && settle_hedged(index, result, done)) return;
    if (call.state == call_state::queued) {
        calls_.unlink(placement_.list_of(call), index);
        settle(index, std::move(result), done);
        calls_.free(index);
        return;
    }
    if (call.state == call_state::sending && out != nullptr) {
        placement_.withdraw(index, *out);
        settle(index, std::move(result), done);
        calls_.free(index);
        return;
    }
    settle(index, std::move(result), done);
    placement_.note_orphan(index);
    call.payload = {};
    if (out != nullptr) {
        out->link(placement_[call.link].to)
            .about(wire::record_type::cancel, {calls_.id_of(index), {call.attempt}});
    }
}

void dispatcher::cancel(call_id id, std::string_view why, outbox& out, std::vector<settled>& done) {
    call_slot* call = calls_.find(id);
    if (call == nullptr || call->settled) return;
    const std::uint32_t index = call_table::index_of(id);
    settle_unasked(index, failure_of(*call, errc::cancelled, why), &out, done);
}

void dispatcher::lose(std::uint32_t index, suspicion guilt, std::string_view why, instant now,
                      std::vector<settled>& done) {
    if (calls_[index].partner != no_index) return lose_hedged(index, guilt, why, now, done);
    call_slot& call = calls_[index];
    const bool was_sent = call.state == call_state::sent;
    MAUS_ASSERT(was_sent || call.state == call_state::sending, "a call is lost that no worker has");
    worker_link& with = placement_[call.link];
    calls_.unlink(with.held, index);
    if (call.settled) return calls_.free(index);
    if (!was_sent) --call.attempt;  // its worker was never told the number
    const bool fatal = was_sent && call.at_most_once();
    if (guilt == suspicion::blamed) ++call.starts;
    if (guilt == suspicion::doubted) ++call.doubts;
    if (guilt != suspicion::innocent || fatal || (was_sent && call.is_addressed())) {
        call.tried = true;
        call.attempts.push_back({with.worker, now - call.submitted, std::string(why)});
    }
    if (call.is_addressed()) {
        settle(index, failure_of(call, errc::worker_lost, lost_worker(with.worker, why)), done);
        return calls_.free(index);
    }
    if (fatal) {
        settle(index, failure_of(call, errc::maybe_executed, lost_worker(with.worker, why)), done);
        return calls_.free(index);
    }
    if (is_broken(call)) {
        settle(
            index,
            failure_of(call, errc::stream_broken,
                       std::to_string(call.stream()->delivered()) + " items had come when worker " +
                           with.worker + " was lost: " + std::string(why)),
            done);
        return calls_.free(index);
    }
    // Once it has taken a worker down, what was doubtful before counts too: the cap is a bound.
    const int starts = call.starts + call.doubts;
    if (guilt == suspicion::blamed && starts >= call.policy.max_crashes) {
        settle(index,
               failure_of(call, errc::poisoned,
                          std::to_string(starts) + " workers were lost while they ran it"),
               done);
        return calls_.free(index);
    }
    if (was_sent) ++counters_.reassigned;
    // What seems to have waited may have run: its answer, or that of one before it, may have been
    // lost with the worker. Alone it will be the only suspect ([P-49]). Innocent detached calls are
    // many; they are run alone only when it is about to matter.
    if (guilt != suspicion::innocent && (!call.detached || starts + 1 >= call.policy.max_crashes)) {
        call.alone = true;
    }
    placement_.enqueue(index);
}

inline bool dispatcher::answered(std::uint32_t index, bool failed, instant now,
                                 std::vector<settled>& done) {
    placement_.put_down(index, now);
    const bool awaited = !calls_[index].settled;
    if (awaited) {
        settle(index, failed, done);
    } else {
        ++counters_.stale_answers;
    }
    calls_.free(index);
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
    const auto attempt = wire::take_attempt(body);
    if (!attempt) return false;
    const bool bare =
        record.type != wire::record_type::result && record.type != wire::record_type::failed;
    if (bare && !body.empty()) return false;
    call_slot* const call = current(from, *attempt);
    if (call == nullptr) {
        const std::uint32_t one = find_hedged(from, *attempt);
        if (one != no_index) return answer_hedged(one, record, body, now, done);
        ++counters_.stale_answers;
        return true;
    }
    const std::uint32_t index = call_table::index_of(attempt->call);
    switch (record.type) {
        case wire::record_type::result:
            placement_[from].returns.answered();
            if (answered(index, false, now, done)) {
                wire::take_payload(record, body, done.back().result.payload);
                if (call->converted && call->stream() == nullptr)
                    [[unlikely]]  // its slot is free, and as it was
                    convert_result(from, *call, done.back());
            }
            return true;
        case wire::record_type::failed: {
            auto fault = wire::decode_fault(body, limits_);
            if (!fault) return false;
            placement_[from].returns.answered();
            if (call->settled) {  // nobody wants to know why, and it has no group any more
                (void)answered(index, true, now, done);
                return true;
            }
            outcome failed =
                failure_of(*call, wire::code_of(fault.value().error), fault.value().text);
            failed.about->type = std::move(fault.value().type);
            answered(index, std::move(failed), now, done);
            return true;
        }
        case wire::record_type::returned:
            if (call->settled) {
                placement_.put_down(index, now);
                calls_.free(index);
                return true;
            }
            if (call->stream() != nullptr && call->stream()->delivered_now() != 0) return false;
            placement_[from].returns.begin(now);
            if (call->at_most_once()) {
                answered(index,
                         failure_of(
                             *call, call->is_addressed() ? errc::worker_lost : errc::cancelled,
                             "its worker gave it back unstarted, and at_most_once forbids another"),
                         now, done);
            } else {
                placement_.put_down(index, now);
                ++counters_.reassigned;
                placement_.enqueue(index);
            }
            return true;
        case wire::record_type::detached:
            if (call->detached) return false;
            placement_.detach(index, now);
            return true;
        case wire::record_type::started: return call->at_most_once();
        default: return false;
    }
}

std::optional<std::uint64_t> dispatcher::ticket_of(link_index from, wire::attempt of) {
    const call_slot* call = current(from, of);
    if (call == nullptr && find_hedged(from, of) != no_index) call = calls_.find(of.call);
    if (call == nullptr || call->settled) return std::nullopt;
    return call->ticket;
}

}  // namespace maus::core
