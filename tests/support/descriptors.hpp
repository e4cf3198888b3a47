// A process that has no descriptors left.
#pragma once

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

namespace maus_test {

/// The bound on descriptors that leaves two: fewer than anything of ours needs, and what the sanitizers
/// need to look at memory.
inline rlim_t bound_that_leaves_two() {
    const int one = ::dup(STDOUT_FILENO), other = ::dup(STDOUT_FILENO);
    ::close(one);
    ::close(other);
    return static_cast<rlim_t>(std::max(one, other)) + 1;
}
struct no_more_descriptors {
    rlimit before{};
    explicit no_more_descriptors(rlim_t bound) {
        getrlimit(RLIMIT_NOFILE, &before);
        rlimit fewer = before;
        fewer.rlim_cur = bound;
        setrlimit(RLIMIT_NOFILE, &fewer);
    }
    ~no_more_descriptors() { setrlimit(RLIMIT_NOFILE, &before); }
};

}  // namespace maus_test
