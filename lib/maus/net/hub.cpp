#include "maus/net/hub.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>

#include "maus/error.hpp"
#include "maus/net/clock.hpp"
#include "maus/net/hub_connection.hpp"

namespace maus::net {

using base::route;

namespace {
// What libzmq may have of one peer's at a time, but for the last message. It tells nobody when it has less;
// a hub looks again in 10 ms.
constexpr std::size_t handed_over_max = 32u << 20;

// What a message in a queue weighs: small ones are mostly overhead.
std::size_t cost_of(const wire::message& message) {
    constexpr std::size_t allocation = 16;
    return sizeof(core::send) + message.frames() * (sizeof(base::buffer) + allocation) +
           message.bytes();
}
// A small frame that has come is a part of what libzmq has read at once, and keeps all of that.
void own_small_frames(wire::message& message) {
    const auto own = [](base::buffer& frame) {
        if (frame.size() <= copied_bytes_max) frame = frame.copy();
    };
    own(message.first);
    for (auto& frame : message.rest) own(frame);
}
}  // namespace

hub::hub(const base::settings& settings, log_function log)
    : settings_(settings), log_(std::move(log)), context_(shared_context()) {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    wake_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    timer_fd_ = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (epoll_ < 0 || wake_fd_ < 0 || timer_fd_ < 0) {
        for (const int fd : {epoll_, wake_fd_, timer_fd_}) {
            if (fd >= 0) ::close(fd);
        }
        throw error(errc::resource_exhausted,
                    "cannot make a descriptor: too many open files? (raise `ulimit -n`)");
    }
    watch(wake_fd_, watched::own);
    watch(timer_fd_, watched::own);
    // Of a socket that has no connection yet, only the monitor is read.
    connector_.emplace(
        [this] {
            auto made = std::make_unique<socket>(*context_, zmq::socket_type::dealer, settings_);
            watch(made->monitor_fd(), watched::monitor);
            return made;
        },
        wake_fd_);
}

hub::~hub() {
    shut();
    connector_.reset();
    for (const int fd : {epoll_, wake_fd_, timer_fd_}) ::close(fd);
}

void hub::shut() {
    for (const auto& each : repeated_.rest()) log_(each.level, each.text);
    // libzmq closes the sockets' descriptors later, and they may be readable until then. So the descriptor
    // that a program's own loop looks at becomes that of another epoll, which watches none.
    if (const int empty = epoll_create1(EPOLL_CLOEXEC); empty >= 0) {
        ::dup3(empty, epoll_, O_CLOEXEC);
        ::close(empty);
        watch(wake_fd_, watched::own);
        watch(timer_fd_, watched::own);
    }
    by_fd_.clear();
    by_routing_id_.clear();
    open_fds_.clear();
    closed_peers_.clear();
    with_queue_.clear();
    failures_.clear();
    dealers_.clear();
    connector_->clear();
    connections_.clear();
    crowd_.clear();
    ending_.clear();
    router_.reset();
    grip_.reset();
}

void hub::watch(int fd, watched as) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = static_cast<std::uint64_t>(as) << 32 | static_cast<std::uint32_t>(fd);
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
}

std::string hub::bind(const std::string& endpoint) {
    if (!grip_) grip_.emplace(wake_fd_);
    if (!router_) {
        router_ = std::make_unique<socket>(*context_, zmq::socket_type::router, settings_);
        watch(router_->fd(), watched::data);
        watch(router_->monitor_fd(), watched::monitor);
    }
    return router_->bind(endpoint);
}

// --- sending ------------------------------------------------------------------------------------

void hub::apply(core::outbox& out) {
    for (auto& effect : out.effects()) {
        std::visit([this](auto& asked) { carry_out(asked); }, effect);
    }
    out.clear();
}

void hub::carry_out(core::open& asked) { connector_->open(asked.to, asked.endpoint); }

void hub::carry_out(core::close& asked) {
    connector_->close(asked.to);
    const auto found = connections_.find(asked.to);
    if (found == connections_.end()) return;
    connection& which = *found->second;
    if (!which.dealer) {
        // It was told to go, and to end its connection here might take that from it. One that does not go
        // is cut off.
        if (which.parted == base::never) which.parted = clock_now();
        return;
    }
    flush(which, true);
    forget(asked.to);
}

