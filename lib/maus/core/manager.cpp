#include "maus/core/manager.hpp"

#include <algorithm>

namespace maus::core {

std::string_view to_string(notice::kind kind) {
    switch (kind) {
        case notice::kind::worker_joined: return "worker_joined";
        case notice::kind::worker_lost: return "worker_lost";
        case notice::kind::worker_released: return "worker_released";
        case notice::kind::parkserver_back: return "parkserver_back";
        case notice::kind::parkserver_lost: return "parkserver_lost";
    }
    return "unknown";
}

manager::manager(manager_config config, instant)
    : config_(std::move(config)),
      random_(config_.seed),
      dispatcher_(config_.bounds, static_cast<std::uint32_t>(random_())) {
    config_.beat = config_.beat.within_limits();
}

std::size_t manager::registrations() const {
    return static_cast<std::size_t>(
        std::count_if(parkservers_.begin(), parkservers_.end(),
                      [](const parkserver_session& at) { return at.is_registered(); }));
}

parkserver_session* manager::parkserver_at(route via) {
    for (auto& at : parkservers_) {
        if (at.via() == via && at.now_in() != parkserver_session::state::waiting) return &at;
    }
    return nullptr;
}

void manager::define(method_id method, std::string signature) {
    dispatcher_.define(method, std::move(signature));
}

// --- what the program wants ---------------------------------------------------------------------

void manager::on(const add_parkserver& event, instant now, manager_effects& out) {
    if (stopped_) return;
    parkservers_.emplace_back(event.endpoint, config_.beat);
    parkservers_.back().connect(route{++routes_made_}, now, out.net);
}

void manager::on(const add_request& event, instant now, manager_effects& out) {
    if (stopped_) return;  // its calls are refused, since there is no such group
    standing_request made;
    made.request = {++requests_made_};
    made.token = base::token::make(random_);
    made.type = event.type;
    made.amount = event.amount;
    dispatcher_.add_group(event.group, event.policy, now);
    tokens_.emplace(made.token, event.group);
    requests_.emplace(event.group, std::move(made));
    for (auto& at : parkservers_) {
        if (at.is_registered()) tell_request(requests_.at(event.group), at, out);
    }
    seek_direct(event.group, now, out);
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
    for (auto& at : parkservers_) {
        if (at.is_registered()) out.net.control(at.via(), wire::goodbye{"the manager stops"});
        if (at.now_in() != parkserver_session::state::waiting) out.net.push(close{at.via()});
    }
    parkservers_.clear();
    silence_check_ = never;
}

void manager::release(group_id group, errc code, std::string_view why, instant now,
                      manager_effects& out) {
    const auto found = requests_.find(group);
    if (found == requests_.end()) return;
    dispatcher_.remove_group(group, code, why, out.done);
    for (auto& at : parkservers_) {
        if (at.is_registered()) out.net.control(at.via(), wire::cancel{found->second.request});
    }
    tokens_.erase(found->second.token);
    const auto links = std::move(found->second.links);
    for (const auto& key : links) end(key, link_end::released, code, why, now, out);
    requests_.erase(found);
}

// --- inputs -------------------------------------------------------------------------------------

void manager::on(up event, instant now, manager_effects& out) {
    if (auto* at = parkserver_at(event.from)) register_with(*at, now, out);
}

void manager::on(received event, instant now, manager_effects& out) {
    if (auto* at = parkserver_at(event.from)) {
        from_parkserver(*at, event, now, out);
    } else if (event.from.value > routes_made_) {  // else a session of ours that has ended
        from_worker({event.from, {}}, event.what, now, out);
    }
}

void manager::on(down event, instant now, manager_effects& out) {
    if (auto* at = parkserver_at(event.from)) {
        parkserver_lost(*at, false, event.why, now, out);
        return;
    }
    const link_key key{event.from, {}};
    if (links_.contains(key)) end(key, link_end::lost, std::nullopt, event.why, now, out);
    ended_.erase(event.from);
}

void manager::advance_to(instant now, manager_effects& out) {
    for (auto& at : parkservers_) {
        switch (at.advance_to(now, out.net)) {
            case parkserver_session::want::nothing: break;
            case parkserver_session::want::connect:
                at.connect(route{++routes_made_}, now, out.net);
                break;
            case parkserver_session::want::give_up:
                parkserver_lost(at, true, "nothing was heard from it in time", now, out);
                break;
        }
    }
    if (now >= silence_check_) check_silence(now, out);
    std::vector<link_index> hung;
    dispatcher_.advance_to(now, out.net, out.done, hung);
    for (const link_index index : hung) {
        const auto found = std::find_if(links_.begin(), links_.end(), [&](const auto& each) {
            return each.second.index == index;
        });
        const link_key key = found->first;
        end(key, link_end::released, errc::attempt_timeout, "an attempt took too long", now, out);
    }
    for (auto& [group, each] : requests_) {
        if (!std::exchange(each.changed, false)) continue;
        for (auto& at : parkservers_) {
            if (at.is_registered()) tell_request(each, at, out);
        }
    }
    dispatcher_.pump(now, out.net);
}

instant manager::next_deadline() const {
    instant next = std::min(dispatcher_.next_deadline(), silence_check_);
    for (const auto& at : parkservers_) next = std::min(next, at.next_deadline());
    return next;
}

void manager::check_silence(instant now, manager_effects& out) {
    std::vector<link_key> silent;
    silence_check_ = never;
    for (const auto& [key, each] : links_) {
        if (each.alive.silent(now)) {
            silent.push_back(key);
        } else {
            silence_check_ = std::min(silence_check_, each.alive.silent_at());
        }
    }
    std::sort(silent.begin(), silent.end());
    for (const auto& key : silent) {
        end(key, link_end::lost, errc::no_workers, "nothing was heard from it in time", now, out);
    }
}

// --- parkservers --------------------------------------------------------------------------------

void manager::register_with(parkserver_session& at, instant now, manager_effects& out) {
    at.registering(now);
    wire::register_manager say;
    say.manager = config_.id;
    say.incarnation = config_.incarnation;
    say.endpoints = config_.endpoints;
    say.interval_ms = config_.beat.interval_ms;
    say.liveness = config_.beat.liveness;
    say.host = config_.host;
    say.pid = config_.pid;
    out.net.control(at.via(), say);
}

void manager::tell_request(const standing_request& what, parkserver_session& at,
                           manager_effects& out) {
    wire::request say;
    say.request = what.request;
    say.token = what.token;
    say.type = what.type;
    say.amount = what.amount;
    for (const auto& key : what.links) {
        const link& each = links_.at(key);
        say.held.push_back({each.lease, each.worker});
    }
    out.net.control(at.via(), say);
}

void manager::parkserver_lost(parkserver_session& at, bool close_it, std::string_view why,
                              instant now, manager_effects& out) {
    const route via = at.via();
    if (at.lost(close_it, now, random_, out.net)) {
        out.news.push_back({notice::kind::parkserver_lost, {}, at.endpoint(), std::string(why)});
        out.net.log(log_level::warning,
                    "parkserver " + at.endpoint() + " is lost: " + std::string(why));
    }
    std::vector<link_key> relayed;
    for (const auto& [key, each] : links_) {
        if (key.via == via) relayed.push_back(key);
    }
    std::sort(relayed.begin(), relayed.end());
    for (const auto& key : relayed) {
        end(key, link_end::lost, std::nullopt, "the parkserver that relayed is lost", now, out);
    }
}

void manager::from_parkserver(parkserver_session& from, received& event, instant now,
                              manager_effects& out) {
    const auto head = wire::read_header(event.what.first.view());
    if (!head || head.value().version != wire::version) {
        ++counters_.violations;
        out.net.log(log_level::warning, "unreadable message from parkserver " + from.endpoint());
        return;
    }
    from.heard(now);
    if (head.value().channel == wire::channel::relay) {
        const auto lease = wire::unwrap_relay(event.what);
        if (lease) from_worker({event.from, lease.value()}, event.what, now, out);
        return;
    }
    auto decoded = wire::decode_control(event.what, config_.bounds);
    if (!decoded) {
        ++counters_.violations;
        out.net.log(log_level::warning,
                    "parkserver " + from.endpoint() + ": " + decoded.why().message);
        return;
    }
    handle(from, decoded.value(), now, out);
}

void manager::handle(parkserver_session& from, const wire::control& what, instant now,
                     manager_effects& out) {
    if (const auto* answer = std::get_if<wire::registered>(&what)) {
        from.registered(*answer, now);
        out.news.push_back({notice::kind::parkserver_back, {}, from.endpoint(), {}});
        out.net.log(log_level::info, "registered with parkserver " + from.endpoint());
        for (const auto& [group, each] : requests_) tell_request(each, from, out);
    } else if (std::holds_alternative<wire::register_again>(what)) {
        if (from.is_registered()) register_with(from, now, out);
    } else if (const auto* no = std::get_if<wire::rejected>(&what)) {
        out.net.log(log_level::error,
                    "parkserver " + from.endpoint() + " rejects: " + wire::printable(no->why));
        // A request may be rejected; without a registration nothing works.
        if (from.is_registered()) return;
        from.rejected();
        parkserver_lost(from, true, "it rejects this manager", now, out);
    } else if (const auto* ended = std::get_if<wire::lease_ended>(&what)) {
        const link_key key{from.via(), ended->lease};
        if (links_.contains(key)) {
            end(key, link_end::lost, std::nullopt, wire::printable(ended->why), now, out);
        }
    } else if (const auto* parted = std::get_if<wire::parkserver_goodbye>(&what)) {
        parkserver_lost(from, true, wire::printable(parted->why), now, out);
    } else if (!std::holds_alternative<wire::pong>(what) &&
               !std::holds_alternative<wire::granted>(what)) {
        ++counters_.violations;
    }
}

}  // namespace maus::core
