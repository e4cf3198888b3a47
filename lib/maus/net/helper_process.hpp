// A program that is started to help this process, and a socket to it.
//
// It gets that socket as descriptor 3, nothing of our environment, no other descriptor (0 to 2 are
// /dev/null), and a session of its own, so that what is typed at a terminal is not for it. It is to end
// with the thread that started it: that is its own affair (PR_SET_PDEATHSIG).
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "maus/base/buffer.hpp"

namespace maus::net {

/// How one has ended.
struct process_end {
    int signal = 0;              ///< 0: by itself
    std::size_t peak_bytes = 0;  ///< of memory that was in use at once
};

class helper_process {
public:
    static constexpr int socket = 3;  ///< its end, as the program sees it

    /// Throws maus::error (resource_exhausted) if the system starts none.
    helper_process(const std::string& program, const std::vector<std::string>& arguments,
                   const std::vector<std::string>& environment);
    /// Kills it.
    ~helper_process();
    helper_process(const helper_process&) = delete;
    helper_process& operator=(const helper_process&) = delete;

    [[nodiscard]] int fd() const { return fd_; }
    /// Sends what it takes now, and clears `bytes` when that was the last of it; until then they may only grow.
    /// False: it has gone.
    [[nodiscard]] bool send(base::buffer& bytes);
    /// Appends what has come. False: it has gone.
    [[nodiscard]] bool receive(base::buffer& to);
    /// Waits for its end, which is not far away; nothing: somebody else was told of it.
    [[nodiscard]] std::optional<process_end> end();

private:
    int fd_ = -1;
    pid_t process_ = -1;
    std::size_t sent_ = 0;  // of what send() was given
};

/// The program of this name: beside the one that runs here, or else on the PATH; empty if there is none.
[[nodiscard]] std::string find_program(const std::string& name);
[[nodiscard]] bool is_executable(const std::string& path);

}  // namespace maus::net
