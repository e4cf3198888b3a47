// The same echo by raw libzmq.
#include <cstdlib>
#include <cstring>
#include <deque>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <zmq.hpp>

#include "bench/echo.hpp"
#include "bench/machine.hpp"

namespace bench {

namespace {
constexpr int high_water_mark = 100000;
constexpr int timeout_ms = 20000;

zmq::socket_t make_socket(zmq::context_t& context, zmq::socket_type type) {
    zmq::socket_t socket(context, type);
    socket.set(zmq::sockopt::sndhwm, high_water_mark);
    socket.set(zmq::sockopt::rcvhwm, high_water_mark);
    socket.set(zmq::sockopt::linger, 0);
    return socket;
}

// Calls that travel together: u32 length and bytes, again and again.
void append_call(std::string& to, const char* bytes, std::size_t size) {
    const auto length = static_cast<std::uint32_t>(size);
    to.append(reinterpret_cast<const char*>(&length), sizeof length);
    to.append(bytes, size);
}
template <class Each>
void for_each_call(const zmq::message_t& message, Each each) {
    const char* at = message.data<char>();
    const char* const end = at + message.size();
    while (at < end) {
        std::uint32_t length = 0;
        std::memcpy(&length, at, sizeof length);
        each(at + sizeof length, length);
        at += sizeof length + length;
    }
}

// One DEALER a server, used in turn, by one thread. `lends`: libzmq gets the same memory with each
// call instead of a copy.
class raw_client {
public:
    raw_client(zmq::context_t& context, const words& endpoints, std::size_t bytes,
               std::size_t window, std::size_t group, bool lends)
        : payload_(bytes, 'x'),
          window_(window),
          group_(std::min(group, window)),
          lends_(lends),
          lent_(payload_.data(), payload_.size()) {
        for (const auto& each : endpoints) {
            auto socket = make_socket(context, zmq::socket_type::dealer);
            socket.set(zmq::sockopt::rcvtimeo, timeout_ms);
            socket.connect(each);
            sockets_.push_back(std::move(socket));
        }
    }

    histogram run(double end) {
        struct pending {
            std::size_t socket;
            double at;
        };
        std::deque<pending> waiting;
        histogram latencies;
        double now = now_s();
        while (now < end || !waiting.empty()) {
            while (now < end && (waiting.size() + 1) * group_ <= window_) {
                turn_ = (turn_ + 1) % sockets_.size();
                send(sockets_[turn_]);
                waiting.push_back({turn_, now});
            }
            receive(sockets_[waiting.front().socket]);
            now = now_s();
            for (std::size_t i = 0; i < group_; ++i) latencies.record(now - waiting.front().at);
            waiting.pop_front();
        }
        return latencies;
    }

    /// One call at a time, while one of so many bytes is always on its way.
    histogram run_beside(std::size_t bytes, double end) {
        const std::string large(bytes, 'x');
        zmq::socket_t& via = sockets_.front();
        histogram latencies;
        bool has_small = false, has_large = false;
        double now = now_s(), at = now;
        while (now < end || has_small || has_large) {
            if (now < end && !std::exchange(has_large, true)) {
                via.send(zmq::buffer(large), zmq::send_flags::none);
            }
            if (now < end && !std::exchange(has_small, true)) {
                at = now;
                send(via);
            }
            zmq::message_t echoed;
            if (!via.recv(echoed))
                throw std::runtime_error("the raw libzmq server does not answer");
            now = now_s();
            const bool is_large = echoed.size() == bytes;
            (is_large ? has_large : has_small) = false;
            if (!is_large) latencies.record(now - at);
        }
        return latencies;
    }

private:
    void send(zmq::socket_t& to) {
        if (lends_) {
            zmq::message_t shared;
            shared.copy(lent_);
            to.send(shared, zmq::send_flags::none);
            return;
        }
        if (group_ == 1) {
            to.send(zmq::buffer(payload_), zmq::send_flags::none);
            return;
        }
        together_.clear();
        for (std::size_t i = 0; i < group_; ++i) {
            append_call(together_, payload_.data(), payload_.size());
        }
        to.send(zmq::buffer(together_), zmq::send_flags::none);
    }
    void receive(zmq::socket_t& from) {
        zmq::message_t message;
        if (!from.recv(message)) throw std::runtime_error("the raw libzmq server does not answer");
        std::size_t calls = 0;
        const auto check = [&](const char*, std::size_t size) {
            if (size != payload_.size()) throw std::runtime_error("an echo of another size came");
            ++calls;
        };
        if (group_ == 1) {
            check(nullptr, message.size());
        } else {
            for_each_call(message, check);
        }
        if (calls != group_) throw std::runtime_error("another number of echoes came");
    }

