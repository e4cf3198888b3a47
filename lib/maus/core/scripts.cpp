#include "maus/core/scripts.hpp"

#include <algorithm>
#include <utility>

namespace maus::core {

namespace {
std::uint64_t bytes_of(const script_pointer& one) {
    return one->text.size() + detail::script_overhead;
}
}  // namespace

void known_scripts::told(script_pointer one) {
    const auto again = std::find_if(oldest_first_.begin(), oldest_first_.end(),
                                    [&](const auto& each) { return each->id == one->id; });
    if (again != oldest_first_.end()) {
        bytes_ -= bytes_of(*again);
        oldest_first_.erase(again);
    }
    bytes_ += bytes_of(one);
    oldest_first_.push_back(std::move(one));
    auto kept = oldest_first_.begin();
    for (; bytes_ > bytes_max_; ++kept) bytes_ -= bytes_of(*kept);
    oldest_first_.erase(oldest_first_.begin(), kept);
}

script_pointer known_scripts::find(const base::script_id& id) const {
    const auto found = std::find_if(oldest_first_.begin(), oldest_first_.end(),
                                    [&](const auto& each) { return each->id == id; });
    return found != oldest_first_.end() ? *found : nullptr;
}

// If one is missing, all are told: else it might take the place of another of them.
void tell_scripts(const detail::script_list& needed, known_scripts& known, link_address& to,
                  outbox& out) {
    const bool all_known = std::all_of(needed.all.begin(), needed.all.end(), [&](const auto& each) {
        return known.find(each->id) != nullptr;
    });
    if (all_known) return;
    for (const auto& each : needed.all) {
        out.link(to, each->text.size()).say(wire::script{each->id, each->language, each->text});
        known.told(each);
    }
}

}  // namespace maus::core
