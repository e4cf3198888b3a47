// A thread for callbacks, so that what users do in them keeps no socket waiting.
#pragma once

#include <memory>

#include "maus/base/task.hpp"

namespace maus::net {

/// Runs tasks one at a time, in the order in which they were posted. The thread is started by the
/// first. Thread-safe.
class task_thread {
public:
    task_thread();
    /// stop(), except that one of the tasks may do this to its own thread.
    ~task_thread();
    task_thread(const task_thread&) = delete;
    task_thread& operator=(const task_thread&) = delete;

    /// After stop() the task is run here and now.
    void post(std::unique_ptr<base::task> what);
    /// Returns when all that was posted has run; at once if it is called by a task, and another
    /// thread can wait with stop() then.
    void stop();

private:
    /// False: this is its own thread.
    bool end();

    struct shared;
    std::shared_ptr<shared> shared_;
};

}  // namespace maus::net
