#include "maus/net/process.hpp"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <system_error>

#include "maus/error.hpp"

namespace maus::net {

std::string host_name() {
    char name[65] = {};
    if (gethostname(name, sizeof name - 1) != 0) return "unknown";
    return name;
}

std::uint32_t process_id() { return static_cast<std::uint32_t>(getpid()); }

std::thread spawn(std::function<void()> body) {
    struct no_signals {
        sigset_t before;
        no_signals() {
            sigset_t all;
            sigfillset(&all);
            pthread_sigmask(SIG_BLOCK, &all, &before);
        }
        ~no_signals() { pthread_sigmask(SIG_SETMASK, &before, nullptr); }
    } const meanwhile;
    try {
        return std::thread(std::move(body));
    } catch (const std::system_error& failed) {
        throw error(errc::resource_exhausted, std::string("cannot make a thread: ") +
                                                  failed.what() +
                                                  " (too many threads? raise `ulimit -u`)");
    }
}

}  // namespace maus::net
