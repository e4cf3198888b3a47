// One seed: chaos, then health, and then everything must come to rest.
#pragma once

#include <string>
#include <vector>

#include "checkers.hpp"
#include "world.hpp"

namespace maus::sim {

struct report {
    std::uint64_t seed = 0;
    std::uint64_t hash = 0;
    std::uint64_t events = 0;
    duration simulated{};
    fault_counts faults;
    checkers::tally calls;
    std::vector<std::string> failures;
};

[[nodiscard]] report run(const plan& how, bool trace);

}  // namespace maus::sim