void hub::carry_out(core::send& asked) {
    const auto found = connections_.find(asked.to);
    if (found == connections_.end() || !found->second->takes()) return;
    connection& to = *found->second;
    if (to.queue.empty()) {
        switch (has_much(to) ? sent::full : try_send(to, asked)) {
            case sent::done: return;
            case sent::unreachable: return part(to);
            case sent::full: with_queue_.push_back(to.at); break;
        }
    }
    own_small_frames(asked.message);
    to.queued_bytes += cost_of(asked.message);
    to.queue.push_back(std::move(asked));
    hold_to_bound(to);
}

void hub::carry_out(core::note& asked) {
    if (asked.repeats) return complain(asked.level, asked.text);
    log_(asked.level, asked.text);
}

void hub::complain(log_level level, std::string_view text) {
    if (const auto line = repeated_.told(level, text, clock_now())) log_(line->level, line->text);
}

bool hub::has_much(const connection& to) const {
    return to.bytes_handed_over() > std::min(handed_over_max, settings_.limits.queued_bytes_max);
}

std::size_t hub::waiting_bytes(route on) const {
    const auto found = connections_.find(on);
    if (found == connections_.end()) return 0;
    return found->second->queued_bytes + found->second->bytes_handed_over();
}

hub::sent hub::try_send(connection& to, core::send& asked) {
    socket& via = to.dealer ? *to.dealer : *router_;
    // Frames before the message's own. The first frame that goes out decides whether there is room:
    // on a ROUTER that is the routing id, and after EAGAIN or EHOSTUNREACH nothing may follow it.
    std::size_t to_copy = copied_bytes_max;
    try {
        if (!to.dealer) {
            zmq::message_t id{to.routing_id.data(), to.routing_id.size()};
            if (!via.send(id, true)) return sent::full;
        }
        if (asked.relayed) {
            base::buffer lease = wire::relay_frame(*asked.relayed);
            zmq::message_t frame = to_zmq(lease, to.handed_over, to_copy);
            if (!via.send(frame, true)) return sent::full;
        }
        // A DEALER without a peer or with a full pipe says so at its first frame, which is not
        // handed over then; small first frames were only copied.
        zmq::message_t first = to_zmq(asked.message.first, to.handed_over, to_copy);
        if (!via.send(first, !asked.message.rest.empty())) {
            // A copy: what is counted as handed over would be counted with each try.
            if (asked.message.first.empty()) {
                asked.message.first =
                    base::buffer{base::byte_view{first.data<std::byte>(), first.size()}};
            }
            return sent::full;
        }
        for (std::size_t i = 0; i < asked.message.rest.size(); ++i) {
            zmq::message_t frame = to_zmq(asked.message.rest[i], to.handed_over, to_copy);
            (void)via.send(frame, i + 1 < asked.message.rest.size());
        }
    } catch (const zmq::error_t& failed) {
        if (failed.num() == EHOSTUNREACH) return sent::unreachable;
        complain(log_level::error, std::string("cannot send: ") + failed.what());
        return sent::unreachable;
    }
    to.spoken_to = true;
    return sent::done;
}

void hub::flush(connection& to, bool all) {
    while (!to.queue.empty() && to.takes() && (all || !has_much(to))) {
        core::send& next = to.queue.front();
        const std::size_t bytes = cost_of(next.message);
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
        hold_to_bound(*found->second);
        return found->second->queue.empty();
    });
}

void hub::hold_to_bound(connection& to) {
    const std::size_t waiting = to.queued_bytes + to.bytes_handed_over();
    if (to.takes() && waiting > settings_.limits.queued_bytes_max) {
        fail(to, "it does not take what it is sent");
    }
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
    if (peer_at(which.fd) != &which) return;
    // To end a connection takes system calls, and thousands may fail at a time.
    const auto known = open_fds_.find(which.fd);
    if (known != open_fds_.end()) ending_.push_back({which.fd, known->second.serial});
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
base::instant hub::next_own_deadline(base::instant deadline) const {
    constexpr std::chrono::milliseconds interval{10};
    if (connector_->is_busy()) deadline = std::min(deadline, connector_->next_deadline());
    // Whom it connected to is looked at when it is awake anyway.
    if (!open_fds_.empty()) deadline = std::min(deadline, next_look_);
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
            if (fd != timer_fd_) continue;
            armed_ = base::never;
            monitors_ready_ = true;  // and a look may be due
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
    deadline = next_own_deadline(deadline);
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
