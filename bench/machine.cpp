#include "bench/machine.hpp"

#include <sched.h>
#include <sys/resource.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace bench {

void place(const std::string& pin) {
    static const cpu_set_t all = [] {
        cpu_set_t now;
        sched_getaffinity(0, sizeof now, &now);
        return now;
    }();
    cpu_set_t chosen = all;
    if (pin != "free") {
        const auto next = [](std::size_t from) {
            while (from + 1 < CPU_SETSIZE && !CPU_ISSET(from, &all)) ++from;
            return from;
        };
        const std::size_t first = next(0);
        CPU_ZERO(&chosen);
        CPU_SET(pin == "other" && CPU_COUNT(&all) > 1 ? next(first + 1) : first, &chosen);
    }
    sched_setaffinity(0, sizeof chosen, &chosen);
}

void need_descriptors(std::size_t count) {
    rlimit now{};
    getrlimit(RLIMIT_NOFILE, &now);
    if (now.rlim_cur >= count) return;
    if (now.rlim_max < count) {
        throw std::runtime_error("this needs " + std::to_string(count) +
                                 " open files in a process, and the hard limit is " +
                                 std::to_string(now.rlim_max) + "; raise it (ulimit -Hn, as root)");
    }
    now.rlim_cur = count;
    if (setrlimit(RLIMIT_NOFILE, &now) != 0) {
        throw std::runtime_error("cannot raise the limit of open files to " +
                                 std::to_string(count));
    }
}

namespace {
std::string& scratch() {
    static std::string path;
    return path;
}
}  // namespace

const std::string& scratch_folder() {
    if (scratch().empty()) {
        std::string pattern =
            (std::filesystem::temp_directory_path() / "maus-bench.XXXXXX").string();
        if (mkdtemp(pattern.data()) == nullptr) {
            throw std::runtime_error("cannot make a folder in " +
                                     std::filesystem::temp_directory_path().string());
        }
        scratch() = pattern;
        std::atexit(remove_scratch);
    }
    return scratch();
}

void remove_scratch() {
    if (scratch().empty()) return;
    std::error_code ignored;  // nothing can be done about it, and nothing is lost
    std::filesystem::remove_all(scratch(), ignored);
}

std::string any_endpoint(const std::string& transport) {
    if (transport == "tcp") return "tcp://127.0.0.1:*";
    static std::atomic<int> number = 0;
    return "ipc://" + scratch_folder() + "/" + std::to_string(number++);
}

}  // namespace bench
