// Other programs that a benchmark starts.
#pragma once

#include <string>

namespace bench {

/// The whole path of a program, by PATH or where such servers are; empty if it is not installed.
[[nodiscard]] std::string find_program(const std::string& name);
/// Of one that is built beside this one; empty if it was not.
[[nodiscard]] std::string find_neighbour(const std::string& name);

}  // namespace bench
