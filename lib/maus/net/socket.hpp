// A socket of libzmq's with the options that all of ours have, and its monitor; and the context that
// they live in. The constructor sets what all sockets share, from base/settings.hpp.
//
// Thread-safety: shared_context() from any thread; a socket by one thread at a time.
#pragma once

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <zmq.hpp>

#include "maus/base/buffer.hpp"
#include "maus/base/settings.hpp"

namespace maus::net {

/// One context, and so one I/O thread of libzmq, for all that lives in this process at a time.
[[nodiscard]] std::shared_ptr<zmq::context_t> shared_context();

/// After that libzmq closes a connection whose other end does not greet.
inline constexpr std::chrono::milliseconds handshake_max{2000};

struct monitor_event {
    /// ZMQ_EVENT_ACCEPTED, _CONNECTED, _HANDSHAKE_SUCCEEDED, _DISCONNECTED or _CLOSED
    std::uint16_t kind;
    int fd;  ///< not of _HANDSHAKE_SUCCEEDED
};

// A signal may interrupt even a call that does not wait; cppzmq throws then.
template <class Call>
auto uninterrupted(Call call) {
    for (;;) {
        try {
            return call();
        } catch (const zmq::error_t& failed) {
            if (failed.num() != EINTR) throw;
        }
    }
}

class socket {
public:
    /// Throws maus::error (resource_exhausted) that says what there is too little of.
    socket(zmq::context_t& context, zmq::socket_type type, const base::settings& settings);
    ~socket();
    socket(const socket&) = delete;
    socket& operator=(const socket&) = delete;

    /// Tries once, as long as it takes. `endpoint` should be in numbers: libzmq looks names up on the
    /// one thread that serves all connections.
    void connect(const std::string& endpoint);
    /// Returns the endpoint with wildcards resolved. Throws maus::error: invalid_argument says what
    /// is wrong with the endpoint, or who may have it; resource_exhausted.
    std::string bind(const std::string& endpoint);

    /// One frame; false if there is none. The frames of one message are all there once the first is.
    [[nodiscard]] bool receive(zmq::message_t& frame) {
        return uninterrupted(
            [&] { return data_.recv(frame, zmq::recv_flags::dontwait).has_value(); });
    }
    /// False: there is no room. Throws zmq::error_t.
    [[nodiscard]] bool send(zmq::message_t& frame, bool more) {
        const auto flags =
            more ? zmq::send_flags::dontwait | zmq::send_flags::sndmore : zmq::send_flags::dontwait;
        return uninterrupted([&] { return data_.send(frame, flags).has_value(); });
    }
    [[nodiscard]] bool readable() {
        return uninterrupted([&] { return (data_.get(zmq::sockopt::events) & ZMQ_POLLIN) != 0; });
    }
    /// Appends what has happened to its connections since it was asked last.
    void read_monitor(std::vector<monitor_event>& events);

    [[nodiscard]] int fd() const { return fd_of(data_); }
    [[nodiscard]] int monitor_fd() const { return fd_of(monitor_); }

private:
    [[nodiscard]] static int fd_of(const zmq::socket_t& of) {
        return uninterrupted([&] { return of.get(zmq::sockopt::fd); });
    }
    void stop_monitor() noexcept;
    void speak_ipv6(bool does);

    zmq::socket_t data_;
    zmq::socket_t monitor_;
    std::vector<int> ipc_locks_;
};

/// How many bytes libzmq has of what was handed over to it; made when there is something to count.
using byte_count = std::shared_ptr<std::atomic<std::size_t>>;

/// So much of a message is copied: what is larger is handed over.
inline constexpr std::size_t copied_bytes_max = 4096;

/// Copied if it has room in `to_copy`, which it takes; or handed over: `frame` is empty then, and counted
/// until libzmq is done with it.
[[nodiscard]] zmq::message_t to_zmq(base::buffer& frame, byte_count& handed_over,
                                    std::size_t& to_copy);
/// Copied if it is small, else taken.
[[nodiscard]] base::buffer from_zmq(zmq::message_t& frame);

}  // namespace maus::net
