// A program of ours, started as a user starts it: its own process, and what it prints on stdout and
// on stderr in files, to be looked at while it runs and when it has ended.
#pragma once

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <vector>

#include "catch.hpp"
#include "support/process.hpp"
#include "support/scratch.hpp"
#include "support/wait.hpp"

namespace programs {

using maus_test::eventually;
using words = std::vector<std::string>;

/// Exit codes that all of them keep to.
inline constexpr int good = 0, failed = 1, usage = 2;

class program {
public:
    /// `name` is one of build/.../bin, or a path. `redirect` (as "2>&7") is what a shell does with
    /// its outputs instead.
    explicit program(const std::string& name, const words& arguments = {},
                     const std::string& redirect = {});

    [[nodiscard]] std::string out() const { return text_of("out"); }
    [[nodiscard]] std::string err() const { return text_of("err"); }
    /// Waits until this stands on stdout or stderr.
    [[nodiscard]] bool says(const std::string& text);
    void signal(int number) const { process_.signal(number); }
    [[nodiscard]] pid_t pid() const { return process_.pid(); }
    [[nodiscard]] bool alive() { return process_.alive(); }
    /// Waits for its end; its exit code, or minus the signal that ended it.
    /// A benchmark takes its time on a machine that is busy.
    [[nodiscard]] std::optional<int> wait() { return process_.wait(10 * maus_test::patience); }

private:
    [[nodiscard]] std::string text_of(const std::string& name) const;

    maus_test::scratch_folder folder_;
    maus_test::process process_;
};

/// What a program that ended by itself left behind.
struct outcome {
    std::optional<int> code;
    std::string out, err;
};
[[nodiscard]] outcome run(const std::string& name, const words& arguments = {},
                          const std::string& redirect = {});
/// Runs it with --json among the arguments; fails the test if it fails or prints no JSON.
[[nodiscard]] nlohmann::json run_json(const std::string& name, const words& arguments);

/// maus-parkserver on a port of its own, or where it is told to be.
class parkserver {
public:
    explicit parkserver(const words& arguments = {"--bind", "tcp://127.0.0.1:*"},
                        const std::string& redirect = {});
    [[nodiscard]] const std::string& endpoint() const { return endpoint_; }
    [[nodiscard]] program& itself() { return program_; }
    /// These words, to this parkserver, with the patience that a busy machine asks for.
    [[nodiscard]] words asked(words command) const;

private:
    program program_;
    std::string endpoint_;
};

/// For messages: the command as one would type it.
[[nodiscard]] std::string typed(const std::string& name, const words& arguments);

}  // namespace programs
