#include "executor.hpp"

#include <algorithm>

#include "peers.hpp"

namespace maus::sim {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;

executor::executor(worker_process& in, const core::worker_config& config)
    : in_(in), config_(config) {}

void executor::take(core::worker_effects& from) {
    for (auto& each : from.execute) {
        if (in_.world_.how.forges > 0) {
            auto& known = in_.world_.handed_out;
            if (known.size() >= 16) known.pop_front();
            known.push_back({in_.number(), each.attempt});
        }
        if (in_.returns_all()) {
            ++in_.world_.faults.returned;
            give_back(each);
        } else {
            waiting_.push_back(std::move(each));
        }
    }
    from.execute.clear();
    for (const auto& each : from.cancel) cancelled_.push_back(each);
    from.cancel.clear();
    for (const auto& each : from.more) more_.push_back(each);
    from.more.clear();
    for (const auto& each : std::exchange(from.called_back, {})) hear(each);
    if (from.hook) begin_hook(*std::exchange(from.hook, std::nullopt));
}

fact executor::about_hook(fact::kind what) const {
    fact made = in_.process::begin(what);
    made.manager = hook_.manager;
    made.worker = config_.id;
    made.lease = hook_.lease;
    made.text = hook_.what == core::lease_hook::kind::set_up ? "on_lease" : "on_release";
    return made;
}

void executor::begin_hook(core::lease_hook hook) {
    hook_ = std::move(hook);
    in_.world_.past.add(about_hook(fact::kind::hook_began));
    in_.own_in(between(in_.luck_, duration{}, in_.world_.how.hook_max), hook_event);
}

void executor::end_hook() {
    fact told = about_hook(fact::kind::hook_ended);
    core::hook_done done;
    if (hook_.what == core::lease_hook::kind::set_up && in_.world_.phase == phase::chaos &&
        chance(in_.luck_, in_.world_.how.refusals)) {
        done.refused = refusal;
        told.right = false;
    }
    in_.world_.past.add(std::move(told));
    news_.push_back(std::move(done));
}

void executor::pump(const core::worker& machine, instant now) {
    forget_callbacks(machine.answerable());
    const bool expired = now >= machine.lease_until();
    const auto may_start = [&](const core::job& job) {
        return machine.startable() == job.link && !expired;
    };
    for (const auto& gone : cancelled_) {
        const auto found = std::find_if(waiting_.begin(), waiting_.end(), [&](const auto& each) {
            return each.attempt == gone && each.link == machine.startable();
        });
        if (found == waiting_.end()) continue;
        give_back(*found);
        waiting_.erase(found);
    }
    note_streams(machine);
    cancelled_.clear();
    if (in_.world_.how.returned_at_once) {
        std::erase_if(waiting_, [&](const core::job& each) {
            if (may_start(each)) return false;
            give_back(each);
            return true;
        });
    }
    while (!waiting_.empty() && busy_ < config_.concurrency) {
        core::job next = std::move(waiting_.front());
        waiting_.pop_front();
        if (may_start(next)) {
            start(std::move(next));
        } else {
            give_back(next);
        }
    }
}

void executor::start(core::job job) {
    run made;
    const bool readable = unpack(job.payload.view(), made.args);
    const std::string& name = config_.signatures.at(job.function);
    const auto known = std::find(signatures.begin(), signatures.end(), name);
    made.which = static_cast<function>(known - signatures.begin());
    fact began = begin(fact::kind::started, job, made.args.ticket);
    began.argument = made.args.argument;
    began.right = readable && made.args.which == static_cast<std::uint32_t>(made.which);
    in_.world_.past.add(std::move(began));
    if (job.at_most_once) news_.push_back(core::job_started{job.link, job.attempt});
    // Whoever hears of it is to be the one who waits for it.
    if (made.which == function::slow) {
        news_.push_back(
            core::job_progress{job.link, job.attempt, {0.5, std::to_string(made.args.ticket)}});
    }
    ++busy_;
    made.job = std::move(job);
    if (made.which == function::items) begin_stream(made);
    duration lasts{static_cast<std::int64_t>(made.args.run_ns)};
    if (made.which == function::hang) lasts = hours{1000};
    const std::uint64_t number = ++runs_made_;
    runs_.emplace(number, std::move(made));
    in_.own_in(lasts, number);
}

void executor::reach(std::uint64_t number) {
    const auto found = runs_.find(number);
    if (found == runs_.end()) return;
    run& of = found->second;
    if (of.which == function::items) return give_items(number, of);
    const bool detaches = may_detach(of.which, of.args.argument);
    if (of.which == function::poison && (of.detached || !detaches)) {
        ++in_.world_.faults.poisoned;
        return in_.crash(of.detached ? "poison, detached" : "poison");
    }
    if (detaches && !of.detached) {
        of.detached = true;
        --busy_;
        news_.push_back(core::job_detached{of.job.link, of.job.attempt});
        in_.own_in(between(in_.luck_, microseconds{10}, milliseconds{50}), number);
        return;
    }
    if (of.which == function::ask && !of.asked) return ask(number, of);
    finish(number);
}

// Its slot is free for another while it waits.
void executor::ask(std::uint64_t number, run& of) {
    of.asked = true;
    of.callback = ++callbacks_made_;
    callbacks_.emplace(of.callback, number);
    --busy_;
    fact told = begin(fact::kind::asks, of.job, of.args.ticket);
    told.argument = of.args.argument;
    arguments question = of.args;
    question.which = 0;
    const bool impatient = chance(in_.luck_, 0.1);
    const instant deadline =
        impatient ? in_.local() + between(in_.luck_, microseconds{100}, milliseconds{20}) : never;
    told.deadline = deadline;
    in_.world_.past.add(std::move(told));
    news_.push_back(core::job_callback{
        of.job.link, of.job.attempt, {of.callback, 0}, pack(question), deadline, of.job.nested});
}

void executor::hear(const core::callback_done& what) {
    const auto waits = callbacks_.find(what.id);
    const auto found = waits == callbacks_.end() ? runs_.end() : runs_.find(waits->second);
    fact told = in_.process::begin(fact::kind::hears);
    told.right = found != runs_.end() && found->second.callback == what.id;
    if (!told.right) return in_.world_.past.add(std::move(told));
    const std::uint64_t number = waits->second;
    callbacks_.erase(waits);
    told = begin(fact::kind::hears, found->second.job, found->second.args.ticket);
    told.argument = found->second.args.argument;
    if (const auto* value = std::get_if<core::job_value>(&what.outcome)) {
        answer read;
        told.right = unpack(value->payload.view(), read) &&
                     read.ticket == found->second.args.ticket &&
                     read.value == value_of(found->second.args.argument);
    } else {
        told.error = std::get<core::job_fault>(what.outcome).code;
    }
    in_.world_.past.add(std::move(told));
    found->second.callback = 0;
    ++busy_;
    finish(number);
}

// Nobody answers those of links that have ended.
void executor::forget_callbacks(std::uint64_t answerable) {
    std::vector<std::uint64_t> over;
    for (auto& [number, each] : runs_) {
        if (each.callback != 0 && each.job.link != answerable) over.push_back(number);
    }
    for (const auto number : over) {
        run& of = runs_.at(number);
        callbacks_.erase(std::exchange(of.callback, 0));
        ++busy_;
        finish(number);
    }
}

void executor::finish(std::uint64_t number) {
    const auto found = runs_.find(number);
    const run done = std::move(found->second);
    runs_.erase(found);
    if (!done.detached) --busy_;
    in_.world_.past.add(begin(fact::kind::ended, done.job, done.args.ticket));
    core::job_done told{done.job.link, done.job.attempt, done.detached, {}};
    if (done.which == function::toss) {
        told.outcome = core::job_fault{errc::remote_exception, "std::runtime_error",
                                       "tossed " + std::to_string(done.args.argument)};
    } else if (done.which == function::items) {
        told.outcome = core::job_value{};  // its items were all of it
    } else {
        answer made;
        made.ticket = done.args.ticket;
        made.value = value_of(done.args.argument);
        made.call = done.job.attempt.call.value;
        made.attempt = done.job.attempt.number.value;
        made.process = in_.number();
        made.life = in_.life();
        made.worker = config_.id.bytes;
        made.extra = done.args.extra;
        told.outcome = core::job_value{pack(made)};
    }
    news_.push_back(std::move(told));
}

void executor::give_back(const core::job& job) {
    news_.push_back(core::job_done{job.link, job.attempt, false, core::job_returned{}});
}

std::vector<executor::news> executor::take_news() { return std::exchange(news_, {}); }

bool executor::hangs() const {
    return std::any_of(runs_.begin(), runs_.end(),
                       [](const auto& each) { return each.second.which == function::hang; });
}

void executor::let_go() {
    std::vector<std::uint64_t> hung;
    for (const auto& [number, each] : runs_) {
        if (each.which == function::hang) hung.push_back(number);
    }
    for (const auto number : hung) finish(number);
}

fact executor::begin(fact::kind what, const core::job& job, std::uint64_t ticket) const {
    fact made = in_.process::begin(what);
    made.ticket = ticket;
    made.call = job.attempt.call.value;
    made.attempt = job.attempt.number.value;
    made.link = job.link;
    made.lease = job.lease;
    made.manager = job.manager;
    made.worker = config_.id;
    made.at_most_once = job.at_most_once;
    return made;
}

}  // namespace maus::sim
