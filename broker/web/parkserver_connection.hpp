// The connection of one WebSocket peer to the parkserver: a hub with one DEALER, in an io_context.
//
// Each peer has a hub of its own. So to stop reading of one is not to look at its hub, and what comes
// for one costs nothing for the others.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>

#include "maus/net/clock.hpp"
#include "maus/net/hub.hpp"

namespace maus::web {

class parkserver_connection {
public:
    template <class Executor>
    parkserver_connection(const Executor& executor, const base::settings& settings,
                          net::hub::log_function log)
        : hub_(settings, std::move(log)), outbox_(settings), readable_(executor, hub_.fd()) {}
    ~parkserver_connection() { readable_.release(); }  // the descriptor is the hub's

    void open(const std::string& endpoint) {
        outbox_.push(core::open{route_, endpoint});
        send();
    }
    void pass_on(wire::message message) {
        outbox_.push(core::send{route_, std::nullopt, std::move(message), 1});
    }
    /// What was passed on leaves.
    void send() {
        if (outbox_.empty()) return;
        hub_.apply(outbox_);
        // Sending makes libzmq look at its own commands, and epoll does not tell of what it saw there.
        if (hub_.has_more()) {
            hub_.wake();
        } else {
            arm();
        }
    }
    /// After what was passed on.
    void close() {
        outbox_.push(core::close{route_});
        hub_.apply(outbox_);
    }
    /// Calls `each` with what has come, up to a bound. If there may be more, the next wait ends at once.
    template <class Function>
    void read(Function each) {
        hub_.wait(base::instant{});
        inputs_.clear();
        const bool more = hub_.drain(inputs_);
        for (auto& input : inputs_) each(std::move(input));
        if (more) {
            hub_.wake();
        } else {
            arm();
        }
    }
    [[nodiscard]] std::size_t waiting_bytes() const { return hub_.waiting_bytes(route_); }
    /// Until there is something to read.
    template <class Handler>
    void async_wait(Handler&& done) {
        readable_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                             std::forward<Handler>(done));
    }

private:
    // libzmq does not tell when it has sent what was handed over.
    void arm() {
        constexpr std::chrono::milliseconds look_again{10};
        hub_.arm(waiting_bytes() == 0 ? base::never : base::after(net::clock_now(), look_again));
    }

    static constexpr base::route route_{1};
    net::hub hub_;
    core::outbox outbox_;
    std::vector<net::input> inputs_;
    boost::asio::posix::stream_descriptor readable_;
};

}  // namespace maus::web
