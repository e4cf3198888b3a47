// A message as a line of a trace.
#pragma once

#include <string>

#include "maus/core/outbox.hpp"

namespace maus::sim {

[[nodiscard]] std::string spell(core::send& what);

}  // namespace maus::sim
