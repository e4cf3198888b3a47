// The subcommands, each in a file of its own: it adds its options and gives what runs it.
#pragma once

#include <functional>

#include <CLI/CLI.hpp>

#include "bench/plan.hpp"

namespace bench {

/// The options that fill a plan.
void add_options(CLI::App& to, plan& how);

/// Gives the exit code.
using command = std::function<int()>;

[[nodiscard]] command add_echo(CLI::App& to);
[[nodiscard]] command add_relay(CLI::App& to);
[[nodiscard]] command add_sleep(CLI::App& to);
[[nodiscard]] command add_recover(CLI::App& to);
[[nodiscard]] command add_lease(CLI::App& to);
[[nodiscard]] command add_codec(CLI::App& to);
[[nodiscard]] command add_peers(CLI::App& to);
[[nodiscard]] command add_instructions(CLI::App& to);
[[nodiscard]] command add_targets(CLI::App& to);

}  // namespace bench
