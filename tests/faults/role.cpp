#include "role.hpp"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <iostream>
#include <sstream>
#include <stdexcept>

#include "journal.hpp"

namespace faults {

namespace {

std::atomic<bool> end_asked{false};
void on_term(int) { end_asked = true; }

}  // namespace

void role_options::add_to(CLI::App& app) {
    app.add_option("--history", history)->required();
    app.add_option("--number", number)->required();
    app.add_option("--parkserver", parkservers)->allow_extra_args(false);
    app.add_option("--type", type);
    app.add_option("--interval-ms", interval_ms);
    app.add_option("--liveness", liveness);
    app.add_option("--space", space);
}

void role_options::prepare() const {
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    struct sigaction action {};
    action.sa_handler = on_term;
    ::sigaction(SIGTERM, &action, nullptr);
    if (space.empty()) return;
    const int file = ::open(space.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0 || ::setns(file, CLONE_NEWNET) != 0) {
        throw std::runtime_error("cannot enter the network namespace " + space);
    }
    ::close(file);
}

bool asked_to_end() { return end_asked; }

void wait_to_end(std::chrono::milliseconds at_most) {
    const auto end = now() + at_most;
    // Short naps: a signal may be taken by any thread, so there is nothing to wait on.
    while (!asked_to_end() && now() < end) ::usleep(1000);
}

maus::log_function log_lines() {
    return [](maus::log_level level, std::string_view text) {
        std::ostringstream line;
        line << static_cast<double>(now().time_since_epoch().count()) / 1e9 << ' '
             << to_string(level) << ' ' << text << '\n';
        std::cerr << line.str();  // in one piece, so that kill -9 leaves whole lines
    };
}

}  // namespace faults
