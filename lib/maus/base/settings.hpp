// What a program chose for all layers alike.
//
// One object is made at the top and handed down by reference, so that a new setting needs no new
// parameter on its way. Keys, the resolver and the names of peers will take the same path.
#pragma once

#include <string>
#include <vector>

#include "maus/limits.hpp"

namespace maus::base {

struct settings {
    maus::limits limits;
    std::vector<std::string> features;  ///< that are offered to peers (wire/feature.hpp)
};

}  // namespace maus::base
