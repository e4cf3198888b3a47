// The library's log, as lines on stderr.
#pragma once

#include <maus/options.hpp>

namespace maus::programs {

/// "2025-11-22 13:17:41.123 info  worker 1a2b3c4d joined", for what matters at least this much.
/// May be given to any number of objects.
[[nodiscard]] log_function log_lines(log_level least);

}  // namespace maus::programs
