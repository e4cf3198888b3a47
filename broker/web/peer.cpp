#include "broker/web/peer.hpp"

#include <deque>
#include <optional>

#include <boost/asio/steady_timer.hpp>
#include <boost/beast/websocket/stream.hpp>

#include "broker/web/parkserver_connection.hpp"
#include "maus/error.hpp"
#include "maus/json.hpp"
#include "maus/net/clock.hpp"

namespace maus::web {

namespace websocket = beast::websocket;

namespace {

using handshake_request = beast::http::request<beast::http::empty_body>;

/// What the JSON of a peer's first message has as token.
std::optional<std::string> token_in(std::string_view text) {
    try {
        const value all = from_json(text);
        return all.as_object().at("token").as_string();
    } catch (const error&) {
        return std::nullopt;
    }
}

class peer final : public visitor, public std::enable_shared_from_this<peer> {
public:
    peer(byte_stream stream, gateway_state& state, visitors::number number, base::instant began)
        : state_(state),
          number_(number),
          socket_(std::move(stream)),
          timer_(socket_.get_executor()),
          session_(state.config, began) {
        state_.visitors.become(number_, *this);
    }
    ~peer() override { state_.visitors.leave(number_); }

    void start(const handshake_request& request) {
        // Our own timer does it all but what Beast does by itself: it answers, and waits for the peer to
        // close its side. No compression, which is the default.
        socket_.set_option(websocket::stream_base::timeout{state_.config.handshake_max,
                                                           websocket::stream_base::none(), false});
        socket_.auto_fragment(false);
        socket_.read_message_max(session_.message_bytes_max());
        arm_timer();
        socket_.async_accept(request, [self = shared_from_this()](error_code failed) {
            if (failed) return self->end();
            self->accepted_ = true;
            self->carry_out();
        });
    }

    void stop() override {
        session_.stop(wanted_);
        carry_out();
    }
    void turn_away() override { end(); }

private:
    struct outgoing {
        std::string bytes;
        bool is_text;
    };

    // --- what the session wants
    void carry_out() {
        const auto self = shared_from_this();               // it may end here
        for (std::size_t i = 0; i < wanted_.size(); ++i) {  // some lead to others
            effect next = std::move(wanted_[i]);
            std::visit([this](auto& each) { carry_out(each); }, next);
        }
        wanted_.clear();
        if (parkserver_) {
            parkserver_->send();
            session_.parkserver_has_waiting(parkserver_->waiting_bytes());
        }
        write();
        read();
        read_parkserver();
        arm_timer();
    }
    void carry_out(connect&) {
        state_.visitors.showed_token(number_);
        socket_.read_message_max(session_.message_bytes_max());
        try {
            parkserver_.emplace(
                socket_.get_executor(), state_.settings,
                [this](log_level level, const std::string& text) { state_.complain(level, text); });
            parkserver_->open(state_.parkserver);
        } catch (const std::exception& failed) {  // the system gives no more, for example
            parkserver_.reset();
            state_.complain(log_level::error, failed.what());
            session_.down(failed.what(), wanted_);
        }
    }
    void carry_out(disconnect&) {
        if (!parkserver_) return;
        parkserver_->close();
        parkserver_.reset();
    }
    void carry_out(pass_on& asked) {
        if (parkserver_) parkserver_->pass_on(std::move(asked.message));
    }
    void carry_out(say_text& asked) { queue_.push_back({std::move(asked.text), true}); }
    void carry_out(say& asked) { queue_.push_back({std::move(asked.binary), false}); }
    void carry_out(close& asked) {
        closing_ = std::move(asked);
        farewell_end_ = base::after(net::clock_now(), farewell_max);
    }
    void carry_out(complain& asked) { state_.complain(asked.level, asked.text); }

