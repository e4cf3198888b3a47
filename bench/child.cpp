#include "bench/child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <utility>

#include "bench/clock.hpp"

namespace bench {

child::child(const std::string& role, words arguments) : name_(role) {
    arguments.insert(arguments.begin(), {"maus-bench", "role", role});
    start("/proc/self/exe", std::move(arguments));
}

child child::program(words line) {
    child made;
    made.name_ = line.front();
    const std::string path = line.front();
    made.start(path.c_str(), std::move(line));
    return made;
}

void child::start(const char* path, words arguments) {
    std::vector<char*> argv;
    for (auto& each : arguments) argv.push_back(each.data());
    argv.push_back(nullptr);
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) {
        throw std::runtime_error("cannot make a pipe: too many open files?");
    }
    const pid_t parent = getpid();
    pid_ = fork();
    if (pid_ < 0) throw std::runtime_error("cannot start a process");
    if (pid_ == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        sigset_t none;  // what we block, to be told of it, must be able to end a child
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, nullptr);
        if (getppid() != parent) _exit(1);
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        execvp(path, argv.data());
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    to_ = in[1];
    from_ = out[0];
}

child::child(child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      to_(std::exchange(other.to_, -1)),
      from_(std::exchange(other.from_, -1)),
      name_(std::move(other.name_)),
      heard_(std::move(other.heard_)) {}

child::~child() {
    if (pid_ < 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    close(to_);
    close(from_);
}

void child::wait() {
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
    close(to_);
    close(from_);
}

void child::signal(int number) const { kill(pid_, number); }

void child::say(std::string_view line) const {
    const std::string whole = std::string(line) + '\n';
    if (write(to_, whole.data(), whole.size()) != static_cast<ssize_t>(whole.size())) {
        throw std::runtime_error("the benchmark's process " + name_ + " has ended");
    }
}

std::string child::hear(double seconds_max) {
    const double end = now_s() + seconds_max;
    for (;;) {
        if (const auto line = heard_.find('\n'); line != std::string::npos) {
            std::string said = heard_.substr(0, line);
            heard_.erase(0, line + 1);
            return said;
        }
        pollfd ready{from_, POLLIN, 0};
        const double left = end - now_s();
        if (left <= 0 || poll(&ready, 1, static_cast<int>(left * 1e3) + 1) < 0) {
            throw std::runtime_error("the benchmark's process " + name_ + " does not answer");
        }
        if (ready.revents == 0) continue;
        char chunk[4096];
        const ssize_t got = read(from_, chunk, sizeof chunk);
        if (got <= 0) throw std::runtime_error("the benchmark's process " + name_ + " has ended");
        heard_.append(chunk, static_cast<std::size_t>(got));
    }
}

void answer(std::string_view line) { std::cout << line << std::endl; }

std::string next_command() {
    std::string line;
    if (!std::getline(std::cin, line)) std::_Exit(0);
    return line;
}

double cpu_s(const std::vector<pid_t>& processes) {
    double sum = 0;
    for (const pid_t each : processes) {
        clockid_t clock{};
        timespec used{};
        if (clock_getcpuclockid(each, &clock) != 0 || clock_gettime(clock, &used) != 0) {
            throw std::runtime_error("cannot read a process's processor time: has it ended?");
        }
        sum += static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
    }
    return sum;
}

namespace {
// A line of /proc/PID/status such as "VmHWM:     1234 kB".
double status_line(pid_t process, const std::string& key) {
    std::ifstream file("/proc/" + std::to_string(process) + "/status");
    for (std::string line; std::getline(file, line);) {
        if (line.rfind(key, 0) == 0) return std::stod(line.substr(key.size())) * 1024;
    }
    throw std::runtime_error("cannot read a process's memory: has it ended?");
}
}  // namespace

double peak_memory(const std::vector<pid_t>& processes) {
    double sum = 0;
    for (const pid_t each : processes) sum += status_line(each, "VmHWM:");
    return sum;
}
double memory(pid_t process) { return status_line(process, "VmRSS:"); }

}  // namespace bench
