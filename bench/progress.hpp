// A line on the terminal, if stderr is one, that tells what is being measured.
#pragma once

#include <string>

namespace bench::progress {

/// "NAME, run 2 of 5"
void note(const std::string& name, int done, int of);
void note(const std::string& what);
/// Takes the line away, so that a result can be printed.
void clear();

}  // namespace bench::progress
