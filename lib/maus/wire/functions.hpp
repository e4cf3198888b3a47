// How a worker tells what it exposes ([P-65], [P-97]).
//
// Peers of the first days do not know the signature of a dynamic function, and would refuse a worker
// that has one. So a registration and a hello list the other functions, and an extension, which such
// a peer skips, goes on with the dynamic ones. Their numbers follow those of the others. In a
// program there is one list, in that order.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "maus/base/buffer.hpp"
#include "maus/base/result.hpp"
#include "maus/limits.hpp"
#include "maus/wire/extension.hpp"

namespace maus::wire {

/// Stream functions lose their signatures: nobody can call them. The others keep their numbers.
void without_streams(std::vector<std::string>& all);

/// Those that a body lists itself: all before the first dynamic one.
[[nodiscard]] std::vector<std::string> plain_functions(const std::vector<std::string>& all);
/// The extension for the others, if there are any. It points into `room`.
[[nodiscard]] extensions dynamic_functions(const std::vector<std::string>& all, base::buffer& room);
/// Adds what an extension goes on with to what the body listed. Tells why it cannot be.
[[nodiscard]] std::optional<base::failure> add_dynamic_functions(const extensions& from,
                                                                 const limits& bounds,
                                                                 std::vector<std::string>& to);

}  // namespace maus::wire
