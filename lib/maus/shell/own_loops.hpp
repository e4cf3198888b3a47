// Managers, workers and parkservers that a thread of the program drives in a loop of its own: by fd()
// and process_events().
//
// A thread that waits (for a future, for room, for workers) keeps its loop from going on. Where a manager
// is driven by that loop, it would often wait for itself. So it drives all of its loops while it waits:
// what waits asks must_drive(), and calls drive() in place of a wait.
//
// An object belongs to the thread that made it, or that called its process_events() last. One thread drives
// it at a time: who comes in vain is not needed.
#pragma once

#include <atomic>
#include <memory>

#include "maus/base/time.hpp"

namespace maus::shell {

/// What a program's loop drives.
class own_loop {
public:
    virtual ~own_loop() = default;
    [[nodiscard]] virtual int loop_fd() = 0;
    /// False: it has finished.
    virtual bool process_loop() = 0;
};

class loop_member {
public:
    /// `is_manager`: who waits on its thread must drive.
    loop_member(own_loop& of, bool is_manager);
    ~loop_member();
    loop_member(const loop_member&) = delete;
    loop_member& operator=(const loop_member&) = delete;

    /// Whether it is driven at this moment.
    [[nodiscard]] bool is_inside() const noexcept { return inside_.load(); }

    /// It has finished.
    void leave() noexcept;

    /// While it lives, this thread drives the object.
    class turn {
    public:
        explicit turn(loop_member& of) : of_(of), is_mine_(!of.inside_.exchange(true)) {
            if (is_mine_) of.move_here();
        }
        ~turn() {
            if (is_mine_) of_.inside_.store(false);
        }
        turn(const turn&) = delete;
        turn& operator=(const turn&) = delete;
        /// False: it is driven already, here or by another thread.
        [[nodiscard]] bool is_mine() const noexcept { return is_mine_; }

    private:
        loop_member& of_;
        bool is_mine_;
    };

private:
    friend struct thread_loops;
    struct entry;
    void move_here();

    std::shared_ptr<entry> entry_;
    std::atomic<bool> inside_{false};
};

/// This thread drives a manager, so it is not to wait in any other way.
[[nodiscard]] bool must_drive() noexcept;
/// Sleeps for `time` at most, or until something comes, and does what there is to do. May return early.
void drive(base::duration time);
/// Until `done()` or `until`. False: there is no manager to drive any more.
template <class Done>
bool drive_while_waiting(Done done, base::duration time, base::instant (*now)()) {
    const base::instant end = base::after(now(), time);
    while (!done() && must_drive()) {
        const base::instant seen = now();
        if (seen >= end) return true;
        drive(end - seen);
    }
    return must_drive();
}

}  // namespace maus::shell
