// A connection over TCP, or over ipc, that speaks ZMTP by hand, or nothing like it.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <utility>

#include "support/wait.hpp"

namespace spec {

class raw_tcp {
    static constexpr int patience_ms = static_cast<int>(maus_test::patience.count());

public:
    /// `endpoint`: tcp://127.0.0.1:PORT, or ipc://PATH
    explicit raw_tcp(const std::string& endpoint) {
        const std::string ipc = "ipc://";
        if (endpoint.starts_with(ipc)) {
            connect_to_path(endpoint.substr(ipc.size()));
            return;
        }
        fd_ = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port =
            htons(static_cast<std::uint16_t>(std::stoi(endpoint.substr(endpoint.rfind(':') + 1))));
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (fd_ < 0 || ::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) {
            throw std::runtime_error("cannot connect to " + endpoint);
        }
        const int at_once = 1;
        ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
    }
    explicit raw_tcp(int fd) : fd_(fd) {}
    raw_tcp(raw_tcp&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    raw_tcp& operator=(raw_tcp&&) = delete;
    ~raw_tcp() {
        if (fd_ >= 0) ::close(fd_);
    }

    /// False: the other side has closed.
    bool write(const std::string& text) {
        std::size_t sent = 0;
        while (sent < text.size()) {
            const auto count = ::send(fd_, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
            if (count <= 0) return false;
            sent += static_cast<std::size_t>(count);
        }
        return true;
    }
    /// The same, but waits for the other's greeting after its own: libzmq closes if it is hurried.
    void say(const std::string& text) {
        const std::size_t own = greeting().size();
        if (!text.starts_with(greeting().substr(0, 10)) || text.size() <= own) {
            write(text);
        } else if (write(text.substr(0, own)) && read(own).size() == own) {
            write(text.substr(own));
        }
    }
    /// What comes until `count` bytes are there, the time is up or the other side has closed.
    std::string read(std::size_t count) {
        std::string got;
        while (got.size() < count) {
            pollfd item{fd_, POLLIN, 0};
            if (::poll(&item, 1, patience_ms) <= 0) break;
            char chunk[4096];
            const auto part = ::recv(fd_, chunk, std::min(sizeof chunk, count - got.size()), 0);
            if (part <= 0) break;
            got.append(chunk, static_cast<std::size_t>(part));
        }
        return got;
    }
    /// The body of the next frame of ZMTP; empty if it does not come.
    std::string read_frame() {
        const std::string flags = read(1);
        if (flags.empty()) return {};
        std::size_t size = 0;
        for (const char byte : read((flags[0] & 2) != 0 ? 8 : 1)) {
            size = size << 8 | static_cast<unsigned char>(byte);
        }
        return read(size);
    }
    /// Whether the other side closes the connection, in a bounded time.
    bool is_closed() {
        for (;;) {
            pollfd item{fd_, POLLIN, 0};
            if (::poll(&item, 1, patience_ms) <= 0) return false;
            char chunk[4096];
            if (::recv(fd_, chunk, sizeof chunk, 0) <= 0) return true;
        }
    }

    // --- ZMTP 3.0 (rfc.zeromq.org/spec/23)
    static std::string greeting(char major = 3, const std::string& mechanism = "NULL") {
        std::string made("\xff\0\0\0\0\0\0\0\1\x7f", 10);
        made += major;
        made += '\0';
        made += mechanism + std::string(20 - mechanism.size(), '\0');
        return made + std::string(32, '\0');
    }
    static std::string frame(const std::string& body, int flags = 0) {
        std::string made;
        if (body.size() < 256) {
            made += static_cast<char>(flags);
            made += static_cast<char>(body.size());
        } else {
            made = long_header(body.size(), flags);
        }
        return made + body;
    }
    static std::string long_header(std::uint64_t size, int flags = 0) {
        std::string made(1, static_cast<char>(flags | 2));
        for (int i = 7; i >= 0; --i) made += static_cast<char>(size >> (8 * i));
        return made;
    }
    static std::string ready(const std::string& type = "DEALER") {
        const auto property = [](const std::string& name, const std::string& value) {
            return static_cast<char>(name.size()) + name + std::string(3, '\0') +
                   static_cast<char>(value.size()) + value;
        };
        return frame("\5READY" + property("Socket-Type", type) + property("Identity", ""), 4);
    }
    bool shake_hands(const std::string& type = "DEALER") {
        if (!write(greeting()) || read(64).size() != 64) return false;
        if (!write(ready(type))) return false;
        const std::string head = read(2);
        return head.size() == 2 && read(static_cast<unsigned char>(head[1])).size() > 5;
    }

private:
    void connect_to_path(const std::string& path) {
        fd_ = ::socket(AF_UNIX, SOCK_STREAM, 0);
        sockaddr_un to{};
        to.sun_family = AF_UNIX;
        path.copy(to.sun_path, sizeof to.sun_path - 1);
        if (fd_ < 0 || ::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) {
            throw std::runtime_error("cannot connect to " + path);
        }
    }
    int fd_ = -1;
};

/// Where others connect to.
class raw_listener {
public:
    raw_listener() : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof at;
        auto* const place = reinterpret_cast<sockaddr*>(&at);
        if (fd_ < 0 || ::bind(fd_, place, size) != 0 || ::listen(fd_, 8) != 0 ||
            ::getsockname(fd_, place, &size) != 0) {
            throw std::runtime_error("cannot listen");
        }
        port_ = ntohs(at.sin_port);
    }
    raw_listener(const raw_listener&) = delete;
    raw_listener& operator=(const raw_listener&) = delete;
    ~raw_listener() { ::close(fd_); }
    [[nodiscard]] std::string endpoint() const {
        return "tcp://127.0.0.1:" + std::to_string(port_);
    }
    raw_tcp accept() {
        pollfd item{fd_, POLLIN, 0};
        const int patience_ms = static_cast<int>(maus_test::patience.count());
        if (::poll(&item, 1, patience_ms) <= 0) throw std::runtime_error("nobody connects");
        return raw_tcp(::accept(fd_, nullptr, nullptr));
    }

private:
    int fd_;
    int port_ = 0;
};

}  // namespace spec
