// The processes at the other end of a benchmark: this program again, in another role.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace bench {

/// Runs this program with these arguments until it is destroyed. The child ends with its parent.
class child {
public:
    explicit child(std::vector<std::string> arguments);
    ~child();
    child(child&& other) noexcept;
    child(const child&) = delete;
    child& operator=(const child&) = delete;
    [[nodiscard]] pid_t pid() const { return pid_; }

private:
    pid_t pid_ = -1;
};

/// This thread, and all threads and children that it makes from now on, on one processor.
void pin_to_one_cpu();
/// Undoes it.
void unpin();

}  // namespace bench
