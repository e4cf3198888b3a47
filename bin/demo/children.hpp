// Processes that this one starts, and that never outlive it.
//
// What always holds: a child dies when this process does, however that happens; only processes that
// were started here and are not reaped yet are ever sent a signal, so no foreign one can be hit.
//
// Not thread-safe. The thread that starts children must live as long as they shall: the kernel
// takes its end for the parent's.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace demo {

class children {
public:
    children() = default;
    children(const children&) = delete;
    children& operator=(const children&) = delete;
    /// Ends them all.
    ~children() { end_all(); }

    /// Runs this very program with these arguments. Ctrl-C does not reach it: it is ended by us.
    pid_t start(const std::vector<std::string>& arguments);

    /// Those that live, as far as reap() knows.
    [[nodiscard]] const std::vector<pid_t>& alive() const { return alive_; }
    /// SIGKILL, and reaps it.
    void kill(pid_t child);

    struct ended {
        pid_t pid;
        std::string how;  ///< "exit code 1", "signal 9 (Killed)"
    };
    /// Those that have ended of their own accord since it was last asked.
    [[nodiscard]] std::vector<ended> reap();

    /// SIGTERM, some time, SIGKILL.
    void end_all();

private:
    std::vector<pid_t> alive_;
};

}  // namespace demo
