// Who drives a reactor: one thread at a time has the leadership.
//
// The leadership is taken and left often (for each call that a thread waits for, for each short
// function), so both are a single atomic exchange. A standby looks from time to time whether it is
// vacant: if nobody has taken it since the last look, nobody is about to, and the standby takes it.
// (The pattern is Leader/Followers: Schmidt et al., Pattern-Oriented Software Architecture 2.)
#pragma once

#include <atomic>
#include <cstdint>

namespace maus::shell {

class leadership {
public:
    /// False: another thread has it.
    [[nodiscard]] bool try_take() noexcept {
        if (taken_.load(std::memory_order_relaxed) || taken_.exchange(true)) return false;
        turns_.store(turns_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
        return true;
    }
    /// By the thread that has it.
    void leave() noexcept { taken_.exchange(false); }
    /// The same where others only look from time to time. They may see it a moment later, and what
    /// the leaver looks at next may be older.
    void leave_unwatched() noexcept { taken_.store(false, std::memory_order_release); }

    [[nodiscard]] bool vacant() const noexcept { return !taken_.load(); }
    /// How often it was taken.
    [[nodiscard]] std::uint64_t turns() const noexcept {
        return turns_.load(std::memory_order_relaxed);
    }

private:
    std::atomic<bool> taken_{false};
    std::atomic<std::uint64_t> turns_{0};
};

/// What a thread that stands by saw when it looked.
class standby {
public:
    explicit standby(const leadership& at) : at_(at), turns_(at.turns()) {}
    /// The leadership is vacant, and nobody took it since the last look.
    [[nodiscard]] bool deserted() noexcept {
        const std::uint64_t before = turns_;
        turns_ = at_.turns();
        quiet_ = turns_ == before ? quiet_ + 1 : 0;
        busy_ = turns_ - before > 1;
        return at_.vacant() && quiet_ > 0;
    }
    /// As if it had not looked yet.
    void start_again() noexcept {
        turns_ = at_.turns();
        quiet_ = 0;
        busy_ = false;
    }
    /// How many looks in a row nobody took it.
    [[nodiscard]] int quiet() const noexcept { return quiet_; }
    /// Between the last two looks it was taken more than once.
    [[nodiscard]] bool busy() const noexcept { return busy_; }

private:
    const leadership& at_;
    std::uint64_t turns_;
    int quiet_ = 0;
    bool busy_ = false;
};

}  // namespace maus::shell
