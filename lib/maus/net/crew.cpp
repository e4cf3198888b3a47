#include "maus/net/executor.hpp"

#include "maus/net/clock.hpp"
#include "maus/net/process.hpp"

namespace maus::net {

namespace {
thread_local const executor* works_for = nullptr;
}

void executor::start(std::size_t threads) {
    while (threads_.size() < threads) threads_.push_back(spawn([this] { work(); }));
}

void executor::stop() {
    {
        const std::lock_guard lock(guard_);
        stopping_ = true;
        queue_.clear();
    }
    changed_.notify_all();
    for (auto& each : threads_) each.join();
    threads_.clear();
}

bool executor::is_own_thread() const { return works_for == this; }

void executor::add(std::vector<core::job>& jobs) {
    if (jobs.empty()) return;
    {
        const std::lock_guard lock(guard_);
        for (auto& each : jobs) queue_.push_back({std::move(each), false});
    }
    if (jobs.size() == 1) {
        changed_.notify_one();
    } else {
        changed_.notify_all();
    }
    jobs.clear();
}

void executor::revoke(const wire::attempt& what) {
    const std::lock_guard lock(guard_);
    for (auto& each : queue_) each.revoked = each.revoked || each.what.what == what;
}

void executor::permit(std::uint64_t link, base::instant until) {
    until_.store(until);
    link_.store(link);
}

bool executor::may_start(const entry& next) const {
    return !next.revoked && next.what.link == link_.load() && clock_now() < until_.load();
}

bool executor::take(entry& next, bool wait) {
    std::unique_lock lock(guard_);
    if (wait) changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return false;
    next = std::move(queue_.front());
    queue_.pop_front();
    return true;
}

void executor::work() {
    works_for = this;
    entry next;
    while (take(next, true)) {
        const bool may = may_start(next);
        run_(std::move(next.what), may);
    }
}

bool executor::run_one() {
    entry next;
    if (!take(next, false)) return false;
    const bool may = may_start(next);
    run_(std::move(next.what), may);
    return true;
}

bool executor::idle() const {
    const std::lock_guard lock(guard_);
    return queue_.empty();
}

}  // namespace maus::net
