#include "maus/net/clock.hpp"

#include <sys/random.h>
#include <time.h>
#include <unistd.h>

namespace maus::net {

namespace {
std::int64_t nanoseconds(clockid_t clock) {
    timespec at{};
    clock_gettime(clock, &at);
    return std::int64_t{at.tv_sec} * 1'000'000'000 + at.tv_nsec;
}
}  // namespace

base::instant clock_now() { return base::instant{base::duration{nanoseconds(CLOCK_BOOTTIME)}}; }

std::uint64_t wall_us() { return static_cast<std::uint64_t>(nanoseconds(CLOCK_REALTIME) / 1000); }

std::uint64_t random_seed() {
    std::uint64_t seed = 0;
    if (getrandom(&seed, sizeof seed, 0) != sizeof seed) {
        seed = wall_us() ^ static_cast<std::uint64_t>(getpid()) << 40;
    }
    return seed;
}

}  // namespace maus::net
