// One large payload in several places: with its call until that is settled, and in every message
// that carries it.
#pragma once

#include "maus/base/buffer.hpp"

namespace maus::base {

/// A buffer of the same bytes; they live until both are gone. `original` stays readable and must
/// not be appended to. Thread-safe in so far as the two may be destroyed on different threads.
[[nodiscard]] buffer share(buffer& original);

}  // namespace maus::base
