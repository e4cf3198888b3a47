// A worker's or manager's side of its session with one parkserver.
//
// state       | event                     | next        | does
// ------------|---------------------------|-------------|------------------------------
// waiting     | the delay is over         | connecting  | open
// connecting  | up                        | registering | the owner sends its registration
// connecting  | down, connect_max is over | waiting     | close; delay doubled, with jitter
// registering | registered                | registered  | ping once an interval from now on
// registering | rejected, no parkserver   | waiting     | close; a long delay
// registering, registered | down, silence, goodbye | waiting | close; delay doubled, with jitter
// registered  | register_again            | registering | the owner sends its registration
//
// The delay is short again only after a registration that has lasted for a heartbeat timeout. [P-14] to
// [P-19]. parkserver_sessions.hpp drives it.
#pragma once

#include <string>
#include <string_view>

#include "maus/base/random.hpp"
#include "maus/core/backoff.hpp"
#include "maus/core/heartbeat.hpp"
#include "maus/core/outbox.hpp"
#include "maus/wire/control.hpp"
#include "maus/wire/feature.hpp"

namespace maus::core {

class parkserver_session {
public:
    enum class state : std::uint8_t { waiting, connecting, registering, registered };

    parkserver_session(std::string endpoint, heartbeat own_beat)
        : endpoint_(std::move(endpoint)), own_beat_(own_beat) {}

    [[nodiscard]] const std::string& endpoint() const { return endpoint_; }
    [[nodiscard]] route via() const { return via_; }
    [[nodiscard]] bool is_registered() const { return state_ == state::registered; }
    /// There is a connection, or one is being made.
    [[nodiscard]] bool is_open() const { return state_ != state::waiting; }
    [[nodiscard]] bool is_connected() const {
        return state_ == state::registering || state_ == state::registered;
    }

    /// What both sides can do, and what the parkserver takes: while registered.
    [[nodiscard]] const wire::feature_set& features() const { return features_; }
    [[nodiscard]] const wire::peer_limits& limits() const { return limits_; }
    /// It did not know something. True the first time in a session.
    [[nodiscard]] bool is_older() { return !std::exchange(older_, true); }

    /// A worker's last word to this parkserver: that it is free, or that it is not; by which lease.
    bool said_free = false;
    base::lease_id said_lease;

    void connect(route via, instant now, outbox& out);
    /// The connection is there, or the parkserver asks again: the owner sends its registration.
    void registering(instant now);
    void registered(const wire::registered& answer, const std::vector<std::string>& own_features,
                    instant now);
    void heard(instant now) { alive_.heard = now; }
    /// Closes (if asked to) and waits.
    void lost(bool close_it, std::string_view why, instant now, base::random& random, outbox& out);
    /// It will hardly think better of it soon: the wait that `lost` begins is a long one.
    void rejected() { outage_.rest_long(); }
    /// Whether to tell that it could not be reached.
    [[nodiscard]] bool is_news(instant now) { return outage_.is_news(now); }
    /// Why there is no registration, for people; empty if there is one.
    [[nodiscard]] std::string trouble() const;

    enum class want : std::uint8_t { nothing, connect, give_up };
    /// Sends the ping that is due and tells what else is.
    [[nodiscard]] want advance_to(instant now, outbox& out);
    [[nodiscard]] instant next_deadline() const;

private:
    // Two look-ups' time: who makes the connection gives up earlier, and says why.
    static constexpr duration connect_max = std::chrono::seconds{10};

    std::string endpoint_;
    heartbeat own_beat_;
    state state_ = state::waiting;
    route via_{};
    heartbeat_monitor alive_{};
    instant ping_at_ = never;
    instant retry_at_{};
    instant connect_by_ = never;
    instant registered_at_{};
    backoff outage_;
    std::string why_;  // of the last loss
    bool was_reached_ = false;
    wire::feature_set features_;
    wire::peer_limits limits_;
    bool older_ = false;
};

}  // namespace maus::core