    std::string payload_, together_;
    std::size_t window_, group_, turn_ = 0;
    bool lends_;
    zmq::message_t lent_;  // the payload: libzmq counts who uses it
    std::vector<zmq::socket_t> sockets_;
};

system_under_test with_client(std::vector<child> servers, const setting& what, std::size_t group,
                              const words& endpoints) {
    words arguments{std::to_string(what.bytes),
                    std::to_string(what.window),
                    std::to_string(what.threads),
                    std::to_string(group),
                    what.payload,
                    std::to_string(what.beside)};
    arguments.insert(arguments.end(), endpoints.begin(), endpoints.end());
    servers.emplace_back("zmq-client", std::move(arguments));
    return system_under_test(std::move(servers));
}

}  // namespace

system_under_test zmq_echo(const setting& what, std::size_t group) {
    std::vector<child> servers;
    words endpoints;
    for (std::size_t i = 0; i < what.workers; ++i) {
        servers.emplace_back("zmq-server",
                             words{any_endpoint(what.transport), group > 1 ? "grouped" : "single"});
        endpoints.push_back(servers.back().hear());
    }
    return with_client(std::move(servers), what, group, endpoints);
}

system_under_test zmq_relay(const setting& what) {
    std::vector<child> servers;
    servers.emplace_back("zmq-broker",
                         words{any_endpoint(what.transport), any_endpoint(what.transport)});
    const std::string front = servers.back().hear(), back = servers.back().hear();
    for (std::size_t i = 0; i < what.workers; ++i) {
        servers.emplace_back("zmq-broker-server", words{back});
    }
    servers.front().say(std::to_string(what.workers));
    return with_client(std::move(servers), what, 1, {front});
}

void role_zmq_client(const words& arguments) {
    const auto bytes = std::stoul(arguments.at(0)), window = std::stoul(arguments.at(1));
    const auto threads = std::stoul(arguments.at(2)), group = std::stoul(arguments.at(3));
    const bool lends = arguments.at(4) == "bytes";
    const auto beside = std::stoul(arguments.at(5));
    const words endpoints(arguments.begin() + 6, arguments.end());
    zmq::context_t context;
    std::vector<raw_client> callers;
    for (std::size_t i = 0; i < threads; ++i) {
        callers.emplace_back(context, endpoints, bytes, std::max<std::size_t>(window / threads, 1),
                             group, lends);
    }
    serve_runs([&](double seconds) {
        timed made;
        const double begun = now_s(), end = begun + seconds;
        if (beside != 0) {
            made.latencies = callers.front().run_beside(beside, end);
        } else if (threads == 1) {
            made.latencies = callers.front().run(end);
        } else {
            std::mutex guard;
            std::vector<std::thread> all;
            for (auto& each : callers) {
                all.emplace_back([&] {
                    const histogram own = each.run(end);
                    const std::lock_guard lock(guard);
                    made.latencies.add(own);
                });
            }
            for (auto& each : all) each.join();
        }
        made.seconds = now_s() - begun;
        return made;
    });
}

void role_zmq_server(const words& arguments) {
    zmq::context_t context;
    auto socket = make_socket(context, zmq::socket_type::router);
    socket.bind(arguments.at(0));
    answer(socket.get(zmq::sockopt::last_endpoint));
    const bool grouped = arguments.at(1) == "grouped";
    std::string reply;
    for (;;) {
        zmq::message_t id, payload;
        if (!socket.recv(id) || !socket.recv(payload)) continue;
        socket.send(id, zmq::send_flags::sndmore);
        if (grouped) {
            reply.clear();
            for_each_call(payload, [&](const char* bytes, std::size_t size) {
                append_call(reply, bytes, size);
            });
            socket.send(zmq::buffer(reply), zmq::send_flags::none);
        } else {
            socket.send(payload, zmq::send_flags::none);
        }
    }
}

// Two ROUTERs. Each message of a client goes to the next server, as soon as it comes.
void role_zmq_broker(const words& arguments) {
    zmq::context_t context;
    auto front = make_socket(context, zmq::socket_type::router);
    auto back = make_socket(context, zmq::socket_type::router);
    front.bind(arguments.at(0));
    back.bind(arguments.at(1));
    answer(front.get(zmq::sockopt::last_endpoint));
    answer(back.get(zmq::sockopt::last_endpoint));
    const auto count = std::stoul(next_command());
    std::vector<zmq::message_t> servers(count);
    for (auto& each : servers) {
        zmq::message_t hello;
        if (!back.recv(each) || !back.recv(hello)) throw std::runtime_error("no server came");
    }
    std::size_t turn = 0;
    zmq::pollitem_t ready[] = {{front, 0, ZMQ_POLLIN, 0}, {back, 0, ZMQ_POLLIN, 0}};
    for (;;) {
        zmq::poll(ready, 2);
        zmq::message_t id, client_id, payload;
        // What is there is taken without another look at the sockets, for a while.
        for (int i = 0; i < 100 && front.recv(client_id, zmq::recv_flags::dontwait); ++i) {
            (void)front.recv(payload);
            turn = (turn + 1) % servers.size();
            zmq::message_t to;
            to.copy(servers[turn]);
            back.send(to, zmq::send_flags::sndmore);
            back.send(client_id, zmq::send_flags::sndmore);
            back.send(payload, zmq::send_flags::none);
        }
        for (int i = 0; i < 100 && back.recv(id, zmq::recv_flags::dontwait); ++i) {
            (void)back.recv(client_id);
            (void)back.recv(payload);
            front.send(client_id, zmq::send_flags::sndmore);
            front.send(payload, zmq::send_flags::none);
        }
    }
}

void role_zmq_broker_server(const words& arguments) {
    zmq::context_t context;
    auto socket = make_socket(context, zmq::socket_type::dealer);
    socket.connect(arguments.at(0));
    socket.send(zmq::message_t(), zmq::send_flags::none);
    for (;;) {
        zmq::message_t id, payload;
        if (!socket.recv(id) || !socket.recv(payload)) continue;
        socket.send(id, zmq::send_flags::sndmore);
        socket.send(payload, zmq::send_flags::none);
    }
}

}  // namespace bench
