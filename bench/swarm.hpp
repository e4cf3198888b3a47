// Workers and managers as far as a parkserver can tell: thousands in one process, each a connection
// that speaks ZMTP 3.0 by hand and the control messages of PROTOCOL.md. A real worker has sockets
// and threads of libzmq; with these, what is measured is the parkserver.
#pragma once

#include <maus/wire/control.hpp>

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bench/histogram.hpp"

namespace bench {

class swarm {
public:
    /// tcp on this machine, or ipc. Heartbeats go out once a second for each peer, whatever else is done.
    explicit swarm(const std::string& endpoint);
    swarm(const swarm&) = delete;
    swarm& operator=(const swarm&) = delete;
    ~swarm();

    /// Registers that many; returns when all are. Paced: a few dozen at a time.
    void add_workers(std::size_t count);
    /// One after the other; how long each took.
    [[nodiscard]] histogram add_workers_singly(std::size_t count);
    void add_managers(std::size_t count);

    /// Each manager has so many requests for one worker; each is given back as soon as it is granted.
    struct cycle_result {
        double grants = 0, seconds = 0;
        histogram latencies;  // from request to granted
    };
    [[nodiscard]] cycle_result cycle(double seconds, std::size_t requests);

    /// Heartbeats only, until something can be read there.
    void rest_until_readable(int fd);

private:
    struct peer {
        int fd = -1;
        bool manager = false;
        bool greeted = false;
        bool registered = false;
        std::string in, out;
        maus::base::worker_id worker;
    };
    struct waiting_request {
        std::size_t manager = 0;
        double at = 0;
    };

    void connect(bool manager);
    void connect_peer(std::size_t index);
    void lost(std::size_t index);
    void say(std::size_t to, const maus::wire::control& what);
    void flush();
    void receive(std::size_t from);
    void take_frame(std::size_t from, std::string_view body);
    void request(std::size_t manager);
    void on(std::size_t from, const maus::wire::control& what);
    /// Turns the loop until `done`; throws if for a minute nobody has registered.
    void turn_until(const std::function<bool()>& done);
    void turn(int wait_ms);
    void beat();

    int epoll_ = -1;
    std::string endpoint_;
    std::vector<peer> peers_;
    std::vector<std::size_t> to_flush_;
    std::size_t registered_ = 0;
    std::map<maus::base::worker_id, std::size_t> by_id_;
    std::map<std::uint64_t, waiting_request> requests_;
    std::uint64_t next_request_ = 1;
    maus::base::random random_;
    double last_beat_ = 0;
    std::size_t next_to_beat_ = 0;
    bool cycling_ = false;
    double grants_ = 0;
    histogram latencies_;
};

}  // namespace bench
