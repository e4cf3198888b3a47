#include "bin/support/stop_signals.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <stdexcept>
#include <utility>

namespace maus::programs {

stop_signals::stop_signals() {
    sigemptyset(&caught_);
    for (const int each : {SIGINT, SIGTERM, SIGHUP}) {
        struct sigaction now {};
        sigaction(each, nullptr, &now);
        if (now.sa_handler != SIG_IGN) sigaddset(&caught_, each);
    }
    pthread_sigmask(SIG_BLOCK, &caught_, nullptr);
    signal_fd_ = signalfd(-1, &caught_, SFD_CLOEXEC);
    end_fd_ = eventfd(0, EFD_CLOEXEC);
    if (signal_fd_ < 0 || end_fd_ < 0) {
        throw std::runtime_error("cannot make a descriptor: too many open files?");
    }
    reader_ = std::thread([this] { read_signals(); });
    caller_ = std::thread([this] { call_back(); });
}

stop_signals::~stop_signals() {
    {
        const std::lock_guard lock(guard_);
        ending_ = true;
    }
    changed_.notify_all();
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = write(end_fd_, &one, sizeof one);
    reader_.join();
    caller_.join();
    close(signal_fd_);
    close(end_fd_);
}

void stop_signals::read_signals() {
    pollfd ready[2] = {{signal_fd_, POLLIN, 0}, {end_fd_, POLLIN, 0}};
    for (;;) {
        if (poll(ready, 2, -1) < 0) continue;
        if (ready[1].revents != 0) return;
        signalfd_siginfo signal{};
        if (read(signal_fd_, &signal, sizeof signal) != sizeof signal) continue;
        if (asked_.exchange(true)) {
            // Whoever waits for us shall see what really ended us.
            const int number = static_cast<int>(signal.ssi_signo);
            std::signal(number, SIG_DFL);
            pthread_sigmask(SIG_UNBLOCK, &caught_, nullptr);
            std::raise(number);
        }
        const std::lock_guard lock(guard_);
        changed_.notify_all();
    }
}

// Apart from the reader, which must hear the second signal while the function runs.
void stop_signals::call_back() {
    std::unique_lock lock(guard_);
    for (;;) {
        changed_.wait(lock, [this] { return ending_ || (asked_ && callback_); });
        if (ending_) return;
        const auto callback = std::exchange(callback_, nullptr);
        calling_ = true;
        lock.unlock();
        callback();
        lock.lock();
        calling_ = false;
        changed_.notify_all();
    }
}

stop_signals::subscription::subscription(stop_signals& of, std::function<void()> callback)
    : of_(of) {
    const std::lock_guard lock(of_.guard_);
    of_.callback_ = std::move(callback);
    of_.changed_.notify_all();
}

stop_signals::subscription::~subscription() {
    std::unique_lock lock(of_.guard_);
    of_.callback_ = nullptr;
    of_.changed_.wait(lock, [this] { return !of_.calling_; });
}

bool stop_signals::wait_for(std::chrono::milliseconds time) {
    std::unique_lock lock(guard_);
    return changed_.wait_for(lock, time, [this] { return asked_.load(); });
}

void stop_signals::wait() {
    std::unique_lock lock(guard_);
    changed_.wait(lock, [this] { return asked_.load(); });
}

}  // namespace maus::programs
