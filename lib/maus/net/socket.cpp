#include "maus/net/socket.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <latch>
#include <mutex>
#include <thread>

#include "maus/error.hpp"
#include "maus/net/clock.hpp"
#include "maus/net/endpoint.hpp"
#include "maus/net/process.hpp"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MAUS_THREAD_SANITIZER
#endif
#elif defined(__SANITIZE_THREAD__)
#define MAUS_THREAD_SANITIZER
#endif
#ifdef MAUS_THREAD_SANITIZER
#include <sanitizer/tsan_interface.h>
#endif

namespace maus::net {

namespace {
// In messages. What libzmq has is outside of our own bound of a peer's queue, and these may be as large as
// what is copied; more room would not make it faster.
constexpr int high_water_mark = 1000;
// Messages of one peer that libzmq reads ahead of us. Its thread reads of each of up to 256 connections in
// turn, so with many peers that send small messages without pause this is what others wait for there.
constexpr int read_ahead = 64;
constexpr std::chrono::milliseconds linger{500};

std::atomic<std::uint64_t> monitors_made{0};

// libzmq draws the first routing id of each ROUTER from rand(), which it never seeds: the ids of all
// processes would be the same, and a peer that claims the next one ends a ROUTER. Seeded once a context
// and not once a socket, rand() goes on from where it is, and so does a program that uses it, too.
void seed_libzmq() { std::srand(static_cast<unsigned>(random_seed())); }

// libzmq aborts where it cannot make its own threads or their descriptors, or may not choose their
// policy: so see first.
void need_threads() {
    // As many as it makes, at a time.
    constexpr std::size_t count = 2;
    std::latch all(count);
    std::vector<std::thread> spare;
    try {
        while (spare.size() < count) spare.push_back(spawn([&all] { all.arrive_and_wait(); }));
    } catch (const error&) {
        all.count_down(static_cast<std::ptrdiff_t>(count - spare.size()));
    }
    const bool enough = spare.size() == count;
    for (auto& each : spare) each.join();
    if (!enough) throw error(errc::resource_exhausted, "too many threads; raise `ulimit -u`");
}
// Who has another policy than the common one keeps it.
bool may_be_batch() {
    bool may = false;
    spawn([&may] {
        const sched_param none{};
        may =
            sched_getscheduler(0) == SCHED_OTHER && sched_setscheduler(0, SCHED_BATCH, &none) == 0;
    }).join();
    return may;
}
void need_descriptors() {
    constexpr std::size_t count = 16;
    std::vector<int> spare;
    while (spare.size() < count) {
        const int fd = eventfd(0, EFD_CLOEXEC);
        if (fd < 0) break;
        spare.push_back(fd);
    }
    const bool enough = spare.size() == count;
    for (const int fd : spare) ::close(fd);
    if (!enough) throw error(errc::resource_exhausted, "too many open files; raise `ulimit -n`");
}

/// `number` is an errno.
error cannot_bind(const std::string& endpoint, const std::string& why, int number = EINVAL) {
    const bool exhausted = number == EMFILE || number == ENFILE || number == ENOMEM ||
                           number == ENOBUFS || number == ENOSPC;
    return {exhausted ? errc::resource_exhausted : errc::invalid_argument,
            "cannot bind " + endpoint + ": " + why};
}

// libzmq lets a second process take over a bound ipc path without a word, and removes whatever else
// lies there: a lock beside it, and a look, do not.
int lock_ipc_path(const std::string& endpoint, const std::string& path) {
    if (path[0] == '@' || path == "*") return -1;
    struct stat there {};
    if (::lstat(path.c_str(), &there) == 0 && !S_ISSOCK(there.st_mode)) {
        throw cannot_bind(endpoint,
                          "something is there that is no socket; name another path, or remove it");
    }
    // Whoever may read it may lock it: the one who stopped may have been another user.
    const std::string name = path + ".lock";
    int lock = ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
    if (lock < 0) lock = ::open(name.c_str(), O_CREAT | O_RDONLY | O_CLOEXEC, 0644);
    if (lock < 0) {
        const int number = errno;
        throw cannot_bind(endpoint,
                          number == ENOENT ? "its folder is missing"
                                           : "cannot open " + name + ": " + std::strerror(number),
                          number);
    }
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        ::close(lock);
        throw cannot_bind(endpoint, "another process has it");
    }
    return lock;
}

std::string why_not_bound(const zmq::error_t& failed, const base::endpoint& place) {
    switch (failed.num()) {
        case EADDRINUSE: return "the port is taken; is another one running there?";
        case EACCES: return std::string(failed.what()) + " (ports below 1024 are privileged)";
        case EAFNOSUPPORT: return "this machine does not speak IPv6";
        case EINVAL: return "write tcp://ADDRESS:PORT or ipc://PATH";
        case ENODEV:
        case EADDRNOTAVAIL:
            return "this machine has no address " + place.host +
                   "; write one of its addresses, the name of an interface, or * for all";
        default: return failed.what();
    }
}

// libzmq closes sockets in its own time: an address that somebody in this process has just let go of
// may be taken for a moment still.
void bind_patiently(zmq::socket_t& socket, const std::string& endpoint) {
    const base::instant end = clock_now() + std::chrono::milliseconds{500};
    for (;;) {
        try {
            uninterrupted([&] { socket.bind(endpoint); });
            return;
        } catch (const zmq::error_t& failed) {
            if (failed.num() != EADDRINUSE || clock_now() >= end) throw;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
}

zmq::socket_t make_zmq(zmq::context_t& context, zmq::socket_type type) {
    return uninterrupted([&] { return zmq::socket_t(context, type); });
}
/// `of` is a socket or a context.
template <class Of, class Option, class Value>
void set(Of& of, Option option, const Value& value) {
    uninterrupted([&] { of.set(option, value); });
}

// What we hand over, libzmq's own thread frees. libzmq puts the two in order, but is not
// instrumented: ThreadSanitizer needs a word about it.
void tell_handed_over([[maybe_unused]] void* frame) {
#ifdef MAUS_THREAD_SANITIZER
    __tsan_release(frame);
#endif
}
void tell_taken_over([[maybe_unused]] void* frame) {
#ifdef MAUS_THREAD_SANITIZER
    __tsan_acquire(frame);
#endif
}
}  // namespace

// --- the context ---------------------------------------------------------------------------------

// glibc gives freed memory back to the system 128 KiB at a time until a larger block has been freed. When
// the frames of a peer that is cut off are freed, that is thousands of system calls by the one thread that
// serves all connections (120 MiB in frames of two bytes: 0.2 s).
void give_memory_back_seldom() {
    constexpr std::size_t large = 16u << 20;
    void* volatile block = std::malloc(large);
    std::free(block);
}

std::shared_ptr<zmq::context_t> shared_context() {
    // Never destroyed: static objects of the program may be made and destroyed before and after ours.
    static std::mutex guard;
    static auto& current = *new std::weak_ptr<zmq::context_t>;
    const std::lock_guard lock(guard);
    auto context = current.lock();
    if (!context) {
        need_descriptors();
        need_threads();
        give_memory_back_seldom();
        seed_libzmq();
        context = uninterrupted([] { return std::make_shared<zmq::context_t>(); });
        set(*context, zmq::ctxopt::max_sockets, 65000);
        // When woken, its I/O thread then lets who woke it go on to its own sleep first: a switch less
        // at each end of a call.
        if (may_be_batch()) set(*context, zmq::ctxopt::thread_sched_policy, SCHED_BATCH);
        // With the first socket it makes its threads; later there may be none to be had.
        make_zmq(*context, zmq::socket_type::pair).close();
        current = context;
    }
    return context;
}

// --- a socket ------------------------------------------------------------------------------------

socket::socket(zmq::context_t& context, zmq::socket_type type, const base::settings& settings) {
    const limits& bounds = settings.limits;
    try {
        data_ = make_zmq(context, type);
        set(data_, zmq::sockopt::linger, static_cast<int>(linger.count()));
        set(data_, zmq::sockopt::sndhwm, high_water_mark);
        set(data_, zmq::sockopt::rcvhwm, read_ahead);
        set(data_, zmq::sockopt::maxmsgsize,
            static_cast<std::int64_t>(bounds.message_bytes_max + bounds.control_bytes_max));
        set(data_, zmq::sockopt::handshake_ivl, static_cast<int>(handshake_max.count()));
        // A peer that vanished for good behind a network keeps its descriptor no longer than that:
        // a minute of silence, then three questions.
        set(data_, zmq::sockopt::tcp_keepalive, 1);
        set(data_, zmq::sockopt::tcp_keepalive_idle, 60);
        set(data_, zmq::sockopt::tcp_keepalive_intvl, 20);
        set(data_, zmq::sockopt::tcp_keepalive_cnt, 3);
        if (type == zmq::socket_type::router) {
            set(data_, zmq::sockopt::router_mandatory, true);
            set(data_, zmq::sockopt::backlog, 4096);
        } else {
            set(data_, zmq::sockopt::immediate, true);
            // Never: core/backoff.hpp says when to try again, the connector at which address.
            set(data_, zmq::sockopt::reconnect_ivl, -1);
        }
        const std::string name = "inproc://maus-monitor-" + std::to_string(++monitors_made);
        // Of these a ROUTER has accepted and disconnected, a DEALER the others.
        const int events = ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_CONNECTED |
                           ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED |
                           ZMQ_EVENT_CLOSED;
        uninterrupted([&] {
            if (zmq_socket_monitor(data_.handle(), name.c_str(), events) != 0) throw zmq::error_t();
        });
        monitor_ = make_zmq(context, zmq::socket_type::pair);
        set(monitor_, zmq::sockopt::linger, 0);
        set(monitor_, zmq::sockopt::rcvhwm, 1000000);
        uninterrupted([&] { monitor_.connect(name); });
        // A reader that has never found it empty counts as awake: libzmq would not signal the first
        // event.
        zmq::message_t none;
        (void)uninterrupted([&] { return monitor_.recv(none, zmq::recv_flags::dontwait); });
    } catch (const zmq::error_t& failed) {
        stop_monitor();
        throw error(errc::resource_exhausted, std::string("cannot make a socket: ") +
                                                  failed.what() +
                                                  " (too many open files? raise `ulimit -n`)");
    }
}

socket::~socket() {
    stop_monitor();
    data_.close();
    for (const int lock : ipc_locks_) ::close(lock);
}

// First no more events, then nobody who reads them: libzmq waits for the reader of an event while it
// holds its own threads up, and loses the event's memory if it waits in vain.
void socket::stop_monitor() noexcept {
    while (data_.handle() != nullptr && zmq_socket_monitor(data_.handle(), nullptr, 0) != 0 &&
           zmq_errno() == EINTR) {
    }
    monitor_.close();
}

// For each endpoint by itself: with it on, libzmq takes only IPv6 addresses of names, and most names
// that are given to us have an IPv4 one.
void socket::speak_ipv6(bool does) { set(data_, zmq::sockopt::ipv6, does); }

void socket::connect(const std::string& endpoint) {
    speak_ipv6(endpoint.starts_with("tcp://["));
    uninterrupted([&] { data_.connect(endpoint); });
}

std::string socket::bind(const std::string& endpoint) {
    const base::endpoint place = resolve_to_bind(endpoint);
    if (place.transport == base::endpoint::kind::ipc) {
        if (const int lock = lock_ipc_path(endpoint, place.path); lock >= 0) {
            ipc_locks_.push_back(lock);
        }
    }
    try {
        speak_ipv6(place.is_ipv6());
        bind_patiently(data_, to_string(place));
    } catch (const zmq::error_t& failed) {
        throw cannot_bind(endpoint, why_not_bound(failed, place), failed.num());
    }
    return uninterrupted([&] { return data_.get(zmq::sockopt::last_endpoint); });
}

void socket::read_monitor(std::vector<monitor_event>& events) {
    const auto read = [this](zmq::message_t& frame) {
        return uninterrupted(
            [&] { return monitor_.recv(frame, zmq::recv_flags::dontwait).has_value(); });
    };
    zmq::message_t head, address;
    while (read(head)) {
        // Frame 1: u16 event, u32 value, unaligned; frame 2: the endpoint.
        if (head.size() >= 6) {
            std::uint16_t kind;
            std::int32_t value;
            std::memcpy(&kind, head.data(), sizeof kind);
            std::memcpy(&value, static_cast<const char*>(head.data()) + 2, sizeof value);
            events.push_back({kind, value});
        }
        while (head.more() && read(address)) {
            if (!address.more()) break;
        }
    }
}

// --- frames --------------------------------------------------------------------------------------

zmq::message_t to_zmq(base::buffer& frame, byte_count& handed_over, std::size_t& to_copy) {
    struct counted_frame {
        base::buffer bytes;
        byte_count in;
    };
    if (frame.size() <= to_copy) {
        to_copy -= frame.size();
        return {frame.data(), frame.size()};
    }
    if (!handed_over) handed_over = std::make_shared<byte_count::element_type>(0);
    auto* kept = new counted_frame{std::move(frame), handed_over};
    void* const data = kept->bytes.data();
    const std::size_t size = kept->bytes.size();
    handed_over->fetch_add(size, std::memory_order_relaxed);
    const auto free = [](void*, void* hint) {
        tell_taken_over(hint);
        const std::unique_ptr<counted_frame> done(static_cast<counted_frame*>(hint));
        done->in->fetch_sub(done->bytes.size(), std::memory_order_relaxed);
    };
    tell_handed_over(kept);
    return {data, size, free, kept};
}

base::buffer from_zmq(zmq::message_t& frame) {
    const base::byte_view bytes{static_cast<const std::byte*>(frame.data()), frame.size()};
    if (bytes.size() <= base::buffer::inline_capacity) return base::buffer{bytes};
    auto* kept = new zmq::message_t(std::move(frame));
    const base::byte_view moved{static_cast<const std::byte*>(kept->data()), kept->size()};
    return base::buffer::adopt(moved, kept,
                               [](void* owner) { delete static_cast<zmq::message_t*>(owner); });
}

}  // namespace maus::net
