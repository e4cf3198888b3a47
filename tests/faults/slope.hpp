// Whether a process grows: memory and descriptors over time, and the line through them.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace faults {

struct sample {
    double seconds = 0;
    double bytes = 0;
    double descriptors = 0;
};

/// What a quantity would have grown by over the samples' time, by the line of least squares.
struct growth {
    double first_to_last = 0;
    double mean = 0;
};

template <class Quantity>
[[nodiscard]] growth growth_of(const std::vector<sample>& all, Quantity quantity) {
    double time = 0, value = 0;
    for (const auto& each : all) {
        time += each.seconds;
        value += quantity(each);
    }
    const auto count = static_cast<double>(all.size());
    time /= count;
    value /= count;
    double up = 0, across = 0;
    for (const auto& each : all) {
        up += (each.seconds - time) * (quantity(each) - value);
        across += (each.seconds - time) * (each.seconds - time);
    }
    const double slope = across > 0 ? up / across : 0;
    return {slope * (all.back().seconds - all.front().seconds), value};
}

}  // namespace faults
