// A reactor that a thread of its own drives, or, while that is faster, whoever waits for what it
// brings.
//
// A thread that waits in future::get() for a thread that waits for the network pays for two
// switches a call. So such a thread, a guest, drives the reactor itself if nobody else does:
//
// who has the lead | event                                    | then
// -----------------|------------------------------------------|-------------------------------------
// the resident     | it has woken a waiter                    | leaves the lead, stands in
// nobody           | a guest waits                            | the guest has it
// a guest          | what it waited for is there, time is up  | leaves the lead
// a guest          | another guest came in vain meanwhile     | leaves it to the resident, for a while
// nobody           | a whole tick long                        | the resident has it
// nobody           | mail that cannot wait                    | the sender does one round
//
// So many waiting threads, and programs that do not wait at all, are served by the resident. Mail
// of a thread that is about to wait travels with what it sends next; if it does not wait after all,
// the resident takes the lead within two ticks. A tick is 1 ms; 4 ms after one in which guests came
// and went: on a busy processor each look is two switches more.
#pragma once

#include <condition_variable>
#include <mutex>

#include "maus/net/reactor.hpp"
#include "maus/shell/leadership.hpp"

namespace maus::shell {

class leader_follower {
public:
    leader_follower(net::reactor& reactor, const net::driven& machine)
        : reactor_(reactor), machine_(machine) {}

    /// The resident's thread: until the machine is finished.
    void run();
    /// By whoever drives: a thread that waited without driving has been woken.
    void woke_a_waiter() noexcept { woke_a_waiter_ = true; }
    /// Mail was put. `at_once`: it should not wait for what its sender does next.
    void queued_came(bool at_once);
    /// The same for mail that only the resident may be trusted with.
    void call_io_thread();
    /// Drives until `done()` or `until`. Returns early if somebody else drives: wait without driving
    /// then.
    template <class Done>
    void lead_while_waiting(Done done, base::instant until) {
        if (!begin_leading()) return;
        // What the guest waits for leaves before anything else is looked at.
        if (machine_.has_queued()) reactor_.flush();
        while (!done() && !machine_.finished()) {
            if (reactor_.cycle() || done()) continue;
            if (until != base::never && over(until)) break;
            reactor_.sleep(until);
        }
        end_leading();
    }

private:
    [[nodiscard]] bool begin_leading();
    void end_leading();
    [[nodiscard]] static bool over(base::instant until);
    void stand_by();

    net::reactor& reactor_;
    const net::driven& machine_;
    leadership leadership_;
    bool woke_a_waiter_ = false;       // of the lead's holder
    base::instant io_thread_until_{};  // of the resident
    std::atomic<bool> waiter_leads_{false};
    std::atomic<bool> crowded_{false};
    std::atomic<bool> dozing_{false};
    std::mutex guard_;
    std::condition_variable changed_;
    bool called_ = false;
};

}  // namespace maus::shell
