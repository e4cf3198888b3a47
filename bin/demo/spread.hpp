// Spreads a job over workers: starts what it needs, hands out the calls, has the answers added up,
// and kills workers on the way if it is asked to.
//
// One thread, the caller's, hands out calls, adds up the answers, kills workers and draws; the
// manager's callback thread only brings the answers. They share what stands under the guard.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <maus/manager.hpp>

#include "bin/demo/children.hpp"
#include "bin/demo/commands.hpp"
#include "bin/demo/job.hpp"
#include "bin/demo/progress.hpp"

namespace demo {

/// What one worker did.
struct worker_share {
    std::string host;
    std::int64_t pid = 0;
    std::uint64_t calls = 0;
    std::uint64_t size = 0;  ///< in the job's unit
    bool killed = false;
};

struct spread_result {
    std::map<std::string, worker_share> shares;  ///< by the worker's id
    std::uint64_t calls = 0;
    std::uint64_t calls_moved = 0;
    std::vector<pid_t> killed;
    double seconds = 0;
};

/// Has the job done, with a parkserver and workers that live as long as that takes, or on those that
/// are named. Prints `about` first. Nothing: somebody pressed Ctrl-C, and that is told. Throws
/// programs::failure, or what a call failed with.
[[nodiscard]] std::optional<spread_result> spread_out(job& work, const job_options& options,
                                                      const std::string& about,
                                                      maus::programs::stop_signals& signals);

class spread {
public:
    spread(job& work, const job_options& options, std::vector<std::string> parkservers,
           children& own, const maus::programs::stop_signals& signals);

    /// Runs it to its end. Nothing: somebody pressed Ctrl-C.
    [[nodiscard]] std::optional<spread_result> run();
    /// Part of the job that is done.
    [[nodiscard]] double share_done() const;

private:
    /// False: Ctrl-C.
    [[nodiscard]] bool wait_for_workers(maus::manager& manager, maus::worker_group& workers,
                                        progress& bar);
    [[nodiscard]] maus::worker_group request_for(maus::manager& manager, std::size_t amount) const;
    [[nodiscard]] bool hand_out(maus::worker_group& workers, progress& bar);
    void make_calls(maus::worker_group& workers);
    /// Waits a little for an answer, and adds it up.
    void take_answer();
    void kill_in_time(progress& bar);
    [[nodiscard]] pid_t busiest_child() const;
    void look_after_children(progress& bar);
    void hint(const maus::worker_group& workers, progress& bar);
    void note_missing(const maus::event& news);
    void tell_missing(progress& bar);
    [[nodiscard]] spread_result result(const maus::manager& manager, double seconds);

    job& job_;
    const job_options& options_;
    const std::uint64_t size_;
    std::vector<std::string> parkservers_;
    children& own_;
    const maus::programs::stop_signals& signals_;
    std::size_t made_ = 0;
    std::size_t added_up_ = 0;
    std::uint64_t size_done_ = 0;
    bool catching_up_ = false;
    std::map<std::string, worker_share> shares_;
    std::vector<pid_t> killed_;
    std::optional<std::chrono::steady_clock::time_point> alone_since_;
    bool hinted_ = false;

    struct answer {
        std::size_t call;
        job::addition add;
    };
    std::mutex guard_;
    std::condition_variable changed_;
    std::deque<answer> answers_;
    std::vector<std::string> missing_;  // what is to be told of parkservers
    std::atomic<std::size_t> answered_{0};
};

}  // namespace demo
