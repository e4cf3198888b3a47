#include "bin/demo/integral.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <stdexcept>

namespace demo {

std::vector<double> places_in(const stretch& part) {
    if (part.parabolas == 0 || part.parabolas > parabolas_max) {
        throw std::invalid_argument("1 to " + std::to_string(parabolas_max) + " parabolas");
    }
    const std::uint32_t steps = 2 * part.parabolas;
    std::vector<double> all;
    all.reserve(steps + 1);
    for (std::uint32_t i = 0; i <= steps; ++i) {
        all.push_back(part.from + (part.to - part.from) * i / steps);
    }
    return all;
}

double area_under(const stretch& part, const std::vector<double>& values) {
    double sum = 0;
    for (std::size_t i = 0; i + 2 < values.size(); i += 2) {
        sum += values[i] + 4 * values[i + 1] + values[i + 2];
    }
    return sum * (part.to - part.from) / part.parabolas / 6;
}

const std::vector<curve>& curves() {
    using std::numbers::pi;
    static const std::vector<curve> all = {
        {"pi", "4 / (1 + x^2)", 0, 1, pi, [](double x) { return 4 / (1 + x * x); }},
        {"bell", "exp(-x^2)", -6, 6, std::sqrt(pi), [](double x) { return std::exp(-x * x); }},
        {"sine", "sin(x)", 0, pi, 2, [](double x) { return std::sin(x); }},
    };
    return all;
}

const curve& curve_named(const std::string& name) {
    const auto found = std::ranges::find(curves(), name, &curve::name);
    if (found == curves().end()) throw std::out_of_range("no such curve: " + name);
    return *found;
}

}  // namespace demo
