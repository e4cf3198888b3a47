#include "maus/core/parkserver_session.hpp"

#include "maus/base/assert.hpp"

namespace maus::core {

void parkserver_session::connect(route via, instant now, outbox& out) {
    MAUS_ASSERT(state_ == state::waiting, "a session has two connections");
    via_ = via;
    state_ = state::connecting;
    connect_by_ = base::after(now, connect_max);
    older_ = false;
    out.push(open{via_, endpoint_});
}

void parkserver_session::registering(instant now) {
    MAUS_ASSERT(is_open(), "a session registers without a connection");
    state_ = state::registering;
    alive_ = {own_beat_.within_limits(), now};
    ping_at_ = never;
}

void parkserver_session::registered(const wire::registered& answer,
                                    const std::vector<std::string>& own_features, instant now) {
    state_ = state::registered;
    features_ = wire::common_features(own_features, answer.can.features);
    limits_ = wire::limits_of(answer.can);
    alive_ = {heartbeat{answer.interval_ms, answer.liveness}.within_limits(), now};
    ping_at_ = base::after(now, alive_.beat.interval());
    registered_at_ = now;
    was_reached_ = true;
    outage_.reached();
}

void parkserver_session::lost(bool close_it, std::string_view why, instant now,
                              base::random& random, outbox& out) {
    MAUS_ASSERT(is_open(), "a session is lost twice");
    if (close_it && is_open()) out.push(close{via_});
    const bool lasted = is_registered() && alive_.heard - registered_at_ >= alive_.beat.timeout();
    if (lasted) outage_.over();
    state_ = state::waiting;
    why_ = why;
    via_ = {};
    ping_at_ = never;
    retry_at_ = base::after(now, outage_.next_rest(random));
}

std::string parkserver_session::trouble() const {
    if (is_registered()) return {};
    const std::string whose = "the parkserver at " + endpoint_;
    if (was_reached_) return whose + " is lost: " + why_;
    if (why_.empty()) return whose + " was not reached yet";
    return whose + " was never reached: " + why_;
}

parkserver_session::want parkserver_session::advance_to(instant now, outbox& out) {
    switch (state_) {
        case state::waiting: return now >= retry_at_ ? want::connect : want::nothing;
        case state::connecting: return now >= connect_by_ ? want::give_up : want::nothing;
        case state::registering:
        case state::registered: break;
    }
    if (alive_.silent(now)) return want::give_up;
    if (now >= ping_at_) {
        out.control(via_, wire::ping{static_cast<std::uint64_t>(now.time_since_epoch().count())});
        ping_at_ = base::after(now, alive_.beat.interval());
    }
    return want::nothing;
}

instant parkserver_session::next_deadline() const {
    switch (state_) {
        case state::waiting: return retry_at_;
        case state::connecting: return connect_by_;
        case state::registering:
        case state::registered: break;
    }
    return std::min(alive_.silent_at(), ping_at_);
}

}  // namespace maus::core
