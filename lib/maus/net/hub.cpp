#include "maus/net/hub.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <latch>
#include <mutex>
#include <system_error>
#include <thread>

#include "maus/base/random.hpp"
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

using base::route;

namespace {
constexpr std::uint64_t router_route_bit = std::uint64_t{1} << 63;
constexpr std::size_t messages_a_drain = 1024;
// What is large is best worked on while it is in a cache, and small calls should not wait behind much.
constexpr std::size_t bytes_a_drain = 256u << 10;
constexpr std::size_t drains_a_monitor_read = 64;
constexpr std::size_t copied_bytes_max = 4096;  // above, a frame is handed over instead of copied
constexpr int high_water_mark = 20000;          // a backstop: credits are the flow control
constexpr std::chrono::milliseconds linger{500};

std::atomic<std::uint64_t> monitors_made{0};

// libzmq draws the first routing id and reconnection jitter from rand(), which it never seeds.
void seed_libzmq() { std::srand(static_cast<unsigned>(random_seed())); }

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
bool receive_frame(zmq::socket_t& from, zmq::message_t& frame) {
    return uninterrupted([&] { return from.recv(frame, zmq::recv_flags::dontwait).has_value(); });
}
bool readable(zmq::socket_t& socket) {
    return uninterrupted([&] { return (socket.get(zmq::sockopt::events) & ZMQ_POLLIN) != 0; });
}

// What we hand over, libzmq's own thread frees. libzmq puts the two in order, but is not
// instrumented: ThreadSanitizer has to be told.
void handed_over([[maybe_unused]] void* what) {
#ifdef MAUS_THREAD_SANITIZER
    __tsan_release(what);
#endif
}
void taken_over([[maybe_unused]] void* what) {
#ifdef MAUS_THREAD_SANITIZER
    __tsan_acquire(what);
#endif
}

zmq::message_t to_zmq(base::buffer& frame) {
    if (frame.size() <= copied_bytes_max) return {frame.data(), frame.size()};
    auto* kept = new base::buffer(std::move(frame));
    void* const data = kept->data();
    const std::size_t size = kept->size();
    const auto free = [](void*, void* hint) {
        taken_over(hint);
        delete static_cast<base::buffer*>(hint);
    };
    handed_over(kept);
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
}  // namespace

// libzmq aborts where it cannot make its own threads or their descriptors: so see first whether
// there are enough.
static void need_threads() {
    // As many as it makes, at a time.
    constexpr std::size_t count = 2;
    std::latch all(count);
    std::vector<std::thread> spare;
    try {
        while (spare.size() < count) spare.push_back(spawn([&all] { all.arrive_and_wait(); }));
    } catch (const std::system_error&) {
        all.count_down(static_cast<std::ptrdiff_t>(count - spare.size()));
    }
    const bool enough = spare.size() == count;
    for (auto& each : spare) each.join();
    if (!enough) throw error(errc::overloaded, "too many threads; raise `ulimit -u`");
}
static void need_descriptors() {
    constexpr std::size_t count = 16;
    std::vector<int> spare;
    while (spare.size() < count) {
        const int fd = eventfd(0, EFD_CLOEXEC);
        if (fd < 0) break;
        spare.push_back(fd);
    }
    const bool enough = spare.size() == count;
    for (const int fd : spare) ::close(fd);
    if (!enough) throw error(errc::overloaded, "too many open files; raise `ulimit -n`");
}

std::shared_ptr<zmq::context_t> shared_context() {
    static std::mutex guard;
    static std::weak_ptr<zmq::context_t> current;
    const std::lock_guard lock(guard);
    auto context = current.lock();
    if (!context) {
        need_descriptors();
        need_threads();
        context = std::make_shared<zmq::context_t>();
        context->set(zmq::ctxopt::max_sockets, 65000);
        // Its I/O thread, when woken, lets who woke it go on to its own sleep first: a switch less at
        // each end of a call. (Who has another policy than the common one keeps it.)
        if (sched_getscheduler(0) == SCHED_OTHER) {
            context->set(zmq::ctxopt::thread_sched_policy, SCHED_BATCH);
        }
        // With the first socket it makes its threads; later there may be none to be had.
        zmq::socket_t(*context, zmq::socket_type::pair).close();
        current = context;
    }
    return context;
}

struct hub::socket {
    zmq::socket_t data;
    zmq::socket_t monitor;

