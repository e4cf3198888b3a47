// A thread for callbacks, so that what users do in them keeps no socket waiting.
#pragma once

#include <memory>

#include "maus/base/task.hpp"

namespace maus::shell {

/// Runs tasks one at a time, in the order in which they were posted. The thread is started by the
/// first. Thread-safe.
class callback_thread {
public:
    callback_thread();
    /// stop(), except that one of the tasks may do this to its own thread.
    ~callback_thread();
    callback_thread(const callback_thread&) = delete;
    callback_thread& operator=(const callback_thread&) = delete;

    /// After stop() the task is run here and now.
    void post(std::unique_ptr<base::task> next);
    /// Returns when all that was posted has run; at once if it is called by a task, and another
    /// thread can wait with stop() then.
    void stop();

private:
    /// False: this is its own thread.
    bool end();

    struct shared;
    std::shared_ptr<shared> shared_;
};

}  // namespace maus::shell
