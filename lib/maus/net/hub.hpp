// All the connections of one manager, worker or parkserver.
//
// A hub has at most one ROUTER (what others connect to) and any number of DEALERs (one a connection
// that was asked for by `open`). Each connection is a route; the hub turns what happens on its
// sockets into `up`, `received` and `down`, and carries out `open`, `close` and `send`. It has no
// policy: an `open` is one attempt (connector.hpp), answered by `up` or by a `down` that says why.
//
// What always holds:
// - What a peer said before its connection closed is delivered before its `down`. (To a DEALER the last
//   of it may be lost: with ZMQ_IMMEDIATE libzmq drops what was not read yet. All that is said that
//   way is said to somebody who will find out by the `down`.)
// - A route's `down` comes once, and nothing of the route after it.
// - What a connection does not take at once waits in the route's own queue. That and what libzmq has
//   of it are bounded in bytes; a route that has more is `down`.
// - A peer that sends a message without end, or many of too many frames, is cut off and `down`: libzmq
//   bounds neither. So is a ROUTER's peer that was closed, and that goes on.
// - While descriptors are nearly used up, new connections are ended at once.
//
// Not thread-safe, but for wake(). libzmq's habits that shape the code are named where they matter.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "maus/core/outbox.hpp"
#include "maus/core/repeated_notes.hpp"
#include "maus/net/connector.hpp"
#include "maus/net/descriptor.hpp"
#include "maus/net/socket.hpp"

namespace maus::net {

using input = std::variant<core::up, core::received, core::down>;

class hub {
public:
    using log_function = std::function<void(log_level, const std::string&)>;

    hub(const base::settings& settings, log_function log);
    ~hub();
    hub(const hub&) = delete;
    hub& operator=(const hub&) = delete;

    /// Binds the ROUTER and returns the endpoint with wildcards resolved. Throws maus::error
    /// that says what is wrong with the endpoint, or who may have it.
    std::string bind(const std::string& endpoint);

    /// Reads what has come, up to a bound; true if there may be more.
    bool drain(std::vector<input>& inputs);
    /// Carries out everything in order and clears the outbox.
    void apply(core::outbox& out);

    /// Lets go of all connections and addresses; what was sent still leaves.
    void shut();

    /// Readable while there is something to read or `wake` was called.
    [[nodiscard]] int fd() const { return epoll_; }
    /// Sleeps until the fd is readable, at most until `deadline`; may return early. To be called
    /// before each drain of a host's own loop too, with a deadline in the past: it takes note of what
    /// is readable.
    void wait(base::instant deadline);
    /// Ends a wait, from any thread.
    void wake() noexcept;
    /// Makes the fd readable at `deadline`, and perhaps once before, for those who poll it in a loop
    /// of their own.
    void arm(base::instant deadline);
    /// Something that epoll does not see is waiting: drain again before sleeping.
    [[nodiscard]] bool has_more();
    /// Of what was sent on a connection, so many bytes have not left yet, as far as they are counted.
    [[nodiscard]] std::size_t waiting_bytes(base::route on) const;
    /// Of the ROUTER nothing can be read before the rest of a message with too many frames.
    [[nodiscard]] bool throws_away() const { return router_intake_.in_rest; }

private:
    struct connection;
    /// How many messages of a socket are read at a time.
    struct intake {
        std::size_t expected = 1;
        bool was_full = false;  // as many as expected came the last time
        // A message with too many frames came, and not all of them have been thrown away yet. libzmq
        // gives nothing else before they are.
        bool in_rest = false;
        base::route rest_of{};
        void came(std::size_t count);
    };
    /// What has come over a connection, in bytes, as the system counts them.
    struct transfer {
        std::uint64_t serial = 0;  // of the connection: its descriptor is used again
        /// All up to here belongs to messages that were read, or nearly.
        std::uint64_t delivered = 0;
        std::uint64_t seen = 0;  // at the last look
        // Where the system does not count: its part of what the process has grown by since its last message.
        std::size_t grown = 0;
        base::instant coming_since = base::never;
        bool ended = false;  // cut off; libzmq may never say so of one that it does not read
    };

