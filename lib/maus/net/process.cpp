#include "maus/net/process.hpp"

#include <pthread.h>
#include <unistd.h>

#include <initializer_list>
#include <system_error>
#include <utility>

#include "maus/error.hpp"

namespace maus::net {

std::string host_name() {
    char name[65] = {};
    if (gethostname(name, sizeof name - 1) != 0) return "unknown";
    return name;
}

std::uint32_t process_id() { return static_cast<std::uint32_t>(getpid()); }

signal_mask current_mask() {
    signal_mask mask;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    return mask;
}

std::thread spawn(std::function<void()> body) {
    signal_mask mask;
    sigfillset(&mask);
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS}) {
        sigdelset(&mask, fault);
    }
    return spawn(std::move(body), mask);
}

std::thread spawn(std::function<void()> body, const signal_mask& mask) {
    struct masked {
        explicit masked(const signal_mask& now) { pthread_sigmask(SIG_SETMASK, &now, &before); }
        ~masked() { pthread_sigmask(SIG_SETMASK, &before, nullptr); }
        signal_mask before;
    } const meanwhile(mask);
    try {
        return std::thread(std::move(body));
    } catch (const std::system_error& failed) {
        throw error(errc::resource_exhausted, std::string("cannot make a thread: ") +
                                                  failed.what() +
                                                  " (too many threads? raise `ulimit -u`)");
    }
}

}  // namespace maus::net
