// Drives a reactor with a thread of its own (the I/O thread), or with whichever thread waits for what
// the reactor brings (a waiter).
//
// A thread that waits in future::get() for the I/O thread, which waits for the network, pays for two
// thread switches a call. So a waiter drives the reactor itself if nobody else does:
//
// leader         | event                                    | then
// ---------------|------------------------------------------|---------------------------------------
// the I/O thread | it has woken a waiter                    | leaves, and stands by
//                | and a waiter came in vain meanwhile, or  | takes the leadership again
//                | put a command                            |
// nobody         | a thread waits                           | that waiter leads
// a waiter       | its result is there, or its time is up   | leaves
// a waiter       | another waiter came in vain meanwhile    | leaves to the I/O thread, for a while
// nobody         | a whole tick long                        | the I/O thread leads
// nobody         | a command that cannot wait               | its sender does one round
//
// So the I/O thread serves programs with many waiting threads, and programs that do not wait at all.
// What a thread calls just before it waits travels with what it sends next. If it does not wait after
// all, the I/O thread takes the leadership within two ticks. A tick is 1 ms. It is 4 ms after one in
// which waiters came and went: on a busy processor each look costs two more switches.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "maus/net/reactor.hpp"
#include "maus/shell/leadership.hpp"

namespace maus::shell {

class leader_follower {
public:
    /// `tick`: how often the I/O thread looks while it stands by. No answer may depend on it, which a
    /// test sees with a long one.
    leader_follower(net::reactor& reactor, const net::driven& machine,
                    base::duration tick = std::chrono::milliseconds{1})
        : reactor_(reactor), machine_(machine), tick_(tick) {}

    /// By the I/O thread: until the machine is finished.
    void run();
    /// By the leader: a thread that waited without leading has been woken.
    void woke_a_waiter() noexcept { woke_a_waiter_ = true; }
    /// A command was put. `at_once`: it should not wait for what its sender does next.
    void queued_came(bool at_once);
    /// The same for a command that only the I/O thread is to carry out.
    void call_io_thread();
    /// Leads until `done()` or `until`. Returns early if another thread leads: wait without leading
    /// then.
    template <class Done>
    void lead_while_waiting(Done done, base::instant until) {
        if (!begin_leading()) return;
        // What this thread waits for leaves before anything else is looked at.
        if (machine_.has_queued()) reactor_.flush();
        while (!done() && !machine_.finished()) {
            if (reactor_.cycle() || done()) continue;
            if (until != base::never && over(until)) break;
            reactor_.sleep(until);
        }
        end_leading();
    }

    /// Whether some thread leads at this moment.
    [[nodiscard]] bool is_led() const noexcept { return !leadership_.vacant(); }

private:
    [[nodiscard]] bool begin_leading();
    [[nodiscard]] bool take_leadership();
    /// By who has just left: somebody has come in vain since there were `refused`, or put a command.
    [[nodiscard]] bool somebody_came_since(std::uint32_t refused) const {
        return refused_.load() != refused || machine_.has_queued();
    }
    void end_leading();
    [[nodiscard]] static bool over(base::instant until);
    void stand_by();

    net::reactor& reactor_;
    const net::driven& machine_;
    const base::duration tick_;
    leadership leadership_;
    bool woke_a_waiter_ = false;  // by the leader
    /// Waiters that came in vain. Who leaves compares it with what it was, after it has left; who comes
    /// in vain looks whether the leader has left after it has counted itself. So one of them sees the other.
    std::atomic<std::uint32_t> refused_{0};
    std::uint32_t refused_before_ = 0;  // by the leader
    base::instant io_thread_until_{};   // the I/O thread keeps the leadership until then
    std::atomic<bool> asleep_{false};   // the I/O thread, without looking
    std::mutex guard_;
    std::condition_variable changed_;
    bool called_ = false;
};

}  // namespace maus::shell
