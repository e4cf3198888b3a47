#include "stage.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <regex>

#include <nlohmann/json.hpp>

#include "logs.hpp"
#include "support/scratch.hpp"
#include "support/wait.hpp"
#include "watch.hpp"

namespace faults {

namespace {

using maus::worker_state;

/// What our processes may be late by, on a machine that is busy with other things.
constexpr auto slack = 5s;

std::string beside(const std::string& program) {
    return std::filesystem::read_symlink("/proc/self/exe").parent_path() / program;
}

/// How many such things a line is about: it may stand for more that were counted
/// (core/repeated_notes.hpp).
std::uint64_t times_told(const std::string& line) {
    static const std::regex counted(R"( \((and )?([0-9]+) more like this\)$)");
    std::smatch found;
    if (!std::regex_search(line, found, counted)) return 1;
    return std::stoull(found[2]) + (found[1].matched ? 1 : 0);
}

/// A program whose log goes to a file, with limits of its own.
maus_test::process launch(const std::string& program, const words& arguments,
                          const std::string& log, const std::string& limits) {
    words all{"-c", limits + " exec \"$0\" \"$@\" 2>>" + log, program};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return maus_test::process("/bin/sh", all);
}

}  // namespace

outcome judge_folder(const std::string& folder) {
    std::vector<fact> all;
    for (const auto& each : std::filesystem::directory_iterator(folder)) {
        if (each.path().extension() != ".jsonl") continue;
        for (auto& fact : journal_reader(each.path()).more()) all.push_back(std::move(fact));
    }
    if (all.empty()) throw std::runtime_error("no history (*.jsonl) is in " + folder);
    std::stable_sort(all.begin(), all.end(),
                     [](const fact& a, const fact& b) { return a.at < b.at; });
    maus::sim::checkers check(slack, true, maus::sim::checkers::source::real);
    for (const auto& each : all) check.see(each);
    check.finish();
    outcome got;
    got.calls = check.counts();
    got.failures = check.failures();
    return got;
}

// --- peer ---------------------------------------------------------------------------------------

peer::peer(maus_test::process started, std::uint32_t number, std::string role, std::string history)
    : process_(std::move(started)),
      number_(number),
      role_(std::move(role)),
      reader_(std::move(history)) {
    const auto ready = process_.line_with("ready", patience);
    if (!ready) throw row_failed(name() + " does not start");
    id_ = *ready;
}

void peer::refresh() {
    for (auto& each : reader_.more()) {
        ++counts_[each.what];
        if (each.what == kind::started) busy_since_ = each.at;
        if (each.what == kind::ended) busy_since_ = maus::base::never;
        if (each.what == kind::died && each.text == "poison") killed = true;
        if (each.what == kind::left && each.text.starts_with("worker_lost")) ++workers_lost_;
        facts_.push_back(std::move(each));
    }
}

std::size_t peer::count(kind what) {
    refresh();
    return counts_[what];
}

// --- processes ----------------------------------------------------------------------------------

stage::stage(transport how, std::string folder)
    : how_(how),
      folder_(std::move(folder)),
      endpoint_(place()),
      notes_(file("runner.jsonl"), 0),
      notes_reader_(file("runner.jsonl")),
      checkers_(slack, true, maus::sim::checkers::source::real) {}

stage::~stage() = default;

std::string stage::place() {
    if (how_ == transport::tcp) {
        return "tcp://" + host_ + ":" + std::to_string(maus_test::free_port());
    }
    return "ipc://" + file("place" + std::to_string(++places_));
}

std::string stage::somewhere() {
    return how_ == transport::tcp ? "tcp://" + host_ + ":*" : place();
}

void stage::live_at(const std::string& host) {
    host_ = host;
    endpoint_ = place();
}

void stage::start_parkserver(const std::string& limits, const words& more) {
    words all{"--bind", endpoint_, "--heartbeat", "10"};
    all.insert(all.end(), more.begin(), more.end());
    park_ = launch(beside("maus-parkserver"), all,
                   parkserver_log.empty() ? file("parkserver.log") : parkserver_log, limits);
    if (!park_->line_with("maus-parkserver", patience)) throw row_failed("no parkserver");
    park_fds_ = descriptors_of(park_->pid());
}

void stage::kill_parkserver() { park_->kill(); }

peer& stage::start(const std::string& role, const words& arguments, const std::string& limits) {
    const std::uint32_t number = ++numbers_;
    const std::string name = role + std::to_string(number);
    words all{role, "--history", file(name + ".jsonl"), "--number", std::to_string(number)};
    if (std::find(arguments.begin(), arguments.end(), "--parkserver") == arguments.end()) {
        all.insert(all.end(),
                   {"--parkserver", parkserver_seen_at.empty() ? endpoint_ : parkserver_seen_at});
    }
    all.insert(all.end(), arguments.begin(), arguments.end());
    return peers_.emplace_back(launch(beside("maus-faults"), all, file(name + ".log"), limits),
                               number, role, file(name + ".jsonl"));
}

peer& stage::worker(const words& more, const std::string& limits) {
    return start("worker", more, limits);
}

std::vector<peer*> stage::workers(std::size_t count, const words& more) {
    std::vector<peer*> made;
    while (made.size() < count) made.push_back(&worker(more));
    return made;
}

peer& stage::manager(words more, const std::string& limits) {
    if (std::find(more.begin(), more.end(), "--relayed") != more.end()) {
        std::erase(more, "--relayed");
    } else if (std::find(more.begin(), more.end(), "--endpoint") == more.end()) {
        more.insert(more.end(), {"--endpoint", somewhere()});
    }
    return start("manager", more, limits);
}

void stage::kill(peer& which) {
    which.killed = true;
    which.process().kill();
    which.refresh();
    fact told = notes_.begin(kind::died);
    told.process = which.number();
    told.text = "killed";
    notes_.add(told);
}

// --- waiting ------------------------------------------------------------------------------------

void stage::wait(const std::string& for_what, const std::function<bool()>& condition,
                 std::chrono::milliseconds bound) {
    if (maus_test::eventually(condition, bound)) return;
    throw row_failed("waited in vain for " + for_what);
}

void stage::wait_for(peer& which, kind what, std::size_t more) {
    wait_for_all(which, what, which.count(what) + more);
}

void stage::wait_for_all(peer& which, kind what, std::size_t count) {
    wait(std::to_string(count) + " " + std::string(to_string(what)) + " at " + which.name(),
         [&] { return which.count(what) >= count; });
}

void stage::wait_for_end(peer& which) {
    wait("the end of " + which.name(), [&] { return !which.process().alive(); });
}

std::optional<maus::parkserver_status> stage::status() const {
    try {
        return maus::fetch_status(endpoint_, 2s);
    } catch (const maus::error&) {
        return std::nullopt;
    }
}

void stage::wait_for_workers(std::size_t count, worker_state state) {
    wait(std::to_string(count) + " workers that are " + std::string(to_string(state)), [&] {
        const auto seen = status();
        if (!seen) return false;
        const auto found = std::count_if(seen->workers.begin(), seen->workers.end(),
                                         [&](const auto& each) { return each.state == state; });
        return static_cast<std::size_t>(found) == count;
    });
}

peer& stage::busy(const std::vector<peer*>& among) {
    peer* found = nullptr;
    wait("a busy worker", [&] {
        for (auto* each : among) {
            if (!each->killed && each->runs_something()) found = each;
        }
        return found != nullptr;
    });
    return *found;
}

// --- the end ------------------------------------------------------------------------------------

void stage::end_all(const std::string& role) {
    for (auto& each : peers_) {
        if (each.role() == role) ask_to_end(each);
    }
    for (auto& each : peers_) {
        if (each.role() != role || each.ended) continue;
        each.ended = each.process().wait(patience + 10s);
        each.refresh();
        if (!each.ended) {
            check(false, "I6: " + each.name() + " does not end");
            continue;
        }
        if (each.killed) {
            check(*each.ended == -SIGKILL || *each.ended == -SIGABRT || *each.ended == 0,
                  "I9: " + each.name() + " ended with " + std::to_string(*each.ended));
        } else {
            check(*each.ended == 0, "I9: " + each.name() + " ended with " +
                                        std::to_string(*each.ended) + "; see its log");
        }
        if (role != "manager" || each.killed) continue;
        if (*each.ended != 0) continue;
        sums_.reassigned += metric(each, "reassigned");
        sums_.stale_answers += metric(each, "stale_answers");
        // Whether there may be any, is asked of the log (check_logs).
        const log_book log(log_of(each));
        std::uint64_t strangers = 0;
        for (const auto& text : log.complaints()) {
            if (text.find(no_hello) != text.npos) strangers += times_told(text);
        }
        check(violations_expected_ || metric(each, "violations") == strangers,
              each.name() + " saw violations: " + each.metrics);
    }
}

std::uint64_t stage::metric(peer& of, const std::string& name) {
    if (of.metrics.empty()) of.metrics = of.process().line_with("ended", patience).value_or("{}");
    return nlohmann::json::parse(of.metrics).value(name, std::uint64_t{0});
}

/// Nobody is there any more, so it has what it had when it began.
void stage::check_parkserver() {
    if (!park_) return;
    const auto clean = [this] {
        const auto seen = status();
        return seen && seen->workers.empty() && seen->managers.empty() && seen->requests.empty();
    };
    check(maus_test::eventually(clean, patience), "I7: the parkserver still knows somebody");
    check(maus_test::eventually([this] { return descriptors_of(park_->pid()) <= park_fds_; },
                                patience),
          "I7: the parkserver had " + std::to_string(park_fds_) + " descriptors, and now has " +
              std::to_string(descriptors_of(park_->pid())));
    const auto code = park_->terminate();
    check(code == 0, "I9: the parkserver ended with " + std::to_string(code.value_or(-1)));
}

std::vector<std::string> stage::logs() const {
    std::vector<std::string> all;
    for (const auto& each : std::filesystem::directory_iterator(folder_)) {
        if (each.path().extension() == ".log") all.push_back(each.path());
    }
    return all;
}

/// What went wrong is told with its reason, each loss once, and nothing else is told as wrong.
void stage::check_logs() {
    const auto is_expected = [this](const std::string& text) {
        return std::any_of(expected_in_logs_.begin(), expected_in_logs_.end(),
                           [&](const auto& part) { return text.find(part) != text.npos; });
    };
    for (const auto& path : logs()) {
        const std::string name = std::filesystem::path(path).filename();
        const log_book log(path);
        for (const auto& line : log.odd()) check(false, "I9: " + name + " has the line: " + line);
        for (const auto& text : log.complaints()) {
            check(is_expected(text), "I9: " + name + " tells what no fault explains: " + text);
        }
    }
    for (auto& each : peers_) {
        if (each.role() != "manager" || each.killed || each.ended != 0) continue;
        const log_book log(log_of(each));
        check(log.workers_lost() == each.workers_lost(),
              "I9: " + each.name() + " lost " + std::to_string(each.workers_lost()) +
                  " workers, and logged " + std::to_string(log.workers_lost()));
    }
}

outcome stage::finish() {
    end_all("manager");
    end_all("worker");
    kept_.clear();  // a connection that its other end holds open stays open
    check_parkserver();
    check_logs();
    judge();
    return sums_;
}

void stage::digest(std::chrono::seconds ago) {
    const auto add = [this](std::vector<fact> some) {
        undigested_.insert(undigested_.end(), std::make_move_iterator(some.begin()),
                           std::make_move_iterator(some.end()));
    };
    const auto until = now() - ago;
    add(notes_reader_.more());
    for (auto& each : peers_) {
        each.refresh();
        add(each.take());
    }
    std::stable_sort(undigested_.begin(), undigested_.end(),
                     [](const fact& a, const fact& b) { return a.at < b.at; });
    const auto later = std::find_if(undigested_.begin(), undigested_.end(),
                                    [&](const fact& each) { return each.at > until; });
    std::for_each(undigested_.begin(), later, [this](const fact& each) { checkers_.see(each); });
    undigested_.erase(undigested_.begin(), later);
}

void stage::tell_new_violations() {
    const auto& all = checkers_.failures();
    while (told_ < all.size()) std::cerr << "maus-faults: " << all[told_++] << std::endl;
}

std::string stage::so_far() const {
    const auto& seen = checkers_.counts();
    return std::to_string(seen.calls) + " calls, " + std::to_string(seen.results) + " results, " +
           std::to_string(seen.errors) + " errors, " + std::to_string(seen.executions) +
           " executions, " + std::to_string(checkers_.failures().size()) + " violations";
}

void stage::judge() {
    digest(0s);
    checkers_.finish();
    sums_.calls = checkers_.counts();
    sums_.failures = failures_;
    sums_.failures.insert(sums_.failures.end(), checkers_.failures().begin(),
                          checkers_.failures().end());
}

waits waits_of(peer& boss, std::size_t since) {
    boss.refresh();
    std::map<std::uint64_t, maus::base::instant> asked;
    std::vector<double> all;
    for (std::size_t i = since; i < boss.facts().size(); ++i) {
        const fact& each = boss.facts()[i];
        if (each.what == kind::submitted) asked[each.ticket] = each.at;
        if (each.what != kind::settled || !asked.contains(each.ticket)) continue;
        all.push_back(
            std::chrono::duration<double, std::milli>(each.at - asked[each.ticket]).count());
    }
    if (all.empty()) throw row_failed("no call came back");
    std::sort(all.begin(), all.end());
    return {all.size(), all[all.size() / 2], all[(all.size() - 1) * 99 / 100], all.back()};
}

}  // namespace faults
