// What only few calls need (dispatcher.hpp): those for one worker, those that are too large or have to be
// converted, and second attempts.
#include "maus/base/assert.hpp"
#include "maus/base/shared_buffer.hpp"
#include "maus/core/dispatcher.hpp"
#include "maus/wire/feature.hpp"

namespace maus::core {

namespace {
std::optional<std::string> why_too_large(std::size_t bytes, std::size_t script_bytes,
                                         const worker_link& at) {
    if (bytes > at.payloads.bytes_max) {
        const std::string whose =
            at.payloads.is_relays ? "the relaying parkserver" : "worker " + at.worker;
        return wire::larger_than("the arguments", bytes, whose + "'s message_bytes_max",
                                 at.payloads.bytes_max);
    }
    if (!at.scripts || script_bytes <= at.scripts->bytes_max()) return std::nullopt;
    return wire::larger_than("the text of its scripts", script_bytes,
                             "worker " + at.worker + "'s script_bytes_max",
                             at.scripts->bytes_max());
}
}  // namespace

// --- calls for one worker -----------------------------------------------------------------------

link_index dispatcher::link_for(const call_group& of, const submission& call,
                                std::vector<settled>& done) {
    const std::string& worker = call.options.tags->worker;
    const link_index at = placement_.link_of(worker, of);
    if (at == no_index) {
        refuse(call, errc::worker_lost,
               "worker " + worker + " does not serve this group (any more)", done);
        return no_index;
    }
    if (placement_.number_of(placement_[at], call.method.value) < 0) {
        turn_away(call, refusal_by({at}, call.method.value), done);
        return no_index;
    }
    const auto why =
        why_too_large(call.payload.size(), call.options.script_bytes(), placement_[at]);
    if (!why) return at;
    refuse(call, errc::too_large, *why, done);
    return no_index;
}

// None of these workers has it.
outcome dispatcher::refusal_by(const std::vector<link_index>& links, std::uint32_t method) {
    const std::string_view wanted = placement_.signature(method);
    std::string other;
    for (const auto at : links) {
        for (const auto& [signature, number] : placement_[at].numbers) {
            if (name_of(signature) == name_of(wanted)) other = signature;
        }
    }
    auto about = std::make_unique<outcome::details>();
    about->function = name_of(wanted);
    const std::string lacking = other == wanted ? placement_.lacking(links, method) : "";
    if (lacking == wire::feature_scripts) {
        about->text = "no worker that exposes it runs scripts; their owners have to allow that";
        return outcome{errc::unimplemented, {}, std::move(about)};
    }
    if (other == wanted) {
        about->text = "no worker exposes " + lacking + ", which " + std::string(about->function) +
                      " is to be given";
        return outcome{errc::no_such_function, {}, std::move(about)};
    }
    if (other.empty()) {
        about->text = "no worker exposes " + std::string(wanted);
        return outcome{errc::no_such_function, {}, std::move(about)};
    }
    about->text = "called as " + std::string(wanted) + ", but the workers expose " + other;
    return outcome{errc::signature_mismatch, {}, std::move(about)};
}

void dispatcher::lose_addressed(link_index of, std::string_view why, std::vector<settled>& done) {
    const worker_link& old = placement_[of];
    const auto lose_all = [&](const call_list& waiting) {
        while (waiting.first != no_index) {
            const call_slot& call = calls_[waiting.first];
            settle_unasked(
                waiting.first,
                failure_of(call, errc::worker_lost,
                           "worker " + old.worker +
                               " was lost before it was sent the call: " + std::string(why)),
                nullptr, done);
        }
    };
    for (const auto& line : old.addressed->lines) {
        lose_all(line.calls);
        lose_all(line.nested);
    }
}

// --- calls that no worker takes as they are -----------------------------------------------------------

// Calls that workers of their group know but that are larger than each of them allows.
void dispatcher::settle_too_large(std::vector<settled>& done) {
    for (const std::uint32_t index : placement_.too_large()) {
        const call_slot& call = calls_[index];
        const worker_link& best = *placement_.most_generous(call);
        placement_.mark(*call.group);  // what stands behind it may go now
        const auto why = why_too_large(call.payload.size(), call.policy.script_bytes(), best);
        settle_unasked(index, failure_of(call, errc::too_large, why.value()), nullptr, done);
    }
    placement_.too_large().clear();
}

// Their worker's function takes something else.
void dispatcher::settle_inconvertible(std::vector<settled>& done) {
    for (const auto& [index, why] : placement_.inconvertible()) {
        const call_slot& call = calls_[index];
        placement_.mark(*call.group);  // what stands behind it may go now
        settle_unasked(index, failure_of(call, why.code, why.message), nullptr, done);
    }
    placement_.inconvertible().clear();
}

void dispatcher::convert_result(link_index from, const call_slot& of, settled& done) {
    auto made = placement_[from].conversions.at(of.method).result(done.result.payload.view());
    if (made) {
        done.result.payload = std::move(made).value();
        return;
    }
    --counters_.results;
    ++counters_.errors;
    auto about = std::make_unique<outcome::details>();
    about->function = name_of(placement_.signature(of.method));
    about->text = made.why().message;
    about->label = of.policy.label();
    done.result = {made.why().code, {}, std::move(about)};
}

// --- second attempts ----------------------------------------------------------------------------

// The first attempt is on its way for so long that there is to be a second one.
void dispatcher::begin_hedge(std::uint32_t first) {
    const std::uint32_t index = calls_.take();  // slots may move
    call_slot& call = calls_[first];
    call_slot& made = calls_[index];
    const bool is_small = call.payload.size() <= base::buffer::inline_capacity;
    made.payload = is_small ? call.payload.copy() : base::share(call.payload);
    made.bytes = static_cast<std::uint32_t>(call.payload.size());
    made.large = !is_small;
    made.ticket = call.ticket;
    made.sequence = call.sequence;
    made.attempt = call.attempt;
    made.group = nullptr;  // it does not count there
    made.method = call.method;
    made.link = no_index;
    made.state = call_state::queued;
    made.starts = made.doubts = 0;
    made.callbacks = 0;
    made.nested = call.nested;
    made.alone = made.settled = made.detached = made.running = made.converted = false;
    made.policy = call.policy;
    made.submitted = call.submitted;
    made.deadline = call.deadline;
    made.hedged = false;
    made.is_hedge = true;
    call.numbers_spent = 0;
    made.partner = first;
    call.partner = index;
    call.state = call_state::hedged;
    calls_.push_back(call.group->hedges, index);
    placement_.mark(*call.group);
}

// Nobody was sent the second attempt.
void dispatcher::drop_hedge(std::uint32_t first) {
    calls_.unlink(calls_[first].group->hedges, calls_[first].partner);
    end_one(calls_[first].partner);
}

// One of two attempts that this worker has; no_index: it has none of that name.
std::uint32_t dispatcher::find_hedged(link_index from, wire::attempt of) const {
    const call_slot* const call = calls_.find(of.call);
    if (call == nullptr || call->partner == no_index || call->is_hedge) return no_index;
    for (const std::uint32_t index : {call_table::index_of(of.call), call->partner}) {
        const call_slot& one = calls_[index];
        const bool is_it = one.state == call_state::hedged && one.link == from;
        if (is_it && one.attempt == of.number.value) return index;
    }
    return no_index;
}

bool dispatcher::answer_hedged(std::uint32_t index, const wire::record& record,
                               base::byte_view body, instant now, std::vector<settled>& done) {
    const std::uint32_t first = first_of(index);
    const link_index from = calls_[index].link;
    using type = wire::record_type;
    if (record.type == type::started) return false;  // that is for at_most_once
    if (record.type == type::detached) {
        if (calls_[index].detached) return false;
        placement_.detach(index, now);
        return true;
    }
    if (calls_[calls_[first].partner].state == call_state::queued) {
        drop_hedge(first);
        return answer(from, record, now, done);
    }
    if (record.type == type::result) {
        placement_[from].returns.answered();
        const call_slot& its = calls_[index];  // free in the end, and as it was
        if (!answered_one(index, {}, now, done)) return true;
        wire::take_payload(record, body, done.back().result.payload);
        if (its.converted) convert_result(from, its, done.back());
        return true;
    }
    if (record.type == type::failed) {
        auto fault = wire::decode_fault(body, limits_);
        if (!fault) return false;
        placement_[from].returns.answered();
        outcome failed{errc::cancelled, {}, nullptr};  // if nobody wants to know why
        if (!calls_[first].settled) {
            failed =
                failure_of(calls_[first], wire::code_of(fault.value().error), fault.value().text);
            failed.about->type = std::move(fault.value().type);
        }
        (void)answered_one(index, std::move(failed), now, done);
        return true;
    }
    if (record.type != type::returned) return false;
    if (!calls_[first].settled) placement_[from].returns.begin(now);
    placement_.put_down(index, now);
    end_one(index);
    return true;
}

// One of two has its answer. True: somebody waited for it, and done.back() is theirs.
bool dispatcher::answered_one(std::uint32_t index, outcome&& result, instant now,
                              std::vector<settled>& done) {
    const std::uint32_t first = first_of(index);
    placement_.put_down(index, now);
    const bool awaited = !calls_[first].settled;
    if (awaited) {
        settle(first, std::move(result), done);
        give_up(index == first ? calls_[first].partner : first);
    } else {
        ++counters_.stale_answers;
    }
    end_one(index);
    return awaited;
}

// Settles both. False: there is only the first now.
bool dispatcher::settle_hedged(std::uint32_t first, outcome& result, std::vector<settled>& done) {
    const std::uint32_t second = calls_[first].partner;
    if (calls_[second].state == call_state::queued) {
        drop_hedge(first);
        return false;
    }
    settle(first, std::move(result), done);
    give_up(first);
    give_up(second);
    return true;
}

// The worker of one of two is lost, and it is in no list any more than that of its link.
void dispatcher::lose_hedged(std::uint32_t index, suspicion guilt, std::string_view why,
                             instant now, std::vector<settled>& done) {
    const std::uint32_t first = first_of(index);
    const std::uint32_t second = calls_[first].partner;
    if (calls_[second].state == call_state::queued) {
        drop_hedge(first);
        return lose(first, guilt, why, now, done);
    }
    call_slot& call = calls_[first];
    const bool detached = calls_[index].detached;
    const worker_link& with = placement_[calls_[index].link];
    calls_.unlink(placement_[calls_[index].link].held, index);
    if (!call.settled && guilt != suspicion::innocent) {
        ++(guilt == suspicion::blamed ? call.starts : call.doubts);
        call.tried = true;
        call.attempts.push_back({with.worker, now - call.submitted, std::string(why)});
        const int starts = call.starts + call.doubts;
        if (guilt == suspicion::blamed && starts >= call.policy.max_crashes) {
            settle(first,
                   failure_of(call, errc::poisoned,
                              std::to_string(starts) + " workers were lost while they ran it"),
                   done);
            give_up(index == first ? second : first);
        } else if (!detached || starts + 1 >= call.policy.max_crashes) {
            call.alone = true;  // if it is queued again
        }
    }
    end_one(index);
}

// One of two has come to its end, and is in no list. A call whose other one has, too, and that is not
// settled, goes back to the queue.
void dispatcher::end_one(std::uint32_t index) {
    const std::uint32_t first = first_of(index);
    call_slot& call = calls_[first];
    if (index == first) {
        call.state = call_state::over;
        call.detached = false;
        if (call.settled) call.payload = {};
        return;
    }
    call_slot& second = calls_[index];
    const bool was_told = second.state == call_state::hedged;
    const std::uint32_t number = second.attempt;
    second.is_hedge = false;
    second.partner = call.partner = no_index;
    calls_.free(index);
    if (call.state == call_state::hedged) {
        call.state = call_state::sent;
        if (was_told) ++call.numbers_spent;  // its own number is that of the attempt that runs
        return;
    }
    MAUS_ASSERT(call.state == call_state::over, "a second attempt has no first one");
    if (call.settled) return calls_.free(first);
    if (was_told) call.attempt = number;
    ++counters_.reassigned;
    placement_.enqueue(first);
}

// Nobody waits for it any more, but its worker may have it.
void dispatcher::give_up(std::uint32_t index) {
    call_slot& attempt = calls_[index];
    if (attempt.state == call_state::over) return;
    placement_.note_orphan(index);
    attempt.settled = true;
    attempt.payload = {};
    losers_.push_back(calls_.id_of(index));
}

// Some have been answered meanwhile, or have lost their worker.
void dispatcher::cancel_losers(outbox& out) {
    for (const call_id which : std::exchange(losers_, {})) {
        const call_slot* const call = calls_.find(which);
        if (call == nullptr || call->state == call_state::over) continue;
        const std::uint32_t index = call_table::index_of(which);
        if (call->state == call_state::sending) {
            placement_.withdraw(index, out);
            end_one(index);
        } else {
            out.link(placement_[call->link].to)
                .about(wire::record_type::cancel, placement_.attempt_of(index));
        }
    }
}

}  // namespace maus::core
