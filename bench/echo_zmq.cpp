#include <unistd.h>

#include <cstdlib>
#include <deque>
#include <stdexcept>
#include <zmq.hpp>

#include "bench/child.hpp"
#include "bench/echo.hpp"

namespace bench {

namespace {
constexpr int high_water_mark = 100000;

// One DEALER a server, used in turn: what somebody would write who wants no library.
class echo_by_zmq final : public echo {
public:
    explicit echo_by_zmq(const setting& what) : what_(what), payload_(what.bytes, 'x') {
        for (std::size_t i = 0; i < what.workers; ++i) {
            zmq::socket_t socket(context_, zmq::socket_type::dealer);
            socket.set(zmq::sockopt::sndhwm, high_water_mark);
            socket.set(zmq::sockopt::rcvhwm, high_water_mark);
            socket.set(zmq::sockopt::linger, 0);
            socket.set(zmq::sockopt::rcvtimeo, 20000);
            socket.bind("tcp://127.0.0.1:*");
            servers_.push_back(std::make_unique<child>(
                std::vector<std::string>{"serve-zmq", socket.get(zmq::sockopt::last_endpoint)}));
            sockets_.push_back(std::move(socket));
        }
        for (auto& each : sockets_) {
            send(each);
            receive(each);
        }
    }

    sample run(double seconds) override {
        std::vector<int> pids;
        for (const auto& each : servers_) pids.push_back(each->pid());
        struct pending {
            std::size_t socket;
            double at;
        };
        std::deque<pending> window;
        std::size_t turn = 0;
        stopwatch watch(pids);
        double now = now_s();
        const double end = now + seconds;
        while (now < end || !window.empty()) {
            while (now < end && window.size() < what_.window) {
                turn = (turn + 1) % sockets_.size();
                send(sockets_[turn]);
                window.push_back({turn, now});
            }
            receive(sockets_[window.front().socket]);
            now = now_s();
            watch.record((now - window.front().at) * 1e6);
            window.pop_front();
        }
        return watch.finish();
    }

private:
    void send(zmq::socket_t& to) { to.send(zmq::buffer(payload_), zmq::send_flags::none); }
    void receive(zmq::socket_t& from) {
        zmq::message_t message;
        if (!from.recv(message)) throw std::runtime_error("the raw libzmq server does not answer");
        if (message.size() != payload_.size()) std::abort();
    }

    setting what_;
    std::string payload_;
    zmq::context_t context_;
    std::vector<zmq::socket_t> sockets_;
    std::vector<std::unique_ptr<child>> servers_;
};
}  // namespace

std::unique_ptr<echo> zmq_echo(const setting& what) { return std::make_unique<echo_by_zmq>(what); }

void serve_zmq_echo(const std::string& endpoint) {
    zmq::context_t context;
    zmq::socket_t socket(context, zmq::socket_type::router);
    socket.set(zmq::sockopt::sndhwm, high_water_mark);
    socket.set(zmq::sockopt::rcvhwm, high_water_mark);
    socket.set(zmq::sockopt::linger, 0);
    socket.connect(endpoint);
    for (;;) {
        zmq::message_t id, payload;
        if (!socket.recv(id) || !socket.recv(payload)) continue;
        socket.send(id, zmq::send_flags::sndmore);
        socket.send(payload, zmq::send_flags::none);
    }
}

}  // namespace bench
