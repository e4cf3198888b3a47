// Where functions wait until a test lets them go on.
#pragma once

#include <condition_variable>
#include <mutex>

#include "support/wait.hpp"

namespace maus_test {

/// Holds functions up until it is opened.
class gate {
public:
    /// How long it holds anybody.
    explicit gate(std::chrono::milliseconds bound = patience) : bound_(bound) {}
    void open() {
        const std::lock_guard lock(guard_);
        open_ = true;
        changed_.notify_all();
    }
    void pass() {
        std::unique_lock lock(guard_);
        ++arrived_;
        changed_.notify_all();
        changed_.wait_for(lock, bound_, [this] { return open_; });
    }
    [[nodiscard]] bool wait_for_arrivals(int count) {
        std::unique_lock lock(guard_);
        return changed_.wait_for(lock, bound_, [&] { return arrived_ >= count; });
    }
    [[nodiscard]] int arrived() const {
        const std::lock_guard lock(guard_);
        return arrived_;
    }

private:
    const std::chrono::milliseconds bound_;
    mutable std::mutex guard_;
    std::condition_variable changed_;
    bool open_ = false;
    int arrived_ = 0;
};

}  // namespace maus_test
