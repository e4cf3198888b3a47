// Drives one state machine: drains the sockets, feeds the machine, applies what it wants done,
// sleeps until the next deadline. The same for managers, workers and parkservers, in a thread of
// its own or inside a host's loop.
//
// Sockets are always drained before time is advanced, so that a process that was paused reads what
// its peers said meanwhile before it holds them lost.
//
// Thread-safety: wake() from any thread; everything else by one thread at a time (leadership.hpp).
#pragma once

#include <atomic>
#include <vector>

#include "maus/net/clock.hpp"
#include "maus/net/hub.hpp"

namespace maus::net {

/// What a reactor drives: a state machine, and the queue of what other threads ask of it.
class driven {
public:
    virtual ~driven() = default;
    virtual void on(input event, base::instant now) = 0;
    /// Feeds the machine what other threads have queued, and carries out all that it leads to but the
    /// outbox.
    virtual void take_queued(base::instant now) = 0;
    /// The same, and advances the machine to `time`. That is now; or earlier, while what came before then is
    /// still unread. What is queued begins now in any case.
    virtual void step(base::instant now, base::instant time) = 0;
    [[nodiscard]] virtual core::outbox& outbox() = 0;
    [[nodiscard]] virtual bool has_queued() const = 0;
    /// When a step is due that no input and nothing queued asks for; in the past: now.
    [[nodiscard]] virtual base::instant next_deadline() const = 0;
    [[nodiscard]] virtual bool finished() const = 0;
};

class reactor {
public:
    reactor(const base::settings& settings, hub::log_function log, driven& machine)
        : hub_(settings, std::move(log)), driven_(machine), time_(clock_now()) {}

    [[nodiscard]] hub& sockets() { return hub_; }

    /// Until it is finished. Its addresses are free for others then.
    void run();
    /// One round: reads, thinks, sends. True if there may be more to do at once.
    bool cycle();
    /// Sends what the machine wants sent, without looking for more.
    void send() { hub_.apply(driven_.outbox()); }
    /// Hands what is queued to the machine and sends what that leads to, without looking for more:
    /// somebody has to do that soon.
    void flush();
    /// Sleeps until something comes, is queued, or the machine has something to do; at most
    /// until `deadline`. To be called when cycle() has found nothing more.
    void sleep(base::instant deadline = base::never);

    /// One round for a host's loop; false once it is finished. Leaves fd() readable if there is
    /// more.
    bool process_events();
    [[nodiscard]] int fd() { return hub_.fd(); }
    /// Something was queued: from any thread, after it was. False: nobody is asleep, and who drives
    /// will look at the queue before it sleeps.
    bool wake() noexcept {
        // To look first is cheaper, and nobody is asleep while many calls are made.
        if (!asleep_.load() || !asleep_.exchange(false)) return false;
        hub_.wake();
        return true;
    }

private:
    hub hub_;
    driven& driven_;
    std::vector<input> inputs_;
    base::instant time_;
    int time_waits_ = 0;
    base::instant all_read_at_{};
    std::atomic<bool> asleep_{false};
};

}  // namespace maus::net
