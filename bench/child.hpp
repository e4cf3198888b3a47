// The processes of a benchmark: this program again, each in one role. They are told what to do
// line by line, and answer line by line.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

namespace bench {

using words = std::vector<std::string>;

/// Runs this program in a role until it is destroyed. The child ends with its parent.
class child {
public:
    explicit child(const std::string& role, words arguments = {});
    /// Another program, found by PATH.
    static child program(words command);
    child(child&& other) noexcept;
    child& operator=(child&&) = delete;
    /// Kills it, unless it has ended, and waits for that.
    ~child();

    [[nodiscard]] pid_t pid() const { return pid_; }
    void say(std::string_view line) const;
    /// The next line. Throws if the child ends first or takes too long.
    [[nodiscard]] std::string hear(double seconds_max = 60);
    void signal(int number) const;
    /// Until it has ended by itself.
    void wait();

private:
    child() = default;
    void start(const char* path, words arguments);
    pid_t pid_ = -1;
    int to_ = -1, from_ = -1;
    std::string name_, heard_;
};

/// The other end: what a role says to and hears from who started it. `hear` ends the process when
/// there is nobody any more.
void answer(std::string_view line);
[[nodiscard]] std::string next_command();

/// What these processes have used so far, all threads together.
[[nodiscard]] double cpu_s(const std::vector<pid_t>& processes);
/// The sum of the most memory that each of them ever had, and of what they have now, in bytes.
[[nodiscard]] double peak_memory(const std::vector<pid_t>& processes);
[[nodiscard]] double memory(pid_t process);

}  // namespace bench
