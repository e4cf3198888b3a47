#include "maus/net/shared_drive.hpp"

#include "maus/net/clock.hpp"

namespace maus::net {

namespace {
constexpr std::chrono::milliseconds tick{1};
constexpr std::chrono::milliseconds long_tick{4};  // while guests come and go
constexpr int ticks_until_doze = 100;
constexpr std::chrono::milliseconds stay{20};  // after guests were in each other's way
}  // namespace

bool shared_drive::over(base::instant until) { return clock_now() >= until; }

void shared_drive::run() {
    if (!lead_.try_take()) stand_in();
    for (;;) {
        woke_a_waiter_ = false;
        bool leaves = false;
        while (!machine_.finished() && !leaves) {
            const bool more = reactor_.cycle();
            // Who was woken is about to make its next call.
            leaves = std::exchange(woke_a_waiter_, false) && clock_now() >= resident_until_;
            if (!more && !leaves && !machine_.finished()) reactor_.sleep();
        }
        if (machine_.finished()) break;
        lead_.leave();
        // Put by somebody who saw the lead taken.
        if (machine_.has_mail() && lead_.try_take()) {
            (void)reactor_.cycle();
            lead_.leave();
        }
        stand_in();
    }
    // The lead stays taken: nobody may drive any more.
    reactor_.sockets().shut();
}

// Until it has the lead.
void shared_drive::stand_in() {
    std::unique_lock lock(guard_);
    lookout watch(lead_);
    bool wanted = false;
    for (;;) {
        if (wanted || watch.quiet() < ticks_until_doze) {
            changed_.wait_for(lock, !wanted && watch.busy() ? long_tick : tick,
                              [this] { return called_; });
        } else {
            // A guest drives and sleeps. When it leaves it will look at dozing_, or we at the lead.
            dozing_ = true;
            if (!lead_.vacant()) changed_.wait(lock, [this] { return called_; });
            dozing_ = false;
            watch.start_again();
        }
        if (std::exchange(called_, false)) wanted = true;
        if ((wanted || watch.deserted()) && lead_.try_take()) break;
    }
    if (wanted) resident_until_ = base::after(clock_now(), stay);
}

void shared_drive::call_resident() {
    if (reactor_.wake()) return;
    {
        const std::lock_guard lock(guard_);
        called_ = true;
    }
    changed_.notify_one();
}

void shared_drive::mail_came(bool at_once) {
    if (reactor_.wake() || !lead_.vacant()) return;
    if (at_once && lead_.try_take()) {
        reactor_.flush();
        end_visit();
    } else if (dozing_) {
        call_resident();
    }
}

bool shared_drive::begin_visit() {
    if (!lead_.try_take()) {
        if (guest_drives_) crowded_ = true;
        return false;
    }
    guest_drives_ = true;
    return true;
}

void shared_drive::end_visit() {
    guest_drives_ = false;
    const bool finished = machine_.finished();
    lead_.leave();
    // Mail of others that was put while they saw the lead taken.
    if (crowded_.exchange(false) || dozing_ || finished || machine_.has_mail()) call_resident();
}

}  // namespace maus::net
