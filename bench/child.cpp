#include "bench/child.hpp"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <utility>

namespace bench {

child::child(std::vector<std::string> arguments) {
    std::vector<char*> argv;
    std::string self = "/proc/self/exe";
    argv.push_back(self.data());
    for (auto& each : arguments) argv.push_back(each.data());
    argv.push_back(nullptr);
    const pid_t parent = getpid();
    pid_ = fork();
    if (pid_ < 0) throw std::runtime_error("cannot start a process");
    if (pid_ == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) _exit(1);
        execv(argv[0], argv.data());
        _exit(127);
    }
}

child::child(child&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}

child::~child() {
    if (pid_ < 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
}

namespace {
const cpu_set_t& all_cpus() {
    static const cpu_set_t all = [] {
        cpu_set_t now;
        sched_getaffinity(0, sizeof now, &now);
        return now;
    }();
    return all;
}
}  // namespace

void pin_to_one_cpu() {
    const cpu_set_t& all = all_cpus();
    cpu_set_t one;
    CPU_ZERO(&one);
    for (std::size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (!CPU_ISSET(cpu, &all)) continue;
        CPU_SET(cpu, &one);
        break;
    }
    sched_setaffinity(0, sizeof one, &one);
}

void unpin() { sched_setaffinity(0, sizeof(cpu_set_t), &all_cpus()); }

}  // namespace bench
