// What a row of the fault tests plays on: a real parkserver, workers and managers as processes, and
// their histories.
//
// A row injects its faults and waits for conditions; what never comes is thrown as `row_failed`.
// Then finish() ends all processes in order and judges: the simulator's checkers over the merged
// histories, each process's exit code, the parkserver's tables and descriptors.
#pragma once

#include <signal.h>

#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "journal.hpp"
#include "maus/status.hpp"
#include "sim/checkers.hpp"
#include "support/process.hpp"

namespace faults {

using namespace std::chrono_literals;

struct row_failed : std::runtime_error {
    using std::runtime_error::runtime_error;
};
/// The machine does not let the fault be made; `what()` says what is missing.
struct row_skipped : std::runtime_error {
    using std::runtime_error::runtime_error;
};

enum class transport { tcp, ipc };

/// Far more than anything takes, even on a machine that is busy with other things.
inline constexpr std::chrono::seconds patience{30};

using words = std::vector<std::string>;

/// A worker or a manager.
class peer {
public:
    peer(maus_test::process started, std::uint32_t number, std::string role, std::string history);

    [[nodiscard]] std::uint32_t number() const { return number_; }
    [[nodiscard]] const std::string& role() const { return role_; }
    [[nodiscard]] std::string name() const { return role_ + " p" + std::to_string(number_); }
    /// 32 hexadecimal digits.
    [[nodiscard]] const std::string& id() const { return id_; }
    [[nodiscard]] pid_t pid() const { return process_.pid(); }
    [[nodiscard]] maus_test::process& process() { return process_; }

    /// Reads what was added to its history.
    void refresh();
    [[nodiscard]] const std::vector<fact>& facts() const { return facts_; }
    /// Takes what was read so far out of memory.
    [[nodiscard]] std::vector<fact> take() { return std::exchange(facts_, {}); }
    /// How often that has happened.
    [[nodiscard]] std::size_t count(kind what);
    [[nodiscard]] bool runs_something() {
        refresh();  // once: both counts have to be of one moment
        return counts_[kind::started] > counts_[kind::ended];
    }

    /// Since when it runs what it runs; never: it runs nothing.
    [[nodiscard]] maus::base::instant busy_since() const { return busy_since_; }
    /// How many workers a manager was told to have lost, by events of the public API.
    [[nodiscard]] std::size_t workers_lost() const { return workers_lost_; }

    bool killed = false;  ///< by us, or it died of a poison call
    std::optional<int> ended;
    std::string metrics;  ///< of a manager that ended: JSON

private:
    maus_test::process process_;
    std::uint32_t number_;
    std::string role_;
    std::string id_;
    journal_reader reader_;
    std::vector<fact> facts_;
    std::map<kind, std::size_t> counts_;
    maus::base::instant busy_since_ = maus::base::never;
    std::size_t workers_lost_ = 0;
};

struct outcome {
    maus::sim::checkers::tally calls;
    std::uint64_t reassigned = 0;
    std::uint64_t stale_answers = 0;
    std::vector<std::string> failures;
};

class stage {
public:
    stage(transport how, std::string folder);
    ~stage();

    /// All TCP places are on this host from now on. Before anything is started.
    void live_at(const std::string& host);
    [[nodiscard]] transport how() const { return how_; }
    [[nodiscard]] std::string file(const std::string& name) const { return folder_ + "/" + name; }
    /// A place that stays the same for who comes back.
    [[nodiscard]] std::string place();
    /// A place for a manager: any port, or a path.
    [[nodiscard]] std::string somewhere();

    // --- processes ---
    /// Starts it, again if it was there. `limits`: a shell's words, such as "ulimit -n 64;".
    void start_parkserver(const std::string& limits = {}, const words& more = {});
    void kill_parkserver();
    [[nodiscard]] maus_test::process& parkserver() { return *park_; }
    [[nodiscard]] const std::string& endpoint() const { return endpoint_; }
    /// Where workers and managers are told to find the parkserver, if not at its endpoint.
    std::string parkserver_seen_at;
    /// Where its log goes, if not to a file that check_logs() reads.
    std::string parkserver_log;
    /// What calls wait at most is asserted, and not only told.
    bool holds_latency = true;

