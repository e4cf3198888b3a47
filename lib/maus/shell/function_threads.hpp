// The threads of a worker: one drives the reactor, the others run functions.
//
// Functions are started in the order in which they came, at most `concurrency` at a time. Whether
// one may still be started is asked right before: its link must be the present one, and the worker's
// lease must not have run out ([P-35]), even if the process was stopped a moment ago and nobody has
// noticed yet.
//
// A worker that runs one function at a time may run a short one on the very thread that received it,
// which saves two switches. Before it does, that thread claims the right to run (begin_short) and
// leaves the lead; if the function takes long after all, another of the function_threads takes the lead, and the
// first goes on as one that runs functions:
//
// has the lead | event                                     | then
// -------------|-------------------------------------------|----------------------------------------
// A            | a short function is to run                | A leaves the lead, runs it
// nobody       | A has run it                              | A takes the lead
// nobody       | for a tick, or two                        | B takes the lead
// B            | A has run it                              | A delivers by mail, and joins the function_threads
//
// A tick is 2 ms; 8 ms after one in which short functions came and went.
//
// Without threads, in a host's loop, run_one() runs what waits.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "maus/core/worker.hpp"
#include "maus/shell/leadership.hpp"

namespace maus::shell {

class function_threads {
public:
    /// Runs one job; `may_start` is false if it is only to be returned.
    using run_function = std::function<void(core::job, bool may_start)>;
    /// Drives the reactor, having the lead. True: it has finished. False: the lead was lost.
    using drive_function = std::function<bool()>;

    function_threads(run_function run, drive_function drive)
        : run_(std::move(run)), drive_(std::move(drive)) {}
    ~function_threads() {
        stop();
        join();
    }
    function_threads(const function_threads&) = delete;
    function_threads& operator=(const function_threads&) = delete;

    /// Makes threads for so many functions at a time, or as many as the system allows, which it
    /// gives back. Throws maus::error (resource_exhausted) if that is none.
    std::size_t start_threads(std::size_t concurrency);
    /// Works on this thread and on the hired ones, until the reactor has finished and no function
    /// runs any more. Jobs that were not started are let go of.
    void work();
    /// For those who only run_one().
    void stop();
    /// Whether the calling thread is one of its own.
    [[nodiscard]] bool is_own_thread() const;

    // --- by the thread that has the lead
    void add(std::vector<core::job>& jobs);
    void revoke(const wire::attempt& what);
    /// Jobs of this link, and of no other, may be started before then.
    void permit(std::uint64_t link, base::instant until);
    [[nodiscard]] bool permits(const core::job& what, base::instant now) const {
        return what.link == link_.load() && now < until_.load();
    }
    /// Claims the right to run functions here, before all that are added later. False: others run
    /// or wait.
    [[nodiscard]] bool begin_short();
    void end_short();
    /// What was not run of a claim that another thread has.
    void add_in_front(std::vector<core::job>& jobs);
    [[nodiscard]] shell::leadership& leadership() { return leadership_; }

    /// Runs one job on this thread; false if there is none.
    bool run_one();
    [[nodiscard]] bool idle() const;

private:
    struct entry {
        core::job what;
        bool revoked = false;
    };
    void join();
    void member(bool leads);
    [[nodiscard]] bool next_duty();
    void run(std::unique_lock<std::mutex>& lock);

    run_function run_;
    drive_function drive_;
    shell::leadership leadership_;
    mutable std::mutex guard_;  // of what follows
    std::condition_variable changed_;
    std::deque<entry> queue_;
    std::size_t concurrency_ = 1;
    std::size_t running_ = 0;
    bool watched_ = false;  // somebody looks after the lead
    bool to_watch_ = false;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
    std::atomic<std::uint64_t> link_{0};
    std::atomic<base::instant> until_{base::instant{}};
};

}  // namespace maus::shell
