#include "maus/net/process.hpp"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

namespace maus::net {

std::string host_name() {
    char name[65] = {};
    if (gethostname(name, sizeof name - 1) != 0) return "unknown";
    return name;
}

std::uint32_t process_id() { return static_cast<std::uint32_t>(getpid()); }

std::thread spawn(std::function<void()> what) {
    struct no_signals {
        sigset_t before;
        no_signals() {
            sigset_t all;
            sigfillset(&all);
            pthread_sigmask(SIG_BLOCK, &all, &before);
        }
        ~no_signals() { pthread_sigmask(SIG_SETMASK, &before, nullptr); }
    } const meanwhile;
    return std::thread(std::move(what));
}

}  // namespace maus::net
