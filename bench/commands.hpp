// The subcommands, each in a file of its own: it adds its options and gives what runs it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "bench/plan.hpp"
#include "bench/report.hpp"

namespace bench {

/// A subcommand, with its help and the options that fill its plan.
CLI::App& add_benchmark(CLI::App& to, plan& how, const std::string& name, const std::string& what,
                        const std::string& examples);
/// An option that takes several numbers.
void add_numbers(CLI::App& to, const std::string& option, std::vector<std::size_t>& numbers,
                 const std::string& what, std::size_t least, std::size_t most);
/// Measures on the processors that the plan names, tiny if it is quick, and writes the report where
/// it says. Gives the exit code.
[[nodiscard]] int run_benchmark(plan how, const std::string& name,
                                const std::function<void(const plan&, report&)>& measure);

/// Gives the exit code.
using command = std::function<int()>;

[[nodiscard]] command add_echo(CLI::App& to);
[[nodiscard]] command add_transfer(CLI::App& to);
[[nodiscard]] command add_stream(CLI::App& to);
[[nodiscard]] command add_callbacks(CLI::App& to);
[[nodiscard]] command add_map(CLI::App& to);
[[nodiscard]] command add_relay(CLI::App& to);
[[nodiscard]] command add_sleep(CLI::App& to);
[[nodiscard]] command add_recover(CLI::App& to);
[[nodiscard]] command add_lease(CLI::App& to);
[[nodiscard]] command add_codec(CLI::App& to);
[[nodiscard]] command add_peers(CLI::App& to);
[[nodiscard]] command add_languages(CLI::App& to);
[[nodiscard]] command add_instructions(CLI::App& to);
[[nodiscard]] command add_targets(CLI::App& to);

}  // namespace bench
