#include "support/web_socket.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <utility>

namespace maus_test {

using steady = std::chrono::steady_clock;

namespace {
bool wait_until(int fd, short events, steady::time_point end) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - steady::now()).count();
    pollfd ready{fd, events, 0};
    return ::poll(&ready, 1, static_cast<int>(std::max<std::int64_t>(left, 0))) > 0;
}
std::string number(std::uint64_t value, int bytes) {
    std::string made;
    for (int i = bytes; i-- > 0;) made += static_cast<char>(value >> (8 * i) & 0xff);
    return made;
}
std::uint64_t number_in(std::string_view bytes) {
    std::uint64_t value = 0;
    for (const char each : bytes) value = value << 8 | static_cast<unsigned char>(each);
    return value;
}
int status_in(const std::string& head) {
    return head.starts_with("HTTP/1.1 ") ? std::atoi(head.c_str() + 9) : 0;
}
}  // namespace

// --- a connection --------------------------------------------------------------------------------

raw_connection::raw_connection(int port, int receive_buffer_bytes) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_buffer_bytes != 0) {
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes,
                     sizeof receive_buffer_bytes);
    }
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in there{};
    there.sin_family = AF_INET;
    there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    there.sin_port = htons(static_cast<std::uint16_t>(port));
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&there), sizeof there) != 0) {
        ::close(fd_);
        throw std::runtime_error("cannot connect to port " + std::to_string(port));
    }
}
raw_connection::raw_connection(raw_connection&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), ended_(other.ended_) {}
raw_connection::~raw_connection() {
    if (fd_ >= 0) ::close(fd_);
}

bool raw_connection::send(std::string_view bytes, std::chrono::milliseconds bound) {
    const auto end = steady::now() + bound;
    while (!bytes.empty()) {
        const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) {
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        } else if (errno != EAGAIN || !wait_until(fd_, POLLOUT, end)) {
            return false;
        }
    }
    return true;
}

std::string raw_connection::receive(std::chrono::milliseconds bound) {
    std::string got(65536, '\0');
    if (ended_ || !wait_until(fd_, POLLIN, steady::now() + bound)) return {};
    const ssize_t count = ::recv(fd_, got.data(), got.size(), 0);
    if (count <= 0) ended_ = true;
    got.resize(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    return got;
}

void raw_connection::finish() { ::shutdown(fd_, SHUT_WR); }

// --- HTTP ----------------------------------------------------------------------------------------

http_answer http_get(int port, const std::string& path, const std::string& host,
                     const std::string& lines, const std::string& method) {
    raw_connection to(port);
    to.send(method + " " + path + " HTTP/1.1\r\n" + (host.empty() ? "" : "Host: " + host + "\r\n") +
            "Connection: close\r\n" + lines + "\r\n");
    std::string all;
    while (!to.has_ended()) {
        const std::string more = to.receive();
        if (more.empty() && !to.has_ended()) throw std::runtime_error("no end of an HTTP answer");
        all += more;
    }
    const auto head_end = all.find("\r\n\r\n");
    if (head_end == std::string::npos) return {0, all, ""};
    return {status_in(all), all.substr(0, head_end + 2), all.substr(head_end + 4)};
}

// --- a WebSocket ---------------------------------------------------------------------------------

web_socket::web_socket(int port, const asked& options)
    : connection_(port, options.receive_buffer_bytes) {
    const std::string host =
        options.host.empty() ? "127.0.0.1:" + std::to_string(port) : options.host;
    connection_.send(
        "GET " + options.path + " HTTP/1.1\r\nHost: " + host +
        "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n" +
        (options.origin.empty() ? "" : "Origin: " + options.origin + "\r\n") + "\r\n");
    const auto end = steady::now() + patience;
    while (unread_.find("\r\n\r\n") == std::string::npos) {
        if (!fill(unread_.size() + 1, end)) return;
    }
    status_ = status_in(unread_);
    unread_.erase(0, unread_.find("\r\n\r\n") + 4);
}

bool web_socket::send(int opcode, std::string_view data, std::chrono::milliseconds bound) {
    return send_frame(0x80 | opcode, data, true, bound);
}

bool web_socket::send_frame(int first_byte, std::string_view data, bool masked,
                            std::chrono::milliseconds bound) {
    constexpr char mask[] = {0x12, 0x34, 0x56, 0x78};
    const std::size_t length = data.size();
    std::string frame(1, static_cast<char>(first_byte));
    const int flag = masked ? 0x80 : 0;
    if (length < 126) {
        frame += static_cast<char>(flag | static_cast<int>(length));
    } else if (length < 65536) {
        frame += static_cast<char>(flag | 126);
        frame += number(length, 2);
    } else {
        frame += static_cast<char>(flag | 127);
        frame += number(length, 8);
    }
    if (masked) frame.append(mask, sizeof mask);
    const std::size_t begin = frame.size();
    frame += data;
    for (std::size_t i = 0; masked && i < length; ++i) {
        frame[begin + i] = static_cast<char>(frame[begin + i] ^ mask[i % sizeof mask]);
    }
    return connection_.send(frame, bound);
}

bool web_socket::fill(std::size_t bytes, steady::time_point end) {
    while (unread_.size() < bytes) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - steady::now());
        const std::string more = connection_.receive(std::max(left, std::chrono::milliseconds{0}));
        if (more.empty()) return false;
        unread_ += more;
    }
    return true;
}

std::optional<web_socket::message> web_socket::next(std::chrono::milliseconds bound) {
    const auto end = steady::now() + bound;
    if (!fill(2, end)) return std::nullopt;
    const int opcode = unread_[0] & 15;
    std::size_t head = 2;
    std::uint64_t length = static_cast<unsigned char>(unread_[1]) & 127;
    if (length >= 126) {
        const std::size_t more = length == 126 ? 2 : 8;
        head += more;
        if (!fill(head, end)) return std::nullopt;
        length = number_in(std::string_view(unread_).substr(2, more));
    }
    if (!fill(head + length, end)) return std::nullopt;
    message made{opcode, unread_.substr(head, length)};
    unread_.erase(0, head + length);
    if (opcode == close) {  // as every client does
        (void)send(close, made.data);
        connection_.finish();
    }
    return made;
}

int web_socket::close_code() {
    while (const auto got = next()) {
        if (got->opcode != close) continue;
        return got->data.size() < 2 ? 1005 : static_cast<int>(number_in(got->data.substr(0, 2)));
    }
    if (!has_ended()) throw std::runtime_error("the WebSocket was not closed in time");
    return 0;
}

}  // namespace maus_test
