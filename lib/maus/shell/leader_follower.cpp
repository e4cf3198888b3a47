#include "maus/shell/leader_follower.hpp"

#include "maus/net/clock.hpp"

namespace maus::shell {

namespace {
constexpr int long_ticks = 4;  // ticks, while waiters come and go
constexpr int ticks_until_sleep = 100;
constexpr std::chrono::milliseconds stay{20};  // after waiters were in each other's way
}  // namespace

bool leader_follower::over(base::instant until) { return net::clock_now() >= until; }

void leader_follower::run() {
    if (!take_leadership()) stand_by();
    for (;;) {
        woke_a_waiter_ = false;
        bool leaves = false;
        while (!machine_.finished() && !leaves) {
            refused_before_ = refused_.load();
            const bool more = reactor_.cycle();
            // Who was woken is about to make its next call.
            leaves = std::exchange(woke_a_waiter_, false) && net::clock_now() >= io_thread_until_;
            if (!more && !leaves && !machine_.finished()) reactor_.sleep();
        }
        if (machine_.finished()) break;
        const std::uint32_t before = refused_before_;
        leadership_.leave();
        // It has made it already, and nobody else would look for the answer.
        if (somebody_came_since(before) && take_leadership()) continue;
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
            changed_.wait_for(lock, !wanted && watch.busy() ? long_ticks * tick_ : tick_,
                              [this] { return called_; });
        } else {
            // A waiter leads and sleeps. When it leaves, it looks at asleep_, or we see that it left.
            asleep_ = true;
            if (!leadership_.vacant()) changed_.wait(lock, [this] { return called_; });
            asleep_ = false;
            watch.start_again();
        }
        if (std::exchange(called_, false)) wanted = true;
        if ((wanted || watch.deserted()) && take_leadership()) break;
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
    if (at_once && take_leadership()) {
        reactor_.flush();
        end_leading();
    } else if (asleep_) {
        call_io_thread();
    }
}

bool leader_follower::begin_leading() {
    if (take_leadership()) return true;
    ++refused_;
    return leadership_.vacant() && take_leadership();
}

bool leader_follower::take_leadership() {
    const std::uint32_t before = refused_.load();
    if (!leadership_.try_take()) return false;
    refused_before_ = before;
    return true;
}

void leader_follower::end_leading() {
    const bool finished = machine_.finished();
    const std::uint32_t before = refused_before_;
    leadership_.leave();
    if (somebody_came_since(before) || asleep_ || finished) call_io_thread();
}

}  // namespace maus::shell
