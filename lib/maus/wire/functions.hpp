// How a worker tells what it exposes ([P-65], [P-97], [P-108]).
//
// Peers of the first days do not know the signatures of dynamic functions and of those that take
// references, and would refuse a worker that has one. So a registration and a hello list the plain
// functions, and extensions, which such a peer skips, go on with the dynamic ones and then with those
// that take references. Their numbers follow in that order. In a program there is one list.
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

/// Those that a body lists itself: all before the first that is not plain.
[[nodiscard]] std::vector<std::string> plain_functions(const std::vector<std::string>& all);

/// The extensions for the others, as far as there are any.
class more_functions {
public:
    explicit more_functions(const std::vector<std::string>& all);
    more_functions(const more_functions&) = delete;
    more_functions& operator=(const more_functions&) = delete;
    /// They point into this.
    [[nodiscard]] const extensions& all() const { return all_; }

private:
    base::buffer dynamic_, with_references_;
    extensions all_;
};

/// Adds what extensions go on with to what the body listed. Tells why it cannot be.
[[nodiscard]] std::optional<base::failure> add_more_functions(const extensions& from,
                                                              const limits& bounds,
                                                              std::vector<std::string>& to);

}  // namespace maus::wire
