// The calls that a worker runs on the thread that received them, since their functions are short so
// far (function_threads.hpp). To hand them to another thread would take longer than to run them.
//
// Only by the leader.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <iterator>
#include <utility>
#include <vector>

#include "maus/base/time.hpp"
#include "maus/core/worker.hpp"
#include "maus/shell/cancelled_attempts.hpp"

namespace maus::shell {

/// Whether a function is short enough to be run where its call was received.
class inline_policy {
public:
    [[nodiscard]] bool is_short() const { return streak_ >= streak_min; }
    /// It may wait for its caller.
    void never() { streak_ = waits; }
    void took(base::duration time) {
        if (streak_ == waits) return;
        if (time > longest) {
            streak_ = 0;
        } else if (streak_ < streak_min) {
            ++streak_;
        }
    }

private:
    static constexpr base::duration longest = std::chrono::microseconds{20};
    static constexpr int streak_min = 4;
    static constexpr int waits = -1;
    int streak_ = 0;
};

class short_jobs {
public:
    [[nodiscard]] bool empty() const { return next_ == jobs_.size(); }
    /// The next one. It is moved out: who leads meanwhile takes the others away.
    [[nodiscard]] core::job take() { return std::move(jobs_[next_++]); }

    /// Takes the short ones at the front of `came`, unless longer ones that came before are still
    /// to be run. True: some are left in `came`.
    bool keep_front(std::vector<core::job>& came, const std::vector<inline_policy>& policies,
                    bool behind_others) {
        const auto first_long =
            behind_others ? came.begin()
                          : std::find_if(came.begin(), came.end(), [&](const core::job& each) {
                                return !policies[each.function].is_short();
                            });
        const bool some_left = first_long != came.end();
        if (empty()) drop_done();
        if (jobs_.empty() && !some_left) {
            std::swap(jobs_, came);
        } else {
            std::move(came.begin(), first_long, std::back_inserter(jobs_));
            came.erase(came.begin(), first_long);
        }
        return some_left;
    }
    void cancel(const std::vector<wire::attempt>& cancels) {
        if (!empty())
            cancelled_.add(cancels, jobs_, [](const core::job& each) { return each.attempt; });
    }
    /// Whether one that was taken, or was among the rest, need not be run any more. True once.
    [[nodiscard]] bool is_cancelled(const core::job& job) { return cancelled_.take(job.attempt); }
    /// They were another link's.
    void forget_cancels() { cancelled_.clear(); }
    /// Those that were not taken, for another thread.
    [[nodiscard]] std::vector<core::job>& rest() {
        jobs_.erase(jobs_.begin(), jobs_.begin() + static_cast<std::ptrdiff_t>(next_));
        next_ = 0;
        return jobs_;
    }

private:
    void drop_done() {
        cancelled_.clear();
        jobs_.clear();
        next_ = 0;
    }

    std::vector<core::job> jobs_;
    std::size_t next_ = 0;  // those before it have been taken
    cancelled_attempts cancelled_;
};

}  // namespace maus::shell
