#include "bin/demo/children.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <thread>

#include "bin/support/program.hpp"

namespace demo {

namespace {

constexpr int cannot_exec = 127;

/// In the child, between fork and exec: nothing but what a signal handler may call.
[[noreturn]] void become(char* const* arguments, pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(cannot_exec);  // it died before it could be asked for
    // Ctrl-C and the end of the terminal are for the parent, which ends us in its own way.
    std::signal(SIGINT, SIG_IGN);
    std::signal(SIGHUP, SIG_IGN);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    const int nothing = open("/dev/null", O_RDONLY);
    if (nothing >= 0) dup2(nothing, STDIN_FILENO);
    execv("/proc/self/exe", arguments);
    _exit(cannot_exec);
}

std::string how_it_ended(int status) {
    if (WIFSIGNALED(status)) {
        const int number = WTERMSIG(status);
        return "signal " + std::to_string(number) + " (" + strsignal(number) + ")";
    }
    return "exit code " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

pid_t children::start(const std::vector<std::string>& arguments) {
    std::vector<std::string> kept = arguments;
    kept.insert(kept.begin(), "maus-demo");
    std::vector<char*> pointers;
    for (auto& each : kept) pointers.push_back(each.data());
    pointers.push_back(nullptr);
    alive_.reserve(alive_.size() + 1);
    const pid_t parent = getpid();
    const pid_t child = fork();
    if (child == 0) become(pointers.data(), parent);
    if (child < 0) {
        throw maus::programs::failure(std::string("cannot start a process: ") +
                                      std::strerror(errno));
    }
    alive_.push_back(child);
    return child;
}

void children::kill(pid_t child) {
    if (std::erase(alive_, child) == 0) return;
    ::kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
}

std::vector<children::ended> children::reap() {
    std::vector<ended> found;
    std::erase_if(alive_, [&](pid_t each) {
        int status = 0;
        if (waitpid(each, &status, WNOHANG) != each) return false;
        found.push_back({each, how_it_ended(status)});
        return true;
    });
    return found;
}

void children::end_all() {
    using namespace std::chrono;
    for (const pid_t each : alive_) ::kill(each, SIGTERM);
    const auto deadline = steady_clock::now() + seconds{3};
    while (!alive_.empty() && steady_clock::now() < deadline) {
        if (reap().empty()) std::this_thread::sleep_for(milliseconds{2});
    }
    while (!alive_.empty()) kill(alive_.back());
}

}  // namespace demo
