// One large payload in several places: with its call until that is settled, in every message that
// carries it, in the values that were decoded from it.
#pragma once

#include <memory>

#include "maus/base/buffer.hpp"

namespace maus::base {

/// Keeps bytes where they are, as long as somebody holds it. They are not written any more.
using shared_buffer = std::shared_ptr<const buffer>;

/// A buffer of a part of what `keeper` keeps.
[[nodiscard]] buffer share(shared_buffer keeper, byte_view part);
/// A buffer of the same bytes; they live until both are gone. `original` stays readable and must
/// not be appended to. Thread-safe in so far as the two may be destroyed on different threads.
[[nodiscard]] buffer share(buffer& original);
/// What keeps the bytes of `original`, which is shared from now on. Those of at most
/// `inline_capacity` move; others stay where they are.
[[nodiscard]] shared_buffer keeper(buffer& original);

}  // namespace maus::base
