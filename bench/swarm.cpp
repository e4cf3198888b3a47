#include "bench/swarm.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <stdexcept>

#include "bench/figure.hpp"

namespace bench {

namespace wire = maus::wire;

namespace {

constexpr std::size_t greeting_bytes = 64;
constexpr std::size_t registering_at_once = 25;  // a handshake has 2 s
constexpr double beat_s = 1, timeout_s = 60;

std::string greeting() {
    std::string made("\xff\0\0\0\0\0\0\0\1\x7f\3\0NULL", 16);
    made.resize(greeting_bytes, '\0');
    return made;
}

// A frame with its head: flags, and the length in one or eight bytes.
std::string frame(std::string_view body, char flags = 0) {
    std::string made;
    if (body.size() < 256) {
        made += flags;
        made += static_cast<char>(body.size());
    } else {
        made += static_cast<char>(flags | 2);
        for (int shift = 56; shift >= 0; shift -= 8)
            made += static_cast<char>(body.size() >> shift);
    }
    return made.append(body);
}

std::string ready() {
    using namespace std::string_literals;
    return frame("\5READY\13Socket-Type\0\0\0\6DEALER\10Identity\0\0\0\0"s, 4);
}

template <class Address>
int connected_socket(int family, const Address& to) {
    const int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
        throw std::runtime_error("a simulated peer cannot connect");
    }
    return fd;
}
int connected_socket(const std::string& endpoint) {
    const std::string where = endpoint.substr(endpoint.find("://") + 3);
    if (endpoint.starts_with("ipc")) {
        sockaddr_un to{};
        to.sun_family = AF_UNIX;
        where.copy(to.sun_path, sizeof to.sun_path - 1);
        return connected_socket(AF_UNIX, to);
    }
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(where.substr(where.rfind(':') + 1))));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int fd = connected_socket(AF_INET, to);
    const int at_once = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
    return fd;
}

template <class... Cases>
struct overloaded : Cases... {
    using Cases::operator()...;
};
template <class... Cases>
overloaded(Cases...) -> overloaded<Cases...>;

}  // namespace

swarm::swarm(const std::string& endpoint)
    : epoll_(epoll_create1(EPOLL_CLOEXEC)),
      endpoint_(endpoint),
      random_(static_cast<std::uint64_t>(getpid()) ^ static_cast<std::uint64_t>(now_s() * 1e9)) {}

swarm::~swarm() {
    for (const auto& each : peers_) close(each.fd);
    close(epoll_);
}

void swarm::connect(bool manager) {
    peers_.emplace_back();
    peers_.back().manager = manager;
    connect_peer(peers_.size() - 1);
}

void swarm::connect_peer(std::size_t index) {
    peer& made = peers_[index];
    made.fd = connected_socket(endpoint_);
    fcntl(made.fd, F_SETFL, O_NONBLOCK);
    epoll_event wanted{};
    wanted.events = EPOLLIN;
    wanted.data.u64 = index;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, made.fd, &wanted);
    made.out = greeting();
    to_flush_.push_back(index);
}

// On a busy machine a handshake may take longer than it may. Whoever speaks through libzmq connects
// anew then.
void swarm::lost(std::size_t index) {
    peer& gone = peers_[index];
    if (gone.registered) {
        throw std::runtime_error("the parkserver has closed a simulated peer's connection");
    }
    close(gone.fd);
    std::erase(to_flush_, index);
    const bool manager = gone.manager;
    gone = {};
    gone.manager = manager;
    connect_peer(index);
}

void swarm::add_workers(std::size_t count) {
    const std::size_t before = peers_.size(), all = before + count;
    turn_until([&] {
        while (peers_.size() < all && peers_.size() - registered_ < registering_at_once) {
            connect(false);
        }
        return registered_ == all;
    });
}

histogram swarm::add_workers_singly(std::size_t count) {
    histogram latencies;
    for (std::size_t i = 0; i < count; ++i) {
        const double begun = now_s();
        connect(false);
        turn_until([&] { return registered_ == peers_.size(); });
        latencies.record(now_s() - begun);
    }
    return latencies;
}

void swarm::add_managers(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) connect(true);
    turn_until([&] { return registered_ == peers_.size(); });
}

swarm::cycle_result swarm::cycle(double seconds, std::size_t requests) {
    cycling_ = true;
    grants_ = 0;
    latencies_ = {};
    for (std::size_t i = 0; i < peers_.size(); ++i) {
        if (!peers_[i].manager) continue;
        for (std::size_t k = 0; k < requests; ++k) request(i);
    }
    const double begun = now_s(), end = begun + seconds;
    while (now_s() < end) turn(1);
    const double took = now_s() - begun;
    const cycle_result result{grants_, took, latencies_};
    cycling_ = false;
    turn_until([&] { return requests_.empty(); });
    return result;
}

void swarm::rest_until_readable(int fd) {
    epoll_event wanted{};
    wanted.events = EPOLLIN;
    wanted.data.u64 = ~std::uint64_t{0};
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &wanted);
    bool readable = false;
    while (!readable) {
        beat();
        flush();
        epoll_event ready[64];
        const int count = epoll_wait(epoll_, ready, 64, 10);
        for (int i = 0; i < count; ++i) {
            if (ready[i].data.u64 == ~std::uint64_t{0}) {
                readable = true;
            } else {
                receive(ready[i].data.u64);
            }
        }
    }
    epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
}

void swarm::turn_until(const std::function<bool()>& done) {
    double end = 0;
    for (std::size_t before = ~std::size_t{0}; !done(); turn(10)) {
        if (std::exchange(before, registered_) != registered_) end = now_s() + timeout_s;
        if (now_s() > end) throw std::runtime_error("the parkserver does not answer its peers");
    }
}

