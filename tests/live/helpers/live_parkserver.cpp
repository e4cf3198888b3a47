// A parkserver process, to be killed and started again on the same endpoint.
//
//   --bind ENDPOINT  --interval-ms N  --liveness N
//   --queued-mib N (limit queued_bytes_max)  --descriptors N (the system's limit)
//
// Prints "ready ENDPOINT" when it can be reached. SIGTERM makes it say goodbye and end with 0.
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <iostream>
#include <maus/parkserver.hpp>

#include "live/helpers/arguments.hpp"

int main(int argc, char** argv) {
    sigset_t term;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    ::sigprocmask(SIG_BLOCK, &term, nullptr);

    const helper::arguments given(argc, argv);
    maus::parkserver_options options;
    options.bind = given.list("--bind");
    options.heartbeat = given.heartbeat();
    if (const std::size_t queued = given.number("--queued-mib", 0); queued != 0) {
        options.limits.queued_bytes_max = queued << 20;
    }
    if (const rlim_t descriptors = given.number("--descriptors", 0); descriptors != 0) {
        const rlimit bound{descriptors, descriptors};
        ::setrlimit(RLIMIT_NOFILE, &bound);
    }
    options.log = helper::log_as("parkserver " + std::to_string(::getpid()));
    try {
        maus::parkserver park(options);
        park.start();
        std::cout << "ready " << park.endpoint() << std::endl;
        int signal = 0;
        sigwait(&term, &signal);
        park.stop();
    } catch (const maus::error& failed) {
        std::cerr << "live_parkserver: " << failed.what() << '\n';
        return 2;
    }
}
