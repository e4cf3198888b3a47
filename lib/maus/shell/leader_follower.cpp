#include "maus/shell/leader_follower.hpp"

#include "maus/net/clock.hpp"

namespace maus::shell {

namespace {
constexpr std::chrono::milliseconds tick{1};
constexpr std::chrono::milliseconds long_tick{4};  // while waiters come and go
constexpr int ticks_until_sleep = 100;
constexpr std::chrono::milliseconds stay{20};  // after waiters were in each other's way
}  // namespace

bool leader_follower::over(base::instant until) { return net::clock_now() >= until; }

void leader_follower::run() {
    if (!leadership_.try_take()) stand_by();
    for (;;) {
        woke_a_waiter_ = false;
        bool leaves = false;
        while (!machine_.finished() && !leaves) {
            const bool more = reactor_.cycle();
            // Who was woken is about to make its next call.
            leaves = std::exchange(woke_a_waiter_, false) && net::clock_now() >= io_thread_until_;
            if (!more && !leaves && !machine_.finished()) reactor_.sleep();
        }
        if (machine_.finished()) break;
        leadership_.leave();
        // Put by a thread that saw the leadership taken.
        if (machine_.has_queued() && leadership_.try_take()) {
            (void)reactor_.cycle();
            leadership_.leave();
        }
        stand_by();
    }
    // The leadership stays taken: nobody may lead any more.
    reactor_.sockets().shut();
}

// Until it leads.
void leader_follower::stand_by() {
    std::unique_lock lock(guard_);
    standby watch(leadership_);
    bool wanted = false;
    for (;;) {
        if (wanted || watch.quiet() < ticks_until_sleep) {
            changed_.wait_for(lock, !wanted && watch.busy() ? long_tick : tick,
                              [this] { return called_; });
        } else {
            // A waiter leads and sleeps. When it leaves, it looks at asleep_, or we see that it left.
            asleep_ = true;
            if (!leadership_.vacant()) changed_.wait(lock, [this] { return called_; });
            asleep_ = false;
            watch.start_again();
        }
        if (std::exchange(called_, false)) wanted = true;
        if ((wanted || watch.deserted()) && leadership_.try_take()) break;
    }
    if (wanted) io_thread_until_ = base::after(net::clock_now(), stay);
}

void leader_follower::call_io_thread() {
    if (reactor_.wake()) return;
    {
        const std::lock_guard lock(guard_);
        called_ = true;
    }
    changed_.notify_one();
}

void leader_follower::queued_came(bool at_once) {
    if (reactor_.wake() || !leadership_.vacant()) return;
    if (at_once && leadership_.try_take()) {
        reactor_.flush();
        end_leading();
    } else if (asleep_) {
        call_io_thread();
    }
}

bool leader_follower::begin_leading() {
    if (!leadership_.try_take()) {
        if (waiter_leads_) crowded_ = true;
        return false;
    }
    waiter_leads_ = true;
    return true;
}

void leader_follower::end_leading() {
    waiter_leads_ = false;
    const bool finished = machine_.finished();
    leadership_.leave();
    // Commands of threads that saw the leadership taken.
    if (crowded_.exchange(false) || asleep_ || finished || machine_.has_queued()) call_io_thread();
}

}  // namespace maus::shell