void swarm::turn(int wait_ms) {
    beat();
    flush();
    epoll_event ready[256];
    const int count = epoll_wait(epoll_, ready, 256, wait_ms);
    for (int i = 0; i < count; ++i) receive(ready[i].data.u64);
    flush();
}

// As many as are due by now, in turn, so that they are spread over the second.
void swarm::beat() {
    const double now = now_s();
    if (last_beat_ == 0) last_beat_ = now;
    const auto due =
        static_cast<std::size_t>(static_cast<double>(peers_.size()) * (now - last_beat_) / beat_s);
    if (due == 0) return;
    for (std::size_t i = 0; i < std::min(due, peers_.size()); ++i) {
        next_to_beat_ = (next_to_beat_ + 1) % peers_.size();
        if (peers_[next_to_beat_].registered) say(next_to_beat_, wire::ping{1});
    }
    last_beat_ = now;
}

void swarm::say(std::size_t to, const wire::control& what) {
    peer& whom = peers_[to];
    if (whom.out.empty()) to_flush_.push_back(to);
    whom.out += frame(maus::base::as_text(wire::encode_control(what).first.view()));
}

void swarm::flush() {
    std::vector<std::size_t> again;
    for (const std::size_t index : to_flush_) {
        peer& each = peers_[index];
        const ssize_t sent = send(each.fd, each.out.data(), each.out.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) continue;  // what is read next tells that it is closed
        if (sent > 0) each.out.erase(0, static_cast<std::size_t>(sent));
        if (!each.out.empty()) again.push_back(index);
    }
    to_flush_ = std::move(again);
}

void swarm::receive(std::size_t from) {
    peer& who = peers_[from];
    char chunk[65536];
    const ssize_t got = recv(who.fd, chunk, sizeof chunk, 0);
    if (got == 0 || (got < 0 && errno != EAGAIN)) return lost(from);
    if (got > 0) who.in.append(chunk, static_cast<std::size_t>(got));
    std::size_t at = 0;
    if (!who.greeted) {
        if (who.in.size() < greeting_bytes) return;
        at = greeting_bytes;
        who.greeted = true;
        if (who.out.empty()) to_flush_.push_back(from);
        who.out += ready();
        if (who.manager) {
            wire::register_manager hello;
            hello.manager = maus::base::manager_id::make(random_);
            hello.incarnation = {1};
            hello.endpoints = {"tcp://127.0.0.1:1"};
            hello.interval_ms = 1000;
            hello.liveness = 10;
            hello.host = "simulated";
            say(from, hello);
        } else {
            wire::register_worker hello;
            who.worker = hello.worker = maus::base::worker_id::make(random_);
            by_id_.emplace(who.worker, from);
            hello.incarnation = {1};
            hello.type = "default";
            hello.signatures = {"echo(str)->str"};
            hello.interval_ms = 1000;
            hello.liveness = 10;
            hello.host = "simulated";
            say(from, hello);
        }
    }
    const std::string bytes = std::exchange(who.in, {});
    while (bytes.size() - at >= 2) {
        const auto flags = static_cast<unsigned char>(bytes[at]);
        std::size_t head = 2, length = static_cast<unsigned char>(bytes[at + 1]);
        if ((flags & 2) != 0) {
            head = 9;
            if (bytes.size() - at < head) break;
            length = 0;
            for (std::size_t i = 1; i < 9; ++i) {
                length = length << 8 | static_cast<unsigned char>(bytes[at + i]);
            }
        }
        if (bytes.size() - at < head + length) break;
        if ((flags & 4) == 0) take_frame(from, std::string_view(bytes).substr(at + head, length));
        at += head + length;
    }
    peers_[from].in.append(bytes, at);
}

void swarm::take_frame(std::size_t from, std::string_view body) {
    wire::message message;
    message.first.append(maus::base::as_bytes(body));
    const auto what = wire::decode_control(message, {});
    if (!what) throw std::runtime_error("the parkserver said what cannot be decoded");
    on(from, what.value());
}

void swarm::request(std::size_t manager) {
    wire::request wanted;
    wanted.request = {next_request_++};
    wanted.token = maus::base::token::make(random_);
    wanted.type = "default";
    wanted.amount = 1;
    requests_[wanted.request.value] = {manager, now_s()};
    say(manager, wanted);
}

void swarm::on(std::size_t from, const wire::control& what) {
    const auto registered = [&] {
        if (std::exchange(peers_[from].registered, true)) return;
        ++registered_;
    };
    std::visit(
        overloaded{[&](const wire::registered&) { registered(); },
                   // A bare ROUTER returns what it is told.
                   [&](const wire::register_worker&) { registered(); },
                   [&](const wire::assign& offer) { say(from, wire::accepted{offer.lease}); },
                   [&](const wire::lease_ended& over) {
                       if (!peers_[from].manager) say(from, wire::available{over.lease});
                   },
                   [&](const wire::granted& grant) {
                       const auto asked = requests_.find(grant.request.value);
                       if (asked == requests_.end()) return;
                       latencies_.record(now_s() - asked->second.at);
                       ++grants_;
                       requests_.erase(asked);
                       say(from, wire::cancel{grant.request});
                       say(by_id_.at(grant.worker), wire::available{grant.lease});
                       if (cycling_) request(from);
                   },
                   [&](const wire::rejected& no) {
                       throw std::runtime_error("the parkserver rejects a simulated peer: " +
                                                no.why);
                   },
                   [](const auto&) {}},
        what);
}

}  // namespace bench
