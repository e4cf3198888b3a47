#include "maus/wire/feature.hpp"

#include <algorithm>
#include <iterator>

namespace maus::wire {

namespace {
feature_set as_set(std::vector<std::string> names) {
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
}
}  // namespace

feature_set own_features(bool scripts) {
    std::vector<std::string> names(known_features.begin(), known_features.end());
    if (scripts) names.emplace_back(feature_scripts);
    return as_set(std::move(names));
}

feature_set common_features(const std::vector<std::string>& ours,
                            const std::vector<std::string>& theirs) {
    if (ours.empty() || theirs.empty()) return {};
    const feature_set mine = as_set(ours), other = as_set(theirs);
    feature_set both;
    std::set_intersection(mine.begin(), mine.end(), other.begin(), other.end(),
                          std::back_inserter(both));
    return both;
}

bool uses(const feature_set& common, std::string_view feature) {
    return std::binary_search(common.begin(), common.end(), feature);
}

}  // namespace maus::wire
