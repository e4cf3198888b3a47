// What a dialogue can order. README.md tells the same for readers.
#include <sstream>

#include "maus/wire/archive.hpp"
#include "stage.hpp"

namespace dialogue {

namespace core = maus::core;

namespace {
std::uint64_t number(const options& given, const std::string& name, std::uint64_t otherwise) {
    const auto found = given.find(name);
    return found == given.end() ? otherwise : std::stoull(found->second);
}
std::string text(const options& given, const std::string& name, std::string otherwise = {}) {
    const auto found = given.find(name);
    return found == given.end() ? otherwise : found->second;
}
std::vector<std::string> split(const std::string& list, char at) {
    std::vector<std::string> parts;
    std::istringstream in(list);
    for (std::string part; std::getline(in, part, at);) parts.push_back(part);
    return parts;
}
std::chrono::milliseconds ms(std::uint64_t count) {
    return std::chrono::milliseconds{static_cast<std::int64_t>(count)};
}
template <class Id>
Id id_for(std::uint64_t number) {
    maus::base::random bits(number * 7919 + 17);
    return Id::make(bits);
}
core::heartbeat beat_of(const options& given) {
    return {static_cast<std::uint32_t>(number(given, "interval", 1000)),
            static_cast<std::uint32_t>(number(given, "liveness", 3))};
}
void set_apart(maus::limits& of, const options& given) {
    of.payload_apart_bytes = number(given, "apart", of.payload_apart_bytes);
}
}  // namespace

std::string stage::play(const std::string& command) {
    said_.clear();
    std::vector<std::string> words;
    options given;
    std::istringstream in(command);
    for (std::string word; in >> word;) {
        const auto equals = word.find('=');
        if (equals == std::string::npos)
            words.push_back(word);
        else
            given[word.substr(0, equals)] = word.substr(equals + 1);
    }
    const std::string what = words.at(0);
    if (what == "parkserver")
        make(node::kind::parkserver, words.at(1), given);
    else if (what == "manager")
        make(node::kind::manager, words.at(1), given);
    else if (what == "worker")
        make(node::kind::worker, words.at(1), given);
    else if (what == "request")
        request(find(words.at(1)), words.at(2), given);
    else if (what == "call")
        submit(find(words.at(1)), words, given);
    else if (what == "answer" || what == "fail" || what == "detach")
        finish(find(words.at(1)), words, given);
    else if (what == "hook_ends" || what == "hook_refuses") {
        node& of = find(words.at(1));
        if (!std::exchange(of.hook_runs, false)) throw std::runtime_error("no hook runs");
        core::hook_done told;
        if (what == "hook_refuses") told.refused = words.at(2);
        of.worker->on(std::move(told), now_, of.worker_out);
    } else if (what == "give")
        give(find(words.at(1)), words);
    else if (what == "read")
        read(find(words.at(1)), words);
    else if (what == "ask")
        ask(find(words.at(1)), words, given);
    else if (what == "reply")
        reply(find(words.at(1)), words);
    else if (what == "register")
        register_again(find(words.at(1)), given);
    else if (what == "types")
        say("types that " + words.at(1) +
            " knows: " + std::to_string(find(words.at(1)).park->types()));
    else if (what == "forge")
        forge(find(words.at(1)), words.at(2), words.at(3), given);
    else if (what == "cancel") {
        node& of = find(words.at(1));
        for (const auto& each : calls_) {
            if (each.name == words.at(2)) {
                of.manager->on(core::cancel_call{each.id}, now_, of.manager_out);
            }
        }
    } else if (what == "release") {
        node& of = find(words.at(1));
        of.manager->on(core::release_request{groups_.at({&of, words.at(2)})}, now_, of.manager_out);
    } else if (what == "stop") {
        node& of = find(words.at(1));
        if (of.park) of.park->stop(of.park_out);
        if (of.manager) of.manager->on(core::stop_manager{}, now_, of.manager_out);
        if (of.worker) {
            of.worker->on(core::stop_worker{now_ + ms(number(given, "patience", 5000))}, now_,
                          of.worker_out);
        }
        step(of);
        if (!of.worker) kill(of);
    } else if (what == "kill")
        kill(find(words.at(1)));
    else if (what == "start")
        boot(find(words.at(1)));
    else if (what == "suspend")
        find(words.at(1)).suspended = true;
    else if (what == "resume") {
        node& of = find(words.at(1));
        of.suspended = false;
        while (deliver()) {  // what has come meanwhile, before it looks at the clock
        }
    } else if (what == "cut" || what == "heal") {
        const node *one = &find(words.at(1)), *other = &find(words.at(2));
        std::vector<std::pair<const node*, const node*>> ways{{one, other}, {other, one}};
        if (given.contains("one_way")) ways.pop_back();
        auto& held = given.contains("notices") ? hidden_ : cuts_;
        for (const auto& way : ways) {
            if (what == "cut")
                held.insert(way);
            else
                held.erase(way);
        }
    } else if (what == "wait")
        wait(ms(std::stoull(words.at(1))));
    else if (what == "state")
        tell_state();
    else
        throw std::runtime_error("no such command: " + what);
    settle();
    return said_;
}

void stage::make(node::kind what, const std::string& name, const options& given) {
    nodes_.push_back(std::make_unique<node>(what));
    node& made = *nodes_.back();
    made.name = name;
    made.given = given;
    made.number = nodes_.size();
    boot(made);
}

void stage::boot(node& which) {
    ++which.lives;
    which.alive = true;
    which.suspended = false;
    const auto parkservers = split(text(which.given, "at"), ',');
    if (which.is == node::kind::parkserver) {
        maus::broker::parkserver_config config;
        config.id = id_for<maus::base::parkserver_id>(which.number);
        config.epoch = which.number * 100 + which.lives;
        which.park = std::make_unique<maus::broker::parkserver>(config, now_);
    } else if (which.is == node::kind::manager) {
        core::manager_config config;
        config.id = id_for<maus::base::manager_id>(which.number);
        config.incarnation = {which.lives};
        config.beat = beat_of(which.given);
        set_apart(config.settings.limits, which.given);
        config.seed = which.number;
        config.settings.limits.detached_per_slot_max =
            number(which.given, "detached", config.settings.limits.detached_per_slot_max);
        if (!which.given.contains("relayed")) {
            for (const auto& each : split(text(which.given, "advertises", which.name), ',')) {
                config.endpoints.push_back("tcp://" + each);
            }
        }
        which.id = to_string(config.id);
        which.manager = std::make_unique<core::manager>(config, now_);
        for (const auto& each : parkservers) {
            which.manager->on(core::add_parkserver{"tcp://" + each}, now_, which.manager_out);
        }
    } else {
        core::worker_config config;
        const auto own = which.given.find("as");
        const node& self = own == which.given.end() ? which : find(own->second);
        config.id = id_for<maus::base::worker_id>(self.number);
        config.incarnation = {number(which.given, "life", which.lives)};
        config.type = text(which.given, "type", "default");
        config.signatures = {text(which.given, "exposes", "add") + "(i32,i32)->i32",
                             "add2(i32,i32)->stream<i32>"};
        config.settings.limits.calls_per_worker_max =
            number(which.given, "room", config.settings.limits.calls_per_worker_max);
        config.concurrency = static_cast<std::uint32_t>(number(which.given, "concurrency", 1));
        config.beat = beat_of(which.given);
        set_apart(config.settings.limits, which.given);
        config.seed = which.number;
        config.has_hooks = which.given.contains("hooks");
        for (const auto& each : parkservers) config.parkservers.push_back("tcp://" + each);
        if (which.given.contains("serves")) config.manager = "tcp://" + which.given["serves"];
        which.id = to_string(config.id);
        which.worker = std::make_unique<core::worker>(config, now_);
    }
}

// The process is gone: its machine, what it was about to do, and its connections.
void stage::kill(node& which) {
    which.alive = false;
    which.park.reset();
    which.manager.reset();
    which.worker.reset();
    which.park_out.clear();
    which.manager_out.net.clear();
    which.worker_out.net.clear();
    which.waiting.clear();
    which.running.clear();
    which.detached.clear();
    which.asking.clear();
    which.callables.clear();
    which.cancelled.clear();
    which.worker_out.hook.reset();
    which.hook_runs = false;
    for (const auto& each : wires_) {
        for (int end = 0; end < 2; ++end) {
            if (each->ends[end] == &which && !each->closed) hang_up(*each, end);
        }
    }
}

void stage::request(node& of, const std::string& group, const options& given) {
    const maus::base::group_id id{static_cast<std::uint32_t>(groups_.size() + 1)};
    groups_[{&of, group}] = id;
    core::add_request wanted;
    wanted.group = id;
    wanted.type = text(given, "type", "default");
    wanted.amount = static_cast<std::uint32_t>(number(given, "amount", 0));
    if (given.contains("min")) {
        wanted.range = {static_cast<std::uint32_t>(number(given, "min", 1)),
                        static_cast<std::uint32_t>(number(given, "max", 0))};
    }
    if (given.contains("no_workers")) {
        wanted.policy.no_workers_timeout = ms(number(given, "no_workers", 0));
    }
    of.manager->on(wanted, now_, of.manager_out);
}

// call MANAGER GROUP NAME: of add(1, 1), which is as good as any.
void stage::submit(node& of, const std::vector<std::string>& words, const options& given) {
    const bool streams = given.contains("unread");
    const std::string signature = streams ? "add2(i32,i32)->stream<i32>" : "add(i32,i32)->i32";
    of.manager->define({streams ? 1u : 0u}, signature);
    core::submission made;
    made.method = {streams ? 1u : 0u};
    if (streams) {
        const auto unread = static_cast<std::uint32_t>(number(given, "unread", 1));
        made.set_stream({unread, 1u << 20, given.contains("replayable")});
    }
    made.group = groups_.at({&of, words.at(2)});
    made.ticket = calls_.size();
    made.nested = given.contains("nested");
    if (given.contains("once")) made.options.delivery = maus::delivery::at_most_once;
    made.options.max_crashes = static_cast<std::uint8_t>(number(given, "cap", 3));
    if (given.contains("timeout")) made.options.timeout = ms(number(given, "timeout", 0));
    if (given.contains("attempt_timeout")) {
        made.options.attempt_timeout = ms(number(given, "attempt_timeout", 0));
    }
    if (given.contains("hedge") || given.contains("worker")) {
        maus::call_options chosen;  // both are kept apart from what most calls have
        if (given.contains("hedge")) chosen.hedge_after = ms(number(given, "hedge", 0));
        if (given.contains("worker")) chosen.worker = find(text(given, "worker")).id;
        made.options.tags = core::call_policy(chosen).tags;
    }
    maus::wire::encode(made.payload, 1, 1);
    made.payload.extend(number(given, "padding", 0));
    calls_.push_back({words.at(3), &of, signature, {}});
    const auto id = of.manager->on(std::move(made), now_, of.manager_out);
    if (id.value != 0) calls_.back().id = id;
}

void stage::finish(node& of, const std::vector<std::string>& words, const options& given) {
    const std::string &how = words[0], &which = words.at(2);
    const std::string value = words.size() > 3 ? words[3] : "";
    for (auto* jobs : {&of.running, &of.detached}) {
        for (auto at = jobs->begin(); at != jobs->end(); ++at) {
            if (call_of(at->attempt.call).name != which) continue;
            core::job done = std::move(*at);
            jobs->erase(at);
            if (how == "detach") {
                of.worker->on(core::job_detached{done.link, done.attempt}, now_, of.worker_out);
                of.detached.push_back(std::move(done));
                return;
            }
            core::job_done told{done.link, done.attempt, jobs == &of.detached, {}};
            if (how == "answer") {
                core::job_value result;
                if (!value.empty()) maus::wire::encode(result.payload, std::stoi(value));
                result.payload.extend(number(given, "padding", 0));
                told.outcome = std::move(result);
            } else {
                told.outcome = core::job_fault{maus::errc::remote_exception, "error", value};
            }
            of.worker->on(std::move(told), now_, of.worker_out);
            return;
        }
    }
    throw std::runtime_error(of.name + " does not run " + which);
}

// give WORKER CALL 1 2 3: items of a stream.
void stage::give(node& of, const std::vector<std::string>& words) {
    for (auto* jobs : {&of.running, &of.detached}) {
        for (const auto& each : *jobs) {
            if (call_of(each.attempt.call).name != words.at(2)) continue;
            core::job_items some{each.link, each.attempt, 0, {}};
            for (std::size_t i = 3; i < words.size(); ++i) {
                maus::base::buffer item;
                maus::wire::encode(item, std::stoi(words[i]));
                maus::wire::add_item(some.payload, some.count, std::move(item));
            }
            return of.worker->on(std::move(some), now_, of.worker_out);
        }
    }
    throw std::runtime_error(of.name + " does not run " + words.at(2));
}

// ask WORKER CALL VALUE: its function calls a callable of its caller's, and waits.
void stage::ask(node& of, const std::vector<std::string>& words, const options& given) {
    for (auto at = of.running.begin(); at != of.running.end(); ++at) {
        if (call_of(at->attempt.call).name != words.at(2)) continue;
        core::job_callback told{at->link, at->attempt, {++asked_, 0}, {}, core::never};
        maus::wire::encode(told.payload, std::stoi(words.at(3)));
        if (given.contains("timeout")) told.deadline = now_ + ms(number(given, "timeout", 0));
        of.asking.emplace_back(asked_, std::move(*at));
        of.running.erase(at);
        of.worker->on(std::move(told), now_, of.worker_out);
        return;
    }
    throw std::runtime_error(of.name + " does not run " + words.at(2));
}

// read MANAGER CALL 2: its caller reads so many items.
void stage::read(node& of, const std::vector<std::string>& words) {
    const auto count = static_cast<std::uint32_t>(std::stoul(words.at(3)));
    for (const auto& each : calls_) {
        if (each.name != words.at(2)) continue;
        of.manager->on(core::items_read{each.id, count, 4 * count}, now_, of.manager_out);
    }
}

// reply MANAGER CALL VALUE: the callable that the call's function has called returns this.
void stage::reply(node& of, const std::vector<std::string>& words) {
    for (auto at = of.callables.begin(); at != of.callables.end(); ++at) {
        if (call_of(at->attempt.call).name != words.at(2)) continue;
        core::answer_callback answer{at->link, at->attempt, at->which, {}, at->slot, std::nullopt};
        maus::wire::encode(answer.payload, std::stoi(words.at(3)));
        of.callables.erase(at);
        of.manager->on(std::move(answer), now_, of.manager_out);
        return;
    }
    throw std::runtime_error(of.name + " runs no callable of " + words.at(2));
}

// A worker registers anew in its session, as one of another type.
void stage::register_again(node& of, const options& given) {
    const core::worker_config& config = of.worker->config();
    maus::wire::register_worker say;
    say.worker = config.id;
    say.incarnation = config.incarnation;
    say.type = text(given, "type");
    say.signatures = config.signatures;
    say.interval_ms = config.beat.interval_ms;
    say.liveness = config.beat.liveness;
    for (const auto& each : wires_) {
        if (each->closed || each->ends[0] != &of || !each->ends[1]->park) continue;
        core::send again{each->at[0], std::nullopt, maus::wire::encode_control(say), 1};
        return carry_out(of, again);
    }
    throw std::runtime_error(of.name + " has no session");
}

// A worker says what no worker of ours would say.
void stage::forge(node& from, const std::string& record, const std::string& which,
                  const options& given) {
    maus::wire::attempt what{{number(given, "id", 0)},
                             {static_cast<std::uint32_t>(number(given, "attempt", 1))}};
    for (const auto& each : calls_) {
        if (each.name == which) what.call = each.id;
    }
    for (const auto& each : wires_) {
        if (each->closed || each->ends[0] != &from || !each->ends[1]->manager) continue;
        maus::wire::message made;
        maus::wire::link_writer writer{made, from.bounds};
        if (record == "result") {
            maus::base::buffer payload;
            maus::wire::encode(payload, static_cast<int>(number(given, "value", 0)));
            writer.result(what, std::move(payload));
        } else if (record == "returned") {
            writer.about(maus::wire::record_type::returned, what);
        } else {
            throw std::runtime_error("cannot forge " + record);
        }
        core::send forged{each->at[0], std::nullopt, std::move(made), 1};
        carry_out(from, forged);
        return;
    }
    throw std::runtime_error(from.name + " has no link");
}

void stage::wait(duration time) {
    const instant end = now_ + time;
    for (;;) {
        instant next = core::never;
        for (const auto& each : nodes_) next = std::min(next, next_deadline(*each));
        if (next > end) break;
        now_ = std::max(now_, next);
        settle();
    }
    now_ = end;
    settle();
}

void stage::tell_state() {
    for (const auto& each : nodes_) {
        if (!each->alive) {
            say(each->name + " is dead");
        } else if (each->park) {
            const auto status = each->park->status(now_);
            for (const auto& worker : status.workers) {
                std::string line = each->name + " sees " + to_string(worker.worker) + " " +
                                   std::string(to_string(worker.state));
                if (!worker.lease.none()) {
                    line += ": " + name_of(worker.lease) + " with " + to_string(worker.manager);
                }
                say(line);
            }
            for (const auto& request : status.requests) {
                say(each->name + " sees " + to_string(request.manager) + "'s request " +
                    std::to_string(request.request.value) + ": has " +
                    std::to_string(request.serving) + " of " +
                    (request.amount == 0 ? "all" : std::to_string(request.amount)));
            }
        } else if (each->worker) {
            say(each->name + " is " + std::string(to_string(each->worker->now_in())));
        } else {
            say(each->name + " has " + std::to_string(each->manager->workers()) + " workers, " +
                std::to_string(each->manager->outstanding()) + " calls not settled, " +
                std::to_string(each->manager->calls().stale_answers) + " late answers");
        }
    }
}

}  // namespace dialogue
