#include "maus/core/callbacks.hpp"

#include <utility>

namespace maus::core {

std::optional<job_callback> callbacks::add(job_callback&& asked) {
    if (asked.deadline != base::never) {
        timed_.insert(asked.which.id);
        timers_.set(asked.deadline, asked.which.id,
                    [this](const auto& each) { return !timed_.contains(each.subject); });
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

bool callbacks::close(std::uint64_t id) {
    if (overdue_.erase(id) != 0) return false;
    timed_.erase(id);
    return true;
}

std::optional<job_callback> callbacks::next() {
    while (sent_ < room_ && !waiting_.empty()) {
        job_callback first = std::move(waiting_.front());
        waiting_.pop_front();
        if (overdue_.erase(first.which.id) != 0) continue;
        ++sent_;
        return first;
    }
    return std::nullopt;
}

std::optional<std::uint64_t> callbacks::pop_overdue(base::instant now) {
    while (const auto due = timers_.pop_due(now)) {
        if (timed_.erase(due->subject) == 0) continue;
        overdue_.insert(due->subject);
        return due->subject;
    }
    return std::nullopt;
}

}  // namespace maus::core
