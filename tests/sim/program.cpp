#include "program.hpp"

#include "peers.hpp"

namespace maus::sim {

using std::chrono::microseconds;
using std::chrono::milliseconds;

program::program(world& in, manager_process& of) : world_(in), of_(of), luck_(in.luck()) {}

duration program::tick_in() { return between(luck_, milliseconds{1}, milliseconds{50}); }

void program::begin(core::manager& machine) {
    for (std::uint32_t each = 0; each < functions; ++each) {
        machine.define({each}, std::string(signatures[each]));
    }
}

void program::tick(core::manager& machine, instant now, core::manager_effects& out) {
    for (auto& [group, each] : requests_) {
        const std::size_t has = machine.workers_of(group);
        if (each.amount == 0 ? has > 0 : has >= each.amount) each.served = true;
    }
    read_some(machine, now, out);
    reply(machine, now, out);
    if (world_.phase == phase::quiet) return clear_up(machine, now, out);
    if (world_.phase == phase::parting) return;
    const double tick_seconds = 0.025;
    if (requests_.empty() ||
        (world_.phase != phase::steady && chance(luck_, world_.how.changes * tick_seconds))) {
        if (requests_.size() < world_.how.requests_max &&
            (requests_.empty() || chance(luck_, 0.5))) {
            request_for(machine, now, out);
        } else if (!requests_.empty() && world_.phase == phase::chaos) {
            auto which = requests_.begin();
            std::advance(which, static_cast<std::ptrdiff_t>(luck_.below(requests_.size())));
            release(machine, which->first, now, out);
        }
    }
    if (chance(luck_, world_.how.bursts * tick_seconds)) burst(machine, now, out);
    cancel_some(machine, now, out);
}

// --- requests -------------------------------------------------------------------------------------

void program::request_for(core::manager& machine, instant now, core::manager_effects& out) {
    standing_request made;
    made.group = {++groups_made_};
    const bool direct =
        world_.how.workers == 0 || (world_.how.direct_workers > 0 && chance(luck_, 0.3));
    made.type = direct ? "direct" : type_name(between(luck_, 0, world_.how.types - 1));
    std::uint32_t there = 0;
    for (const auto* each : world_.workers) there += each->type() == made.type;
    made.amount = chance(luck_, world_.how.all_free) ? 0 : between(luck_, 1, std::max(there, 1u));
    if (chance(luck_, world_.how.elastic)) {
        const std::uint32_t min =
            chance(luck_, 0.6) ? 1 : between(luck_, 1, std::max(there / 2, 1u));
        const std::uint32_t max = chance(luck_, 0.5) ? 0 : min + between(luck_, 1, 4);
        made.amount = min;
        made.range = {min, max};
    }
    core::group_policy patience;
    if (chance(luck_, world_.how.with_no_workers_timeout)) {
        made.patience = between(luck_, milliseconds{10}, milliseconds{2000});
        patience.no_workers_timeout = made.patience;
    }
    fact told = of_.process::begin(fact::kind::requested);
    told.group = made.group.value;
    told.amount = made.amount;
    if (made.range) told.elastic = true;
    if (made.range) told.most = made.range->max;
    told.text = made.type + " x " + std::to_string(made.amount) +
                (made.range ? " to " + std::to_string(made.range->max) : "") +
                (made.patience != duration{} ? ", impatient" : "");
    world_.past.add(std::move(told));
    requests_.emplace(made.group, made);
    const std::uint32_t exactly = made.range ? 0 : made.amount;
    machine.on(core::add_request{made.group, made.type, exactly, patience, made.range}, now, out);
}

void program::release(core::manager& machine, core::group_id which, instant now,
                      core::manager_effects& out) {
    fact told = of_.process::begin(fact::kind::released);
    told.group = which.value;
    world_.past.add(std::move(told));
    requests_.erase(which);
    machine.on(core::release_request{which}, now, out);
    of_.collect();
}

// A request that did what it was for goes. One that waits stays until somebody serves it.
void program::clear_up(core::manager& machine, instant now, core::manager_effects& out) {
    // Nobody promises that a worker comes that has a function which some only have.
    std::vector<core::call_id> hopeless;
    for (const auto& [ticket, each] : open_) {
        if (each.args.which == static_cast<std::uint32_t>(function::rare) && each.id) {
            note_cancel(ticket);
            hopeless.push_back(*each.id);
        }
    }
    for (const auto& each : hopeless) machine.on(core::cancel_call{each}, now, out);
    of_.collect();
    std::vector<core::group_id> done;
    for (const auto& [group, each] : requests_) {
        if (each.calls == 0 && (each.served || machine.workers_of(group) > 0))
            done.push_back(group);
        // Nobody promises that a direct worker comes to just this manager.
        if (each.type == "direct" && machine.workers_of(group) == 0) done.push_back(group);
    }
    for (const auto group : done) release(machine, group, now, out);
}

// --- calls --------------------------------------------------------------------------------------

function program::choose() {
    const plan& how = world_.how;
    double left = fraction(luck_);
    const auto is = [&](double share) { return (left -= share) < 0; };
    const bool chaos = world_.phase == phase::chaos;
    if (is(chaos ? how.hung : 0)) return function::hang;
    if (is(chaos ? how.poison : 0)) return function::poison;
    if (is(how.slow)) return function::slow;
    if (is(how.throwing)) return function::toss;
    if (is(how.detached)) return function::later;
    if (is(how.absent)) return chance(luck_, 0.5) ? function::rare : function::absent;
    if (is(how.asking)) return function::ask;
    return is(how.streams) ? function::items : function::echo;
}

maus::call_options program::options(const standing_request& of) {
    const plan& how = world_.how;
    maus::call_options made;
    if (chance(luck_, how.once)) made.delivery = maus::delivery::at_most_once;
    if (chance(luck_, 0.2)) made.max_crashes = static_cast<std::uint8_t>(between(luck_, 1, 5));
    if (chance(luck_, how.with_timeout)) {
        made.timeout = between(luck_, milliseconds{1}, milliseconds{3000});
    }
    if (chance(luck_, how.with_attempt_timeout)) {
        made.attempt_timeout = between(luck_, milliseconds{1}, milliseconds{2000});
    }
    // Also of calls that may not be: that is the machine's to know.
    if (how.hedged > 0 && chance(luck_, how.hedged)) {
        made.hedge_after = between(luck_, microseconds{100}, milliseconds{400});
    }
    if (how.addressed > 0 && !of.workers.empty() && chance(luck_, how.addressed)) {
        made.worker = of.workers[luck_.below(of.workers.size())];
    }
    return made;
}

void program::burst(core::manager& machine, instant now, core::manager_effects& out) {
    const std::uint32_t many = between(luck_, 1, world_.how.burst_max);
    for (std::uint32_t i = 0;
         i < many && !requests_.empty() && open_.size() < world_.how.outstanding_max; ++i) {
        auto which = requests_.begin();
        std::advance(which, static_cast<std::ptrdiff_t>(luck_.below(requests_.size())));
        call(machine, which->first, now, out);
    }
}

std::uint64_t program::call(core::manager& machine, core::group_id group, instant now,
                            core::manager_effects& out, bool nested) {
    open_call made;
    made.group = group;
    made.args.ticket = ++world_.next_ticket;
    made.args.argument = luck_();
    const bool asks =
        nested && world_.how.nested_asking > 0 && chance(luck_, world_.how.nested_asking);
    const function which = asks ? function::ask : nested ? function::echo : choose();
    made.args.which = static_cast<std::uint32_t>(which);
    made.args.run_ns = static_cast<std::uint64_t>(
        between(luck_, microseconds{1},
                which == function::slow ? world_.how.slow_max : duration{microseconds{300}})
            .count());
    made.args.extra = chance(luck_, world_.how.large) ? between(luck_, 1, 2000) : 0;
    core::submission what;
    what.group = group;
    what.method = {made.args.which};
    what.ticket = made.args.ticket;
    const maus::call_options options = this->options(requests_.at(group));
    what.options = options;
    what.payload = pack(made.args);
    const bool replayable = which == function::items && chance(luck_, world_.how.replayable);
    if (which == function::items) {
        const auto& bounds = world_.how.bounds;
        what.set_stream({static_cast<std::uint32_t>(bounds.stream_items_max),
                         bounds.stream_bytes_max, replayable});
    }
    what.nested = nested;

    fact told = of_.process::begin(fact::kind::submitted);
    told.ticket = made.args.ticket;
    told.function = made.args.which;
    told.argument = made.args.argument;
    told.group = group.value;
    told.at_most_once = what.options.delivery == maus::delivery::at_most_once;
    told.max_crashes = what.options.max_crashes;
    told.replayable = replayable;
    told.nested = nested;
    if (what.options.timeout != duration::max()) told.deadline = now + what.options.timeout;
    if (what.options.attempt_timeout != duration::max())
        told.attempt_timeout = what.options.attempt_timeout;
    told.patience = requests_.at(group).patience;
    if (options.hedge_after != duration::max()) told.hedge_after = options.hedge_after;
    told.worker.bytes = options.worker.bytes();
    ++of_.submitted_;
    ++requests_.at(group).calls;
    const std::uint64_t ticket = made.args.ticket;
    const auto at = open_.emplace(ticket, std::move(made)).first;
    if (const auto id = machine.on(std::move(what), now, out); id.value != 0) {
        at->second.id = id;
        told.call = id.value;
    }
    world_.past.add(std::move(told));
    of_.collect();
    return ticket;
}

// --- callables ----------------------------------------------------------------------------------

// Some answer at once, some later, some call the same workers first.
void program::called_back(core::called_back&& what) {
    arguments question;
    const auto found = open_.find(what.ticket);
    fact told = of_.process::begin(fact::kind::called_back);
    told.ticket = what.ticket;
    told.call = what.attempt.call.value;
    told.attempt = what.attempt.number.value;
    told.right = found != open_.end() && unpack(what.payload.view(), question) &&
                 question.ticket == what.ticket && question.argument == found->second.args.argument;
    callable made;
    if (told.right) made.group = found->second.group;
    world_.past.add(std::move(told));
    made.ticket = what.ticket;
    made.answer.link = what.link;
    made.answer.attempt = what.attempt;
    made.answer.which = what.which;
    made.answer.slot = what.slot;
    made.nests = chance(luck_, world_.how.nesting);
    made.due =
        of_.local() +
        (chance(luck_, 0.5) ? duration{} : between(luck_, microseconds{10}, milliseconds{60}));
    if (chance(luck_, 0.1)) {
        made.answer.failed = wire::fault{static_cast<std::uint8_t>(errc::remote_exception),
                                         "std::runtime_error", "it throws"};
    } else {
        answer says;
        says.ticket = question.ticket;
        says.value = value_of(question.argument);
        says.extra = question.extra;
        made.answer.payload = pack(says);
    }
    callables_.push_back(std::move(made));
}

void program::reply(core::manager& machine, instant now, core::manager_effects& out) {
    // Calls that are made here may bring more of them.
    for (std::size_t i = 0; i < callables_.size(); ++i) {
        if (!callables_[i].nests || now < callables_[i].due) continue;
        callables_[i].nests = false;
        const core::group_id group = callables_[i].group;
        if (!requests_.contains(group)) continue;
        const std::uint64_t ticket = call(machine, group, now, out, true);
        if (open_.contains(ticket)) callables_[i].waits_for = ticket;
    }
    for (auto each = callables_.begin(); each != callables_.end();) {
        if (now < each->due || (each->waits_for != 0 && open_.contains(each->waits_for))) {
            ++each;
            continue;
        }
        fact told = of_.process::begin(fact::kind::replied);
        told.ticket = each->ticket;
        told.call = each->answer.attempt.call.value;
        told.attempt = each->answer.attempt.number.value;
        world_.past.add(std::move(told));
        machine.on(std::move(each->answer), now, out);
        each = callables_.erase(each);
    }
}

void program::cancel_some(core::manager& machine, instant now, core::manager_effects& out) {
    if (open_.empty() || !chance(luck_, world_.how.cancels)) return;
    auto which = open_.lower_bound(open_.begin()->first + luck_.below(open_.size()));
    if (which == open_.end() || !which->second.id) return;
    note_cancel(which->first);
    machine.on(core::cancel_call{*which->second.id}, now, out);
    of_.collect();
}

void program::note_cancel(std::uint64_t ticket) {
    fact told = of_.process::begin(fact::kind::note);
    told.ticket = ticket;
    told.text = "cancel";
    world_.past.add(std::move(told));
}

// --- what comes back ----------------------------------------------------------------------------

void program::progressed(const core::progressed& what) {
    fact told = of_.process::begin(fact::kind::progressed);
    told.ticket = what.ticket;
    told.text = what.how_far.text;
    told.right = open_.contains(what.ticket) && told.text == std::to_string(what.ticket);
    world_.past.add(std::move(told));
}

void program::got(const core::items_came& what) {
    const auto found = open_.find(what.ticket);
    base::byte_view left = what.payload.view();
    for (std::uint32_t i = 0; i < what.count; ++i) {
        const auto bytes = wire::next_item(left, what.count);
        item read;
        fact told = of_.process::begin(fact::kind::got);
        told.ticket = what.ticket;
        told.right = unpack(bytes, read) && read.ticket == what.ticket && found != open_.end() &&
                     read.extra == extra_of(found->second.args.argument, read.index);
        told.stamp = read.index;
        told.attempt = read.attempt;
        told.amount = static_cast<std::uint32_t>(bytes.size());
        if (found != open_.end()) {
            found->second.unread.push_back(bytes.size());
            ++found->second.items;
        }
        world_.past.add(std::move(told));
    }
}

// Some of it, sometimes; all of it once all is to come to an end.
void program::read_some(core::manager& machine, instant now, core::manager_effects& out) {
    for (auto& [ticket, each] : open_) {
        if (each.unread.empty()) continue;
        const bool all = world_.phase >= phase::quiet;
        if (!all && chance(luck_, 0.4)) continue;
        const std::size_t most = each.unread.size();
        const std::size_t many = all ? most : between(luck_, 1, static_cast<std::uint32_t>(most));
        fact told = of_.process::begin(fact::kind::read);
        told.ticket = ticket;
        told.amount = static_cast<std::uint32_t>(many);
        for (std::size_t i = 0; i < many; ++i) told.stamp += each.unread[i];
        each.unread.erase(each.unread.begin(),
                          each.unread.begin() + static_cast<std::ptrdiff_t>(many));
        const core::items_read what{each.id.value_or(core::call_id{}), told.amount, told.stamp};
        world_.past.add(std::move(told));
        machine.on(what, now, out);
    }
}

void program::settled(const core::settled& what) {
    fact told = of_.process::begin(fact::kind::settled);
    told.ticket = what.ticket;
    told.error = what.result.error;
    if (what.result.about) {
        told.attempts = what.result.about->attempts;
        told.text = what.result.about->text;
    }
    const auto found = open_.find(what.ticket);
    if (found == open_.end()) {
        told.right = false;
        return world_.past.add(std::move(told));
    }
    const open_call& call = found->second;
    answer read;
    if (!told.error && call.args.which == static_cast<std::uint32_t>(function::items)) {
        told.right = what.result.payload.empty();
        told.stamp = call.items;
        told.call = call.id ? call.id->value : 0;
    } else if (!told.error) {
        told.right = unpack(what.result.payload.view(), read) && read.ticket == what.ticket &&
                     read.value == value_of(call.args.argument) && read.extra == call.args.extra;
        told.call = read.call;
        told.attempt = read.attempt;
        told.worker_process = read.process;
        told.worker_life = read.life;
        told.worker.bytes = read.worker;
    } else if (*told.error == errc::remote_exception) {
        told.right = what.result.about &&
                     what.result.about->text == "tossed " + std::to_string(call.args.argument);
    }
    if (told.error == errc::stream_broken && what.result.about) {
        told.stamp = what.result.about->delivered;
    }
    const auto of = requests_.find(call.group);
    if (of != requests_.end()) --of->second.calls;
    open_.erase(found);
    world_.past.add(std::move(told));
}

void program::noticed(const core::notice& what) {
    const bool join = what.kind == core::notice_kind::worker_joined;
    const bool lost = what.kind == core::notice_kind::worker_lost;
    const bool left = lost || what.kind == core::notice_kind::worker_released;
    fact told = of_.process::begin(join   ? fact::kind::joined
                                   : left ? fact::kind::left
                                          : fact::kind::note);
    const auto of = requests_.find(what.group);
    if (join && of != requests_.end()) ++of->second.joined;
    if (of != requests_.end() && (join || left)) {
        auto& workers = of->second.workers;
        std::erase(workers, what.name);
        // One call in a while is for a worker that has gone.
        if (join || luck_.below(4) == 0) workers.push_back(what.name);
    }
    told.group = what.group.value;
    told.manager = of_.id_;
    told.text = std::string(to_string(what.kind)) + " " + what.name + " " + what.why;
    for (std::size_t i = 0; (join || left) && i < told.worker.bytes.size(); ++i) {
        told.worker.bytes[i] =
            static_cast<std::uint8_t>(std::stoul(what.name.substr(2 * i, 2), nullptr, 16));
    }
    world_.past.add(std::move(told));
}

}  // namespace maus::sim
