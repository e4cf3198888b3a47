// Where a gateway keeps its tokens: a JSON file that only its owner may read.
//
//     {"worker": "...", "manager": "...", "observer": "..."}
//
// It is made, in a folder of mode 0700, if it is not there; so the tokens are the same after a restart.
// To have others, remove the file.
#pragma once

#include <filesystem>

#include "broker/web/core/tokens.hpp"

namespace maus::web {

/// $XDG_STATE_HOME/maus/web-tokens.json, or that below ~/.local/state; empty: there is no home.
[[nodiscard]] std::filesystem::path default_token_file();

/// Throws maus::error (invalid_argument) that says what to do: others may read it, it belongs to somebody
/// else, it is no such JSON, it cannot be read or made.
[[nodiscard]] tokens read_or_make_tokens(const std::filesystem::path& file);

}  // namespace maus::web
