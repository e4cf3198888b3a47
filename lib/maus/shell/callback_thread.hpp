// A thread for callbacks, so that what users do in them keeps no socket waiting.
//
// Or none: in a loop of the program's own, run_some() runs them on the thread of that loop.
//
// The thread is made with the object that it belongs to: when the first callback comes, the system may have
// none to give any more. A callback that ends its thread (pthread_exit) gets another one made.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "maus/base/task.hpp"
#include "maus/base/time.hpp"

namespace maus::shell {

/// Runs tasks one at a time, in the order in which they were posted. Tasks do not throw; they may end
/// the thread. Thread-safe.
class callback_thread {
public:
    /// What a task belongs to, as its runner knows it.
    struct subject {
        std::uint32_t method = 0;
        std::uint32_t bytes = 0;  ///< that wait with it
    };
    /// Who runs his tasks himself, on this thread.
    struct runner {
        virtual ~runner() = default;
        /// `about` as it was posted.
        virtual void run_callback(std::unique_ptr<base::task> task, subject about) = 0;
    };

    /// The thread has the signal mask of the caller. Throws maus::error (resource_exhausted).
    callback_thread() : callback_thread(nullptr) {}
    /// With `wake`: there is no thread. It is called when there is something to run, by any thread.
    explicit callback_thread(std::function<void()> wake);
    /// stop(), except that one of the tasks may do this to its own thread.
    ~callback_thread();
    callback_thread(const callback_thread&) = delete;
    callback_thread& operator=(const callback_thread&) = delete;

    /// Nothing that is posted after stop() is run.
    void post_unless_stopped(std::unique_ptr<base::task> next);
    /// After stop() the task is run here and now.
    void post(std::unique_ptr<base::task> next) { post(std::move(next), nullptr, {}); }
    void post(std::unique_ptr<base::task> next, std::shared_ptr<runner> by, subject about);
    /// Without a thread: runs what was posted until `until`. True: there is more.
    bool run_some(base::instant until);
    /// Returns when all that was posted has run (without a thread: here). If a task calls it, it returns
    /// at once, and another thread can wait with stop() then.
    void stop();
    /// Whether a task is what asks.
    [[nodiscard]] bool is_own_thread() const;

private:
    struct shared;
    std::shared_ptr<shared> shared_;
};

}  // namespace maus::shell
