// What the system tells of a connection's descriptor, and how to end one connection of libzmq's by it.
//
// libzmq hands a message out once its last frame has come and says nothing of it before; and it has no
// means to part with one peer of a ROUTER. The monitor and ZMQ_SRCFD tell the peers' descriptors, and
// those know more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace maus::net {

/// Bytes that came over a TCP connection, whether they were read or not. Nothing: it is no TCP
/// connection (ipc), or is gone.
[[nodiscard]] std::optional<std::uint64_t> bytes_received(int fd);
/// Those of them that nobody has taken from the system yet.
[[nodiscard]] std::uint64_t bytes_unread(int fd);

/// The system takes as much for a connection before somebody reads it as it sees fit.
void take_much(int fd);

/// Whether only those descriptors are left that the process needs for itself.
[[nodiscard]] bool is_among_the_last(int fd);

/// Holds on to a connection that libzmq may close at any moment, so that its number does not become
/// somebody else's. It has one descriptor at all times, since there may be no other to be had.
class grip {
public:
    /// `idle` is what it holds when it holds no connection, and outlives it. Throws maus::error
    /// (resource_exhausted).
    explicit grip(int idle);
    ~grip();
    grip(const grip&) = delete;
    grip& operator=(const grip&) = delete;

    /// False: there is no such descriptor.
    [[nodiscard]] bool take(int fd);
    /// The system takes little for the connection that was taken before somebody reads it, until
    /// take_much(). libzmq's one thread reads all that there is of a connection before it goes on to the
    /// next: 60 strangers with 4 MiB each kept it for 0.6 s.
    void take_little();
    /// Ends the connection that was taken, for both sides, with what came over it and nobody has read.
    void end_connection();
    void let_go();

private:
    int idle_;
    int fd_;
};

/// Tells the memory that this process has.
class memory_gauge {
public:
    memory_gauge();
    ~memory_gauge();
    memory_gauge(const memory_gauge&) = delete;
    memory_gauge& operator=(const memory_gauge&) = delete;
    /// Nothing: the system does not tell.
    [[nodiscard]] std::optional<std::size_t> resident_bytes() const;

private:
    int fd_;
};

}  // namespace maus::net
