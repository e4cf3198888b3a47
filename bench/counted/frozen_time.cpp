// Time stands still in this program, as the library sees it: its clock always says the same, and a
// wait that has an end lasts long. (These stand in front of glibc's functions of the same names.)
//
// So nothing that the library does because some time has passed happens at all: no heartbeat, no
// batch that is sent because its functions took long, no thread that takes over from another. What
// is done depends on what the peers say, and not on how busy the machine is.
#include <dlfcn.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace {
// Far longer than a round takes. Not for ever: a thread that stands by is to look after what another
// one has left undone, as at the very start.
constexpr time_t seconds_min = 3;
}  // namespace

extern "C" {

// The library reads CLOCK_BOOTTIME, and nothing else does (lib/maus/net/clock.cpp).
int clock_gettime(clockid_t clock, timespec* time) noexcept {
    if (clock != CLOCK_BOOTTIME) return static_cast<int>(syscall(SYS_clock_gettime, clock, time));
    *time = {1'000'000, 0};
    return 0;
}

int pthread_cond_clockwait(pthread_cond_t* changed, pthread_mutex_t* guard, clockid_t clock,
                           const timespec* until) {
    static const auto wait = reinterpret_cast<decltype(&pthread_cond_clockwait)>(
        dlsym(RTLD_NEXT, "pthread_cond_clockwait"));
    timespec later{};
    clock_gettime(clock, &later);
    later.tv_sec += seconds_min;
    return wait(changed, guard, clock, until->tv_sec > later.tv_sec ? until : &later);
}

}  // extern "C"
