#include "bin/demo/spread.hpp"

#include <algorithm>
#include <iostream>
#include <utility>

#include <maus/parkserver.hpp>

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
constexpr auto hint_after = 3s;

/// " --parkserver A --parkserver B"
std::string as_options(const std::vector<std::string>& parkservers) {
    std::string all;
    for (const auto& each : parkservers) all += " --parkserver " + each;
    return all;
}

void start_workers(children& own, const job_options& options,
                   const std::vector<std::string>& parkservers) {
    std::vector<std::string> command{"job-worker", "--type", options.type};
    for (const auto& each : parkservers) command.insert(command.end(), {"--parkserver", each});
    for (std::uint32_t i = 0; i < options.workers; ++i) own.start(command);
}

}  // namespace

std::optional<spread_result> spread_out(job& work, const job_options& options,
                                        const std::string& about,
                                        maus::programs::stop_signals& signals) {
    std::optional<maus::parkserver> park;
    std::vector<std::string> parkservers = options.parkservers;
    if (parkservers.empty()) {
        park.emplace(
            maus::parkserver_options{.bind = {"tcp://127.0.0.1:*"},
                                     .log = maus::programs::log_lines(maus::log_level::warning)});
        park->start();
        parkservers = {park->endpoint()};
    } else if (!somebody_is_there(parkservers, signals)) {
        return std::nullopt;
    }
    if (!options.json) std::cout << about << std::endl;
    children own;
    start_workers(own, options, parkservers);
    spread all(work, options, parkservers, own, signals);
    auto done = all.run();
    if (!done) {
        std::cerr << "maus-demo " << options.command << ": stopped, with "
                  << static_cast<int>(all.share_done() * 100) << " % done\n";
    }
    return done;
}

spread::spread(job& work, const job_options& options, std::vector<std::string> parkservers,
               children& own, const maus::programs::stop_signals& signals)
    : job_(work),
      options_(options),
      size_(work.size()),
      parkservers_(std::move(parkservers)),
      own_(own),
      signals_(signals) {}

std::optional<spread_result> spread::run() {
    progress bar(job_.title(), job_, options_.json);
    maus::manager manager{
        maus::manager_options{.endpoint = "tcp://127.0.0.1:*",
                              .log = maus::programs::log_lines(maus::log_level::error),
                              .on_event = [this](const maus::event& news) { note_missing(news); }}};
    for (const auto& each : parkservers_) manager.connect_parkserver(each);
    auto workers = request_for(manager, options_.workers);
    if (!wait_for_workers(manager, workers, bar)) return std::nullopt;
    const auto begun = clock::now();
    const bool complete = hand_out(workers, bar);
    const double seconds = std::chrono::duration<double>(clock::now() - begun).count();
    tell_missing(bar);
    if (!complete) return std::nullopt;
    if (killed_.size() < options_.kill) {
        bar.tell("maus-demo " + options_.command + ": the work was done after " +
                 std::to_string(killed_.size()) + " of " + std::to_string(options_.kill) +
                 " kills");
    }
    return result(manager, seconds);
}

// The job does without one of several parkservers; but people should know.
void spread::note_missing(const maus::event& news) {
    if (news.kind != maus::event_kind::parkserver_unreachable) return;
    const std::lock_guard lock(guard_);
    missing_.push_back("the parkserver at " + maus::programs::shown_lines(news.name) +
                       " was not reached: " + maus::programs::shown_lines(news.why));
}
void spread::tell_missing(progress& bar) {
    std::vector<std::string> all;
    {
        const std::lock_guard lock(guard_);
        all.swap(missing_);
    }
    for (const auto& each : all) bar.tell("maus-demo " + options_.command + ": " + each);
}

maus::worker_group spread::request_for(maus::manager& manager, std::size_t amount) const {
    maus::request request{.amount = static_cast<std::uint32_t>(amount), .type = options_.type};
    // Those that we kill ourselves must not make a call look like poison.
    request.calls.max_crashes =
        static_cast<std::uint8_t>(std::min(options_.kill + request.calls.max_crashes, 255u));
    // What streams a job has, it has the same whoever gives them.
    request.calls.replayable = true;
    return manager.get_workers(request);
}

