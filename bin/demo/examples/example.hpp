// What the example's worker and manager have in common: the names and signatures of the functions,
// and where to meet.
//
// A call that does not fit is an error of the compiler. Parameters and results are values of any
// std type that holds values, and your own types with a cereal serialize().
#pragma once

#include <chrono>
#include <cstdint>
#include <iostream>
#include <stop_token>
#include <string>
#include <vector>

#include <maus/method.hpp>
#include <maus/options.hpp>

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

/// Where worker and manager meet.
struct place {
    std::vector<std::string> parkservers = {"tcp://127.0.0.1:8500"};
    /// Without a parkserver: where the manager is. (With one: where it is reached; else it is relayed.)
    std::string manager = {};
    std::string type = "default";
    maus::log_function log = {};
};

// Both run until they are done or are asked to stop; a worker whom no `stop` can ask, until a signal. They
// return the exit code.
int run_worker(const place& meet, const std::stop_token& stop);
int run_manager(const place& meet, const std::stop_token& stop);

/// The library prints nothing by itself.
inline maus::log_function log_from(maus::log_level least) {
    return [least](maus::log_level level, std::string_view text) {
        if (level >= least) std::cerr << to_string(level) << ": " << text << std::endl;
    };
}

/// What main() makes of its arguments: parkservers, if any are given.
inline place place_of(int argc, char** argv, maus::log_level least) {
    place meet{.log = log_from(least)};
    if (argc > 1) meet.parkservers.assign(argv + 1, argv + argc);
    return meet;
}

}  // namespace example
