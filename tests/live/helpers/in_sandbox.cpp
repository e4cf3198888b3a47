// Enters the sandbox of maus-js and tries what it must not be able to do. Prints a line for each, "open:
// refused" or "open: done", and at last "alive".
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <thread>

#include "bin/js/sandbox.hpp"

namespace {

void say(const std::string& line) { (void)!::write(1, (line + "\n").data(), line.size() + 1); }

template <class... Arguments>
void attempt(const char* name, long call, Arguments... arguments) {
    const long result = ::syscall(call, arguments...);
    const bool is_refused = result < 0 && (errno == EPERM || errno == ENOSYS);
    if (result == 0 && (call == SYS_clone || call == SYS_fork)) ::_exit(0);
    say(std::string(name) + (is_refused ? ": refused" : ": done"));
}

void try_files() {
    attempt("open", SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY);
    attempt("create", SYS_openat, AT_FDCWD, "/tmp/maus-sandbox", O_CREAT | O_WRONLY, 0600);
    attempt("open2", SYS_openat2, AT_FDCWD, "/etc/passwd", nullptr, 0);
    attempt("mkdir", SYS_mkdirat, AT_FDCWD, "/tmp/maus-sandbox", 0700);
    attempt("unlink", SYS_unlinkat, AT_FDCWD, "/tmp/maus-sandbox", 0);
    attempt("write", SYS_write, 2, "x", 1);
    attempt("readlink", SYS_readlinkat, AT_FDCWD, "/proc/self/exe", nullptr, 0);
    attempt("mount", SYS_mount, "none", "/mnt", "tmpfs", 0, nullptr);
    attempt("chroot", SYS_chroot, "/");
    attempt("memfd", SYS_memfd_create, "x", 0);
    attempt("io_uring", SYS_io_uring_setup, 1, nullptr);
}

void try_network() {
    attempt("tcp", SYS_socket, AF_INET, SOCK_STREAM, 0);
    attempt("unix", SYS_socket, AF_UNIX, SOCK_STREAM, 0);
    int pair[2];
    attempt("pair", SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, pair);
    attempt("connect", SYS_connect, 1, nullptr, 0);
    attempt("sendmsg", SYS_sendmsg, 1, nullptr, 0);
    attempt("ioctl", SYS_ioctl, 1, 0, 0);
}

void try_processes() {
    char* const none[] = {nullptr};
    attempt("exec", SYS_execve, "/bin/true", none, none);
    attempt("execveat", SYS_execveat, AT_FDCWD, "/bin/true", none, none, 0);
    attempt("fork", SYS_clone, SIGCHLD, 0, 0, 0, 0);
    attempt("clone3", SYS_clone3, nullptr, 0);
    attempt("kill", SYS_kill, ::getppid(), 0);
    attempt("tgkill", SYS_tgkill, ::getppid(), ::getppid(), 0);
    attempt("ptrace", SYS_ptrace, 16, ::getppid(), 0, 0);
    attempt("read memory", SYS_process_vm_readv, ::getppid(), nullptr, 0, nullptr, 0, 0);
    attempt("pidfd", SYS_pidfd_open, ::getppid(), 0);
    attempt("unshare", SYS_unshare, CLONE_NEWUSER);
    attempt("bpf", SYS_bpf, 0, nullptr, 0);
    attempt("perf", SYS_perf_event_open, nullptr, 0, 0, 0, 0);
    attempt("dumpable", SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0);
    attempt("setuid", SYS_setuid, 0);
    const rlimit all{RLIM_INFINITY, RLIM_INFINITY};
    attempt("memory limit", SYS_prlimit64, 0, RLIMIT_DATA, &all, nullptr);
    attempt("another's limit", SYS_prlimit64, ::getppid(), RLIMIT_CPU, &all, nullptr);
}

void try_memory(std::size_t bytes) {
    void* const got =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    say(std::string("memory: ") + (got == MAP_FAILED ? "refused" : "done"));
}

}  // namespace

int main() {
    constexpr std::size_t memory = 64u << 20;
    maus::js::limit_stack(4u << 20);
    maus::js::enter_sandbox(memory, 1);
    try_files();
    try_network();
    try_processes();
    try_memory(memory + (1u << 20));
    std::thread([] {}).join();  // what it may do
    say("alive");
    ::_exit(0);
}