bool spread::wait_for_workers(maus::manager& manager, maus::worker_group& workers, progress& bar) {
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

bool spread::hand_out(maus::worker_group& workers, progress& bar) {
    while (added_up_ < job_.calls()) {
        if (signals_.asked()) return false;
        make_calls(workers);
        kill_in_time(bar);
        look_after_children(bar);
        hint(workers, bar);
        take_answer();
        bar.show(size_done_, counted(workers.size(), "worker"));
    }
    return true;
}

void spread::make_calls(maus::worker_group& workers) {
    const std::size_t waiting = answered_ - added_up_;
    if (waiting >= answers_max) catching_up_ = true;
    if (waiting <= answers_max / 2) catching_up_ = false;
    const std::size_t most = calls_a_worker * std::max<std::size_t>(workers.size(), 1);
    while (!catching_up_ && made_ < job_.calls() && made_ - answered_ < most) {
        const std::size_t call = made_++;
        job_.make(call, workers, [this, call](job::addition add) {
            const std::lock_guard lock(guard_);
            answers_.push_back({call, std::move(add)});
            ++answered_;
            changed_.notify_all();
        });
    }
}

void spread::take_answer() {
    std::unique_lock lock(guard_);
    if (!changed_.wait_for(lock, 50ms, [this] { return !answers_.empty(); })) return;
    const answer next = std::move(answers_.front());
    answers_.pop_front();
    lock.unlock();
    const doer by = next.add();
    const std::uint64_t size = job_.size_of(next.call);
    auto& share = shares_[by.worker];
    share.host = by.host;
    share.pid = by.pid;
    ++share.calls;
    share.size += size;
    ++added_up_;
    size_done_ += size;
}

/// The first of two when a third is answered, the second when two thirds are, and so on; and only
/// while every worker has something to do, so that it is killed in the midst of its work.
void spread::kill_in_time(progress& bar) {
    if (killed_.size() >= options_.kill || own_.alive().size() < 2) return;
    const std::size_t answered = answered_;
    const std::size_t under_way = made_ - answered;
    const bool due = answered * (options_.kill + 1) >= job_.calls() * (killed_.size() + 1);
    const bool busy =
        under_way >= 2 * own_.alive().size() || (under_way > 0 && made_ == job_.calls());
    const pid_t victim = busiest_child();
    if (!due || !busy || victim == 0) return;
    own_.kill(victim);
    killed_.push_back(victim);
    if (options_.json) return;
    bar.tell("at " + std::to_string(answered * 100 / job_.calls()) + " %: killed worker process " +
             std::to_string(victim) + " with SIGKILL, " + counted(under_way, "call") +
             " under way");
}

pid_t spread::busiest_child() const {
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

void spread::look_after_children(progress& bar) {
    const bool had_some = !own_.alive().empty();
    for (const auto& each : own_.reap()) {
        bar.tell("maus-demo " + options_.command + ": worker process " + std::to_string(each.pid) +
                 " has ended: " + each.how);
    }
    if (had_some && own_.alive().empty()) {
        throw failure("all worker processes have ended, so nobody is left to do the work");
    }
}

void spread::hint(const maus::worker_group& workers, progress& bar) {
    tell_missing(bar);
    if (workers.size() > 0) {
        alone_since_.reset();
        return;
    }
    if (!alone_since_) alone_since_ = clock::now();
    if (hinted_ || clock::now() - *alone_since_ < hint_after) return;
    hinted_ = true;
    bar.tell("waiting for workers of type " + options_.type +
             "; start one with: maus-demo job-worker" + as_options(parkservers_) +
             (options_.type == default_job_type ? "" : " --type " + options_.type));
}

double spread::share_done() const {
    return size_ == 0 ? 0 : static_cast<double>(size_done_) / static_cast<double>(size_);
}

spread_result spread::result(const maus::manager& manager, double seconds) {
    spread_result all{std::move(shares_), job_.calls(), manager.metrics().reassigned, killed_,
                      seconds};
    for (auto& [id, share] : all.shares) {
        share.killed = std::ranges::count(killed_, static_cast<pid_t>(share.pid)) != 0;
    }
    return all;
}

}  // namespace demo
