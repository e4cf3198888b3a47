// All sessions of one worker or manager with its parkservers, and what both do alike about them.
//
// Connecting, trying again, giving up, reading a message and the answers that mean the same to both
// are dealt with here. What only the owner knows is left to it: its registration, what it tells a
// parkserver that has just registered it, links that are relayed, and offers. Each function returns
// what is left to do, as a value. The states of one session stand in parkserver_session.hpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "maus/core/parkserver_session.hpp"

namespace maus::core {

/// A session has ended. What its parkserver relayed has ended, too.
struct session_lost {
    route via;
    std::string endpoint;
    bool was_registered = false;
    std::string why;
    bool is_news = false;  ///< it was not registered, and people are to be told
};

// What a message leaves to the owner of the session.
struct dealt_with {};         ///< nothing
struct unreadable {};         ///< to count it
struct unimplemented {};      ///< to count that the parkserver did not know something
struct registration_due {};   ///< to send its registration
struct registration_done {};  ///< to tell the parkserver what changed or what it cannot know
struct relayed_message {      ///< to read the message, which is a link's now
    base::lease_id lease;
};
using left_to_do = std::variant<dealt_with, unreadable, unimplemented, registration_due,
                                registration_done, session_lost, relayed_message, wire::control>;

class parkserver_sessions {
public:
    parkserver_sessions(heartbeat own_beat, const base::settings& settings, base::random& random,
                        route_numbers& routes)
        : own_beat_(own_beat), settings_(settings), random_(random), routes_(routes) {}
    parkserver_sessions(const parkserver_sessions&) = delete;
    parkserver_sessions& operator=(const parkserver_sessions&) = delete;

    /// It is connected to at the next advance_to(), or with connect().
    parkserver_session& add(std::string endpoint);
    void connect(parkserver_session& at, instant now, outbox& out);
    /// From now on, lost parkservers are not looked for any more.
    void stop_looking() { looking_ = false; }
    /// Says goodbye to all, closes all connections and forgets the sessions.
    void say_goodbye(const std::string& why, outbox& out);

    /// The session that uses this connection, or null.
    [[nodiscard]] parkserver_session* find(route via);
    /// The session with the parkserver at `endpoint`, if it is registered there; else null.
    [[nodiscard]] parkserver_session* registered_at(std::string_view endpoint);
    [[nodiscard]] std::size_t size() const { return all_.size(); }
    [[nodiscard]] std::size_t registrations() const;
    /// With whom there is no registration and why, for people; empty if all are registered.
    [[nodiscard]] std::string trouble() const;
    template <class Visit>
    void each_registered(Visit visit) {
        for (auto& at : all_) {
            if (at.is_registered()) visit(at);
        }
    }
    /// Says it to every parkserver that is registered with.
    void tell(const wire::control& message, outbox& out);

    /// The session to send the registration to, if the connection is one of a parkserver's.
    [[nodiscard]] parkserver_session* connected(const up& event, instant now);
    [[nodiscard]] std::optional<session_lost> disconnected(const down& event, instant now,
                                                           outbox& out);
    /// Reads a message. One that was relayed is unwrapped in place.
    [[nodiscard]] left_to_do read(parkserver_session& from, wire::message& message, instant now,
                                  outbox& out);
    /// Ends a session; its parkserver is tried again later.
    [[nodiscard]] session_lost lose(parkserver_session& at, bool close_it, std::string_view why,
                                    instant now, outbox& out);
    /// Sends pings, connects, and returns the sessions that have ended by silence.
    [[nodiscard]] std::vector<session_lost> advance_to(instant now, outbox& out);
    [[nodiscard]] instant next_deadline() const;

private:
    [[nodiscard]] left_to_do handle(parkserver_session& from, wire::control message, instant now,
                                    outbox& out);

    heartbeat own_beat_;
    const base::settings& settings_;
    base::random& random_;
    route_numbers& routes_;
    std::vector<parkserver_session> all_;
    bool looking_ = true;
};

}  // namespace maus::core
