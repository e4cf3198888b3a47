#include "bin/support/input_lines.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

#include "bin/support/program.hpp"

namespace maus::programs {

input_lines::input_lines(int fd) : fd_(fd), stop_fd_(eventfd(0, EFD_CLOEXEC)) {
    if (stop_fd_ < 0) throw failure("cannot make a descriptor: too many open files?");
}

input_lines::~input_lines() { close(stop_fd_); }

void input_lines::stop() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = write(stop_fd_, &one, sizeof one);
}

bool input_lines::next(std::string& line) {
    for (std::size_t searched = at_;;) {
        const std::size_t end = unread_.find('\n', searched);
        if (end != unread_.npos) {
            line.assign(unread_, at_, end - at_);
            at_ = end + 1;
            return true;
        }
        unread_.erase(0, at_);
        at_ = 0;
        searched = unread_.size();
        if (!read_more()) break;
    }
    if (!ended_ || unread_.empty()) return false;
    line.swap(unread_);
    unread_.clear();
    return true;
}

bool input_lines::read_more() {
    while (!ended_) {
        pollfd ready[2] = {{fd_, POLLIN, 0}, {stop_fd_, POLLIN, 0}};
        if (poll(ready, 2, -1) < 0) {
            if (errno == EINTR) continue;
            throw failure("cannot wait for stdin: " + std::generic_category().message(errno));
        }
        if (ready[1].revents != 0) return false;
        char some[1 << 16];
        const ssize_t got = read(fd_, some, sizeof some);
        if (got > 0) {
            unread_.append(some, static_cast<std::size_t>(got));
            return true;
        }
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (got < 0) throw failure("cannot read stdin: " + std::generic_category().message(errno));
        ended_ = true;
    }
    return false;
}

}  // namespace maus::programs
