#include "bench/figure.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "bench/progress.hpp"

namespace bench {

namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();

double quantile(std::vector<double> values, double q) {
    if (values.empty()) return none;
    const auto at = static_cast<std::ptrdiff_t>(q * static_cast<double>(values.size() - 1) + 0.5);
    std::nth_element(values.begin(), values.begin() + at, values.end());
    return values[static_cast<std::size_t>(at)];
}
double median(const std::vector<double>& values) { return quantile(values, 0.5); }
double half_of_quartiles(const std::vector<double>& values) {
    return (quantile(values, 0.75) - quantile(values, 0.25)) / 2;
}

std::vector<double> column(const std::vector<sample>& runs, std::size_t metric) {
    std::vector<double> values;
    for (const auto& each : runs) values.push_back(each.at(metric).second);
    return values;
}

std::vector<figure> compare(const std::string& name, const plan& how,
                            const std::vector<sample>& ours, const std::vector<sample>& theirs) {
    std::vector<figure> made;
    for (std::size_t metric = 0; metric < ours.front().size(); ++metric) {
        const auto left = column(ours, metric);
        figure one{name, ours.front()[metric].first, median(left), none, none, 0, how.pin};
        if (theirs.empty()) {
            one.spread = half_of_quartiles(left);
        } else {
            const auto right = column(theirs, metric);
            std::vector<double> ratios;
            for (std::size_t i = 0; i < left.size(); ++i) ratios.push_back(left[i] / right[i]);
            one.reference = median(right);
            one.ratio = median(ratios);
            one.spread = half_of_quartiles(ratios);
        }
        made.push_back(std::move(one));
    }
    return made;
}

}  // namespace

std::vector<figure> side_by_side(const plan& how, const std::function<sample()>& ours,
                                 const std::vector<rival>& references) {
    std::vector<sample> a;
    std::vector<std::vector<sample>> b(references.size());
    for (int i = 0; i < how.repeats; ++i) {
        progress::note(references.front().name, i, how.repeats);
        a.push_back(ours());
        for (std::size_t each = 0; each < references.size(); ++each) {
            if (references[each].run) b[each].push_back(references[each].run());
        }
    }
    progress::clear();
    std::vector<figure> all;
    for (std::size_t each = 0; each < references.size(); ++each) {
        const auto figures = compare(references[each].name, how, a, b[each]);
        all.insert(all.end(), figures.begin(), figures.end());
    }
    return all;
}

std::vector<figure> side_by_side(const std::string& name, const plan& how,
                                 const std::function<sample()>& ours,
                                 const std::function<sample()>& reference) {
    return side_by_side(how, ours, {{name, reference}});
}

const figure& find(const std::vector<figure>& among, const std::string& name,
                   const std::string& metric) {
    for (const auto& each : among) {
        if (each.name == name && each.metric == metric) return each;
    }
    throw std::logic_error("there is no figure " + name + ", " + metric);
}

std::string size_name(std::size_t bytes) {
    if (bytes >= 1u << 20 && bytes % (1u << 20) == 0) return std::to_string(bytes >> 20) + "MiB";
    if (bytes >= 1024 && bytes % 1024 == 0) return std::to_string(bytes >> 10) + "KiB";
    return std::to_string(bytes) + "B";
}

}  // namespace bench
