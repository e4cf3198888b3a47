// The network, the clock and the functions of the stage. Commands: commands.cpp.
#include "stage.hpp"

#include <algorithm>

#include "maus/wire/archive.hpp"

namespace dialogue {

namespace core = maus::core;

namespace {
constexpr std::uint64_t accepted_bit = std::uint64_t{1} << 63;
}

stage::stage() = default;
stage::~stage() = default;

node& stage::find(const std::string& name) const {
    for (const auto& each : nodes_) {
        if (each->name == name) return *each;
    }
    throw std::runtime_error("there is nobody called " + name);
}

stage::wire* stage::wire_of(const node& of, route at, int* end) const {
    for (const auto& each : wires_) {
        for (int i = 0; i < 2; ++i) {
            if (each->ends[i] != &of || each->at[i] != at || each->closed) continue;
            if (end != nullptr) *end = i;
            return each.get();
        }
    }
    return nullptr;
}

// --- until nothing moves any more ----------------------------------------------------------------

void stage::settle() {
    for (int rounds = 0; rounds < 10'000; ++rounds) {
        for (const auto& each : nodes_) step(*each);
        const bool connected = connect_wires();
        if (!deliver() && !connected) return;
    }
    say("... and so on, without end");
}

bool stage::connect_wires() {
    bool any = false;
    for (std::size_t i = 0; i < wires_.size(); ++i) {
        wire& each = *wires_[i];
        if (each.connected || each.closed || each.ends[0]->suspended) continue;
        const auto there = std::find_if(nodes_.begin(), nodes_.end(), [&](const auto& candidate) {
            return candidate->name == each.endpoint && candidate->alive;
        });
        if (there == nodes_.end() || cuts_.contains({each.ends[0], there->get()})) continue;
        each.connected = any = true;
        each.ends[1] = there->get();
        each.at[1] = {accepted_bit | ++accepted_};
        node& from = *each.ends[0];
        if (from.manager) from.manager->on(core::up{each.at[0]}, now_, from.manager_out);
        if (from.worker) from.worker->on(core::up{each.at[0]}, now_, from.worker_out);
        step(from);
        if (each.ends[1]->given.contains("closes") && !each.closed) {
            hang_up(each, 1);
            say(each.ends[1]->name + " closes it");
        }
    }
    return any;
}

bool stage::held_up(const parcel& what) const {
    const node* to = what.on->ends[what.to];
    const node* from = what.on->ends[1 - what.to];
    return to->suspended || cuts_.contains({from, to}) ||
           (!what.what && hidden_.contains({from, to}));
}

// All that waits for one process, and then its clock: so sockets are drained before time is told.
bool stage::deliver() {
    const auto first = std::find_if(parcels_.begin(), parcels_.end(),
                                    [&](const parcel& each) { return !held_up(each); });
    if (first == parcels_.end()) return false;
    node& to = *first->on->ends[first->to];
    for (auto at = first; at != parcels_.end();) {
        if (at->on->ends[at->to] != &to || held_up(*at)) {
            ++at;
            continue;
        }
        parcel what = std::move(*at);
        at = parcels_.erase(at);
        feed(to, what);
    }
    step(to);
    return true;
}

void stage::feed(node& to, parcel& what) {
    if (!to.alive) return;
    const route at = what.on->at[what.to];
    if (!what.what) {
        const core::down gone{at, "its connection closed"};
        if (to.park) to.park->on(gone, now_, to.park_out);
        if (to.manager) to.manager->on(gone, now_, to.manager_out);
        if (to.worker) to.worker->on(gone, now_, to.worker_out);
        return;
    }
    core::received got{at, std::move(*what.what)};
    if (to.park)
        to.park->on(std::move(got), now_, to.park_out);
    else if (to.manager)
        to.manager->on(std::move(got), now_, to.manager_out);
    else if (to.worker)
        to.worker->on(std::move(got), now_, to.worker_out);
}

// Time, functions and effects of one process, until it has nothing to do.
void stage::step(node& which) {
    if (!which.alive || which.suspended) return;
    for (bool again = true; again && which.alive;) {
        again = false;
        if (which.park) {
            which.park->advance_to(now_, which.park_out);
            apply(which, which.park_out);
        } else if (which.manager) {
            which.manager->advance_to(now_, which.manager_out);
            again = !which.manager_out.net.empty();
            settled(which);
            apply(which, which.manager_out.net);
        } else {
            which.worker->advance_to(now_, which.worker_out);
            work(which);
            again = !which.worker_out.net.empty();
            apply(which, which.worker_out.net);
            if (which.worker->now_in() == core::worker::state::stopped) {
                say(which.name + " has stopped");
                kill(which);
            }
        }
    }
}

instant stage::next_deadline(const node& of) const {
    if (!of.alive || of.suspended) return core::never;
    if (of.park) return of.park->next_deadline();
    if (of.manager) return of.manager->next_deadline();
    return of.worker->next_deadline();
}

// --- effects -------------------------------------------------------------------------------------

void stage::apply(node& from, core::outbox& out) {
    auto effects = std::move(out.effects());
    out.clear();
    for (auto& each : effects) std::visit([&](auto& what) { carry_out(from, what); }, each);
}

void stage::carry_out(node& from, core::open& what) {
    auto made = std::make_unique<wire>();
    made->ends[0] = &from;
    made->at[0] = what.to;
    made->endpoint = what.endpoint.substr(std::string("tcp://").size());
    say(from.name + " connects to " + made->endpoint);
    wires_.push_back(std::move(made));
}

// Of a bound socket nobody can close one connection: as in the real network, nothing happens.
void stage::carry_out(node& from, core::close& what) {
    int end = 0;
    wire* which = wire_of(from, what.to, &end);
    if (which == nullptr || end == 1) return;
    hang_up(*which, end);
}

void stage::hang_up(wire& which, int but_for) {
    if (which.connected && which.ends[1 - but_for] != nullptr) {
        parcels_.push_back({&which, 1 - but_for, std::nullopt});
    }
    std::erase_if(parcels_,
                  [&](const parcel& each) { return each.on == &which && each.to == but_for; });
    which.closed = true;
}

void stage::carry_out(node& from, core::send& what) {
    int end = 0;
    wire* on = wire_of(from, what.to, &end);
    if (on == nullptr || !on->connected) return;
    maus::wire::message message = std::move(what.message);
    if (what.relayed) {
        message.rest.insert(message.rest.begin(), std::move(message.first));
        message.first = maus::wire::relay_frame(*what.relayed);
    }
    const std::string text = describe(message);
    parcels_.push_back({on, 1 - end, std::move(message)});
    const std::string held = held_up(parcels_.back()) ? "   (on its way)" : "";
    if (!text.empty()) say(from.name + " -> " + on->ends[1 - end]->name + "   " + text + held);
}

void stage::carry_out(node& from, core::note& what) {
    if (what.level == maus::log_level::warning || what.level == maus::log_level::error) {
        say(from.name + " logs: " + what.text);
    }
}

void stage::settled(node& of) {
    for (auto& each : of.manager_out.items) {
        const maus::wire::items all{{}, each.count, std::move(each.payload)};
        say(of.name + ": " + calls_.at(each.ticket).name + " gives " + numbers_in(all));
    }
    of.manager_out.items.clear();
    for (auto& each : of.manager_out.callbacks) {
        const auto value = maus::wire::decode<std::int32_t>(each.payload.view());
        say(of.name + ": the callable of " + call_of(each.attempt.call).name + " is called with " +
            (value ? std::to_string(std::get<0>(value.value())) : "?"));
        of.callables.push_back(std::move(each));
    }
    of.manager_out.callbacks.clear();
    for (auto& each : of.manager_out.done) {
        const std::string& name = calls_.at(each.ticket).name;
        if (!each.result.error && each.result.payload.empty()) {
            say(of.name + ": " + name + " is at its end");
            continue;
        }
        if (!each.result.error) {
            const auto bytes = each.result.payload.view().first(sizeof(std::int32_t));
            const auto value = maus::wire::decode<std::int32_t>(bytes);  // without the padding
            say(of.name + ": " + name + " = " + std::to_string(std::get<0>(value.value())));
            continue;
        }
        say(of.name + ": " + name + " failed: " + std::string(to_string(*each.result.error)) +
            " (" + each.result.about->text + ")");
        for (const auto& attempt : each.result.about->attempts) {
            say("    tried on " + attempt.worker + ": " + attempt.why);
        }
    }
    of.manager_out.done.clear();
    for (auto& each : of.manager_out.news) {
        if (each.kind == core::notice_kind::parkserver_back) continue;
        std::string text(to_string(each.kind));
        std::replace(text.begin(), text.end(), '_', ' ');
        const std::string who = each.name.starts_with("tcp://") ? each.name.substr(6) : each.name;
        say(of.name + ": " + text + ": " + who + (each.why.empty() ? "" : ": " + each.why));
    }
    of.manager_out.news.clear();
}

// --- functions -----------------------------------------------------------------------------------

// Its function goes on.
void stage::called_back(node& of, const core::callback_done& what) {
    const auto found = std::find_if(of.asking.begin(), of.asking.end(),
                                    [&](const auto& each) { return each.first == what.id; });
    if (found == of.asking.end()) return;
    const std::string before =
        of.name + ": " + call_of(found->second.attempt.call).name + " hears ";
    if (const auto* value = std::get_if<core::job_value>(&what.outcome)) {
        const auto read = maus::wire::decode<std::int32_t>(value->payload.view());
        say(before + (read ? std::to_string(std::get<0>(read.value())) : "?"));
    } else {
        const auto& fault = std::get<core::job_fault>(what.outcome);
        say(before + std::string(to_string(fault.code)) + " (" + fault.text + ")");
    }
    of.running.push_back(std::move(found->second));
    of.asking.erase(found);
}

void stage::work(node& of) {
    for (auto& each : of.worker_out.execute) of.waiting.push_back(std::move(each));
    of.worker_out.execute.clear();
    for (const auto& each : of.worker_out.cancel) of.cancelled.insert(each);
    of.worker_out.cancel.clear();
    if (of.worker_out.hook) {
        const bool sets_up = of.worker_out.hook->what == core::lease_hook::kind::set_up;
        of.worker_out.hook.reset();
        of.hook_runs = true;
        say(of.name + " runs " + (sets_up ? "on_lease" : "on_release"));
    }
    for (const auto& each : of.worker_out.more) {
        say(of.name + " may give " + std::to_string(each.items) + " more of " +
            call_of(each.of.call).name);
    }
    of.worker_out.more.clear();
    for (auto& each : of.worker_out.called_back) called_back(of, each);
    of.worker_out.called_back.clear();
    while (!of.waiting.empty() && of.running.size() < of.worker->config().concurrency) {
        core::job next = std::move(of.waiting.front());
        of.waiting.pop_front();
        const bool may = next.link == of.worker->startable() && now_ < of.worker->lease_until() &&
                         !of.cancelled.contains(next.attempt);
        if (!may) {
            of.worker->on(core::job_done{next.link, next.attempt, false, core::job_returned{}},
                          now_, of.worker_out);
            continue;
        }
        say(of.name + " runs " + call_of(next.attempt.call).name);
        if (next.at_most_once) {
            of.worker->on(core::job_started{next.link, next.attempt}, now_, of.worker_out);
        }
        of.running.push_back(std::move(next));
    }
}

}  // namespace dialogue
