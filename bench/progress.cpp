#include "bench/progress.hpp"

#include <unistd.h>

#include <iostream>

#include "bin/support/terminal.hpp"

namespace bench::progress {

namespace {
bool shown() {
    static const bool terminal = maus::programs::is_terminal(STDERR_FILENO);
    return terminal;
}
}  // namespace

void note(const std::string& what) {
    if (!shown()) return;
    // Cut, so that the line never wraps and can be taken away again.
    std::cerr << "\r\033[K" << what.substr(0, maus::programs::columns(STDERR_FILENO) - 1)
              << std::flush;
}
void note(const std::string& name, int done, int of) {
    note(name + ", run " + std::to_string(done + 1) + " of " + std::to_string(of));
}
void clear() {
    if (shown()) std::cerr << "\r\033[K" << std::flush;
}

}  // namespace bench::progress
