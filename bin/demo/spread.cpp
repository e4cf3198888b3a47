#include "bin/demo/job.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "bin/support/log_lines.hpp"
#include "bin/support/program.hpp"
#include "bin/support/text.hpp"

namespace demo {

using namespace std::chrono_literals;
using maus::programs::counted;
using maus::programs::failure;
using clock = std::chrono::steady_clock;

namespace {

/// Calls that are under way at a time, so that no worker waits for us.
constexpr std::size_t calls_a_worker = 8;
/// Answers that wait to be added up; with more, no calls are made until half of them are.
constexpr std::size_t answers_max = 256;
constexpr auto patience = 3s;

/// Small jobs are cut finer, so that every worker gets some.
std::uint64_t batch_bytes_for(const wordcount_options& options, std::uint64_t bytes_total) {
    const std::uint64_t shares = std::max(options.workers, 4u) * std::uint64_t{20};
    return std::clamp<std::uint64_t>(bytes_total / shares, 4096, options.batch_bytes);
}

}  // namespace

job::job(const wordcount_options& options, const std::vector<piece>& files, std::string parkserver,
         children& own, const maus::programs::stop_signals& signals)
    : options_(options),
      batches_(in_batches(files, batch_bytes_for(options, bytes_of(files)))),
      bytes_total_(bytes_of(files)),
      parkserver_(std::move(parkserver)),
      own_(own),
      signals_(signals) {}

std::optional<job_result> job::run() {
    progress bar("counting", bytes_total_, options_.json);
    maus::manager manager{maus::manager_options{
        .endpoint = "tcp://127.0.0.1:*", .log = maus::programs::log_lines(maus::log_level::error)}};
    manager.connect_parkserver(parkserver_);
    auto workers = request_for(manager, options_.workers);
    if (!wait_for_workers(manager, workers, bar)) return std::nullopt;
    const auto begun = clock::now();
    const bool complete = hand_out(workers, bar);
    const double seconds = std::chrono::duration<double>(clock::now() - begun).count();
    if (!complete) return std::nullopt;
    if (killed_.size() < options_.kill) {
        bar.tell("maus-demo wordcount: the work was done after " + std::to_string(killed_.size()) +
                 " of " + std::to_string(options_.kill) + " kills");
    }
    return result(manager, seconds);
}

maus::worker_group job::request_for(maus::manager& manager, std::size_t amount) const {
    maus::request wish{.amount = static_cast<std::uint32_t>(amount), .type = options_.type};
    // Those that we kill ourselves must not make a call look like poison.
    wish.calls.max_crashes =
        static_cast<std::uint8_t>(std::min(options_.kill + wish.calls.max_crashes, 255u));
    return manager.get_workers(wish);
}

bool job::wait_for_workers(maus::manager& manager, maus::worker_group& workers, progress& bar) {
    // All of our own that live, so that they share the work evenly.
    std::size_t wanted = own_.alive().size();
    while (!workers.wait_for(std::max<std::size_t>(wanted, 1), 50ms)) {
        if (signals_.asked()) return false;
        look_after_children(bar);
        hint(workers, bar);
        // As many as were wished for come together or not at all.
        if (own_.alive().size() == wanted) continue;
        wanted = own_.alive().size();
        workers = request_for(manager, wanted);
    }
    return true;
}

bool job::hand_out(maus::worker_group& workers, progress& bar) {
    while (added_up_ < batches_.size()) {
        if (signals_.asked()) return false;
        submit(workers);
        kill_in_time(bar);
        look_after_children(bar);
        hint(workers, bar);
        take_answer();
        bar.show(bytes_done_, counted(workers.size(), "worker"));
    }
    return true;
}

void job::submit(maus::worker_group& workers) {
    const std::size_t waiting = answered_ - added_up_;
    if (waiting >= answers_max) catching_up_ = true;
    if (waiting <= answers_max / 2) catching_up_ = false;
    const std::size_t most = calls_a_worker * std::max<std::size_t>(workers.size(), 1);
    while (!catching_up_ && submitted_ < batches_.size() && submitted_ - answered_ < most) {
        const auto& next = batches_[submitted_++];
        (void)workers.call(count_words, next)
            .then([this, bytes = bytes_of(next)](maus::future<share_of_work> ready) {
                bring(std::move(ready), bytes);
            });
    }
}

void job::bring(maus::future<share_of_work> ready, std::uint64_t bytes) {
    try {
        answer come{ready.get(), bytes};
        const std::lock_guard lock(guard_);
        answers_.push_back(std::move(come));
    } catch (...) {
        const std::lock_guard lock(guard_);
        if (!failed_) failed_ = std::current_exception();
    }
    ++answered_;
    changed_.notify_all();
}

void job::take_answer() {
    std::unique_lock lock(guard_);
    changed_.wait_for(lock, 50ms, [&] { return !answers_.empty() || failed_; });
    if (failed_) std::rethrow_exception(failed_);
    if (answers_.empty()) return;
    const answer next = std::move(answers_.front());
    answers_.pop_front();
    lock.unlock();
    add(next.share, found_);
    auto& by = shares_[next.share.worker];
    by.host = next.share.host;
    by.pid = next.share.pid;
    ++by.calls;
    by.total += next.share.total;
    ++added_up_;
    bytes_done_ += next.bytes;
}

/// The first of two when a third is answered, the second when two thirds are, and so on; and only
/// while every worker has something to do, so that it is killed in the midst of its work.
void job::kill_in_time(progress& bar) {
    if (killed_.size() >= options_.kill || own_.alive().size() < 2) return;
    const std::size_t answered = answered_;
    const std::size_t under_way = submitted_ - answered;
    const bool due = answered * (options_.kill + 1) >= batches_.size() * (killed_.size() + 1);
    const bool busy =
        under_way >= 2 * own_.alive().size() || (under_way > 0 && submitted_ == batches_.size());
    const pid_t victim = busiest_child();
    if (!due || !busy || victim == 0) return;
    own_.kill(victim);
    killed_.push_back(victim);
    if (options_.json) return;
    bar.tell("at " + std::to_string(answered * 100 / batches_.size()) +
             " %: killed worker process " + std::to_string(victim) + " with SIGKILL, " +
             counted(under_way, "call") + " under way");
}

pid_t job::busiest_child() const {
    pid_t busiest = 0;
    std::uint64_t most = 0;
    for (const auto& [id, share] : shares_) {
        const auto pid = static_cast<pid_t>(share.pid);
        if (share.calls > most && std::ranges::count(own_.alive(), pid) != 0) {
            busiest = pid;
            most = share.calls;
        }
    }
    return busiest;
}

void job::look_after_children(progress& bar) {
    const bool had_some = !own_.alive().empty();
    for (const auto& each : own_.reap()) {
        bar.tell("maus-demo wordcount: worker process " + std::to_string(each.pid) +
                 " has ended: " + each.how);
    }
    if (had_some && own_.alive().empty()) {
        throw failure("all worker processes have ended, so nobody is left to do the work");
    }
}

void job::hint(const maus::worker_group& workers, progress& bar) {
    if (workers.size() > 0) {
        alone_since_.reset();
        return;
    }
    if (!alone_since_) alone_since_ = clock::now();
    if (hinted_ || clock::now() - *alone_since_ < patience) return;
    hinted_ = true;
    bar.tell("waiting for workers of type " + options_.type + " at " + parkserver_ +
             "; start one with: maus-demo word-worker --parkserver " + parkserver_ +
             (options_.type == "words" ? "" : " --type " + options_.type));
}

double job::share_done() const {
    return bytes_total_ == 0 ? 0
                             : static_cast<double>(bytes_done_) / static_cast<double>(bytes_total_);
}

job_result job::result(const maus::manager& manager, double seconds) {
    job_result all;
    all.found = std::move(found_);
    all.shares = std::move(shares_);
    all.calls = batches_.size();
    all.calls_moved = manager.metrics().reassigned;
    all.killed = killed_;
    all.seconds = seconds;
    for (auto& [id, share] : all.shares) {
        share.killed = std::ranges::count(killed_, static_cast<pid_t>(share.pid)) != 0;
    }
    return all;
}

}  // namespace demo
