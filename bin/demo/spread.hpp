// The job of `maus-demo wordcount`: gives the batches to workers and adds up what comes back.
//
// One thread, the caller's, hands out batches, adds up the answers, kills workers and draws; the
// manager's callback thread only brings the answers. They share what stands under the guard.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <maus/manager.hpp>

#include "bin/demo/children.hpp"
#include "bin/demo/commands.hpp"
#include "bin/demo/files.hpp"
#include "bin/demo/progress.hpp"

namespace demo {

/// What one worker did.
struct worker_share {
    std::string host;
    std::int64_t pid = 0;
    std::uint64_t calls = 0;
    sums total;
    bool killed = false;
};

struct job_result {
    word_counts found;
    std::map<std::string, worker_share> shares;  ///< by the worker's id
    std::uint64_t calls = 0;
    std::uint64_t calls_moved = 0;
    std::vector<pid_t> killed;
    double seconds = 0;
};

class job {
public:
    job(const wordcount_options& options, const std::vector<piece>& files, std::string parkserver,
        children& own, const maus::programs::stop_signals& signals);

    /// Runs it to its end. Nothing: somebody pressed Ctrl-C. Throws programs::failure or what a
    /// call failed with.
    [[nodiscard]] std::optional<job_result> run();
    /// Part of the bytes that are counted.
    [[nodiscard]] double share_done() const;

private:
    /// False: Ctrl-C.
    [[nodiscard]] bool wait_for_workers(maus::manager& manager, maus::worker_group& workers,
                                        progress& bar);
    [[nodiscard]] maus::worker_group request_for(maus::manager& manager, std::size_t amount) const;
    [[nodiscard]] bool hand_out(maus::worker_group& workers, progress& bar);
    void submit(maus::worker_group& workers);
    /// The callback of a call.
    void bring(maus::future<share_of_work> ready, std::uint64_t bytes);
    /// Waits a little for an answer, and adds it up.
    void take_answer();
    void kill_in_time(progress& bar);
    [[nodiscard]] pid_t busiest_child() const;
    void look_after_children(progress& bar);
    void hint(const maus::worker_group& workers, progress& bar);
    [[nodiscard]] job_result result(const maus::manager& manager, double seconds);

    const wordcount_options& options_;
    std::vector<batch> batches_;
    std::uint64_t bytes_total_;
    std::string parkserver_;
    children& own_;
    const maus::programs::stop_signals& signals_;
    std::size_t submitted_ = 0;
    std::size_t added_up_ = 0;
    std::uint64_t bytes_done_ = 0;
    bool catching_up_ = false;
    word_counts found_;
    std::map<std::string, worker_share> shares_;
    std::vector<pid_t> killed_;
    std::optional<std::chrono::steady_clock::time_point> alone_since_;
    bool hinted_ = false;

    struct answer {
        share_of_work share;
        std::uint64_t bytes;
    };
    std::mutex guard_;
    std::condition_variable changed_;
    std::deque<answer> answers_;
    std::atomic<std::size_t> answered_{0};
    std::exception_ptr failed_;
};

}  // namespace demo
