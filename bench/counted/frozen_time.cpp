// Time stands still in this program, as the library sees it: its clock always says the same, and a
// wait that has an end has none. (These stand in front of glibc's functions of the same names.)
//
// So nothing that the library does because some time has passed happens at all: no heartbeat, no
// batch that is sent because its functions took long, no thread that takes over from another. What
// is done depends on what the peers say, and not on how busy the machine is.
#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

extern "C" {

// The library reads CLOCK_BOOTTIME, and nothing else does (lib/maus/net/clock.cpp).
int clock_gettime(clockid_t clock, timespec* time) noexcept {
    if (clock != CLOCK_BOOTTIME) return static_cast<int>(syscall(SYS_clock_gettime, clock, time));
    *time = {1'000'000, 0};
    return 0;
}

int pthread_cond_clockwait(pthread_cond_t* changed, pthread_mutex_t* guard, clockid_t,
                           const timespec*) {
    return pthread_cond_wait(changed, guard);
}

}  // extern "C"
