// A long run at half of capacity, with a fault each second.
#pragma once

#include <cstdint>

namespace faults {

struct soak_choices {
    double minutes = 30;
    std::uint32_t workers = 20;
    std::uint32_t managers = 4;
    std::uint64_t seed = 0;  ///< 0: a new one
    std::uint32_t run_us = 20'000;
};
[[nodiscard]] int run_soak(soak_choices chosen);

}  // namespace faults