    peer& worker(const words& more = {}, const std::string& limits = {});
    std::vector<peer*> workers(std::size_t count, const words& more = {});
    peer& manager(words more = {}, const std::string& limits = {});
    void kill(peer& which);
    void stop(peer& which) { which.process().signal(SIGSTOP); }
    void go_on(peer& which) { which.process().signal(SIGCONT); }
    /// Asks it to end in order.
    void ask_to_end(peer& which) { which.process().signal(SIGTERM); }

    // --- waiting ---
    void wait(const std::string& for_what, const std::function<bool()>& condition,
              std::chrono::milliseconds bound = patience);
    /// Until `more` further facts of that kind are in its history. What happens only so often may have
    /// happened already: see wait_for_all.
    void wait_for(peer& which, kind what, std::size_t more);
    /// Until `count` facts of that kind are in its history, since it began.
    void wait_for_all(peer& which, kind what, std::size_t count);
    void wait_for_end(peer& which);
    [[nodiscard]] std::optional<maus::parkserver_status> status() const;
    void wait_for_workers(std::size_t count, maus::worker_state state);
    /// One of them that runs a function just now.
    peer& busy(const std::vector<peer*>& among);

    /// What a row makes and its processes need: until the workers and managers have ended, or until
    /// all is over.
    void keep(std::shared_ptr<void> what) { kept_.push_back(std::move(what)); }
    void keep_to_the_end(std::shared_ptr<void> what) { kept_longer_.push_back(std::move(what)); }
    void check(bool right, const std::string& text) {
        if (!right) failures_.push_back(text);
    }
    [[nodiscard]] std::string log_of(const peer& which) const {
        return file(which.role() + std::to_string(which.number()) + ".log");
    }
    /// Of all processes.
    [[nodiscard]] std::vector<std::string> logs() const;
    /// A part of a warning that the row's fault explains. For losses see logs.hpp.
    void expect_in_logs(const std::string& part) { expected_in_logs_.push_back(part); }
    /// Somebody attacks: managers count more violations than are worth a line each.
    void expect_violations() { violations_expected_ = true; }
    /// How a manager calls what a worker says on a connection that libzmq has made anew, before it
    /// has heard that the one before was reset. It counts that as a violation.
    static constexpr const char* no_hello = "a link begins with hello";
    /// For facts about who has no history of its own: fake peers, each with a number.
    [[nodiscard]] journal& notes() { return notes_; }
    [[nodiscard]] std::uint32_t next_number() { return ++numbers_; }
    /// A counter of a manager that ended, such as "stale_answers".
    [[nodiscard]] std::uint64_t metric(peer& of, const std::string& name);

    /// Lets the checkers see what happened until so long ago, so that it need not be kept. What is
    /// written later than that has to be the word of a process that was stopped no longer.
    void digest(std::chrono::seconds ago);
    /// What the checkers saw, for a reader.
    [[nodiscard]] std::string so_far() const;
    void tell_new_violations();
    /// Asks all workers, or all managers, to end, and sees that they do.
    void end_all(const std::string& role);
    /// Ends everything and judges.
    [[nodiscard]] outcome finish();

private:
    peer& start(const std::string& role, const words& arguments, const std::string& limits);
    void check_parkserver();
    void check_logs();
    void judge();

    transport how_;
    std::string folder_;
    std::string host_ = "127.0.0.1";
    int places_ = 0;
    std::string endpoint_;
    std::optional<maus_test::process> park_;
    std::size_t park_fds_ = 0;
    bool park_ended_ = false;
    std::uint32_t numbers_ = 0;
    std::deque<peer> peers_;  // those who ended too
    journal notes_;
    journal_reader notes_reader_;
    std::vector<std::shared_ptr<void>> kept_longer_, kept_;
    std::vector<std::string> failures_, expected_in_logs_;
    bool violations_expected_ = false;
    std::vector<fact> undigested_;
    maus::sim::checkers checkers_;
    std::size_t told_ = 0;
    outcome sums_;
};

/// What the checkers say of the histories (*.jsonl) in a folder that was kept.
[[nodiscard]] outcome judge_folder(const std::string& folder);

/// What it waited for its calls, in the facts from `since` on.
struct waits {
    std::size_t calls = 0;
    double median_ms = 0;
    double p99_ms = 0;
    double most_ms = 0;
};
[[nodiscard]] waits waits_of(peer& boss, std::size_t since);

}  // namespace faults
