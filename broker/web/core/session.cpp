#include "broker/web/core/session.hpp"

#include "broker/web/core/framing.hpp"
#include "maus/base/assert.hpp"
#include "maus/wire/control.hpp"

namespace maus::web {

using base::instant;

session::session(const session_config& config, instant now)
    : config_(config), deadline_(base::after(now, config.handshake_max)) {}

// --- from the peer -------------------------------------------------------------------------------

void session::text(std::optional<std::string_view> token, effects& out) {
    switch (state_) {
        case state::greeting: {
            const auto known = token ? config_.tokens.role_of(*token) : std::nullopt;
            if (!known) {
                return refuse(close_code::no_token,
                              token ? "the token is unknown" : "the first message has no token",
                              out);
            }
            role_ = *known;
            state_ = state::joining;
            deadline_ = base::never;  // the attempt to connect has an end of its own
            connected_ = true;
            out.push_back(connect{});
            return;
        }
        case state::joining:
        case state::open:
            return refuse(close_code::malformed, "a text message after the first", out);
        case state::closed: return;
    }
}

void session::binary(base::byte_view bytes, instant now, effects& out) {
    switch (state_) {
        case state::greeting:
            return refuse(close_code::no_token, "the first message has no token", out);
        case state::joining:  // nothing is read meanwhile
            return refuse(close_code::malformed, "it spoke before it was answered", out);
        case state::open: break;
        case state::closed: return;
    }
    if (bytes.size() > config_.limits.message_bytes_max) {
        return refuse(close_code::too_large, "a message is too large", out);
    }
    auto message = unpack(bytes, config_.limits);
    if (!message) return refuse(close_code::malformed, message.why().message, out);
    on_message(std::move(message).value(), now, out);
}

void session::on_message(wire::message message, instant now, effects& out) {
    auto judged = judge(role_, message, config_.limits);
    switch (judged.verdict) {
        case verdict::pass_on: out.push_back(pass_on{std::move(message)}); return;
        case verdict::answer_unimplemented:
            return tell(pack(wire::encode_control(wire::parkserver_unimplemented{judged.type})),
                        now, out);
        case verdict::skip: return;
        case verdict::refuse: return refuse(close_code::not_allowed, judged.why, out);
        case verdict::malformed: return refuse(close_code::malformed, judged.why, out);
    }
}

void session::gone(effects& out) {
    state_ = state::closed;
    deadline_ = base::never;
    if (std::exchange(connected_, false)) out.push_back(disconnect{});
}

// --- from the parkserver -------------------------------------------------------------------------

void session::up(effects& out) {
    if (state_ != state::joining) return;
    state_ = state::open;
    out.push_back(say_text{R"({"role":")" + std::string(to_string(role_)) +
                           R"(","message_bytes_max":)" +
                           std::to_string(config_.limits.message_bytes_max) + "}"});
}

void session::received(const wire::message& message, instant now, effects& out) {
    if (state_ == state::open) tell(pack(message), now, out);
}

void session::down(std::string_view why, effects& out) {
    connected_ = false;
    if (state_ != state::joining && state_ != state::open) return;
    const bool was_there = state_ == state::open;
    refuse(close_code::no_parkserver,
           (was_there ? "the parkserver was lost: " : "the parkserver cannot be reached: ") +
               std::string(why),
           out);
}

// --- time and queues -----------------------------------------------------------------------------

void session::tell(std::string binary, instant now, effects& out) {
    const bool begins_to_wait = waiting_for_peer_ == 0;
    waiting_for_peer_ += binary.size();
    out.push_back(say{std::move(binary)});
    if (begins_to_wait) deadline_ = stall_deadline(now);
    if (waiting_for_peer_ > config_.queued_bytes_max()) {
        refuse(close_code::too_much_queued, "too much waits for it", out);
    }
}

void session::written(std::size_t bytes, instant now) {
    MAUS_ASSERT(bytes <= waiting_for_peer_, "more was written than was said");
    waiting_for_peer_ -= bytes;
    if (state_ != state::open) return;
    deadline_ = waiting_for_peer_ == 0 ? base::never : stall_deadline(now);
}

// Nothing is heard of a message before all of it was taken, so one that is long has longer.
base::instant session::stall_deadline(instant now) const {
    constexpr std::size_t slow_bytes_per_s = 32768;
    return base::after(
        now, config_.stall_max + std::chrono::seconds(waiting_for_peer_ / slow_bytes_per_s));
}

void session::advance_to(instant now, effects& out) {
    if (now < deadline_) return;
    if (state_ == state::greeting) {
        refuse(close_code::too_slow, "no token came in time", out);
    } else if (state_ == state::open) {
        refuse(close_code::too_much_queued, "it does not take what it is sent", out);
    }
}

void session::stop(effects& out) {
    if (state_ != state::closed) end(close_code::stopping, "the gateway stops", out);
}

bool session::hears_peer() const {
    if (state_ == state::greeting) return true;
    return state_ == state::open && waiting_for_peer_ < config_.much_bytes &&
           waiting_for_parkserver_ < config_.much_bytes;
}

bool session::hears_parkserver() const {
    return state_ == state::joining ||
           (state_ == state::open && waiting_for_peer_ < config_.much_bytes);
}

std::size_t session::message_bytes_max() const {
    constexpr std::size_t greeting_bytes_max = 1024;
    return state_ == state::greeting ? greeting_bytes_max : config_.limits.message_bytes_max;
}

// --- the end -------------------------------------------------------------------------------------

void session::end(close_code code, std::string why, effects& out) {
    state_ = state::closed;
    deadline_ = base::never;
    if (std::exchange(connected_, false)) out.push_back(disconnect{});
    out.push_back(close{code, std::move(why)});
}

void session::refuse(close_code code, const std::string& why, effects& out) {
    end(code, why, out);
    out.push_back(complain{log_level::warning, "a WebSocket peer is closed: " + why});
}

}  // namespace maus::web
