// A smaller run of the same failure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace maus::sim {

/// Tries without this and that, as long as the seed fails with the same invariant; prints what is
/// left, and the command that runs it. The program's exit status.
[[nodiscard]] int shrink(const std::string& program, std::uint64_t seed,
                         std::vector<std::string> settings);

}  // namespace maus::sim
