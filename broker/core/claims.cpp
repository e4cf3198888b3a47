#include "broker/core/claims.hpp"

#include <algorithm>
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

    list& to = of_[of];
    sweep(to);
    auto old = to.all.begin();
    std::erase_if(more, [&](const claim& each) {
        while (old != to.all.end() && before(*old, each)) ++old;
        if (old == to.all.end() || old->worker != each.worker) return false;
        ended.push_back(std::exchange(*old, each));
        return true;
    });
    merge(to.all, more);
    return ended;
}

void claims::erase(const base::manager_id& of, const base::worker_id& worker) {
    const auto found = of_.find(of);
    if (found == of_.end()) return;
    list& from = found->second;
    claim* const erased = find_in(from.all, worker);
    if (erased == nullptr) return;
    erased->gone = true;
    if (2 * ++from.gone >= from.all.size()) sweep(from);
    if (from.all.empty()) of_.erase(found);
}

void claims::erase_all(const base::manager_id& of, base::request_id request) {
    const auto found = of_.find(of);
    if (found == of_.end()) return;
    list& from = found->second;
    std::erase_if(from.all,
                  [&](const claim& each) { return each.gone || each.request == request; });
    from.gone = 0;
    if (from.all.empty()) of_.erase(found);
}

std::uint32_t claims::counted(const base::manager_id& of, base::request_id request) const {
    const auto found = of_.find(of);
    if (found == of_.end()) return 0;
    const auto& all = found->second.all;
    return static_cast<std::uint32_t>(std::count_if(all.begin(), all.end(), [&](const claim& each) {
        return !each.gone && each.request == request && each.counts;
    }));
}

const claims::claim* claims::find(const base::manager_id& of, const base::worker_id& worker) {
    const auto found = of_.find(of);
    return found == of_.end() ? nullptr : find_in(found->second.all, worker);
}

claims::claim* claims::find_in(std::vector<claim>& all, const base::worker_id& worker) {
    const auto at = std::lower_bound(
        all.begin(), all.end(), worker,
        [](const claim& one, const base::worker_id& id) { return one.worker < id; });
    return at != all.end() && at->worker == worker && !at->gone ? &*at : nullptr;
}

void claims::sweep(list& which) {
    if (which.gone == 0) return;
    std::erase_if(which.all, [](const claim& each) { return each.gone; });
    which.gone = 0;
}

}  // namespace maus::broker
