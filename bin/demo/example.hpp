// The functions of the example, as both sides know them: names and signatures.
//
// A call that does not fit is an error of the compiler. Parameters and results are values of any
// std type that holds values, and your own types with a cereal serialize().
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include <maus/method.hpp>

namespace example {

using day = std::chrono::system_clock::time_point;

/// A type of our own: serialize() names its members, and that is all.
struct reading {
    std::string sensor;
    double celsius = 0;
    day at{};

    template <class Archive>
    void serialize(Archive& archive) {
        archive(sensor, celsius, at);
    }
};

inline constexpr maus::method<int(int, int)> add{"add"};
inline constexpr maus::method<double(double, double)> divide{"divide"};
inline constexpr maus::method<std::uint64_t(std::uint32_t)> fib{"fib"};
inline constexpr maus::method<day(day, int)> days_later{"days_later"};
inline constexpr maus::method<reading(std::vector<reading>)> warmest{"warmest"};
inline constexpr maus::method<std::string(std::string, std::chrono::milliseconds)> remind{"remind"};

}  // namespace example
