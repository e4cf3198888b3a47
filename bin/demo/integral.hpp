// Numerical integration: what the worker processes do, and what is sent to and fro for it.
//
// A call names a part of the x axis and a function (maus/function.hpp): one that the workers expose,
// by its name, or a lambda of the manager's, which the workers call back for each value that they
// need. So they integrate functions that they have never heard of.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <maus/function.hpp>
#include <maus/method.hpp>

#include "bin/demo/job.hpp"

namespace demo {

using curve_function = maus::function<double(double)>;

/// From where to where, by so many parabolas.
struct stretch {
    double from = 0;
    double to = 0;
    std::uint32_t parabolas = 1;

    template <class Archive>
    void serialize(Archive& archive) {
        archive(from, to, parabolas);
    }
};

struct area {
    doer by;
    double value = 0;

    template <class Archive>
    void serialize(Archive& archive) {
        archive(by, value);
    }
};

inline constexpr maus::method<area(stretch, curve_function)> integrate_stretch{"integrate"};
inline constexpr std::uint32_t parabolas_max = 100'000;

/// Where the values are needed. Throws std::invalid_argument if these are too many, or none.
[[nodiscard]] std::vector<double> places_in(const stretch& part);
/// Simpson's rule. `values`: those at these places.
[[nodiscard]] double area_under(const stretch& part, const std::vector<double>& values);

/// One to try it with, the integral of which is known.
struct curve {
    std::string name;  ///< also that of the function which the workers expose
    std::string text;  ///< "4 / (1 + x^2)"
    double from, to, exact;
    double (*at)(double x);
};
[[nodiscard]] const std::vector<curve>& curves();
/// Throws std::out_of_range.
[[nodiscard]] const curve& curve_named(const std::string& name);

}  // namespace demo
