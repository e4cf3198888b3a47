// Where a worker's functions run: threads of its own, or the host's loop.
//
// Jobs are started in the order in which they came. Whether one may still be started is asked right
// before: its link must be the present one, and the worker's lease must not have run out ([P-35]),
// even if the process was stopped a moment ago and the reactor has not noticed yet.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "maus/core/worker.hpp"

namespace maus::net {

class executor {
public:
    /// Runs one job; `may_start` is false if it is only to be returned. Called on any of its
    /// threads.
    using run_function = std::function<void(core::job, bool may_start)>;

    explicit executor(run_function run) : run_(std::move(run)) {}
    ~executor() { stop(); }
    executor(const executor&) = delete;
    executor& operator=(const executor&) = delete;

    void start(std::size_t threads);
    /// Returns when no function runs any more. Jobs that were not started are let go of.
    void stop();
    /// Whether the calling thread is one of its own.
    [[nodiscard]] bool is_own_thread() const;

    void add(std::vector<core::job>& jobs);
    void revoke(const wire::attempt& what);
    void permit(std::uint64_t link, base::instant until);
    /// Runs one job on this thread; false if there is none.
    bool run_one();
    [[nodiscard]] bool idle() const;

private:
    struct entry {
        core::job what;
        bool revoked = false;
    };
    [[nodiscard]] bool may_start(const entry& next) const;
    void work();
    bool take(entry& next, bool wait);

    run_function run_;
    mutable std::mutex guard_;
    std::condition_variable changed_;
    std::deque<entry> queue_;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
    std::atomic<std::uint64_t> link_{0};
    std::atomic<base::instant> until_{base::instant{}};
};

}  // namespace maus::net
