// The threads that run the callables which a manager's program passes with its calls (function.hpp), and
// those on which a worker's coroutines go on after they have asked their callers.
//
// Of callables as many run at a time as the machine has processors, of coroutines one. One that waits for a
// call of its own does not count, for what it waits for may call back in turn: another thread is made then.
// So there may be many that wait, one inside of the other; `threads_max` bounds them. The last one may not
// wait, for nobody would run what the others wait for.
//
// Those of calls that no callable made, the outer ones, may be many for another reason: many calls. They
// take their turns, so that there are always threads for the nested ones, for which they wait.
//
// a callable | event                                        | next
// -----------|----------------------------------------------|---------------------------------------
// (none)     | the system gives no thread at all            | refused
// (none)     | posted otherwise                             | queued
// queued     | fewer run than may at a time; it is nested,  | runs
//            | or fewer than outer_max outer ones run or    |
//            | wait                                         |
// runs       | it waits for a call of its own               | waits
// runs       | the same; all others wait, and there are     | runs, and is told: overloaded
//            | threads_max, or the system gives no other    |
// waits      | that call is settled                         | runs
//
// Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "maus/base/task.hpp"

namespace maus::shell {

class callable_threads {
public:
    static constexpr std::size_t threads_max = 256;
    static constexpr std::size_t outer_max = threads_max / 2;
    enum class kind : std::uint8_t { outer, nested };

    /// Its threads, made when they are needed, have the signal mask of the caller.
    callable_threads();
    /// So many at a time.
    explicit callable_threads(std::size_t at_a_time);
    /// stop(), except that one of its own threads may do this.
    ~callable_threads();
    callable_threads(const callable_threads&) = delete;
    callable_threads& operator=(const callable_threads&) = delete;

    /// False: all threads that there are wait, and nobody would run more. By who posts.
    [[nodiscard]] bool takes_more();
    /// Tasks do not throw; they may end the thread. Dropped if it has stopped. Those that come together
    /// are posted together: that wakes fewer threads.
    void post(std::vector<std::unique_ptr<base::task>>& tasks, kind of);
    /// One that must not be dropped. False: it is still the caller's; finish() was called, or the system
    /// gives no thread.
    [[nodiscard]] bool post_one(std::unique_ptr<base::task>& task, kind of);
    /// Returns when all has run, unless one of the threads asks.
    void finish();
    [[nodiscard]] bool is_own_thread() const;
    /// What is queued is dropped. With `waits` for what runs, unless one of the threads asks.
    void stop(bool waits = true);

private:
    struct shared;
    static thread_local shared* works_for;
    std::shared_ptr<shared> shared_;
};

}  // namespace maus::shell
