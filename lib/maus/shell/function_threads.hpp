// The threads of a worker: one drives the reactor, the others run functions.
//
// Functions are started in the order in which they came, at most `concurrency` at a time. Whether
// one may still be started is asked right before: its link must be the present one, and the worker's
// lease must not have run out ([P-35]), even if the process was stopped a moment ago and nobody has
// noticed yet.
//
// A worker that runs one function at a time may run a short one on the thread that received it, which
// saves two thread switches. That thread first claims the right to run functions (begin_short), then
// leaves the leadership. If the function takes long after all, another thread takes the leadership,
// and the first one goes on as a thread that runs functions:
//
// leader | event                    | then
// -------|--------------------------|----------------------------------------------------------
// A      | a short function is next | A leaves the leadership and runs it
// nobody | A has run it             | A leads
// nobody | for one tick or two      | B leads
// B      | A has run it             | A answers through the completion_sink and joins the others
//
// A tick is 2 ms. It is 8 ms after one in which short functions came and went.
//
// A function may end its thread (pthread_exit). Its call has been answered then; another thread takes
// the place of one that was made here, and the one that work() was called on ends when all is over.
//
// The program's hooks (on_lease, on_release) take their turn in the same queue. They run whether jobs may
// be started or not.
//
// A function that waits for its caller lends its slot, since what it waits for may need one: a callable
// may call the same worker. Another thread is made then, so that there are always enough.
//
// Without threads, in a program's own loop, run_one() runs what waits.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "maus/core/worker.hpp"
#include "maus/net/process.hpp"
#include "maus/shell/cancelled_attempts.hpp"
#include "maus/shell/leadership.hpp"

namespace maus::shell {

class function_threads {
public:
    /// Runs one job; `may_start` is false if it is only to be returned.
    using run_function = std::function<void(core::job, bool may_start)>;
    using hook_function = std::function<void(const core::lease_hook&)>;
    /// Drives the reactor as the leader. True: the reactor has finished. False: another thread leads.
    using drive_function = std::function<bool()>;

    /// Its threads have the signal mask of the thread that makes it.
    function_threads(run_function run, hook_function run_hook, drive_function drive)
        : run_(std::move(run)), run_hook_(std::move(run_hook)), drive_(std::move(drive)) {}
    ~function_threads() {
        stop();
        join();
    }
    function_threads(const function_threads&) = delete;
    function_threads& operator=(const function_threads&) = delete;

    /// Makes threads for so many functions at a time, or as many as the system allows, which it
    /// gives back. Throws maus::error (resource_exhausted) if that is none.
    /// For each of them `waiting_max` may wait for their callers besides.
    std::size_t start_threads(std::size_t concurrency, std::size_t waiting_max);
    /// Works on this thread and on those that were started, until the reactor has finished and no function
    /// runs any more. Jobs that were not started are let go of.
    void work();
    /// For programs that only call run_one().
    void stop();
    /// Whether the calling thread is one of its own.
    [[nodiscard]] bool is_own_thread() const;
    [[nodiscard]] const net::signal_mask& mask() const { return mask_; }

    // --- by the leader
    void add(std::vector<core::job>& jobs);
    /// To be run when no job runs or waits: its turn is the next one.
    void add(core::lease_hook hook);
    /// These jobs of the present link, if they wait here, are only to be returned. Those that run are
    /// not wanted any more.
    void cancel(const std::vector<wire::attempt>& cancels);
    /// Jobs of this link, and of no other, may be started before then. False: it is another link than
    /// before. The cancels of that one are void: its numbers may come again.
    [[nodiscard]] bool permit(std::uint64_t link, base::instant until);
    /// Answers of jobs of this link, and of no other, find somebody.
    void answerable(std::uint64_t link) { answerable_.store(link); }
    [[nodiscard]] bool permits(const core::job& job, base::instant now) const {
        return job.link == link_.load() && now < until_.load();
    }
    /// Claims the right to run functions on this thread, before all that are added later. False:
    /// others run or wait.
    [[nodiscard]] bool begin_short();
    /// Which of those it claimed runs now.
    void runs_short(const core::job& job) {
        // Each by itself: a temporary's parts would be written, and read again as one before they are there.
        short_.attempt = job.attempt;
        short_.link = job.link;
        short_.wanted = true;
    }
    void end_short();
    /// What another thread claimed and has not run.
    void add_in_front(std::vector<core::job>& jobs);
    [[nodiscard]] shell::leadership& leadership() { return leadership_; }

    // --- by a function that waits for its caller
    /// Before it asks. Throws maus::error (overloaded) if too many functions wait already.
    void check_lending() const;
    /// Its slot is free for others. Throws maus::error (overloaded) if too many functions wait already,
    /// or the system gives no thread to run others meanwhile.
    void lend_slot();
    /// Waits until it has one again.
    void take_slot_back();

    /// Runs one job on this thread; false if there is none.
    bool run_one();
    [[nodiscard]] bool idle() const;
    /// Of a job that runs: whether it was not cancelled, and somebody is there to hear its answer.
    [[nodiscard]] bool still_wanted(const core::job& job) const;

private:
    struct running_job {
        wire::attempt attempt;
        std::uint64_t link = 0;
        bool wanted = false;
    };
    void join();
    [[nodiscard]] std::thread another();
    void follow();
    void replace_this_thread();
    void give_slot();
    void check_lent(std::size_t most) const;  // throws
    void member(bool leads);
    [[nodiscard]] bool next_duty();
    [[nodiscard]] bool has_work() const {
        // Functions that want their slots back come before those that have not begun.
        return (!queue_.empty() || hook_) && running_ + wanted_back_ < concurrency_;
    }
    void run(std::unique_lock<std::mutex>& lock);
    void run_hook(std::unique_lock<std::mutex>& lock);

    run_function run_;
    hook_function run_hook_;
    drive_function drive_;
    shell::leadership leadership_;
    mutable std::mutex guard_;  // of what follows
    std::condition_variable changed_;
    std::condition_variable over_;  // it stops; apart, since each notice of a job is for one thread
    std::deque<core::job> queue_;
    std::optional<core::lease_hook> hook_;  // that waits
    cancelled_attempts cancelled_;          // of the queue
    std::vector<running_job> runs_;
    running_job short_;  // the last that was run by a leader; it may have ended
    std::size_t concurrency_ = 1;
    std::size_t running_ = 0;
    std::size_t lent_ = 0;  // slots of functions that wait for their callers, or want them back
    std::size_t wanted_back_ = 0;
    std::size_t lent_max_ = 0;
    std::condition_variable slot_free_;
    bool watched_ = false;  // a standby looks at the leadership
    bool to_watch_ = false;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
    const net::signal_mask mask_ = net::current_mask();
    std::atomic<std::uint64_t> link_{0};
    std::atomic<base::instant> until_{base::instant{}};
    std::atomic<std::uint64_t> answerable_{0};
};

}  // namespace maus::shell
