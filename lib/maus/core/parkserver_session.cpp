#include "maus/core/parkserver_session.hpp"

namespace maus::core {

void parkserver_session::connect(route via, instant, outbox& out) {
    via_ = via;
    state_ = state::connecting;
    older_ = false;
    out.push(open{via_, endpoint_});
}

void parkserver_session::registering(instant now) {
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
    delay_ = delay_min;
}

void parkserver_session::lost(bool close_it, instant now, base::random& random, outbox& out) {
    if (close_it && is_open()) out.push(close{via_});
    state_ = state::waiting;
    via_ = {};
    ping_at_ = never;
    const auto spread = static_cast<std::uint64_t>(delay_.count()) * 4;
    retry_at_ =
        base::after(now, delay_ + duration{static_cast<std::int64_t>(random.below(spread))});
    delay_ = std::min(delay_ * 2, delay_max / 5);
}

parkserver_session::want parkserver_session::advance_to(instant now, outbox& out) {
    switch (state_) {
        case state::waiting: return now >= retry_at_ ? want::connect : want::nothing;
        case state::connecting: return want::nothing;
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
        case state::connecting: return never;
        case state::registering:
        case state::registered: break;
    }
    return std::min(alive_.silent_at(), ping_at_);
}

}  // namespace maus::core
