// A small generator of random numbers that is handed in, so that a seed decides everything.
//
// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014). Good for
// jitter and for ids when it was seeded from the kernel; not for secrets.
#pragma once

#include <cstdint>

namespace maus::base {

class random {
public:
    using result_type = std::uint64_t;
    explicit random(std::uint64_t seed) : state_(seed) {}

    static constexpr result_type min() { return 0; }
    static constexpr result_type max() { return ~result_type{0}; }

    result_type operator()() {
        state_ += 0x9E3779B97F4A7C15u;
        std::uint64_t z = state_;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        return z ^ (z >> 31);
    }
    /// A number from 0 to `bound - 1`; 0 if `bound` is 0.
    result_type below(result_type bound) { return bound == 0 ? 0 : (*this)() % bound; }

private:
    std::uint64_t state_;
};

}  // namespace maus::base
