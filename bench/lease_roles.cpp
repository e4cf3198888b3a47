// The processes that `lease` measures with: simulated peers, real workers, and raw libzmq in the
// place of the parkserver.
#include <maus/maus.hpp>
#include <maus/wire/control.hpp>

#include <unistd.h>

#include <deque>
#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <zmq.hpp>

#include "bench/lease.hpp"
#include "bench/swarm.hpp"

namespace bench {

void role_lease_peers(const words& arguments) {
    swarm all(arguments.at(0));
    answer("here");
    for (;;) {
        all.rest_until_readable(STDIN_FILENO);
        std::istringstream told(next_command());
        std::string what;
        double number = 0;
        told >> what >> number;
        const auto count = static_cast<std::size_t>(number);
        if (what == "workers") {
            all.add_workers(count);
            answer("done");
        } else if (what == "managers") {
            all.add_managers(count);
            answer("done");
        } else if (what == "singly") {
            answer(std::to_string(all.add_workers_singly(count).quantile_us(0.5)));
        } else if (what == "cycle") {
            std::size_t requests = 1;
            told >> requests;
            const auto made = all.cycle(number, requests);
            answer(std::to_string(made.grants) + ' ' + std::to_string(made.seconds) + ' ' +
                   std::to_string(made.latencies.quantile_us(0.5)) + ' ' +
                   std::to_string(made.latencies.quantile_us(0.99)));
        } else {
            throw std::logic_error("no such command: " + what);
        }
    }
}

void role_lease_workers(const words& arguments) {
    std::vector<std::unique_ptr<maus::worker>> all;
    for (std::size_t i = 0; i < std::stoul(arguments.at(1)); ++i) {
        all.push_back(std::make_unique<maus::worker>());
        all.back()->expose("echo", [](int x) { return x; });
        all.back()->register_parkserver(arguments.at(0));
        all.back()->start();
    }
    (void)next_command();  // until nobody is there any more
}

namespace {

// A ROUTER with room for thousands of peers.
struct bare_server {
    zmq::context_t context;
    zmq::socket_t socket{context, zmq::socket_type::router};

    explicit bare_server(const std::string& endpoint) {
        socket.set(zmq::sockopt::backlog, 4096);
        socket.set(zmq::sockopt::sndhwm, 100000);
        socket.set(zmq::sockopt::rcvhwm, 100000);
        socket.bind(endpoint);
        answer(socket.get(zmq::sockopt::last_endpoint));
    }
    void receive(zmq::message_t& id, zmq::message_t& payload) {
        while (!socket.recv(id) || !socket.recv(payload)) {
        }
    }
    void send(zmq::const_buffer id, zmq::const_buffer payload) {
        socket.send(id, zmq::send_flags::sndmore);
        socket.send(payload, zmq::send_flags::none);
    }
};

// The messages of a parkserver's grants, and nothing that makes it one.
class bare_agency {
public:
    explicit bare_agency(const std::string& endpoint) : server_(endpoint) {}

    [[noreturn]] void run() {
        zmq::message_t id, payload;
        for (;;) {
            server_.receive(id, payload);
            maus::wire::message read;
            read.first.append({static_cast<const std::byte*>(payload.data()), payload.size()});
            const auto what = maus::wire::decode_control(read, {});
            if (!what) throw std::logic_error("a simulated peer says what cannot be decoded");
            on(id.to_string(), what.value());
        }
    }

private:
    struct waiting_request {
        std::string manager;
        maus::wire::request wanted;
    };
    struct lease {
        waiting_request whose;
        std::string worker;
    };

    void say(const std::string& to, const maus::wire::control& what) {
        const auto encoded = maus::wire::encode_control(what).first;
        server_.send(zmq::buffer(to), zmq::buffer(encoded.data(), encoded.size()));
    }
    void on(const std::string& from, const maus::wire::control& what) {
        namespace wire = maus::wire;
        if (const auto* worker = std::get_if<wire::register_worker>(&what)) {
            ids_[from] = worker->worker;
            free_.push_back(from);
            say(from, wire::registered{});
        } else if (std::holds_alternative<wire::register_manager>(what)) {
            say(from, wire::registered{});
        } else if (const auto* wanted = std::get_if<wire::request>(&what)) {
            waiting_.push_back({from, *wanted});
            serve();
        } else if (const auto* yes = std::get_if<wire::accepted>(&what)) {
            const lease& now = leases_.at(yes->lease.sequence);
            say(now.whose.manager,
                wire::granted{now.whose.wanted.request, yes->lease, ids_.at(from)});
        } else if (const auto* idle = std::get_if<wire::available>(&what)) {
            say(leases_.at(idle->ended.sequence).whose.manager,
                wire::lease_ended{idle->ended, "its worker is free again"});
            leases_.erase(idle->ended.sequence);
            free_.push_back(from);
            serve();
        } else if (const auto* beat = std::get_if<wire::ping>(&what)) {
            say(from, wire::pong{beat->stamp});
        }
    }
    void serve() {
        for (; !free_.empty() && !waiting_.empty(); free_.pop_front(), waiting_.pop_front()) {
            const waiting_request& next = waiting_.front();
            leases_[++made_] = {next, free_.front()};
            say(free_.front(),
                maus::wire::assign{{1, made_}, next.wanted.token, {}, {"tcp://127.0.0.1:1"}});
        }
    }

    bare_server server_;
    std::map<std::string, maus::base::worker_id> ids_;
    std::deque<std::string> free_;
    std::deque<waiting_request> waiting_;
    std::map<std::uint64_t, lease> leases_;
    std::uint64_t made_ = 0;
};

}  // namespace

void role_bare_agency(const words& arguments) { bare_agency(arguments.at(0)).run(); }

void role_bare_router(const words& arguments) {
    bare_server server(arguments.at(0));
    for (;;) {
        zmq::message_t id, payload;
        server.receive(id, payload);
        server.socket.send(id, zmq::send_flags::sndmore);
        server.socket.send(payload, zmq::send_flags::none);
    }
}

}  // namespace bench