    // First no more events, then nobody who reads them: libzmq waits for the reader of an event
    // while it holds its own threads up, and loses the event's memory if it waits in vain.
    ~socket() {
        if (data.handle() != nullptr) zmq_socket_monitor(data.handle(), nullptr, 0);
    }
};

struct hub::connection {
    base::route at;
    std::unique_ptr<hub::socket> dealer;  // of its own; else it is a peer of the ROUTER
    std::string routing_id;
    int fd = -1;
    bool up = false;
    bool closed = false;  // its connection is gone; `down` follows after a full drain
    bool failed = false;  // given up while sending; `down` is on its way
    std::deque<core::send> queue;
    std::size_t queued_bytes = 0;
    intake reads;

    [[nodiscard]] bool takes() const { return !failed && !closed; }
};

hub::hub(const limits& bounds, log_function log)
    : bounds_(bounds), log_(std::move(log)), context_(shared_context()) {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    wake_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    timer_fd_ = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (epoll_ < 0 || wake_fd_ < 0 || timer_fd_ < 0) {
        for (const int fd : {epoll_, wake_fd_, timer_fd_}) {
            if (fd >= 0) ::close(fd);
        }
        throw error(errc::overloaded,
                    "cannot make a descriptor: too many open files? (raise `ulimit -n`)");
    }
    watch(wake_fd_, watched::own);
    watch(timer_fd_, watched::own);
}

hub::~hub() {
    shut();
    for (const int fd : {epoll_, wake_fd_, timer_fd_}) ::close(fd);
}

void hub::shut() {
    // epoll lets go of the sockets' descriptors by itself.
    by_fd_.clear();
    by_routing_id_.clear();
    open_fds_.clear();
    closed_peers_.clear();
    with_queue_.clear();
    failures_.clear();
    dealers_.clear();
    connections_.clear();
    router_.reset();
    for (const int lock : ipc_locks_) ::close(lock);
    ipc_locks_.clear();
}

void hub::watch(int fd, watched as) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = static_cast<std::uint64_t>(as) << 32 | static_cast<std::uint32_t>(fd);
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
}

std::unique_ptr<hub::socket> hub::make_socket(zmq::socket_type type) {
    seed_libzmq();
    auto made = std::make_unique<socket>();
    try {
        made->data = zmq::socket_t(*context_, type);
        auto& data = made->data;
        data.set(zmq::sockopt::linger, static_cast<int>(linger.count()));
        data.set(zmq::sockopt::sndhwm, high_water_mark);
        data.set(zmq::sockopt::rcvhwm, high_water_mark);
        data.set(zmq::sockopt::maxmsgsize,
                 static_cast<std::int64_t>(bounds_.message_bytes_max + bounds_.control_bytes_max));
        data.set(zmq::sockopt::handshake_ivl, 2000);
        // A peer that vanished for good behind a network keeps its descriptor no longer than that:
        // a minute of silence, then three questions.
        data.set(zmq::sockopt::tcp_keepalive, 1);
        data.set(zmq::sockopt::tcp_keepalive_idle, 60);
        data.set(zmq::sockopt::tcp_keepalive_intvl, 20);
        data.set(zmq::sockopt::tcp_keepalive_cnt, 3);
        if (type == zmq::socket_type::router) {
            data.set(zmq::sockopt::router_mandatory, true);
            data.set(zmq::sockopt::backlog, 4096);
        } else {
            base::random jitter(random_seed());
            data.set(zmq::sockopt::immediate, true);
            data.set(zmq::sockopt::reconnect_ivl, static_cast<int>(50 + jitter.below(100)));
            data.set(zmq::sockopt::reconnect_ivl_max, static_cast<int>(500 + jitter.below(500)));
        }
        const std::string name = "inproc://maus-monitor-" + std::to_string(++monitors_made);
        const int events =
            ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED;
        if (zmq_socket_monitor(data.handle(), name.c_str(), events) != 0) throw zmq::error_t();
        made->monitor = zmq::socket_t(*context_, zmq::socket_type::pair);
        made->monitor.set(zmq::sockopt::linger, 0);
        made->monitor.set(zmq::sockopt::rcvhwm, 1000000);
        made->monitor.connect(name);
        // A reader that has never found it empty counts as awake: libzmq would not signal the first
        // event.
        zmq::message_t none;
        (void)receive_frame(made->monitor, none);
    } catch (const zmq::error_t& failed) {
        throw error(errc::overloaded, std::string("cannot make a socket: ") + failed.what() +
                                          " (too many open files? raise `ulimit -n`)");
    }
    watch(made->data.get(zmq::sockopt::fd), watched::data);
    watch(made->monitor.get(zmq::sockopt::fd), watched::monitor);
    return made;
}

