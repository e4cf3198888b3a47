#include "maus/net/helper_process.hpp"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <sstream>
#include <utility>

#include "maus/error.hpp"

namespace maus::net {

namespace {

void check(int code, const char* what) {
    if (code == 0) return;
    throw error(errc::resource_exhausted, std::string(what) + ": " + std::strerror(code));
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> made;
    for (auto& each : texts) made.push_back(each.data());
    made.push_back(nullptr);
    return made;
}

/// Which descriptors the program has.
class file_actions {
public:
    explicit file_actions(int its_socket) {
        check(::posix_spawn_file_actions_init(&all_), "posix_spawn_file_actions_init");
        check(::posix_spawn_file_actions_adddup2(&all_, its_socket, helper_process::socket),
              "a descriptor");
        for (int standard = 0; standard < 3; ++standard) {
            check(::posix_spawn_file_actions_addopen(&all_, standard, "/dev/null", O_RDWR, 0),
                  "/dev/null");
        }
        check(::posix_spawn_file_actions_addclosefrom_np(&all_, helper_process::socket + 1),
              "a descriptor");
    }
    ~file_actions() { ::posix_spawn_file_actions_destroy(&all_); }
    file_actions(const file_actions&) = delete;
    file_actions& operator=(const file_actions&) = delete;
    [[nodiscard]] const posix_spawn_file_actions_t* get() const { return &all_; }

private:
    posix_spawn_file_actions_t all_{};
};

/// No signal is blocked or ignored there.
class attributes {
public:
    attributes() {
        check(::posix_spawnattr_init(&all_), "posix_spawnattr_init");
        sigset_t none, every;
        ::sigemptyset(&none);
        ::sigfillset(&every);
        check(::posix_spawnattr_setsigmask(&all_, &none), "posix_spawnattr_setsigmask");
        check(::posix_spawnattr_setsigdefault(&all_, &every), "posix_spawnattr_setsigdefault");
        check(::posix_spawnattr_setflags(
                  &all_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID),
              "posix_spawnattr_setflags");
    }
    ~attributes() { ::posix_spawnattr_destroy(&all_); }
    attributes(const attributes&) = delete;
    attributes& operator=(const attributes&) = delete;
    [[nodiscard]] const posix_spawnattr_t* get() const { return &all_; }

private:
    posix_spawnattr_t all_{};
};

}  // namespace

helper_process::helper_process(const std::string& program,
                               const std::vector<std::string>& arguments,
                               const std::vector<std::string>& environment) {
    std::vector<std::string> words{program}, variables = environment;
    words.insert(words.end(), arguments.begin(), arguments.end());
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) check(errno, "socketpair");
    fd_ = ends[0];
    int code = 0;
    try {
        ::fcntl(fd_, F_SETFL, O_NONBLOCK);
        const file_actions files(ends[1]);
        const attributes how;
        code = ::posix_spawn(&process_, program.c_str(), files.get(), how.get(),
                             pointers_to(words).data(), pointers_to(variables).data());
        check(code, program.c_str());
    } catch (...) {
        ::close(ends[0]);
        ::close(ends[1]);
        throw;
    }
    ::close(ends[1]);
}

helper_process::~helper_process() {
    (void)end();
    ::close(fd_);
}

bool helper_process::send(base::buffer& bytes) {
    base::byte_view left = bytes.view().subspan(sent_);
    while (!left.empty()) {
        const ssize_t sent = ::send(fd_, left.data(), left.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && errno != EAGAIN) return false;
        if (sent < 0) break;
        left = left.subspan(static_cast<std::size_t>(sent));
    }
    sent_ = bytes.size() - left.size();
    if (!left.empty()) return true;
    sent_ = 0;
    constexpr std::size_t kept_bytes_max = 65536;
    if (bytes.size() > kept_bytes_max) {
        bytes = {};
    } else {
        bytes.clear();  // keeps the room for the next ones
    }
    return true;
}

bool helper_process::receive(base::buffer& to) {
    std::byte piece[65536];
    const ssize_t got = ::recv(fd_, piece, sizeof piece, 0);
    if (got < 0) return errno == EINTR || errno == EAGAIN;
    to.append({piece, static_cast<std::size_t>(got)});
    return got > 0;
}

std::optional<process_end> helper_process::end() {
    if (process_ < 0) return std::nullopt;
    const pid_t which = std::exchange(process_, -1);
    // Its end may be told by then, and is as it was: nothing is done to one that has ended.
    ::kill(which, SIGKILL);
    int status = 0;
    rusage used{};
    pid_t told = 0;
    while ((told = ::wait4(which, &status, 0, &used)) < 0 && errno == EINTR) {
    }
    if (told != which) return std::nullopt;
    return process_end{WIFSIGNALED(status) ? WTERMSIG(status) : 0,
                       static_cast<std::size_t>(used.ru_maxrss) * 1024};
}

bool is_executable(const std::string& path) { return ::access(path.c_str(), X_OK) == 0; }

std::string find_program(const std::string& name) {
    char here[4096];
    const ssize_t length = ::readlink("/proc/self/exe", here, sizeof here);
    if (length > 0) {
        const std::string own(here, static_cast<std::size_t>(length));
        const std::string beside = own.substr(0, own.rfind('/') + 1) + name;
        if (is_executable(beside)) return beside;
    }
    const char* const path = std::getenv("PATH");
    std::istringstream folders(path != nullptr ? path : "");
    for (std::string folder; std::getline(folders, folder, ':');) {
        if (!folder.empty() && is_executable(folder + "/" + name)) return folder + "/" + name;
    }
    return {};
}

}  // namespace maus::net
