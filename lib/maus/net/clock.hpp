// Where the cores' time and randomness come from in a real process.
#pragma once

#include <cstdint>

#include "maus/base/time.hpp"

namespace maus::net {

/// CLOCK_BOOTTIME: monotonic, and goes on while the machine is suspended.
[[nodiscard]] base::instant clock_now();
/// Microseconds since 1970: grows over restarts, for epochs and incarnations.
[[nodiscard]] std::uint64_t wall_us();
/// From the kernel.
[[nodiscard]] std::uint64_t random_seed();

}  // namespace maus::net
