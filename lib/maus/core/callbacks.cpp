#include "maus/core/callbacks.hpp"

#include <utility>

namespace maus::core {

std::optional<job_callback> callbacks::add(job_callback&& asked) {
    open_.insert(asked.which.id);
    if (asked.deadline != base::never) {
        timers_.set(asked.deadline, asked.which.id,
                    [this](const auto& each) { return !open_.contains(each.subject); });
    }
    if (has_room()) {
        ++sent_;
        return std::move(asked);
    }
    waiting_.push_back(std::move(asked));
    return std::nullopt;
}

bool callbacks::answered() {
    if (sent_ == 0) return false;
    --sent_;
    return true;
}

std::optional<job_callback> callbacks::next() {
    while (sent_ < room_ && !waiting_.empty()) {
        job_callback first = std::move(waiting_.front());
        waiting_.pop_front();
        if (!open_.contains(first.which.id)) continue;  // its deadline has passed
        ++sent_;
        return first;
    }
    return std::nullopt;
}

std::optional<std::uint64_t> callbacks::pop_overdue(base::instant now) {
    while (const auto due = timers_.pop_due(now)) {
        if (close(due->subject)) return due->subject;
    }
    return std::nullopt;
}

}  // namespace maus::core
