// A TCP proxy that does to connections what bad networks do.
//
// It runs in a thread of its own; what it does to bytes may be changed at any time. Bytes that are
// held back are never lost: a stall is to TCP what loss is to a datagram.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <list>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace faults {

class proxy {
public:
    /// Listens on any port of 127.0.0.1 and passes connections on to `target` (tcp://HOST:PORT).
    explicit proxy(const std::string& target);
    proxy(const proxy&) = delete;
    proxy& operator=(const proxy&) = delete;
    ~proxy();

    /// tcp://127.0.0.1:PORT
    [[nodiscard]] const std::string& endpoint() const { return endpoint_; }

    // --- from now on, until it is set back ---
    /// Each piece comes between 0 and `at_most` later, in order within its connection.
    void delay(std::chrono::milliseconds at_most) { delay_ms_ = at_most.count(); }
    /// So many bytes a second, in each direction of each connection; 0: as many as come.
    void pace(std::uint64_t bytes_a_second) { pace_ = bytes_a_second; }
    /// Nothing passes, new connections neither.
    void stall(bool on) { stalled_ = on; }
    /// Each byte is a segment of its own.
    void byte_by_byte(bool on) { bytewise_ = on; }
    /// New connections are passed on in threes, the last first.
    void reorder(bool on) { reordered_ = on; }

    // --- once, to all connections that there are ---
    /// Both sides get a reset.
    void reset() { ask(order::reset); }
    /// The client's side ends; the server keeps a connection on which nobody speaks any more.
    void orphan() { ask(order::orphan); }
    /// The server is told that the client sends no more, while the other direction goes on.
    void half_close() { ask(order::half_close); }

    [[nodiscard]] std::uint64_t accepted() const { return accepted_; }
    [[nodiscard]] std::uint64_t bytes_passed() const { return passed_; }

private:
    enum class order { none, reset, orphan, half_close };
    using clock = std::chrono::steady_clock;
    struct piece {
        clock::time_point due;
        std::string bytes;
    };
    struct lane {  // one direction
        int from = -1;
        int to = -1;
        bool ended = false;   // its source sends no more
        bool closed = false;  // and its target was told
        clock::time_point last_due{};
        std::deque<piece> held;
        clock::time_point paced_at{};
        std::uint64_t allowed = 0;  // bytes, at the set pace
    };
    struct connection {
        int client = -1;
        int server = -1;
        lane up, down;
    };

    void ask(order what);
    void run();
    void accept_one();
    void pass_on(int client);
    void pass_waiting();
    void obey();
    bool read_into(lane& at);
    bool write_from(lane& at);
    void close(connection& which, bool hard);
    [[nodiscard]] bool is_full(const lane& at) const;
    [[nodiscard]] std::uint64_t allowance(lane& at) const;

    int listener_ = -1;
    std::string endpoint_;
    std::string target_;
    std::list<connection> all_;
    std::vector<int> waiting_;  // accepted, not passed on yet
    std::vector<int> orphans_;  // servers' sides without a client
    clock::time_point waiting_since_{};
    std::mt19937 random_{std::random_device{}()};
    std::atomic<std::int64_t> delay_ms_{0};
    std::atomic<std::uint64_t> pace_{0};
    std::atomic<bool> stalled_{false}, bytewise_{false}, reordered_{false}, stopped_{false};
    std::atomic<order> order_{order::none};
    std::atomic<std::uint64_t> accepted_{0}, passed_{0};
    std::thread thread_;
};

/// A connected socket; negative: it was refused. tcp://HOST:PORT or ipc://PATH.
[[nodiscard]] int connect_to(const std::string& endpoint);

/// Connections that say nothing.
class silence {
public:
    silence() = default;
    silence(const silence&) = delete;
    silence& operator=(const silence&) = delete;
    ~silence() { end(); }
    void begin(const std::string& endpoint, std::size_t count);
    void end();
    [[nodiscard]] std::size_t size() const { return all_.size(); }

private:
    std::vector<int> all_;
};

}  // namespace faults