    // --- the WebSocket
    void write() {
        if (writing_ || ended_ || !accepted_) return;
        if (queue_.empty()) {
            if (closing_) say_close();
            return;
        }
        writing_ = true;
        socket_.text(queue_.front().is_text);
        socket_.async_write(
            asio::buffer(queue_.front().bytes),
            [self = shared_from_this()](error_code failed, std::size_t) { self->written(failed); });
    }
    void written(error_code failed) {
        writing_ = false;
        if (failed) return end();
        const outgoing done = std::move(queue_.front());
        queue_.pop_front();
        if (!done.is_text) session_.written(done.bytes.size(), net::clock_now());
        carry_out();
    }
    void say_close() {
        if (said_close_) return;
        said_close_ = true;
        constexpr std::size_t reason_bytes_max = 120;
        const websocket::close_reason reason(
            static_cast<websocket::close_code>(closing_->code),
            beast::string_view(wire::printable(wire::cut(closing_->why, reason_bytes_max - 3))));
        socket_.async_close(reason, [self = shared_from_this()](error_code) { self->end(); });
    }
    void read() {
        if (reading_ || ended_ || !accepted_ || closing_ || !session_.hears_peer()) return;
        reading_ = true;
        socket_.async_read(read_, [self = shared_from_this()](error_code failed, std::size_t) {
            self->reading_ = false;
            self->heard(failed);
        });
    }
    void heard(error_code failed) {
        if (failed == websocket::error::message_too_big) {
            state_.complain(log_level::warning,
                            "a WebSocket peer is closed: a message is too large");
        }
        if (failed) return lost();
        if (ended_) return;
        const auto bytes = read_.cdata();
        if (socket_.got_text()) {
            const std::string_view text(static_cast<const char*>(bytes.data()), bytes.size());
            const bool may_be_token = session_.is() == session::state::greeting;
            session_.text(may_be_token ? token_in(text) : std::nullopt, wanted_);
        } else {
            session_.binary({static_cast<const std::byte*>(bytes.data()), bytes.size()},
                            net::clock_now(), wanted_);
        }
        read_.consume(bytes.size());
        // A thousand peers that each sent something large once shall not keep the memory.
        constexpr std::size_t kept_bytes_max = 16384;
        if (read_.capacity() > kept_bytes_max) read_.shrink_to_fit();
        carry_out();
    }
    /// Nothing more is read. A close that was begun has its time.
    void lost() {
        if (closing_) return;
        end();
    }

    // --- the parkserver
    void read_parkserver() {
        if (!parkserver_ || waiting_ || !session_.hears_parkserver()) return;
        waiting_ = true;
        parkserver_->async_wait([self = shared_from_this()](error_code failed) {
            self->waiting_ = false;
            if (!failed && self->parkserver_) self->hear_parkserver();
        });
    }
    void hear_parkserver() {
        const base::instant now = net::clock_now();
        parkserver_->read([&](net::input input) {
            if (const auto* message = std::get_if<core::received>(&input)) {
                session_.received(message->message, now, wanted_);
            } else if (const auto* gone = std::get_if<core::down>(&input)) {
                session_.down(gone->why, wanted_);
            } else {
                session_.up(wanted_);
            }
        });
        carry_out();
    }

    // --- time
    [[nodiscard]] base::instant next_deadline() const {
        return std::min(session_.next_deadline(), farewell_end_);
    }
    void arm_timer() {
        const base::instant next = next_deadline();
        // To be woken too early now and then costs less than to set it with each message.
        if (ended_ || next >= armed_) return;
        armed_ = next;
        timer_.expires_after(next - net::clock_now());
        timer_.async_wait([self = shared_from_this()](error_code failed) {
            if (!failed) self->on_time();
        });
    }
    void on_time() {
        armed_ = base::never;
        const base::instant now = net::clock_now();
        if (now >= farewell_end_) return end();
        session_.advance_to(now, wanted_);
        carry_out();
    }

    void end() {
        if (ended_) return;
        ended_ = true;
        const auto self = shared_from_this();
        session_.gone(wanted_);
        carry_out();
        timer_.cancel();
        socket_.next_layer().close();
    }

    gateway_state& state_;
    const visitors::number number_;
    websocket::stream<byte_stream, false> socket_;  // false: no compression
    asio::steady_timer timer_;
    session session_;
    effects wanted_;
    std::optional<parkserver_connection> parkserver_;
    beast::flat_buffer read_;
    std::deque<outgoing> queue_;
    std::optional<close> closing_;
    base::instant farewell_end_ = base::never;
    base::instant armed_ = base::never;
    bool accepted_ = false;
    bool reading_ = false;
    bool writing_ = false;
    bool waiting_ = false;  // for the parkserver
    bool said_close_ = false;
    bool ended_ = false;
};

}  // namespace

void serve_peer(byte_stream stream, const handshake_request& request, gateway_state& state,
                visitors::number number, base::instant began) {
    std::make_shared<peer>(std::move(stream), state, number, began)->start(request);
}

}  // namespace maus::web
