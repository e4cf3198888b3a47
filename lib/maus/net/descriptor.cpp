#include "maus/net/descriptor.hpp"

#include <fcntl.h>
#include <linux/socket.h>
#include <linux/tcp.h>  // newer than <netinet/tcp.h>: it has the counts of bytes
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>

#include "maus/error.hpp"

namespace maus::net {

std::optional<std::uint64_t> bytes_received(int fd) {
    tcp_info told{};
    socklen_t size = sizeof told;
    if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &told, &size) != 0) return std::nullopt;
    // An older kernel tells less.
    constexpr std::size_t enough = offsetof(tcp_info, tcpi_bytes_received) + sizeof(__u64);
    if (size < enough) return std::nullopt;
    return told.tcpi_bytes_received;
}

std::uint64_t bytes_unread(int fd) {
    int unread = 0;
    if (::ioctl(fd, FIONREAD, &unread) != 0 || unread < 0) return 0;
    return static_cast<std::uint64_t>(unread);
}

// What was set stays set unless the system can be told that it is not (Linux 5.14). It lets the buffer grow
// from then on, but over loopback it may never do so: it gets what a new connection has (of which the
// system makes twice as much). The window that was advertised meanwhile stays small for longer.
void take_much(int fd) {
#ifdef SO_BUF_LOCK
    int locks = 0;
    socklen_t size = sizeof locks;
    const bool known = ::getsockopt(fd, SOL_SOCKET, SO_BUF_LOCK, &locks, &size) == 0;
    if (!known || (locks & SOCK_RCVBUF_LOCK) == 0) return;  // nobody has made it small
    constexpr int as_new = 64 << 10, nothing = 0;
    ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &as_new, sizeof as_new);
    ::setsockopt(fd, SOL_SOCKET, SO_BUF_LOCK, &nothing, sizeof nothing);
#else
    (void)fd;
#endif
}

// The system gives the lowest number that is free.
bool is_among_the_last(int fd) {
    constexpr rlim_t kept_max = 64;
    rlimit bound{};
    if (::getrlimit(RLIMIT_NOFILE, &bound) != 0 || bound.rlim_cur == RLIM_INFINITY) return false;
    const rlim_t kept = std::min(kept_max, bound.rlim_cur / 4);
    return static_cast<rlim_t>(fd) >= bound.rlim_cur - kept;
}

// --- grip ----------------------------------------------------------------------------------------

grip::grip(int idle) : idle_(idle), fd_(::fcntl(idle, F_DUPFD_CLOEXEC, 0)) {
    if (fd_ >= 0) return;
    throw error(errc::resource_exhausted,
                "cannot make a descriptor: too many open files? (raise `ulimit -n`)");
}

grip::~grip() { ::close(fd_); }

bool grip::take(int fd) { return fd >= 0 && ::dup3(fd, fd_, O_CLOEXEC) >= 0; }
void grip::let_go() { ::dup3(idle_, fd_, O_CLOEXEC); }

void grip::take_little() {
#ifdef SO_BUF_LOCK
    int locks = 0;
    socklen_t size = sizeof locks;
    if (::getsockopt(fd_, SOL_SOCKET, SO_BUF_LOCK, &locks, &size) != 0) return;
    constexpr int little = 16 << 10;
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &little, sizeof little);
#endif
}

void grip::end_connection() {
    // The other side is to hear of it, though it may be in the middle of a write that nobody reads: a
    // reset, once libzmq closes the descriptor.
    const linger at_once{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    ::shutdown(fd_, SHUT_RDWR);
    // libzmq would go on with what the system still holds, megabytes of it.
    constexpr int reads_max = 1024;
    char ignored[1 << 16];
    for (int i = 0; i < reads_max; ++i) {
        if (::recv(fd_, ignored, sizeof ignored, MSG_DONTWAIT | MSG_TRUNC) <= 0) break;
    }
}

// --- memory --------------------------------------------------------------------------------------

memory_gauge::memory_gauge() : fd_(::open("/proc/self/statm", O_RDONLY | O_CLOEXEC)) {}

memory_gauge::~memory_gauge() {
    if (fd_ >= 0) ::close(fd_);
}

std::optional<std::size_t> memory_gauge::resident_bytes() const {
    // "SIZE RESIDENT ...", in pages.
    char text[128];
    const auto length = fd_ < 0 ? -1 : ::pread(fd_, text, sizeof text - 1, 0);
    if (length <= 0) return std::nullopt;
    text[length] = '\0';
    char* after_size = nullptr;
    (void)std::strtoull(text, &after_size, 10);
    const auto pages = std::strtoull(after_size, nullptr, 10);
    return static_cast<std::size_t>(pages) * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace maus::net
