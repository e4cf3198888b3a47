#include "maus/shell/until_signal.hpp"

#include <pthread.h>
#include <semaphore.h>

#include <array>
#include <cerrno>
#include <mutex>
#include <utility>

#include "maus/error.hpp"

namespace maus::shell {

namespace {
constexpr std::array caught{SIGINT, SIGTERM};

std::mutex guard;  // of what follows
std::size_t living = 0;
std::array<struct sigaction, caught.size()> handlers_before;

void restore_handlers() {
    for (std::size_t i = 0; i < caught.size(); ++i) {
        ::sigaction(caught[i], &handlers_before[i], nullptr);
    }
}
}  // namespace

/// Always there, since the handler may still run when an object goes.
struct until_signal::place {
    std::atomic<bool> taken{false};
    sem_t due{};

    static std::array<place, 64>& all() {
        static std::array<place, 64> places;
        return places;
    }
};

// Only what a handler may do.
void until_signal::on_signal(int) {
    const int before = errno;
    for (const int each : caught) {
        struct sigaction now {};
        // One that is not ours is ignored by the program.
        if (::sigaction(each, nullptr, &now) == 0 && now.sa_handler == on_signal) {
            now.sa_handler = SIG_DFL;
            ::sigaction(each, &now, nullptr);
        }
    }
    for (auto& each : place::all()) {
        if (each.taken) sem_post(&each.due);
    }
    errno = before;
}

void until_signal::catch_signals() {
    for (std::size_t i = 0; i < caught.size(); ++i) {
        ::sigaction(caught[i], nullptr, &handlers_before[i]);
        if (handlers_before[i].sa_handler == SIG_IGN) continue;
        struct sigaction ours {};
        ours.sa_handler = on_signal;
        ours.sa_flags = SA_RESTART;
        ::sigaction(caught[i], &ours, nullptr);
    }
}

until_signal::place& until_signal::take_place() {
    const std::lock_guard lock(guard);
    for (auto& each : place::all()) {
        if (each.taken) continue;
        sem_init(&each.due, 0, 0);
        each.taken = true;
        return each;
    }
    throw error(errc::resource_exhausted, "too many wait for a signal in one process");
}

until_signal::until_signal(std::function<void()> on_first)
    : on_first_(std::move(on_first)), at_(take_place()) {
    try {
        thread_ = net::spawn([this] { wait(); });
    } catch (...) {
        at_.taken = false;
        throw;
    }
    const std::lock_guard lock(guard);
    if (living++ == 0) catch_signals();
    net::signal_mask open;
    sigemptyset(&open);
    for (const int each : caught) sigaddset(&open, each);
    pthread_sigmask(SIG_UNBLOCK, &open, &before_);
}

until_signal::~until_signal() {
    {
        const std::lock_guard lock(guard);
        pthread_sigmask(SIG_SETMASK, &before_, nullptr);
        if (--living == 0) restore_handlers();
    }
    ending_ = true;
    sem_post(&at_.due);
    thread_.join();
    at_.taken = false;
}

void until_signal::wait() {
    while (sem_wait(&at_.due) != 0) {
    }
    if (!ending_) on_first_();
}

}  // namespace maus::shell
