// maus-bench-counted: the processes whose instructions `maus-bench instructions` counts, and the
// peers that they talk to. Started by bench/instructions.cpp and nobody else.
//
// The exchange is fixed: WINDOW calls in one message, then their WINDOW results in one message, and
// so on. The peers are made of libzmq and the wire room alone, and answer when all is there that they
// wait for; time stands still (frozen_time.cpp). So each round is like every other, whatever else the
// machine does.
#include <maus/maus.hpp>

#include <deque>
#include <functional>
#include <iostream>
#include <map>
#include <stdexcept>
#include <zmq.hpp>

#include "bench/child.hpp"
#include "maus/base/random.hpp"
#include "maus/wire/link.hpp"
#include "maus/wire/signature.hpp"

namespace {

using bench::words;
namespace base = maus::base;
namespace wire = maus::wire;

const std::string payload(4, 'x');  // 8 bytes with its count
const maus::limits bounds;
// Heartbeats would be counted, if there were any.
constexpr std::uint32_t interval_ms = 3'600'000, liveness = 100;
const maus::heartbeat_options no_heartbeats{std::chrono::milliseconds{interval_ms}, liveness};

// One end of a link that does what it is told.
class peer {
public:
    explicit peer(zmq::socket_type type) : socket_(context_, type) {
        socket_.set(zmq::sockopt::linger, 0);
    }
    zmq::socket_t& socket() { return socket_; }
    /// Appends to the message that `send` sends.
    [[nodiscard]] wire::link_writer say() { return {next_, bounds}; }
    void send() {
        if (!routing_id_.empty()) {
            socket_.send(zmq::buffer(routing_id_), zmq::send_flags::sndmore);
        }
        socket_.send(zmq::buffer(next_.first.data(), next_.first.size()), zmq::send_flags::none);
        next_.first.clear();
    }
    /// Waits for a message and hands its records over.
    template <class Handle>
    void receive(Handle handle) {
        zmq::message_t frame;
        (void)socket_.recv(frame);
        if (socket_.get(zmq::sockopt::type) == ZMQ_ROUTER) {
            routing_id_ = frame.to_string();
            (void)socket_.recv(frame);
        }
        wire::message came;
        came.first.append({frame.data<std::byte>(), frame.size()});
        wire::link_reader records(came);
        for (wire::record each; records.next(each);) handle(each);
        if (records.violation()) throw std::runtime_error(records.violation()->message);
    }

private:
    zmq::context_t context_;
    zmq::socket_t socket_;
    std::string routing_id_;
    wire::message next_;
};

// WINDOW: runs that many calls at a time, and answers them together.
void fake_worker(const words& arguments) {
    const auto window = std::stoul(arguments.at(1));
    peer self(zmq::socket_type::dealer);
    self.socket().connect(arguments.at(0));
    wire::hello hello;
    base::random random(1);
    hello.worker = base::worker_id::make(random);
    hello.incarnation = {1};
    hello.type = "default";
    hello.signatures = {wire::signature<std::string, std::string>("echo")};
    hello.concurrency = static_cast<std::uint32_t>(window);
    hello.interval_ms = interval_ms;
    hello.liveness = liveness;
    self.say().say(hello);
    self.send();
    for (std::size_t waiting = 0;;) {
        self.receive([&](const wire::record& each) {
            if (each.type == wire::record_type::reject) {
                throw std::runtime_error(wire::decode_parting(each.body).value().why);
            }
            if (each.type != wire::record_type::call) return;
            base::byte_view body = each.body;
            const auto attempt = wire::take_attempt(body);
            self.say().result(attempt.value(), base::buffer{body});
            ++waiting;
        });
        if (waiting < window) continue;
        self.send();
        waiting = 0;
    }
}

void fake_manager(const words& arguments) {
    const auto rounds = std::stoul(arguments.at(0)), window = std::stoul(arguments.at(1));
    peer self(zmq::socket_type::router);
    self.socket().bind("tcp://127.0.0.1:*");
    bench::answer(self.socket().get(zmq::sockopt::last_endpoint));
    self.receive([&](const wire::record& each) {
        const auto hello = wire::decode_hello(each.body, bounds).value();
        base::random random(1);
        const auto id = base::manager_id::make(random);
        self.say().say(wire::welcome{id, {1}, interval_ms, liveness, hello.stamp});
    });
    self.send();
    base::buffer encoded;
    encoded.append(base::as_bytes(std::string_view("\4\0\0\0", 4)));
    encoded.append(base::as_bytes(payload));
    std::uint64_t made = 0;
    for (std::size_t round = 0; round < rounds; ++round) {
        for (std::size_t i = 0; i < window; ++i)
            self.say().call({{++made}, {1}}, 0, false, encoded);
        self.send();
        for (std::size_t waiting = window; waiting > 0;) {
            self.receive([&](const wire::record& each) {
                if (each.type == wire::record_type::result) --waiting;
            });
        }
    }
    bench::answer("done");
}

void counted_worker(const words& arguments) {
    maus::worker worker({.heartbeat = no_heartbeats});
    worker.expose("echo", [](std::string text) { return text; });
    worker.connect(arguments.at(0));
    worker.run();
}

void counted_manager(const words& arguments) {
    const auto rounds = std::stoul(arguments.at(0)), window = std::stoul(arguments.at(1));
    maus::manager manager({.endpoint = "tcp://127.0.0.1:*", .heartbeat = no_heartbeats});
    auto workers = manager.get_workers({.amount = 1});
    bench::answer(manager.endpoint());
    if (!workers.wait_for(1, std::chrono::seconds{1})) throw std::runtime_error("no worker came");
    std::deque<maus::future<std::string>> waiting;
    for (std::size_t round = 0; round < rounds; ++round) {
        for (std::size_t i = 0; i < window; ++i) {
            waiting.push_back(workers.call<std::string>("echo", payload));
        }
        for (; !waiting.empty(); waiting.pop_front()) (void)waiting.front().get();
    }
}

const std::map<std::string, void (*)(const words&)> roles = {
    {"manager", counted_manager},
    {"worker", counted_worker},
    {"fake-manager", fake_manager},
    {"fake-worker", fake_worker},
};

}  // namespace

int main(int argc, char** argv) {
    const words all(argv, argv + argc);
    try {
        if (argc < 2) throw std::logic_error("it is for maus-bench instructions");
        roles.at(all[1])({all.begin() + 2, all.end()});
        return 0;
    } catch (const std::exception& failed) {
        std::cerr << all[0] << ": " << failed.what() << '\n';
        return 1;
    }
}