    enum class watched : std::uint32_t { data, own, monitor };
    void watch(int fd, watched as);
    bool drain_router(std::vector<input>& inputs);
    void note_router_events();
    void turn_away_crowd();
    [[nodiscard]] bool anything_readable();
    void take_connected(std::vector<input>& inputs);
    bool drain_dealer(connection& from, std::vector<input>& inputs);
    connection& router_peer(const zmq::message_t& id, const zmq::message_t& frame);
    [[nodiscard]] connection* peer_at(int fd) const;
    /// A whole message; `id` is where its sender's goes if it is a ROUTER's.
    [[nodiscard]] bool receive(socket& from, intake& reads, zmq::message_t* id,
                               wire::message& message, zmq::message_t& first);
    bool skip_rest(socket& from, intake& reads);
    void too_many_frames(connection& from, intake& reads);
    void note_skipped(connection& from, std::size_t frames);
    void hear_parted(connection& from);

    // What comes and is never a message (hub_watching.cpp).
    void look_at_transfers();
    [[nodiscard]] std::optional<std::size_t> memory_growth();
    void cut_off_endless(std::size_t growth);
    struct uncounted_transfer {  // what comes is not counted
        transfer* coming;
        int fd;
        connection* whose;
    };
    struct look {  // at all of them
        std::size_t memory_growth;
        std::vector<uncounted_transfer> uncounted;  // those that something comes of
        std::size_t counted;                        // how many others something came of
    };
    [[nodiscard]] bool is_over(transfer& coming, int fd, connection* whose, look& now);
    [[nodiscard]] std::vector<uncounted_transfer> uncounted_over(const look& all) const;
    [[nodiscard]] std::size_t unfinished_bytes_max(const connection* whose) const;
    void cut_off(connection& which, const std::string& why);
    void cut_off(int fd, const std::string& why);
    [[nodiscard]] bool each_had_its_turn() const;
    void take_little_of_strangers();
    void end_router_connection(int fd);
    void end_some();
    /// With the grip. False: that connection of the ROUTER's has closed.
    [[nodiscard]] bool take(int fd);

    void carry_out(core::open& asked);
    void carry_out(core::close& asked);
    void carry_out(core::send& asked);
    void carry_out(core::note& asked);
    /// What a peer can cause again and again.
    void complain(log_level level, std::string_view text);
    enum class sent : std::uint8_t { done, full, unreachable };
    sent try_send(connection& to, core::send& asked);
    [[nodiscard]] bool has_much(const connection& to) const;
    /// As much as libzmq should have at a time, or all that it takes.
    void flush(connection& to, bool all = false);
    void flush_all();
    void hold_to_bound(connection& to);
    [[nodiscard]] base::instant next_own_deadline(base::instant deadline) const;
    void part(connection& which);
    void fail(connection& which, std::string why);
    void forget(base::route which);

    const base::settings& settings_;
    log_function log_;
    core::repeated_notes repeated_;
    std::shared_ptr<zmq::context_t> context_;
    int epoll_ = -1;
    int wake_fd_ = -1;
    int timer_fd_ = -1;
    base::instant armed_ = base::never;   // when the timer ends
    std::optional<connector> connector_;  // what is no connection yet
    std::unique_ptr<socket> router_;
    std::unordered_map<base::route, std::unique_ptr<connection>> connections_;
    std::vector<connection*> dealers_;  // among them; the ROUTER's peers may be thousands
    std::unordered_map<std::string, connection*> by_routing_id_;
    std::vector<connection*> by_fd_;              // null: nobody of whom anything has come
    std::unordered_map<int, transfer> open_fds_;  // of the ROUTER: accepted and not closed
    struct place {
        int fd;
        std::uint64_t serial;
    };
    std::vector<place> crowd_;  // among them: too many
    std::deque<place> ending_;  // among them: of those that failed, to be ended a few at a time
    std::vector<int> fresh_;    // among them: since the last look
    std::uint64_t accepted_ = 0;
    std::vector<base::route> closed_peers_;  // of the ROUTER: down after the next full drain
    std::vector<base::route> with_queue_;
    std::vector<input> failures_;  // found while sending
    std::uint64_t router_routes_ = 0;
    std::size_t drains_ = 0;
    intake router_intake_;
    bool monitors_ready_ = true;
    bool ask_monitors_ = true;
    std::optional<grip> grip_;  // with the ROUTER
    memory_gauge memory_;
    std::size_t memory_at_look_ = 0;
    base::instant next_look_{};
    bool look_is_due_ = false;
    std::size_t read_since_look_ = 0;  // messages
    bool look_again_ = false;
    base::instant crowd_is_logged_until_{};
};

}  // namespace maus::net
