// Drives one state machine: drains the sockets, feeds the machine, applies what it wants done,
// sleeps until the next deadline. The same for managers, workers and parkservers, in a thread of
// its own or inside a host's loop.
//
// Sockets are always drained before time is advanced, so that a process that was paused reads what
// its peers said meanwhile before it holds them lost.
#pragma once

#include <atomic>
#include <vector>

#include "maus/net/hub.hpp"

namespace maus::net {

/// What a reactor drives: a state machine, and the mailbox from other threads.
class driven {
public:
    virtual ~driven() = default;
    virtual void on(input what, base::instant now) = 0;
    /// Feeds what other threads put into the mailbox, advances the machine to now and carries out
    /// all of its effects but the outbox.
    virtual void step(base::instant now) = 0;
    [[nodiscard]] virtual core::outbox& outbox() = 0;
    [[nodiscard]] virtual bool has_mail() const = 0;
    [[nodiscard]] virtual base::instant next_deadline() const = 0;
    [[nodiscard]] virtual bool finished() const = 0;
};

class reactor {
public:
    reactor(const limits& bounds, hub::log_function log, driven& what)
        : hub_(bounds, std::move(log)), driven_(what) {}

    [[nodiscard]] hub& sockets() { return hub_; }

    /// Until it is finished. Its addresses are free for others then.
    void run();
    /// One round for a host's loop; false once it is finished. Leaves fd() readable if there is
    /// more.
    bool process_events();
    [[nodiscard]] int fd() { return hub_.fd(); }
    /// There is mail: from any thread, after it was put.
    void wake() noexcept {
        if (asleep_.exchange(false)) hub_.wake();
    }

private:
    bool cycle();

    hub hub_;
    driven& driven_;
    std::vector<input> inputs_;
    base::instant time_{};
    int time_waits_ = 0;
    std::atomic<bool> asleep_{true};
};

}  // namespace maus::net
