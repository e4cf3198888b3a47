#include "support/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>
#include <utility>

namespace maus_test {

process::process(const std::string& path, std::vector<std::string> arguments) {
    int pipe_ends[2];
    if (::pipe2(pipe_ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    std::vector<char*> argv;
    std::string name = path;
    argv.push_back(name.data());
    for (auto& each : arguments) argv.push_back(each.data());
    argv.push_back(nullptr);
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ == 0) {
        // Only what is safe in the child of a process with threads. The signal comes when the
        // thread that forked ends, so processes are started by the test's own thread.
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) ::_exit(126);
        ::dup2(pipe_ends[1], STDOUT_FILENO);
        // Whoever runs the tests in the background has made us ignore some, which a child inherits.
        for (const int each : {SIGINT, SIGHUP, SIGTERM, SIGPIPE}) ::signal(each, SIG_DFL);
        sigset_t none;
        sigemptyset(&none);
        ::sigprocmask(SIG_SETMASK, &none, nullptr);
        ::execv(argv[0], argv.data());
        ::_exit(127);
    }
    ::close(pipe_ends[1]);
    output_ = pipe_ends[0];
    if (pid_ < 0) throw std::runtime_error("cannot fork");
}

process::process(process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      output_(std::exchange(other.output_, -1)),
      unread_(std::move(other.unread_)),
      ended_(std::exchange(other.ended_, std::nullopt)) {}

process& process::operator=(process&& other) noexcept {
    if (this == &other) return *this;
    this->~process();
    return *new (this) process(std::move(other));
}

process::~process() {
    if (pid_ > 0) kill();
    if (output_ >= 0) ::close(output_);
}

void process::signal(int number) const {
    if (pid_ > 0 && !ended_) ::kill(pid_, number);
}

void process::kill() {
    if (ended_) return;
    ::kill(pid_, SIGKILL);
    reap(true);
}

std::optional<int> process::terminate() {
    signal(SIGTERM);
    return wait();
}

void process::reap(bool force) {
    if (ended_) return;
    int status = 0;
    if (::waitpid(pid_, &status, force ? 0 : WNOHANG) != pid_) return;
    ended_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

std::optional<int> process::wait(std::chrono::milliseconds bound) {
    (void)eventually(
        [this] {
            reap(false);
            return ended_.has_value();
        },
        bound);
    return ended_;
}

std::optional<std::string> process::line(std::chrono::milliseconds bound) {
    const auto end = std::chrono::steady_clock::now() + bound;
    for (;;) {
        if (const auto at = unread_.find('\n'); at != std::string::npos) {
            std::string found = unread_.substr(0, at);
            unread_.erase(0, at + 1);
            return found;
        }
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
        if (left.count() <= 0) return std::nullopt;
        pollfd readable{output_, POLLIN, 0};
        if (::poll(&readable, 1, static_cast<int>(left.count())) <= 0) continue;
        char some[4096];
        const auto got = ::read(output_, some, sizeof some);
        if (got <= 0) return std::nullopt;
        unread_.append(some, static_cast<std::size_t>(got));
    }
}

std::optional<std::string> process::line_with(const std::string& word,
                                              std::chrono::milliseconds bound) {
    const auto end = std::chrono::steady_clock::now() + bound;
    for (;;) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
        auto found = line(std::max(left, std::chrono::milliseconds{0}));
        if (!found) return std::nullopt;
        if (found->starts_with(word + " ")) return found->substr(word.size() + 1);
    }
}

}  // namespace maus_test
