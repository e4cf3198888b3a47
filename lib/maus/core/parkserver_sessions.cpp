#include "maus/core/parkserver_sessions.hpp"

#include <algorithm>

namespace maus::core {

parkserver_session& parkserver_sessions::add(std::string endpoint) {
    return all_.emplace_back(std::move(endpoint), own_beat_);
}

void parkserver_sessions::connect(parkserver_session& at, instant now, outbox& out) {
    at.connect(routes_.make(), now, out);
}

void parkserver_sessions::say_goodbye(const std::string& why, outbox& out) {
    for (auto& at : all_) {
        if (at.is_registered()) out.control(at.via(), wire::goodbye{why});
        if (at.is_open()) out.push(close{at.via()});
    }
    all_.clear();
}

parkserver_session* parkserver_sessions::find(route via) {
    for (auto& at : all_) {
        if (at.via() == via && at.is_open()) return &at;
    }
    return nullptr;
}

parkserver_session* parkserver_sessions::registered_at(std::string_view endpoint) {
    for (auto& at : all_) {
        if (at.is_registered() && at.endpoint() == endpoint) return &at;
    }
    return nullptr;
}

std::size_t parkserver_sessions::registrations() const {
    return static_cast<std::size_t>(std::count_if(
        all_.begin(), all_.end(), [](const parkserver_session& at) { return at.is_registered(); }));
}

std::string parkserver_sessions::trouble() const {
    constexpr std::size_t told_max = 4;
    std::string all;
    std::size_t told = 0;
    for (const auto& at : all_) {
        const std::string its = at.trouble();
        if (its.empty()) continue;
        if (told++ == told_max) return all + "; and so on";
        all += (all.empty() ? "" : "; ") + its;
    }
    return all;
}

void parkserver_sessions::tell(const wire::control& message, outbox& out) {
    each_registered([&](parkserver_session& at) { out.control(at.via(), message); });
}

// --- inputs -------------------------------------------------------------------------------------

parkserver_session* parkserver_sessions::connected(const up& event, instant now) {
    auto* at = find(event.from);
    if (at != nullptr) at->registering(now);
    return at;
}

std::optional<session_lost> parkserver_sessions::disconnected(const down& event, instant now,
                                                              outbox& out) {
    auto* at = find(event.from);
    if (at == nullptr) return std::nullopt;
    return lose(*at, false, event.why, now, out);
}

left_to_do parkserver_sessions::read(parkserver_session& from, wire::message& message, instant now,
                                     outbox& out) {
    const auto head = wire::read_header(message.first.view());
    const auto unread = [&](const base::failure& why) {
        out.complain(log_level::warning, "parkserver " + from.endpoint() + ": " + why.message);
        return unreadable{};
    };
    if (!head) return unread(head.why());
    if (head.value().version != wire::version) {
        return unread(wire::other_version(head.value().version));
    }
    from.heard(now);
    if (head.value().channel == wire::channel::relay) {
        const auto lease = wire::unwrap_relay(message);
        if (!lease) return dealt_with{};
        return relayed_message{lease.value()};
    }
    if (head.value().channel == wire::channel::link && !from.is_registered()) {
        from.rejected();
        return lose(from, true, "this is a manager, not a parkserver", now, out);
    }
    auto decoded = wire::decode_control(message, settings_.limits);
    if (!decoded && decoded.why().code == errc::unimplemented) {
        if (!wire::is_skipped(head.value().type)) {
            out.control(from.via(), wire::unimplemented{head.value().type});
        }
        return dealt_with{};
    }
    if (!decoded) return unread(decoded.why());
    return handle(from, std::move(decoded).value(), now, out);
}

left_to_do parkserver_sessions::handle(parkserver_session& from, wire::control message, instant now,
                                       outbox& out) {
    if (const auto* answer = std::get_if<wire::registered>(&message)) {
        from.registered(*answer, settings_.features, now);
        out.log(log_level::info, "registered with parkserver " + from.endpoint());
        return registration_done{};
    }
    if (std::holds_alternative<wire::register_again>(message)) {
        if (!from.is_registered()) return dealt_with{};
        from.registering(now);
        return registration_due{};
    }
    if (const auto* no = std::get_if<wire::rejected>(&message)) {
        const std::string why = "rejects: " + wire::printable(no->why);
        if (!from.is_registered()) {
            from.rejected();
            return lose(from, true, "it " + why, now, out);
        }
        // Something else that was said.
        out.complain(log_level::error, "parkserver " + from.endpoint() + " " + why);
        return message;
    }
    if (const auto* parted = std::get_if<wire::parkserver_goodbye>(&message)) {
        return lose(from, true, wire::printable(parted->why), now, out);
    }
    if (const auto* unknown = std::get_if<wire::parkserver_unimplemented>(&message)) {
        if (from.is_older()) {
            out.log(log_level::info, "parkserver " + from.endpoint() + " does not know message " +
                                         std::to_string(unknown->type));
        }
        return unimplemented{};
    }
    if (std::holds_alternative<wire::pong>(message)) return dealt_with{};
    return message;
}

session_lost parkserver_sessions::lose(parkserver_session& at, bool close_it, std::string_view why,
                                       instant now, outbox& out) {
    session_lost lost{at.via(), at.endpoint(), at.is_registered(), std::string(why)};
    at.lost(close_it, why, now, random_, out);
    if (lost.was_registered) {
        out.log(log_level::warning, "parkserver " + lost.endpoint + " is lost: " + lost.why);
    } else if (at.is_news(now)) {
        lost.is_news = true;
        out.log(log_level::warning,
                "cannot register with parkserver " + lost.endpoint + ": " + lost.why);
    }
    return lost;
}

// --- time ---------------------------------------------------------------------------------------

std::vector<session_lost> parkserver_sessions::advance_to(instant now, outbox& out) {
    std::vector<session_lost> silent;
    for (auto& at : all_) {
        switch (at.advance_to(now, out)) {
            case parkserver_session::want::nothing: break;
            case parkserver_session::want::connect:
                if (looking_) connect(at, now, out);
                break;
            case parkserver_session::want::give_up:
                silent.push_back(lose(at, true,
                                      at.is_connected() ? "nothing was heard from it in time"
                                                        : "no connection in time",
                                      now, out));
                break;
        }
    }
    return silent;
}

instant parkserver_sessions::next_deadline() const {
    instant next = never;
    for (const auto& at : all_) {
        if (looking_ || at.is_open()) next = std::min(next, at.next_deadline());
    }
    return next;
}

}  // namespace maus::core
