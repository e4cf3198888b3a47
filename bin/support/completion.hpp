// Completion for bash, zsh and fish, written from the options that a program declares: there is no
// second list of them.
//
//     maus --completion bash > /etc/bash_completion.d/maus
//     maus --completion zsh > "${fpath[1]}/_maus"
//     maus --completion fish > ~/.config/fish/completions/maus.fish
#pragma once

#include <optional>
#include <string>

#include <CLI/CLI.hpp>

namespace maus::programs {

/// The script for `shell`: bash, zsh or fish; nothing for another.
[[nodiscard]] std::optional<std::string> completion_script(const CLI::App& app,
                                                           const std::string& shell);

}  // namespace maus::programs
