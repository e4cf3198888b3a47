#include "bin/js/sandbox.hpp"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <string>

#include "bin/support/program.hpp"

namespace maus::js {

namespace {

[[noreturn]] void fail(const std::string& what, int code) {
    throw programs::failure("no sandbox: " + what + ": " + std::strerror(code));
}

void set_limit(__rlimit_resource_t which, rlim_t most, const char* what) {
    const rlimit limit{most, most};
    if (::setrlimit(which, &limit) != 0) fail(what, errno);
}

/// Of private memory that may be written, also what is only reserved: what RLIMIT_DATA counts.
std::size_t data_bytes() {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
        std::size_t kib = 0;
        if (word == "VmData:" && status >> kib) return kib * 1024;
    }
    throw programs::failure("no sandbox: /proc/self/status does not tell VmData");
}

class filter {
public:
    filter() : rules_(seccomp_init(SCMP_ACT_ERRNO(EPERM))) {
        if (rules_ == nullptr) fail("seccomp_init", ENOMEM);
        // The engine has threads already.
        check(seccomp_attr_set(rules_, SCMP_FLTATR_CTL_TSYNC, 1), "SCMP_FLTATR_CTL_TSYNC");
    }
    ~filter() { seccomp_release(rules_); }
    filter(const filter&) = delete;
    filter& operator=(const filter&) = delete;

    void allow(int call) { check(seccomp_rule_add(rules_, SCMP_ACT_ALLOW, call, 0), "a rule"); }
    template <class... Conditions>
    void allow_if(int call, Conditions... conditions) {
        check(seccomp_rule_add(rules_, SCMP_ACT_ALLOW, call, sizeof...(conditions), conditions...),
              "a rule");
    }
    void answer(int call, int error) {
        check(seccomp_rule_add(rules_, SCMP_ACT_ERRNO(static_cast<std::uint32_t>(error)), call, 0),
              "a rule");
    }
    void enter() { check(seccomp_load(rules_), "seccomp_load"); }

private:
    static void check(int code, const char* what) {
        if (code < 0) fail(what, -code);
    }
    scmp_filter_ctx rules_;
};

constexpr scmp_arg_cmp argument_is(unsigned int which, std::uint64_t value) {
    return {which, SCMP_CMP_EQ, value, 0};
}

}  // namespace

void limit_stack(std::size_t bytes) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::prctl(PR_SET_DUMPABLE, 0);
    set_limit(RLIMIT_STACK, bytes, "RLIMIT_STACK");
    set_limit(RLIMIT_CORE, 0, "RLIMIT_CORE");
}

void enter_sandbox(std::size_t memory_bytes, int socket) {
    set_limit(RLIMIT_DATA, data_bytes() + memory_bytes, "RLIMIT_DATA");
    set_limit(RLIMIT_FSIZE, 0, "RLIMIT_FSIZE");
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail("PR_SET_NO_NEW_PRIVS", errno);

    filter rules;
    const auto descriptor = static_cast<std::uint64_t>(socket);
    rules.allow_if(SCMP_SYS(write), argument_is(0, descriptor));
    // What is open is the socket, and what the engine has opened for itself: random numbers, how much
    // memory it takes.
    rules.allow(SCMP_SYS(read));
    rules.allow(SCMP_SYS(pread64));
    for (const int memory : {SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mprotect), SCMP_SYS(mremap),
                             SCMP_SYS(madvise), SCMP_SYS(brk)}) {
        rules.allow(memory);
    }
    for (const int waiting :
         {SCMP_SYS(futex), SCMP_SYS(sched_yield), SCMP_SYS(nanosleep), SCMP_SYS(clock_nanosleep)}) {
        rules.allow(waiting);
    }
    for (const int asking :
         {SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(getrusage), SCMP_SYS(getpid),
          SCMP_SYS(gettid), SCMP_SYS(sched_getaffinity), SCMP_SYS(getrandom), SCMP_SYS(sysinfo)}) {
        rules.allow(asking);
    }
    for (const int signals : {SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
                              SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack)}) {
        rules.allow(signals);
    }
    // Its own threads: the engine's garbage collector and compilers.
    const auto self = static_cast<std::uint64_t>(::getpid());
    rules.allow_if(SCMP_SYS(tgkill), argument_is(0, self));
    rules.allow_if(SCMP_SYS(clone), scmp_arg_cmp{0, SCMP_CMP_MASKED_EQ, CLONE_THREAD | CLONE_VM,
                                                 CLONE_THREAD | CLONE_VM});
    rules.answer(SCMP_SYS(clone3), ENOSYS);  // its flags stand in memory: the C library takes clone
    for (const int threads : {SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(membarrier),
                              SCMP_SYS(exit), SCMP_SYS(exit_group)}) {
        rules.allow(threads);
    }
    rules.allow_if(SCMP_SYS(prctl), argument_is(0, PR_SET_NAME));
    // limit_cpu()
    rules.allow_if(SCMP_SYS(prlimit64), argument_is(0, 0), argument_is(1, RLIMIT_CPU));
    rules.enter();
}

void limit_cpu(std::uint32_t seconds) {
    static rlim_t told = 0;
    timespec used{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    const rlim_t until = static_cast<rlim_t>(used.tv_sec) + seconds + 1;
    if (until == told) return;
    const rlimit limit{until, RLIM_INFINITY};
    if (::setrlimit(RLIMIT_CPU, &limit) == 0) told = until;
}

}  // namespace maus::js
