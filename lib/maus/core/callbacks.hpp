// The callbacks of one link, as its worker sees them (PROTOCOL.md, section 6.3).
//
// a callback | event                                          | next
// -----------|------------------------------------------------|-------------------------------------
// (none)     | its function asks; room at the manager         | sent
// (none)     | the same; none                                 | waits
// (none)     | the same; none, and its function runs nested   | done: overloaded
// waits      | another was answered: there is room            | sent
// waits      | its deadline                                   | done: deadline_exceeded
// sent       | its deadline                                   | done; the answer is still due
// sent       | callback_result, callback_failed               | done, unless it was
// any        | the link ends                                  | (none), and nobody is told
//
// Room is what the manager allows of those that it has not answered. Who runs nested does not wait for it:
// those that have it may be waiting for this very function.
//
// Pure: no socket, clock or thread.
#pragma once

#include <deque>
#include <optional>
#include <unordered_set>
#include <vector>

#include "maus/base/buffer.hpp"
#include "maus/base/time.hpp"
#include "maus/core/timer_heap.hpp"
#include "maus/wire/link.hpp"

namespace maus::core {

/// A job that runs asks its caller to call one of the callables among its arguments.
struct job_callback {
    std::uint64_t link = 0;
    wire::attempt attempt;
    wire::callback which;
    base::buffer payload;
    base::instant deadline = base::never;  ///< nobody waits for the answer after that
    bool nested = false;                   ///< the job is
};

class callbacks {
public:
    explicit callbacks(std::uint64_t room) : room_(room) {}

    [[nodiscard]] bool has_room() const { return sent_ < room_ && waiting_.empty(); }

    /// What is to be sent now; nothing if it has to wait.
    [[nodiscard]] std::optional<job_callback> add(job_callback&& asked);
    /// An answer came. False: none is due.
    [[nodiscard]] bool answered();
    /// True: its deadline has not passed. Whoever asked knows whether he still waits.
    [[nodiscard]] bool close(std::uint64_t id);
    /// What may be sent now of those that waited; to be called until there is none.
    [[nodiscard]] std::optional<job_callback> next();
    /// One whose deadline has passed; to be called until there is none.
    [[nodiscard]] std::optional<std::uint64_t> pop_overdue(base::instant now);
    [[nodiscard]] base::instant next_deadline() const { return timers_.next(); }

private:
    std::uint64_t room_;
    std::uint64_t sent_ = 0;  // and not answered
    std::deque<job_callback> waiting_;
    // Most have no deadline, and cost nothing here.
    std::unordered_set<std::uint64_t> timed_;  // somebody waits for them, until then
    std::unordered_set<std::uint64_t>
        overdue_;  // nobody waits any more; it waits, or its answer is due
    timer_heap<std::uint64_t> timers_;
};

}  // namespace maus::core
