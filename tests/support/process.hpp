// A process that a test starts, stops, continues and kills. It dies with the test, whatever
// happens to either.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "support/wait.hpp"

namespace maus_test {

class process {
public:
    /// Starts `path` with these arguments. What it prints is read with line(); its stderr is ours.
    explicit process(const std::string& path, std::vector<std::string> arguments = {});
    process(process&& other) noexcept;
    process& operator=(process&& other) noexcept;
    /// Kills it if it still lives.
    ~process();

    [[nodiscard]] pid_t pid() const { return pid_; }
    /// Sends a signal, if it still lives.
    void signal(int number) const;
    /// SIGKILL, and waits until it is gone.
    void kill();
    /// SIGTERM, and waits until it has ended by itself. Gives what wait() gives.
    [[nodiscard]] std::optional<int> terminate();
    /// Waits for its end. Its exit code, or minus the signal that ended it; nothing: it still runs.
    [[nodiscard]] std::optional<int> wait(std::chrono::milliseconds bound = patience);
    [[nodiscard]] bool alive() { return !wait(std::chrono::milliseconds{0}); }

    /// The next line that it prints; nothing if none comes in time.
    [[nodiscard]] std::optional<std::string> line(std::chrono::milliseconds bound = patience);
    /// The rest of the next line that starts with `word` and a blank; others are passed over.
    [[nodiscard]] std::optional<std::string> line_with(const std::string& word,
                                                       std::chrono::milliseconds bound = patience);

private:
    void reap(bool force);

    pid_t pid_ = -1;
    int output_ = -1;
    std::string unread_;
    std::optional<int> ended_;
};

}  // namespace maus_test
