#include "checkers.hpp"

#include <algorithm>
#include <iterator>

namespace maus::sim {

void checkers::tally::add(const tally& more) {
    calls += more.calls;
    results += more.results;
    errors += more.errors;
    executions += more.executions;
    poisoned += more.poisoned;
    innocent_poisoned += more.innocent_poisoned;
}

void checkers::fail(const char* invariant, const fact& about, const std::string& text) {
    char at[32];
    std::snprintf(at, sizeof at, "%.6f",
                  static_cast<double>(about.at.time_since_epoch().count()) / 1e9);
    failures_.push_back(std::string(invariant) + " at " + at + ": " + text + " [" +
                        describe(about) + "]");
}

void checkers::see(const fact& what) {
    ++seen_;
    if (portion_ && (what.what != fact::kind::offered || what.token != portion_->token ||
                     what.at != portion_->at)) {
        end_portion();
    }
    note_change(what);
    switch (what.what) {
        case fact::kind::submitted: return submitted(what);
        case fact::kind::sent: return sent(what);
        case fact::kind::started: return started(what);
        case fact::kind::asks: return asks(what);
        case fact::kind::hears: return hears(what);
        case fact::kind::called_back: return called_back(what);
        case fact::kind::replied: return replied(what);
        case fact::kind::progressed:
            return expect(what.right, "P-95", what, "progress of a call that nobody waits for");
        case fact::kind::ended: return ended(what);
        case fact::kind::got: return got(what);
        case fact::kind::read: return read(what);
        case fact::kind::settled: return settled(what);
        case fact::kind::cancelled: return cancelled(what);
        case fact::kind::left: return left(what);
        case fact::kind::died: return died(what);
        case fact::kind::joined:
            // Of real processes nobody saw what was sent when.
            if (real_) left_as_.erase({what.process, what.worker});
            return joined(what);
        case fact::kind::requested: return requested(what);
        case fact::kind::released:
            groups_[{what.process, what.life}][what.group].released = true;
            return;
        case fact::kind::wanted:
            wanted_[what.token] = {{what.process, what.life}, what.group};
            return;
        case fact::kind::offered: return offered(what);
        case fact::kind::told: return told(what);
        case fact::kind::named: return named(what);
        case fact::kind::enrolled: return enrolled(what);
        case fact::kind::parted: return parted(what);
        case fact::kind::asked: asked(what); return claims_anew(what);
        case fact::kind::unasked: return unasked(what);
        case fact::kind::relayed: return relayed(what);
        case fact::kind::given: return given(what);
        case fact::kind::gave: return gave(what);
        case fact::kind::answered: return answered(what);
        case fact::kind::dismissed:
            services_[{what.process, what.life}].dismissed.insert({what.link, what.lease});
            return;
        case fact::kind::greeted:
            hellos_[what.stamp].push_back({{what.process, what.life},
                                           what.worker,
                                           what.incarnation,
                                           what.token,
                                           what.amount});
            return;
        case fact::kind::welcomed: return welcomed(what);
        case fact::kind::stuck: return fail("I6", what, what.text);
        case fact::kind::count:
            return expect(what.ticket == what.call, "I7", what,
                          what.text + " is " + std::to_string(what.ticket) + ", not " +
                              std::to_string(what.call));
        case fact::kind::note:
            if (what.text == "cancel") calls_[what.ticket].cancelled = true;
            if (what.text == "its clock stands still")
                clock_stood_.insert({what.process, what.life});
            if (what.text == "stop") stopped_managers_.insert({what.process, what.life});
            return;
        case fact::kind::booted:
            if (what.text.starts_with("parkserver")) parkservers_.insert(what.process);
            if (what.text.starts_with("stranger")) strangers_.insert(what.process);
            return;
        case fact::kind::dialled: return dialled(what);
        case fact::kind::hooked: services_[{what.process, what.life}].has_hooks = true; return;
        case fact::kind::hook_began: return hook_began(what);
        case fact::kind::hook_ended: return hook_ended(what);
        case fact::kind::freed: return freed(what);
        case fact::kind::serves: return serves(what);
        case fact::kind::holds: return holds(what);
        case fact::kind::lost: return lost_one(what);
        case fact::kind::row: return row(what);
        case fact::kind::has: return has(what);
        case fact::kind::heard: return heard(what);
    }
}

void checkers::requested(const fact& what) {
    group_state& made = groups_[{what.process, what.life}][what.group];
    made.amount = what.elastic ? what.most : what.amount;
    made.min = what.elastic ? what.amount : 0;
}

void checkers::submitted(const fact& what) {
    ++counts_.calls;
    call& made = calls_[what.ticket];
    made.manager = {what.process, what.life};
    made.id = what.call;
    made.which = static_cast<function>(what.function);
    made.group = what.group;
    made.at_most_once = what.at_most_once;
    made.nested = what.nested;
    made.cap = what.max_crashes;
    made.argument = what.argument;
    made.submitted = what.local;
    made.deadline = what.deadline;
    made.sent_at = what.local;  // if nobody sees when it is sent
    made.attempt_timeout = what.attempt_timeout;
    made.replayable = what.replayable;
    made.moved = what.local;
    made.patience = what.patience;
    made.only = what.worker;
    if (!made.at_most_once && made.only.none()) made.hedge_after = what.hedge_after;
    if (real_ || what.call == 0) return;  // what was not seen, or refused, is not open
    expect(++groups_[made.manager][made.group].open <= bounds_.calls_max, "I7", what,
           "more calls of a group are outstanding than calls_max");
}

void checkers::sent(const fact& what) {
    expect(what.right, "I3", what, "a call was sent whose payload is not as it was submitted");
    expect(what.text.empty(), "P-103", what, "a call was sent");
    const auto found = calls_.find(what.ticket);
    if (found == calls_.end()) return fail("I1", what, "a call was sent that nobody submitted");
    call& of = found->second;
    expect(of.id == what.call, "I3", what, "a call was sent under another id");
    expect(of.manager == life_key{what.process, what.life}, "I3", what,
           "a call was sent by another manager");
    expect(what.attempt == of.sent + 1, "I4", what, "the attempts are not numbered in order");
    // A call may settle between the moment it was written and the moment the transport takes it.
    expect(!of.at_most_once || of.sent == 0, "I5", what, "an at_most_once call was sent again");
    expect(of.at_most_once == what.at_most_once, "I5", what, "the at_most_once flag is wrong");
    expect(of.which != function::items || of.replayable || of.items == 0, "P-116", what,
           "a stream of which items have come begins again");
    batch& with = batches_[what.process];
    if (with.at != what.at || with.link != what.link || with.lease != what.lease) {
        with = {what.at, what.link, what.lease, {}};
    }
    // A large one gets its worker before it is sent, and older ones may come back to the queue meanwhile.
    // A second attempt goes when there is room; its manager may not have heard yet that the first is over.
    const bool is_second = of.is_hedged() && !of.attempts.empty();
    if (!what.large && !is_second && of.only.none()) {
        auto& newest = with.newest[{of.group, of.which}];
        expect(newest < what.ticket, "P-48", what, "a newer call was sent before it");
        newest = std::max(newest, what.ticket);
    }
    expect(what.local < what.silent_at, "P-36", what, "it was sent to a worker that is silent");
    const auto link = links_.find({of.manager, what.link, what.lease});
    expect(link != links_.end(), "P-33", what, "it was sent to nobody who was welcomed");
    if (link != links_.end()) {
        of.sent_to = link->second.from.said_by;
        of.sent_worker = link->second.from.worker;
        sent_over(link->second, what);
        sent_beside(what, of, link->second);
    }
    running_at_[of.runs_at].erase(what.ticket);
    of.sent = what.attempt;
    of.sent_as = seen_;
    of.sent_at = what.local;
}

// A worker's credit: what it runs and one more, and then as many more as it has answered, up to
// prefetch_max. So who answers nothing hoards nothing.
void checkers::sent_over(linked& over, const fact& what) {
    // What a callable waits for goes beside the other calls of a worker that asks.
    const auto whose = calls_.find(what.ticket);
    const bool nested = whose != calls_.end() && whose->second.nested;
    handed_[{over.from.said_by, what.call, what.attempt}] = {what.ticket, &over, false, nested};
    over.nested += nested ? 1 : 0;
    over.nested_open += nested ? 1 : 0;
    const std::size_t waits_most =
        std::clamp<std::size_t>(bounds_.prefetch_max, 1, 1 + over.slots_back);
    const std::size_t beside = over.slots_back + over.asking + over.nested;
    ++over.sent;
    const std::size_t held = over.sent - std::min(over.sent, beside);
    over.held_most = std::max(over.held_most, over.sent - over.answered);
    const std::size_t most = bounds_.calls_per_worker_max;
    const std::size_t open = over.sent - over.answered;
    expect(open <= most + std::min(most, over.nested_open), "credit", what,
           "its worker holds more than calls_per_worker_max");
    const bool is_awaited = nested && (over.asking != 0 || over.called != 0);
    // A large one was given credit when its first part was sent, when perhaps another asked.
    expect(is_awaited || what.large || held <= over.from.concurrency + waits_most, "credit", what,
           "its worker has " + std::to_string(held) + " calls, runs " +
               std::to_string(over.from.concurrency) + " at a time, and has answered " +
               std::to_string(over.slots_back));
    // What was written before in the same step goes on its way now, and large ones were begun before.
    expect(!over.rests || what.large || what.at == over.rests_since, "P-37", what,
           "its worker has returned what it was sent, and is sent more too early");
    // Nor does who detaches everything.
    const std::size_t detached_most =
        over.from.concurrency * bounds_.detached_per_slot_max + over.answered;
    expect(over.sent - over.answered <= over.from.concurrency + 1 + over.answered + detached_most +
                                            over.asking + over.nested,
           "credit", what, "its worker detaches what it is sent, and hoards it");
}

// Who returns calls that nobody cancelled gets no more until it pings, and is left in peace for ever longer if it
// goes on like that.
void checkers::heard(const fact& what) {
    constexpr duration shortest = std::chrono::milliseconds{10}, longest = std::chrono::seconds{5};
    const auto link = links_.find({{what.process, what.life}, what.link, what.lease});
    if (link == links_.end()) return;
    linked& over = link->second;
    if (what.text == "answered") {
        over.next_rest = {};
    } else if (what.text == "ping") {
        if (what.local >= over.rests_until) over.rests = false;
    } else {
        const auto sent = handed_.find({over.from.said_by, what.call, what.attempt});
        if (sent == handed_.end() || sent->second.over != &over) return;
        const call& of = calls_.at(sent->second.ticket);
        const bool is_newest = what.attempt == of.sent && !of.is_hedged();
        if (of.settled != 0 || !is_newest || std::exchange(over.rests, true)) return;
        over.rests_since = what.at;
        over.rests_until = base::after(what.local, over.next_rest);
        over.next_rest = std::clamp(over.next_rest * 2, shortest, longest);
    }
}

void checkers::started(const fact& what) {
    ++counts_.executions;
    worker_of_[what.process] = what.worker;
    expect(what.right, "I3", what, "a function was given what is not its arguments");
    const auto found = calls_.find(what.ticket);
    if (found == calls_.end()) return fail("I1", what, "something ran that nobody submitted");
    call& of = found->second;
    if (real_) learn_from_start(what, of);
    expect(of.argument == what.argument, "I3", what, "a function was given wrong arguments");
    expect(of.started.insert(what.attempt).second, "I5", what, "one attempt ran twice");
    expect(!of.at_most_once || of.started.size() == 1, "I5", what,
           "an at_most_once call ran twice");
    expect(of.id == what.call && what.attempt <= of.sent, "I4", what, "it ran under a wrong name");
    // A worker whose clock stood still can't know.
    const bool clock_stood = clock_stood_.contains({what.process, what.life});
    expect(clock_stood || !given_up_.contains({what.manager, what.worker}), "I4", what,
           "it started after its manager had given the worker up for silence");

    const auto gone = left_as_.find({of.manager.first, what.worker});
    const bool in_vain = gone != left_as_.end() && gone->second > of.sent_as;
    if (of.is_hedged() && what.attempt <= of.attempts.size()) {
        call::attempt& its = of.attempts[what.attempt - 1];
        const bool is_over = its.ended || (gone != left_as_.end() && gone->second > its.sent_as);
        if (of.settled == 0 && !is_over) {
            its.runs = what.at;
            running_at_[what.worker].insert(what.ticket);
        }
    } else if (what.attempt == of.sent && of.settled == 0 && !in_vain) {
        of.started_at = what.at;
        of.runs_attempt = what.attempt;
        of.runs_at = what.worker;
        of.runs_on = what.process;
        running_at_[what.worker].insert(what.ticket);
    }
    service& here = services_[{what.process, what.life}];
    expect(what.link >= here.link, "I8", what, "a call of an older link started");
    for (const auto& [which, link] : here.running) {
        expect(link == what.link, "I8", what, "functions of two leases run at once");
    }
    expect(!here.has_hooks || here.is == service::setting::set_up, "P-107", what,
           "it started while its worker was not set up");
    here.link = what.link;
    const auto task = here.given.find({what.call, what.attempt});
    expect(task == here.given.end() || !here.dismissed.contains(task->second.over), "P-42", what,
           "it started after its manager had said goodbye");
    if (of.which == function::poison) here.poisoned_by.insert(what.manager);
    if (!may_detach(of.which, of.argument)) here.running[{what.call, what.attempt}] = what.link;
    if (what.lease.none()) return;
    const std::tuple owner{what.process, what.life, what.manager};
    expect(leases_.emplace(what.lease, owner).first->second == owner, "I8", what,
           "one lease, but two workers or two managers");
}

// An attempt that started was sent. Whoever was given up for silence starts at most the one function
// that it had already decided to start when it was stopped.
void checkers::learn_from_start(const fact& what, call& of) {
    if (of.id == 0) of.id = what.call;
    if (what.attempt > of.sent) {
        of.sent = what.attempt;
        of.sent_as = seen_;
    }
    link_of_[what.worker] = std::max(link_of_[what.worker], what.link);
    const auto gave_up = gave_up_link_.find({what.manager, what.worker});
    if (gave_up == gave_up_link_.end()) return;
    if (what.link > gave_up->second) {
        gave_up_link_.erase(gave_up);
    } else if (given_up_.erase({what.manager, what.worker}) == 0) {
        fail("I4", what, "it went on starting after its manager had given it up for silence");
    }
    given_up_.erase({what.manager, what.worker});
}

void checkers::ended(const fact& what) {
    services_[{what.process, what.life}].running.erase({what.call, what.attempt});
    const auto found = calls_.find(what.ticket);
    if (found == calls_.end()) return;
    found->second.ended.insert(what.attempt);
    found->second.ended_as = seen_;
}

void checkers::settled(const fact& what) {
    ++(what.error ? counts_.errors : counts_.results);
    const auto found = calls_.find(what.ticket);
    // The program did not wait for it: either it was never made or it was settled before.
    if (found == calls_.end()) return fail("I1", what, "a call settled that nobody submitted");
    call& of = found->second;
    expect(of.manager == life_key{what.process, what.life}, "I1", what,
           "a call settled at another manager");
    if (++of.settled > 1) return fail("I1", what, "a call settled twice");
    running_at_[of.runs_at].erase(what.ticket);
    of.settled_at = what.at;
    of.given_up = what.error && (*what.error == errc::deadline_exceeded ||
                                 (*what.error == errc::cancelled && of.cancelled));
    for (const auto& each : of.attempts) {
        if (of.is_hedged()) running_at_[each.worker].erase(what.ticket);
    }
    if (!real_ && of.id != 0) --groups_[of.manager][of.group].open;
    expect(what.right, "I3", what, "the result does not fit the arguments");
    // From its start to the manager's notice: messages may be held up for long.
    const duration late = slack_ + std::chrono::seconds{4};
    expect(of.attempt_timeout == duration{} || of.runs_attempt != of.sent || of.sent == 0 ||
               of.which == function::ask ||  // its time begins anew with each answer
               what.at <= of.started_at + of.attempt_timeout + late,
           "P-52", what, "its attempt took too long");
    for (const auto& each : of.attempts) {
        expect(of.attempt_timeout == duration{} || !each.runs || each.ended ||
                   of.which == function::ask || what.at <= *each.runs + of.attempt_timeout + late,
               "P-52", what, "one of its attempts took too long");
    }
    expect(of.deadline == never || what.local <= of.deadline + slack_, "P-51", what,
           "it settled long after its deadline");
    if (what.error) {
        settled_badly(what, of);
    } else {
        settled_well(what, of);
    }
    for (std::uint32_t number = 1; number <= of.attempts.size(); ++number) {
        if (handed* const sent = handed_as(of, number)) called_no_more(*sent);
    }
}

void checkers::settled_well(const fact& what, const call& of) {
    if (of.which == function::items) return stream_settled(what, of);
    expect(what.call == of.id, "I3", what, "the result is another call's");
    expect(what.attempt == of.sent || is_current(of, what.attempt), "I4", what,
           "the result is an older attempt's");
    expect(of.ended.contains(what.attempt), "I1", what, "there was no complete execution");
    const call::attempt* const its = attempt_of(of, what.attempt);
    const life_key sent_to = its != nullptr ? its->sent_to : of.sent_to;
    const std::uint64_t sent_as = its != nullptr ? its->sent_as : of.sent_as;
    expect(real_ || sent_to == life_key{what.worker_process, what.worker_life}, "P-41", what,
           "the result is of another worker than the one that the attempt was sent to");
    const auto gone = left_as_.find({what.process, what.worker});
    // A program is told of a loss before the results that came before it in the same step, and its
    // news may be old. But what ended after that can't have come over that link.
    const std::uint64_t came_as = real_ ? of.ended_as : seen_;
    expect(gone == left_as_.end() || gone->second < sent_as || gone->second > came_as, "I4", what,
           "the result came from a worker whose link had ended");
}

void checkers::blamed_for_no_refusal(const fact& what, const call& of) {
    if (real_) return;
    for (const auto& attempt : what.attempts) {
        for (const auto& end : lost_[what.process]) {
            const bool is_its_end = end.local == of.submitted + attempt.after &&
                                    to_string(end.worker) == attempt.worker;
            expect(!end.refused || !is_its_end, "P-107", what,
                   "a call was blamed for a lease that its worker refused");
        }
    }
}

void checkers::settled_badly(const fact& what, const call& of) {
    const auto cause = [&](bool there, const char* text) { expect(there, "error", what, text); };
    const instant by = real_ ? what.local + early : what.local;
    if (*what.error != errc::maybe_executed) blamed_for_no_refusal(what, of);
    switch (*what.error) {
        case errc::poisoned: return poisoned(what, of);
        case errc::maybe_executed:
            if (!real_) maybe_executed_.push_back(what);
            return cause(of.at_most_once && of.only.none() && (of.sent > 0 || real_),
                         "nothing was handed out at most once");
        case errc::deadline_exceeded:
            return cause(of.deadline != never && by >= of.deadline, "its time was not up");
        case errc::attempt_timeout: {
            const bool two = of.is_hedged() && !of.attempts.empty();
            const instant since = two ? of.attempts.front().sent_at : of.sent_at;
            expect(!all_wait(of), "P-111", what,
                   "it waited for its caller, and counts as one that hangs");
            expect(of.which != function::items || !waits_for_its_reader(of), "P-52", what,
                   "it waited for its reader, and counts as one that hangs");
            return cause(of.attempt_timeout != duration{} && (of.sent > 0 || real_) &&
                             by >= std::max(since, of.moved) + of.attempt_timeout,
                         "its attempt had time left");
        }
        case errc::worker_lost:
            if (groups_[of.manager][of.group].workers.contains(of.only) &&
                (of.returned == 0 || of.returned != of.sent)) {
                worker_lost_.emplace_back(what, seen_);
            }
            return cause(!of.only.none(), "it is for any worker");
        case errc::no_workers: {
            const group_state& group = groups_[of.manager][of.group];
            const instant since = std::max(group.empty_since, of.submitted);
            return cause(of.patience != duration{} && group.workers.empty() &&
                             what.local >= since + of.patience,
                         "there were workers, or some might have come in time");
        }
        case errc::cancelled: {
            if (of.cancelled || groups_[of.manager][of.group].released) return;
            given_back_.push_back(what);
            return cause(of.at_most_once && (real_ || (of.sent > 0 && of.returned == of.sent)),
                         "nobody cancelled it, and its worker did not give it back");
        }
        case errc::remote_exception: return cause(of.which == function::toss, "it does not throw");
        case errc::no_such_function:
            return cause(of.which == function::absent || of.which == function::rare,
                         "the function is there");
        case errc::stream_broken:
            return cause(of.which == function::items && !of.replayable && of.items != 0 &&
                             what.stamp == of.items,
                         "no item had come, or another number of them, or it may begin again");
        case errc::overloaded:
            return cause(
                of.sent == 0 && (real_ || groups_[of.manager][of.group].open >= bounds_.calls_max),
                "a worker had no room for it, or there was room for it");
        case errc::shutdown: return cause(stopped_managers_.contains(of.manager), "nobody stopped");
        default: return cause(false, "this error has no place here");
    }
}

void checkers::poisoned(const fact& what, const call& of) {
    ++counts_.poisoned;
    expect(!of.at_most_once, "I5", what, "at_most_once can't be poisoned");
    expect(of.only.none(), "only", what, "a call for one worker can't be poisoned");
    // With a cap of 1 it may have started once before, unseen: it is not blamed for a doubt ([P-49]).
    const std::size_t most = std::max(of.cap, 2u) + (of.is_hedged() ? 1 : 0);
    expect(what.attempts.size() >= of.cap && what.attempts.size() <= most, "I5", what,
           "it has " + std::to_string(what.attempts.size()) + " attempts, and a cap of " +
               std::to_string(of.cap));
    if (of.which == function::poison) return;
    expect(real_ || of.cap != 1 || !waited_beside_others(of), "P-111", what,
           "it waited for its caller, and is blamed for what another one may have done");
    ++counts_.innocent_poisoned;
    innocents_.push_back(what);
}

void checkers::innocent(const fact& what, const call& of) {
    // Poison may take an innocent call down with it, but never as its last chance.
    bool chaos_had_part = false;
    for (const auto& attempt : what.attempts) {
        for (const auto& end : lost_[what.process]) {
            if ((real_ || end.local == of.submitted + attempt.after) &&
                to_string(end.worker) == attempt.worker) {
                // Poison that gave its slot back may kill its worker in somebody else's lease.
                chaos_had_part = chaos_had_part || !end.of_poison || end.of_detached;
            }
        }
    }
    // Two attempts at a time may both be lost beside others.
    const bool last_chance = of.cap <= (of.is_hedged() ? 2u : 1u);
    expect(chaos_had_part || last_chance, "poison", what, "poison took an innocent call down");
    // With a cap of 1 it may run beside poison, or seem to; but not if it only waited behind it.
    const bool has_run = of.started.contains(of.sent) || (of.is_hedged() && !of.started.empty());
    expect(chaos_had_part || !one_at_a_time_ || has_run, "P-49", what,
           "a call that only waited was blamed for a crash");
}

void checkers::left(const fact& what) {
    left_as_[{what.process, what.worker}] = seen_;
    const auto death = poison_death_.find(what.worker);
    // Who was lost for silence, with a relay, or because its connection broke was cut off by chaos,
    // whatever it, or its twin, died of meanwhile.
    const auto says = [&](const char* why) { return what.text.find(why) != std::string::npos; };
    const bool silent = says("heard") || says("that relayed is lost") || says("timed out") ||
                        says("broke") || says("cut");
    // Nor was it this manager's poison if it had gone on to serve another one, unheard.
    const bool of_poison = !silent && death != poison_death_.end() &&
                           death->second.of.contains(what.manager) &&
                           death->second.at >= joined_at_[{what.process, what.worker}];
    lost_[what.process].push_back(
        {what.worker, what.local, of_poison, of_poison && death->second.detached, says(refusal)});
    const life_key manager{what.process, what.life};
    group_state& group = groups_[manager][what.group];
    group.workers.erase(what.worker);
    if (group.workers.empty()) group.empty_since = what.local;
    if (what.text.find("it came again") != std::string::npos) {
        replaced_[{manager, what.worker}] = what.at;
    } else {
        newest_hello_.erase({manager, what.worker});  // there is no link to be replaced any more
    }
    const bool was_given_back = what.text.find("others wait for workers") != std::string::npos;
    if (was_given_back) given_back(what, group);
    const bool lost = what.text.find("worker_lost") != std::string::npos &&
                      what.text.find("too long") == std::string::npos;
    auto& running = running_at_[what.worker];
    // Another manager may hear only now that the worker left it, long before.
    const auto its = [&](std::uint64_t ticket) { return calls_.at(ticket).manager == manager; };
    std::vector<std::uint64_t> ended;
    std::copy_if(running.begin(), running.end(), std::back_inserter(ended), its);
    std::erase_if(running, its);
    for (const auto ticket : ended) {
        call& of = calls_.at(ticket);
        const bool ran =
            of.is_hedged() ? stop_running(of, what.worker) : of.runs_attempt == of.sent;
        if (of.settled > 0 || !ran) continue;
        of.runs_attempt = 0;
        expect(!was_given_back, "P-103", what, "it was given back while it ran a call");
        if (!lost) continue;
        ++of.lost_starts;
        // Both of two attempts may have seemed to wait.
        expect(of.lost_starts <= of.cap + (of.is_hedged() ? 1 : 0), "I5", what,
               "call " + std::to_string(ticket) + " ran on " + std::to_string(of.lost_starts) +
                   " workers that were lost; its cap is " + std::to_string(of.cap));
    }
    end_attempts(manager, what);
    if (what.text.find("nothing was heard from it") != std::string::npos) {
        given_up_.insert({what.manager, what.worker});
        if (real_) gave_up_link_[{what.manager, what.worker}] = link_of_[what.worker];
    }
}

void checkers::joined(const fact& what) {
    joined_at_[{what.process, what.worker}] = what.at;
    given_up_.erase({what.manager, what.worker});
    const life_key manager{what.process, what.life};
    group_state& of = groups_[manager][what.group];
    of.workers.insert(what.worker);
    expect(of.amount == 0 || of.workers.size() <= of.amount, "P-31", what,
           "it has more workers than it asked for");
}

// --- links and lives ---------------------------------------------------------------------------

// Two hellos may have one stamp: a worker that is given back at once says both in one instant.
const checkers::hello& checkers::hello_to(const life_key& manager,
                                          const std::vector<hello>& of_one_stamp) const {
    for (const auto& each : of_one_stamp) {
        const auto wanted = wanted_.find(each.token);
        if (wanted != wanted_.end() && wanted->second.first == manager) return each;
    }
    return of_one_stamp.back();
}

void checkers::welcomed(const fact& what) {
    const auto said = hellos_.find(what.stamp);
    if (said == hellos_.end()) return fail("P-33", what, "a welcome to nobody's hello");
    const life_key manager{what.process, what.life};
    const hello& from = hello_to(manager, said->second);
    links_[{manager, what.link, what.lease}] = {.from = from};
    const auto before = newest_hello_.find({manager, from.worker});
    const auto replaced = replaced_.find({manager, from.worker});
    if (replaced != replaced_.end() && replaced->second == what.at &&
        before != newest_hello_.end()) {
        const bool of_a_kind = from.token.none() == before->second.token.none();
        expect(from.incarnation >= before->second.incarnation || !of_a_kind, "P-15", what,
               "an older incarnation took the place of a newer one");
        expect(of_a_kind || before->second.token.none(), "P-79", what,
               "a hello without a token took the place of one that had one");
        expect(!from.token.none() || !before->second.token.none() ||
                   from.incarnation == before->second.incarnation,
               "P-79", what, "a newer life took the place of one that is alive, and had no token");
    }
    newest_hello_[{manager, from.worker}] = from;
    if (from.token.none()) return;
    const auto wanted = wanted_.find(from.token);
    if (wanted == wanted_.end()) return;
    expect(wanted->second.first == manager &&
               (groups_[manager][wanted->second.second].workers.contains(from.worker) ||
                left_as_.contains({what.process, from.worker})),
           "P-33", what, "it did not join the request that it was leased for");
}

void checkers::hook_began(const fact& what) {
    service& here = services_[{what.process, what.life}];
    expect(here.running.empty(), "P-107", what, "it began while a function ran");
    const bool sets_up = what.text == "on_lease";
    expect(here.is == (sets_up ? service::setting::none : service::setting::set_up), "P-107", what,
           sets_up ? "it began before the last lease was cleared up"
                   : "it began though there was nothing to clear up");
    here.is = sets_up ? service::setting::being_set_up : service::setting::being_cleared_up;
}

void checkers::hook_ended(const fact& what) {
    const bool is_set_up = what.text == "on_lease" && what.right;
    services_[{what.process, what.life}].is =
        is_set_up ? service::setting::set_up : service::setting::none;
}

void checkers::freed(const fact& what) {
    expect(services_[{what.process, what.life}].is == service::setting::none, "P-107", what,
           "a worker said that it is free before it was cleared up");
}

void checkers::died(const fact& what) {
    const auto worker = worker_of_.find(what.process);
    if (what.text.starts_with("poison") && worker != worker_of_.end()) {
        poison_death_[worker->second] = {what.at, what.text != "poison",
                                         services_[{what.process, what.life}].poisoned_by};
    }
    services_.erase({what.process, what.life});
    if (what.text == "it stopped") return;
    for (auto& [ticket, of] : calls_) {
        if (of.manager == life_key{what.process, what.life}) of.orphaned = true;
    }
}

void checkers::finish() {
    if (portion_) end_portion();
    for (const auto& each : innocents_) innocent(each, calls_.at(each.ticket));
    for (const auto& each : maybe_executed_) {
        const call& of = calls_.at(each.ticket);
        const auto gone = left_as_.find({each.process, of.sent_worker});
        expect(gone != left_as_.end() && gone->second > of.sent_as, "error", each,
               "its worker was not lost");
    }
    for (const auto& each : given_back_) {
        const call& of = calls_.at(each.ticket);
        expect(!of.started.contains(of.sent), "error", each, "it was not given back but started");
    }
    for (const auto& [told, as] : worker_lost_) {
        const auto gone = left_as_.find({told.process, calls_.at(told.ticket).only});
        expect(gone != left_as_.end() && gone->second >= as, "error", told,
               "its worker was there, and stayed");
    }
    for (const auto& [ticket, each] : calls_) {
        if (each.settled == 1 || each.orphaned) continue;
        fact about;
        about.what = fact::kind::note;
        about.process = each.manager.first;
        about.life = each.manager.second;
        about.ticket = ticket;
        fail("I2", about, "a call never settled");
    }
}

}  // namespace maus::sim
