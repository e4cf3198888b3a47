#include "maus/core/manager.hpp"

#include <algorithm>

#include "maus/base/assert.hpp"

namespace maus::core {

std::string_view to_string(notice_kind kind) {
    switch (kind) {
        case notice_kind::worker_joined: return "worker_joined";
        case notice_kind::worker_lost: return "worker_lost";
        case notice_kind::worker_released: return "worker_released";
        case notice_kind::parkserver_back: return "parkserver_back";
        case notice_kind::parkserver_lost: return "parkserver_lost";
        case notice_kind::parkserver_unreachable: return "parkserver_unreachable";
    }
    return "unknown";
}

manager::manager(manager_config config, instant)
    : config_(std::move(config)),
      random_(config_.seed),
      dispatcher_(config_.settings, static_cast<std::uint32_t>(random_())),
      parkservers_(config_.beat.within_limits(), config_.settings, random_, routes_) {
    config_.beat = config_.beat.within_limits();
}

void manager::define(method_id method, std::string signature, std::vector<std::string> needs) {
    dispatcher_.define(method, std::move(signature), std::move(needs));
}

inline void manager::from_worker(const link_key& key, wire::message& message, instant now,
                                 manager_effects& out) {
    const bool may_wait = !put_off_.empty() || put_off_.takes_long(message);
    if (may_wait && puts_off(key, message, now, out)) [[unlikely]]
        return;
    read(key, message, now, out);
}

// --- what the program wants ---------------------------------------------------------------------

void manager::on(const add_parkserver& event, instant now, manager_effects& out) {
    if (stopped_) return;
    parkservers_.connect(parkservers_.add(event.endpoint), now, out.net);
    parkservers_changed(out);
}

void manager::on(const add_request& event, instant now, manager_effects& out) {
    if (stopped_) return;  // its calls are refused, since there is no such group
    standing_request made;
    made.request = {++requests_made_};
    made.token = base::token::make(random_);
    made.type = event.type;
    made.amount = event.amount;
    made.range = event.range;
    made.label = event.label;
    MAUS_ASSERT(!requests_.contains(event.group), "two requests have one group");
    dispatcher_.add_group(event.group, event.policy, now);
    tokens_.emplace(made.token, event.group);
    if (made.range) numbers_.emplace(made.request, event.group);
    requests_.emplace(event.group, std::move(made));
    tell_all(requests_.at(event.group), out);
    seek_direct(event.group, out);
}

void manager::on(const release_request& event, instant now, manager_effects& out) {
    release(event.group, errc::cancelled, "its workers were released", now, out);
}

void manager::on(const cancel_call& event, instant, manager_effects& out) {
    dispatcher_.cancel(event.call, "cancelled by the caller", out.net, out.done);
}

call_id manager::on(submission&& event, instant now, manager_effects& out) {
    if (stopped_) {
        dispatcher_.refuse(event, errc::shutdown, "the manager has stopped", out.done);
        return {};
    }
    return dispatcher_.submit(std::move(event), now, out.done);
}

void manager::on(const stop_manager&, instant now, manager_effects& out) {
    if (stopped_) return;
    stopped_ = true;
    while (!requests_.empty()) {
        release(requests_.begin()->first, errc::shutdown, "the manager stops", now, out);
    }
    while (!links_.empty()) {
        const link_key key = links_.begin()->first;
        end(key, link_end::released, errc::shutdown, "the manager stops", now, out);
    }
    MAUS_ASSERT(tokens_.empty() && numbers_.empty() && to_give_back_.empty(),
                "what was told of a request outlives it");
    parkservers_.say_goodbye("the manager stops", out.net);
    silence_check_ = never;
}

void manager::release(group_id group, errc code, std::string_view why, instant now,
                      manager_effects& out) {
    const auto found = requests_.find(group);
    if (found == requests_.end()) return;
    dispatcher_.remove_group(group, code, why, out.done);
    parkservers_.tell(wire::cancel{found->second.request}, out.net);
    tokens_.erase(found->second.token);
    numbers_.erase(found->second.request);
    to_give_back_.erase(group);
    const auto links = std::move(found->second.links);
    requests_.erase(found);  // before: who is idle is not to take a place in it
    for (const auto& key : links) end(key, link_end::released, code, why, now, out);
}

// --- inputs -------------------------------------------------------------------------------------

void manager::on(up event, instant now, manager_effects& out) {
    if (auto* at = parkservers_.connected(event, now)) send_registration(*at, out);
}

void manager::on(received event, instant now, manager_effects& out) {
    if (auto* at = parkservers_.find(event.from)) {
        from_parkserver(*at, event, now, out);
    } else if (!routes_.made(event.from)) {  // else a session of ours that has ended
        from_worker({event.from, {}}, event.message, now, out);
    }
}

void manager::on(down event, instant now, manager_effects& out) {
    put_off_.drop_if([&](const link_key& each) { return each.via == event.from; });
    if (const auto lost = parkservers_.disconnected(event, now, out.net)) {
        return parkserver_lost(*lost, now, out);
    }
    const link_key key{event.from, {}};
    if (links_.contains(key)) end(key, link_end::lost, std::nullopt, event.why, now, out);
    ended_.erase(event.from);
}

manager::link_map::iterator manager::find_link(link_index index) {
    return std::find_if(links_.begin(), links_.end(),
                        [&](const auto& each) { return each.second.index == index; });
}

void manager::advance_to(instant now, manager_effects& out) {
    if (!put_off_.empty()) [[unlikely]]
        read_put_off(now, out);
    for (const auto& lost : parkservers_.advance_to(now, out.net)) parkserver_lost(lost, now, out);
    if (now >= silence_check_) check_silence(now, out);
    std::vector<link_index> hung;
    dispatcher_.advance_to(now, out.net, out.done, hung);
    for (const link_index index : hung) {
        const auto found = find_link(index);
        MAUS_ASSERT(found != links_.end(), "an attempt took too long on a link that has ended");
        const link_key key = found->first;
        end(key, link_end::released, errc::attempt_timeout, "an attempt took too long", now, out);
    }
    if (!to_give_back_.empty()) [[unlikely]]
        give_back(now, out);
    for (auto& [group, each] : requests_) {
        if (std::exchange(each.changed, false)) tell_all(each, out);
    }
    pump(now, out);
}

instant manager::next_deadline() const {
    return std::min({dispatcher_.next_deadline(), silence_check_, parkservers_.next_deadline(),
                     put_off_.next_deadline()});
}

void manager::check_silence(instant now, manager_effects& out) {
    std::vector<link_key> silent, standing;
    silence_check_ = never;
    for (const auto& [key, each] : links_) {
        const transfers* large = dispatcher_.large_of(each.index);
        if (each.alive.silent(now)) {
            silent.push_back(key);
        } else if (large != nullptr && large->stand_still(now, each.alive.beat.timeout())) {
            standing.push_back(key);
        } else {
            silence_check_ = std::min(silence_check_, each.alive.silent_at());
        }
    }
    const auto end_all = [&](std::vector<link_key>& keys, std::string_view why) {
        std::sort(keys.begin(), keys.end());
        for (const auto& key : keys) end(key, link_end::lost, errc::no_workers, why, now, out);
    };
    end_all(silent, "nothing was heard from it in time");
    end_all(standing, "it takes nothing of a large call");
}

// --- parkservers --------------------------------------------------------------------------------

void manager::parkservers_changed(manager_effects& out) {
    out.trouble = parkservers_.trouble();
    dispatcher_.explain_no_workers(*out.trouble);
}

void manager::send_registration(parkserver_session& to, manager_effects& out) {
    wire::register_manager say;
    say.manager = config_.id;
    say.incarnation = config_.incarnation;
    say.endpoints = config_.endpoints;
    say.interval_ms = config_.beat.interval_ms;
    say.liveness = config_.beat.liveness;
    say.host = config_.host;
    say.pid = config_.pid;
    say.can = wire::capabilities_of(config_.settings.features, config_.settings.limits);
    out.net.control(to.via(), say);
}

void manager::registered(parkserver_session& with, manager_effects& out) {
    parkservers_changed(out);
    forget_bounds(with.via());
    out.news.push_back({notice_kind::parkserver_back, {}, with.endpoint(), {}});
    for (const auto& [group, each] : requests_) tell(each, with, out);
}

namespace {
// What a parkserver that knows no elastic requests is to take one for: what was asked for when
// nothing was said, or as many as it can't do without.
std::uint32_t amount_for_older(const wire::elastic& range) {
    const bool says_nothing = range == wire::elastic{};
    return says_nothing ? 0 : range.min;
}
}  // namespace

wire::request manager::as_told(const standing_request& request) const {
    wire::request say;
    say.request = request.request;
    say.token = request.token;
    say.type = request.type;
    say.amount = request.amount;
    if (request.range) say.amount = amount_for_older(*request.range);
    for (const auto& key : request.links) {
        const link& each = links_.at(key);
        say.held.push_back({each.lease, each.worker});
    }
    return say;
}

void manager::parkserver_lost(const session_lost& lost, instant now, manager_effects& out) {
    parkservers_changed(out);
    put_off_.drop_if([&](const link_key& each) { return each.via == lost.via; });
    forget_bounds(lost.via);
    if (lost.was_registered || lost.is_news) {
        const auto kind = lost.was_registered ? notice_kind::parkserver_lost
                                              : notice_kind::parkserver_unreachable;
        out.news.push_back({kind, {}, lost.endpoint, lost.why});
    }
    std::vector<link_key> relayed;
    for (const auto& [key, each] : links_) {
        if (key.via == lost.via) relayed.push_back(key);
    }
    std::sort(relayed.begin(), relayed.end());
    for (const auto& key : relayed) {
        end(key, link_end::lost, std::nullopt, "the parkserver that relayed is lost", now, out);
    }
}

void manager::from_parkserver(parkserver_session& from, received& event, instant now,
                              manager_effects& out) {
    const auto left = parkservers_.read(from, event.message, now, out.net);
    if (const auto* relayed = std::get_if<relayed_message>(&left)) {
        from_worker({event.from, relayed->lease}, event.message, now, out);
    } else if (std::holds_alternative<registration_due>(left)) {
        send_registration(from, out);
    } else if (std::holds_alternative<registration_done>(left)) {
        registered(from, out);
    } else if (const auto* lost = std::get_if<session_lost>(&left)) {
        parkserver_lost(*lost, now, out);
    } else if (const auto* message = std::get_if<wire::control>(&left)) {
        handle(from, *message, now, out);
    } else if (std::holds_alternative<unreadable>(left)) {
        ++counters_.violations;
    } else if (std::holds_alternative<unimplemented>(left)) {
        ++counters_.unimplemented;
    }
}

void manager::handle(parkserver_session& from, const wire::control& message, instant now,
                     manager_effects& out) {
    if (const auto* ended = std::get_if<wire::lease_ended>(&message)) {
        const link_key key{from.via(), ended->lease};
        put_off_.drop(key);
        if (links_.contains(key)) {
            end(key, link_end::lost, std::nullopt, wire::printable(ended->why), now, out);
        }
    } else if (const auto* share = std::get_if<wire::fair_share>(&message)) {
        handle(from, *share);
    } else if (!std::holds_alternative<wire::granted>(message) &&
               !std::holds_alternative<wire::rejected>(message)) {  // of a request
        ++counters_.violations;
    }
}

}  // namespace maus::core