// libzmq lets a second process take over a bound ipc path without a word, and removes whatever else
// lies there: a lock beside it, and a look, do not.
static int lock_ipc_path(const std::string& endpoint) {
    const auto no = [&](const std::string& why) -> error {
        return {errc::protocol_violation, "cannot bind " + endpoint + ": " + why};
    };
    const std::string path = endpoint.substr(std::string_view("ipc://").size());
    if (path.empty() || path[0] == '@' || path[0] == '*') return -1;
    struct stat there {};
    if (::lstat(path.c_str(), &there) == 0 && !S_ISSOCK(there.st_mode)) {
        throw no("something is there that is no socket; name another path, or remove it");
    }
    // Whoever may read it may lock it: the one who stopped may have been another user.
    const std::string name = path + ".lock";
    int lock = ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
    if (lock < 0) lock = ::open(name.c_str(), O_CREAT | O_RDONLY | O_CLOEXEC, 0644);
    if (lock < 0) {
        throw no(errno == ENOENT ? "its folder is missing"
                                 : "cannot open " + name + ": " + std::strerror(errno));
    }
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        ::close(lock);
        throw no("another process has it");
    }
    return lock;
}

// libzmq closes sockets in its own time: an address that somebody in this process has just let go of
// may be taken for a moment still.
static void bind_patiently(zmq::socket_t& socket, const std::string& endpoint) {
    const base::instant end = clock_now() + std::chrono::milliseconds{500};
    for (;;) {
        try {
            socket.bind(endpoint);
            return;
        } catch (const zmq::error_t& failed) {
            if (failed.num() != EADDRINUSE || clock_now() >= end) throw;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
}

std::string hub::bind(const std::string& endpoint) {
    if (const auto problem = endpoint_problem(endpoint); !problem.empty()) {
        throw error(errc::protocol_violation, "cannot bind " + endpoint + ": " + problem);
    }
    const bool is_ipc = endpoint.starts_with("ipc://");
    if (!router_) router_ = make_socket(zmq::socket_type::router);
    if (is_ipc) {
        if (const int lock = lock_ipc_path(endpoint); lock >= 0) ipc_locks_.push_back(lock);
    }
    try {
        bind_patiently(router_->data, endpoint);
    } catch (const zmq::error_t& failed) {
        std::string why = failed.what();
        if (failed.num() == EADDRINUSE) why = "the port is taken; is another one running there?";
        if (failed.num() == EINVAL) why = "write tcp://ADDRESS:PORT or ipc://PATH";
        if (failed.num() == ENODEV || failed.num() == EADDRNOTAVAIL) {
            why =
                "this machine has no such address; write one of its IPv4 addresses, the name of an "
                "interface, or * for all";
        }
        throw error(errc::protocol_violation, "cannot bind " + endpoint + ": " + why);
    }
    return router_->data.get(zmq::sockopt::last_endpoint);
}

// --- reading ------------------------------------------------------------------------------------

void hub::read_monitor(socket& of, std::vector<monitor_event>& events) {
    zmq::message_t head, address;
    while (receive_frame(of.monitor, head)) {
        // Frame 1: u16 event, u32 value, unaligned; frame 2: the endpoint.
        if (head.size() >= 6) {
            std::uint16_t what;
            std::int32_t value;
            std::memcpy(&what, head.data(), sizeof what);
            std::memcpy(&value, static_cast<const char*>(head.data()) + 2, sizeof value);
            events.push_back({what, value});
        }
        while (head.more() && receive_frame(of.monitor, address)) {
            if (!address.more()) break;
        }
    }
}

hub::read hub::receive(socket& from, zmq::message_t* id, wire::message& message,
                       zmq::message_t& first) {
    if (id != nullptr && !receive_frame(from.data, *id)) return read::nothing;
    if (!receive_frame(from.data, first)) return read::nothing;
    bool more = first.more();
    zmq::message_t frame;
    while (more) {
        // The frames of one message are all there once the first is.
        if (!receive_frame(from.data, frame)) break;
        more = frame.more();
        // Those over the limit are dropped; the machine sees that there were too many.
        if (message.rest.size() <= bounds_.frames_max) message.rest.push_back(from_zmq(frame));
    }
    return read::message;
}

// What the monitor says of the ROUTER's peers. A descriptor is used again after its connection has
// closed, so these events are read before a new peer is bound to one (see router_peer).
void hub::note_router_events() {
    std::vector<monitor_event> events;
    read_monitor(*router_, events);
    for (const auto& event : events) {
        if (event.what == ZMQ_EVENT_ACCEPTED) open_fds_[event.fd] = true;
        if (event.what != ZMQ_EVENT_DISCONNECTED) continue;
        open_fds_.erase(event.fd);
        connection* const whose = peer_at(event.fd);
        if (whose == nullptr) continue;
        whose->closed = true;
        closed_peers_.push_back(whose->at);
        by_fd_[static_cast<std::size_t>(event.fd)] = nullptr;
    }
}

hub::connection* hub::peer_at(int fd) const {
    const auto index = static_cast<std::size_t>(fd);
    return fd >= 0 && index < by_fd_.size() ? by_fd_[index] : nullptr;
}

hub::connection& hub::router_peer(const zmq::message_t& id, const zmq::message_t& frame) {
    const std::string_view name(static_cast<const char*>(id.data()), id.size());
    const int fd = zmq_msg_get(const_cast<zmq_msg_t*>(frame.handle()), ZMQ_SRCFD);
    // With thousands of peers, each hash table that is asked is several misses of the cache.
    connection* const likely = peer_at(fd);
    if (likely != nullptr && likely->routing_id == name) return *likely;
    const std::string key(name);
    if (const auto known = by_routing_id_.find(key); known != by_routing_id_.end()) {
        return *known->second;
    }
    note_router_events();
    auto made = std::make_unique<connection>();
    made->at = {router_route_bit | ++router_routes_};
    made->routing_id = key;
    made->up = true;
    made->fd = fd;
    connection& peer = *made;
    connections_.emplace(peer.at, std::move(made));
    by_routing_id_.emplace(key, &peer);
    if (open_fds_.contains(peer.fd)) {
        const auto index = static_cast<std::size_t>(fd);
        if (index >= by_fd_.size()) by_fd_.resize(index + 1);
        by_fd_[index] = &peer;
    } else {
        // It has come and gone already.
        peer.closed = true;
        closed_peers_.push_back(peer.at);
    }
    return peer;
}

// To find that there is nothing more costs system calls, and what was read waits for its answer
// meanwhile. So no more is read at a time than came last time, or twice as much where one full drain
// follows another.
void hub::intake::came(std::size_t count) {
    if (count < expected) {
        expected = std::max<std::size_t>(count, 1);
        was_full = false;
    } else {
        if (was_full) expected = std::min(expected * 2, messages_a_drain);
        was_full = true;
    }
}

bool hub::drain_router(std::vector<input>& inputs) {
    if (!router_) return false;
    if (ask_monitors_) note_router_events();
    const std::vector<route> closing = std::move(closed_peers_);
    closed_peers_.clear();
    bool all = false;
    std::size_t count = 0;
    std::size_t bytes = 0;
    for (; count < router_intake_.expected && bytes < bytes_a_drain; ++count) {
        zmq::message_t id, first;
        wire::message message;
        if (receive(*router_, &id, message, first) == read::nothing) {
            all = true;
            break;
        }
        connection& from = router_peer(id, first);
        message.first = from_zmq(first);
        bytes += message.bytes();
        if (!from.failed) inputs.push_back(core::received{from.at, std::move(message)});
    }
    router_intake_.came(count);
    if (!all) {
        closed_peers_.insert(closed_peers_.begin(), closing.begin(), closing.end());
        return true;
    }
    for (const route at : closing) {
        const auto found = connections_.find(at);
        if (found == connections_.end()) continue;
        if (!found->second->failed) inputs.push_back(core::down{at, "its connection closed"});
        forget(at);
    }
    return !closed_peers_.empty();
}

bool hub::drain_dealer(connection& from, std::vector<input>& inputs) {
    std::vector<monitor_event> events;
    if (ask_monitors_ || !from.up) read_monitor(*from.dealer, events);
    for (const auto& event : events) {
        if (event.what == ZMQ_EVENT_HANDSHAKE_SUCCEEDED && !from.up) {
            from.up = true;
            inputs.push_back(core::up{from.at});
        }
        if (event.what == ZMQ_EVENT_DISCONNECTED && from.up) from.closed = true;
    }
    bool more = true;
    std::size_t count = 0, bytes = 0;
    for (; count < from.reads.expected && bytes < bytes_a_drain; ++count) {
        zmq::message_t first;
        wire::message message;
        if (receive(*from.dealer, nullptr, message, first) == read::nothing) {
            more = false;
            break;
        }
        if (!from.up) {  // the monitor is a moment behind
            from.up = true;
            inputs.push_back(core::up{from.at});
        }
        message.first = from_zmq(first);
        bytes += message.bytes();
        if (!from.failed) inputs.push_back(core::received{from.at, std::move(message)});
    }
    from.reads.came(count);
    return more;
}

bool hub::drain(std::vector<input>& inputs) {
    // Monitors speak seldom, and asking one costs a system call: epoll tells when, and in a hub
    // that never sleeps they are asked now and then.
    ask_monitors_ = monitors_ready_ || ++drains_ % drains_a_monitor_read == 0;
    monitors_ready_ = false;
    for (auto& failure : failures_) inputs.push_back(std::move(failure));
    failures_.clear();
    bool more = drain_router(inputs);
    std::vector<route> gone;
    for (connection* each : dealers_) {
        const bool unread = drain_dealer(*each, inputs);
        more = more || unread;
        if ((each->closed || each->failed) && !unread) gone.push_back(each->at);
    }
    for (const route at : gone) {
        if (!connections_.at(at)->failed) inputs.push_back(core::down{at, "the connection closed"});
        forget(at);
    }
    if (!with_queue_.empty()) {
        flush_all();
        more = more || anything_readable();
    }
    return more || !failures_.empty();
}

bool hub::anything_readable() {
    if (router_ && readable(router_->data)) return true;
    return std::any_of(dealers_.begin(), dealers_.end(),
                       [](connection* each) { return readable(each->dealer->data); });
}

bool hub::has_more() {
    if (!failures_.empty() || !closed_peers_.empty() || anything_readable()) return true;
    if (with_queue_.empty()) return false;
    // To ask for what can be read also takes note of room to write, and epoll tells of it no more.
    flush_all();
    return !failures_.empty() || anything_readable();
}

// --- sending ------------------------------------------------------------------------------------

void hub::apply(core::outbox& out) {
    for (auto& effect : out.effects()) {
        std::visit([this](auto& what) { carry_out(what); }, effect);
    }
    out.clear();
}

void hub::carry_out(core::open& what) {
    auto made = std::make_unique<connection>();
    made->at = what.to;
    try {
        made->dealer = make_socket(zmq::socket_type::dealer);
        made->dealer->data.connect(what.endpoint);
    } catch (const std::exception& failed) {
        log_(log_level::error, "cannot connect to " + what.endpoint + ": " + failed.what());
        failures_.push_back(core::down{what.to, failed.what()});
        return;
    }
    dealers_.push_back(made.get());
    connections_.emplace(what.to, std::move(made));
}

void hub::carry_out(core::close& what) {
    const auto found = connections_.find(what.to);
    // A ROUTER cannot part with one peer: it was told to go, and what it still says is for nobody.
    if (found == connections_.end() || !found->second->dealer) return;
    flush(*found->second);
    forget(what.to);
}

void hub::carry_out(core::send& what) {
    const auto found = connections_.find(what.to);
    if (found == connections_.end() || !found->second->takes()) return;
    connection& to = *found->second;
    if (to.queue.empty()) {
        switch (try_send(to, what)) {
            case sent::done: return;
            case sent::unreachable: return part(to);
            case sent::full: with_queue_.push_back(to.at); break;
        }
    }
    to.queued_bytes += what.what.bytes();
    to.queue.push_back(std::move(what));
    if (to.queued_bytes > bounds_.queued_bytes_max) fail(to, "it does not take what it is sent");
}

void hub::carry_out(core::note& what) { log_(what.level, what.text); }

hub::sent hub::try_send(connection& to, core::send& what) {
    zmq::socket_t& via = to.dealer ? to.dealer->data : router_->data;
    // Frames before the message's own. The first frame that goes out decides whether there is room:
    // on a ROUTER that is the routing id, and after EAGAIN or EHOSTUNREACH nothing may follow it.
    bool begun = false;
    const auto push = [&](zmq::message_t frame, bool more) {
        const auto flags =
            more ? zmq::send_flags::dontwait | zmq::send_flags::sndmore : zmq::send_flags::dontwait;
        const bool ok = uninterrupted([&] { return via.send(frame, flags).has_value(); });
        begun = begun || ok;
        return ok;
    };
    try {
        if (!to.dealer && !push({to.routing_id.data(), to.routing_id.size()}, true))
            return sent::full;
        if (what.relayed) {
            base::buffer frame = wire::relay_frame(*what.relayed);
            if (!push(to_zmq(frame), true)) return sent::full;
        }
        // A DEALER without a peer or with a full pipe says so at its first frame, which is not
        // handed over then; small first frames were only copied.
        const bool whole = what.what.rest.empty();
        zmq::message_t first = to_zmq(what.what.first);
        const auto flags = whole ? zmq::send_flags::dontwait
                                 : zmq::send_flags::dontwait | zmq::send_flags::sndmore;
        if (!uninterrupted([&] { return via.send(first, flags).has_value(); })) {
            if (what.what.first.empty()) what.what.first = from_zmq(first);
            return sent::full;
        }
        for (std::size_t i = 0; i < what.what.rest.size(); ++i) {
            push(to_zmq(what.what.rest[i]), i + 1 < what.what.rest.size());
        }
    } catch (const zmq::error_t& failed) {
        if (failed.num() == EHOSTUNREACH) return sent::unreachable;
        log_(log_level::error, std::string("cannot send: ") + failed.what());
        return sent::unreachable;
    }
    return sent::done;
}

void hub::flush(connection& to) {
    while (!to.queue.empty() && to.takes()) {
        core::send& next = to.queue.front();
        const std::size_t bytes = next.what.bytes();
        switch (try_send(to, next)) {
            case sent::full: return;
            case sent::unreachable: return part(to);
            case sent::done: break;
        }
        to.queued_bytes -= bytes;
        to.queue.pop_front();
    }
}

void hub::flush_all() {
    if (with_queue_.empty()) return;
    std::erase_if(with_queue_, [&](route at) {
        const auto found = connections_.find(at);
        if (found == connections_.end()) return true;
        flush(*found->second);
        return found->second->queue.empty();
    });
}

// It is gone. What it said before may not have been read yet: its `down` follows after a full drain.
void hub::part(connection& which) {
    which.closed = true;
    which.queue.clear();
    which.queued_bytes = 0;
    if (!which.dealer) closed_peers_.push_back(which.at);
}

void hub::fail(connection& which, std::string why) {
    which.failed = true;
    which.queue.clear();
    which.queued_bytes = 0;
    failures_.push_back(core::down{which.at, std::move(why)});
}

void hub::forget(route which) {
    const auto found = connections_.find(which);
    if (found == connections_.end()) return;
    connection& old = *found->second;
    if (old.dealer) {
        std::erase(dealers_, &old);
    } else {
        by_routing_id_.erase(old.routing_id);
        if (peer_at(old.fd) == &old) by_fd_[static_cast<std::size_t>(old.fd)] = nullptr;
    }
    connections_.erase(found);
}

// --- sleeping -----------------------------------------------------------------------------------

// libzmq tells of room to write once, and perhaps to a call that asked for something else. So who has
// something in a queue is looked after now and then.
base::instant hub::until_flush(base::instant deadline) const {
    constexpr std::chrono::milliseconds interval{10};
    return with_queue_.empty() ? deadline : std::min(deadline, base::after(clock_now(), interval));
}

void hub::wait(base::instant deadline) {
    const bool is_past = deadline <= clock_now();
    if (!is_past) arm(deadline);
    epoll_event events[16];
    const int count = epoll_wait(epoll_, events, 16, is_past ? 0 : -1);
    for (int i = 0; i < count; ++i) {
        const auto as = static_cast<watched>(events[i].data.u64 >> 32);
        if (as == watched::own) {
            std::uint64_t ignored;
            const int fd = static_cast<int>(events[i].data.u64 & 0xffffffff);
            [[maybe_unused]] const auto got = ::read(fd, &ignored, sizeof ignored);
            if (fd == timer_fd_) armed_ = base::never;
        } else if (as == watched::monitor) {
            monitors_ready_ = true;
        }
    }
}

void hub::wake() noexcept {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_fd_, &one, sizeof one);
}

void hub::arm(base::instant deadline) {
    deadline = until_flush(deadline);
    // To end a sleep too early now and then costs less than to set the timer for each.
    if (deadline >= armed_) return;
    armed_ = deadline;
    const auto left = std::max<std::int64_t>((deadline - clock_now()).count(), 1);
    itimerspec at{};
    at.it_value.tv_sec = left / 1'000'000'000;
    at.it_value.tv_nsec = left % 1'000'000'000;
    timerfd_settime(timer_fd_, 0, &at, nullptr);
}

}  // namespace maus::net
