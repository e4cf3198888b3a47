#include "bin/support/standard_descriptors.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <initializer_list>

namespace maus::programs {

void reserve_standard_descriptors() {
    for (const int each : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (fcntl(each, F_GETFD) != -1 || errno != EBADF) continue;
        // The lowest number that is free, so it is this one. Children inherit it.
        if (open("/dev/null", each == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0) return;
    }
}

}  // namespace maus::programs
