#include "proxy.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace faults {

namespace {

sockaddr_in address_of(const std::string& endpoint) {
    const auto colon = endpoint.rfind(':');
    sockaddr_in made{};
    made.sin_family = AF_INET;
    made.sin_port = htons(static_cast<std::uint16_t>(std::stoi(endpoint.substr(colon + 1))));
    ::inet_pton(AF_INET, endpoint.substr(6, colon - 6).c_str(), &made.sin_addr);
    return made;
}

void tune(int socket) {
    const int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::fcntl(socket, F_SETFL, O_NONBLOCK);
}

}  // namespace

int connect_to(const std::string& endpoint) {
    const bool ipc = endpoint.starts_with("ipc://");
    const int made = ::socket(ipc ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (made < 0) throw std::runtime_error("no more descriptors: raise ulimit -n");
    int failed = 0;
    if (ipc) {
        sockaddr_un to{};
        to.sun_family = AF_UNIX;
        endpoint.substr(6).copy(to.sun_path, sizeof to.sun_path - 1);
        failed = ::connect(made, reinterpret_cast<const sockaddr*>(&to), sizeof to);
    } else {
        const sockaddr_in to = address_of(endpoint);
        failed = ::connect(made, reinterpret_cast<const sockaddr*>(&to), sizeof to);
    }
    if (failed == 0) return made;
    ::close(made);
    return -1;
}

void silence::begin(const std::string& endpoint, std::size_t count) {
    while (count-- > 0) {
        if (const int made = connect_to(endpoint); made >= 0) all_.push_back(made);
    }
}

void silence::end() {
    for (const int each : all_) ::close(each);
    all_.clear();
}

// --- proxy --------------------------------------------------------------------------------------

proxy::proxy(const std::string& target)
    : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), target_(target) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    if (::bind(listener_, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 ||
        ::listen(listener_, 4096) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size) != 0) {
        throw std::runtime_error("the proxy cannot listen");
    }
    endpoint_ = "tcp://127.0.0.1:" + std::to_string(ntohs(at.sin_port));
    thread_ = std::thread([this] { run(); });
}

proxy::~proxy() {
    stopped_ = true;
    thread_.join();
    for (auto& each : all_) close(each, false);
    for (const int each : waiting_) ::close(each);
    for (const int each : orphans_) ::close(each);
    ::close(listener_);
}

void proxy::ask(order what) {
    order_ = what;
    while (order_ != order::none) std::this_thread::yield();
}

void proxy::run() {
    while (!stopped_) {
        obey();
        std::vector<pollfd> items{{listener_, POLLIN, 0}};
        for (const auto& each : all_) {
            for (const auto* at : {&each.up, &each.down}) {
                if (!at->ended && !is_full(*at)) items.push_back({at->from, POLLIN, 0});
            }
        }
        // Short waits: what is held back falls due, and orders come, without a wake.
        ::poll(items.data(), items.size(), stalled_ ? 2 : 1);
        if (stalled_) continue;
        if ((items.front().revents & POLLIN) != 0) accept_one();
        pass_waiting();
        for (auto each = all_.begin(); each != all_.end();) {
            const bool alive = read_into(each->up) && read_into(each->down) &&
                               write_from(each->up) && write_from(each->down) &&
                               !(each->up.closed && each->down.closed);
            if (!alive) close(*each, false);
            each = alive ? std::next(each) : all_.erase(each);
        }
    }
}

void proxy::accept_one() {
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) return;
    tune(client);
    ++accepted_;
    if (waiting_.empty()) waiting_since_ = clock::now();
    waiting_.push_back(client);
}

void proxy::pass_waiting() {
    if (waiting_.empty()) return;
    const bool in_time = clock::now() < waiting_since_ + std::chrono::milliseconds{50};
    if (reordered_ && waiting_.size() < 3 && in_time) return;
    std::reverse(waiting_.begin(), waiting_.end());
    for (const int each : waiting_) pass_on(each);
    waiting_.clear();
}

void proxy::pass_on(int client) {
    const int server = connect_to(target_);
    if (server < 0) {
        ::close(client);
        return;
    }
    tune(server);
    connection made;
    made.client = made.up.from = made.down.to = client;
    made.server = made.up.to = made.down.from = server;
    all_.push_back(std::move(made));
}

void proxy::obey() {
    const order what = order_;
    if (what == order::none) return;
    for (auto& each : all_) {
        if (what == order::reset) close(each, true);
        if (what == order::orphan) {
            ::close(each.client);
            orphans_.push_back(each.server);
        }
        if (what == order::half_close && !each.up.closed) {
            ::shutdown(each.server, SHUT_WR);
            each.up.ended = each.up.closed = true;
            each.up.held.clear();
        }
    }
    if (what != order::half_close) all_.clear();
    order_ = order::none;
}

// A slow connection holds little itself: what it cannot take waits at the sender.
bool proxy::is_full(const lane& at) const {
    constexpr std::size_t many = 64, few = 2;
    return at.held.size() >= (pace_ != 0 ? few : many);
}

std::uint64_t proxy::allowance(lane& at) const {
    const std::uint64_t pace = pace_;
    if (pace == 0) return ~std::uint64_t{0};
    const auto now = clock::now();
    const auto passed = std::min<clock::duration>(now - at.paced_at, std::chrono::milliseconds{20});
    at.paced_at = now;
    at.allowed += static_cast<std::uint64_t>(std::chrono::duration<double>(passed).count() *
                                             static_cast<double>(pace));
    return at.allowed = std::min(at.allowed, pace / 20);
}

/// False: the connection is over.
bool proxy::read_into(lane& at) {
    if (at.ended || is_full(at)) return true;
    char some[16384];
    const auto got = ::recv(at.from, some, sizeof some, MSG_DONTWAIT);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (got == 0) {
        at.ended = true;
        return true;
    }
    const auto later = std::chrono::milliseconds{
        delay_ms_ == 0 ? 0
                       : static_cast<std::int64_t>(
                             random_() % static_cast<std::uint64_t>(delay_ms_.load() + 1))};
    at.last_due = std::max(at.last_due, clock::now() + later);
    at.held.push_back({at.last_due, std::string(some, static_cast<std::size_t>(got))});
    return true;
}

bool proxy::write_from(lane& at) {
    while (!at.held.empty() && at.held.front().due <= clock::now()) {
        std::string& bytes = at.held.front().bytes;
        const std::size_t most = std::min<std::size_t>(bytewise_ ? 1 : bytes.size(), allowance(at));
        if (most == 0) return true;
        const auto sent = ::send(at.to, bytes.data(), most, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) return errno == EAGAIN || errno == EINTR;
        passed_ += static_cast<std::uint64_t>(sent);
        at.allowed -= std::min(at.allowed, static_cast<std::uint64_t>(sent));
        bytes.erase(0, static_cast<std::size_t>(sent));
        if (bytes.empty()) at.held.pop_front();
    }
    if (at.ended && !at.closed && at.held.empty()) {
        ::shutdown(at.to, SHUT_WR);
        at.closed = true;
    }
    return true;
}

void proxy::close(connection& which, bool hard) {
    for (const int each : {which.client, which.server}) {
        const linger at_once{1, 0};
        if (hard) ::setsockopt(each, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        ::close(each);
    }
}

}  // namespace faults
