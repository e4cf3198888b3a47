// How every program of ours begins and ends: options are parsed, failures are told on stderr in one
// line that says what to do, and the exit code is one of three.
//
// Nothing here prints anything when all is well.
#pragma once

#include <functional>
#include <stdexcept>
#include <string>

#include <CLI/CLI.hpp>

namespace maus::programs {

enum exit_code : int {
    exit_good = 0,
    exit_failed = 1,
    exit_usage = 2,
};

/// What a program cannot do, and what the user can do about it. Told by run(); exit_failed.
class failure : public std::runtime_error {
    using std::runtime_error::runtime_error;
};
/// Options that do not go together. Told by run(); exit_usage.
class bad_usage : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Gives it --help, --version and help texts with examples that keep their line breaks.
void prepare(CLI::App& app, const std::string& examples);

/// Reserves the standard descriptors, parses the arguments, then calls `body`, whose result is the exit
/// code. Tells what is thrown, without what a terminal would obey.
[[nodiscard]] int run(CLI::App& app, int argc, char** argv, const std::function<int()>& body);

/// Refuses what is no number from `least` to `most`. CLI::Range lets "nan" through.
[[nodiscard]] CLI::Validator is_within(double least, double most);
/// Refuses what is no endpoint to connect to (maus/base/endpoint.hpp).
[[nodiscard]] CLI::Validator is_endpoint();
/// The same for one to bind.
[[nodiscard]] CLI::Validator is_bindable();
/// Refuses what cannot be a worker's type.
[[nodiscard]] CLI::Validator is_type();

}  // namespace maus::programs
