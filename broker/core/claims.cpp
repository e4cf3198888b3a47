#include "broker/core/claims.hpp"

#include <utility>

namespace maus::broker {

namespace {
bool before(const claims::claim& one, const claims::claim& other) {
    return one.worker < other.worker;
}

// Both are sorted. In place, from the end on.
void merge(std::vector<claims::claim>& all, const std::vector<claims::claim>& more) {
    auto from = all.size();
    all.resize(all.size() + more.size());
    auto to = all.rbegin();
    for (auto next = more.rbegin(); next != more.rend(); ++to) {
        const bool old_is_last = from != 0 && before(*next, all[from - 1]);
        *to = old_is_last ? all[--from] : *next++;
    }
}
}  // namespace

std::vector<claims::claim> claims::add(const base::manager_id& of, std::vector<claim>&& more) {
    std::vector<claim> ended;
    if (more.empty()) return ended;
    std::sort(more.begin(), more.end(), before);
    const auto same = [](const claim& one, const claim& other) {
        return one.worker == other.worker;
    };
    more.erase(std::unique(more.begin(), more.end(), same), more.end());

    std::vector<claim>& all = of_[of];
    auto old = all.begin();
    std::erase_if(more, [&](const claim& each) {
        while (old != all.end() && before(*old, each)) ++old;
        if (old == all.end() || old->worker != each.worker) return false;
        ended.push_back(std::exchange(*old, each));
        return true;
    });
    merge(all, more);
    return ended;
}

void claims::erase(const base::manager_id& of, const base::worker_id& worker) {
    const auto found = of_.find(of);
    if (found == of_.end()) return;
    const auto at = place_of(found->second, worker);
    if (at == found->second.end() || at->worker != worker) return;
    found->second.erase(at);
    if (found->second.empty()) of_.erase(found);
}

std::uint32_t claims::counted(const base::manager_id& of, base::request_id request) const {
    const auto found = of_.find(of);
    if (found == of_.end()) return 0;
    return static_cast<std::uint32_t>(
        std::count_if(found->second.begin(), found->second.end(),
                      [&](const claim& each) { return each.request == request && each.counts; }));
}

void claims::erase_all(const base::manager_id& of, base::request_id request) {
    const auto found = of_.find(of);
    if (found == of_.end()) return;
    std::erase_if(found->second, [&](const claim& each) { return each.request == request; });
    if (found->second.empty()) of_.erase(found);
}

const claims::claim* claims::find(const base::manager_id& of, const base::worker_id& worker) const {
    const auto found = of_.find(of);
    if (found == of_.end()) return nullptr;
    const auto at = place_of(found->second, worker);
    return at != found->second.end() && at->worker == worker ? &*at : nullptr;
}

}  // namespace maus::broker
