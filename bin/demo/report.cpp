#include "bin/demo/report.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <iostream>

#include "bin/support/program.hpp"
#include "bin/support/text.hpp"

namespace demo {

using namespace maus::programs;

namespace {

using align = table::align;

double percent(std::uint64_t part, std::uint64_t whole) {
    return whole == 0 ? 0 : 100 * static_cast<double>(part) / static_cast<double>(whole);
}

double speed_up(const check_result& check, const spread_result& done) {
    return done.seconds > 0 ? check.seconds / done.seconds : 0;
}

/// "3 workers, 1 of them killed on the way: 1.83 times as fast as one process"
std::string speed_text(const check_result& check, const spread_result& done) {
    std::array<char, 32> times{};
    std::snprintf(times.data(), times.size(), "%.2f", speed_up(check, done));
    const auto killed = done.killed.size();
    return counted(done.shares.size(), "worker") +
           (killed == 0 ? "" : ", " + grouped(killed) + " of them killed on the way") + ": " +
           times.data() + " times as fast as one process (" + seconds_text(done.seconds) +
           " against " + seconds_text(check.seconds) + ")\n";
}

}  // namespace

bool in_one_process(const job& work, bool quiet, const stop_signals& signals,
                    const std::function<void(std::size_t)>& make, double& seconds) {
    progress bar("checking", work, quiet);
    const auto begun = std::chrono::steady_clock::now();
    std::uint64_t size_done = 0;
    for (std::size_t call = 0; call < work.calls(); ++call) {
        if (signals.asked()) return false;
        make(call);
        size_done += work.size_of(call);
        bar.show(size_done, "one process");
    }
    seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    return true;
}

int told_of_stop(const job_options& options) {
    std::cerr << "maus-demo " << options.command << ": stopped, with 100 % done, not checked\n";
    return exit_failed;
}

std::string workers_text(const job_options& options) {
    if (options.workers > 0) return counted(options.workers, "worker");
    std::string places;
    for (const auto& each : options.parkservers) places += (places.empty() ? "" : ", ") + each;
    return "the workers at " + places;
}

std::string seconds_text(double seconds) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.2f s", seconds);
    return text.data();
}

std::string shares_text(const spread_result& done, const std::string& unit,
                        const std::function<std::string(std::uint64_t)>& size_text) {
    std::string title = unit;
    std::ranges::transform(title, title.begin(),
                           [](char c) { return c >= 'a' && c <= 'z' ? char(c - 32) : c; });
    table rows({{"WORKER"},
                {"PROCESS"},
                {"CALLS", align::right},
                {title, align::right},
                {"SHARE", align::right},
                {""}});
    std::uint64_t all = 0;
    for (const auto& [id, each] : done.shares) all += each.size;
    for (const auto& [id, each] : done.shares) {
        rows.add({id.substr(0, 8), each.host + ":" + std::to_string(each.pid), grouped(each.calls),
                  size_text(each.size), one_digit(percent(each.size, all)) + " %",
                  each.killed ? "killed" : ""});
    }
    return rows.text() + '\n';
}

std::string killed_text(const spread_result& done, std::uint32_t to_kill) {
    if (to_kill == 0) return "";
    if (done.killed.empty()) return "killed nobody: the job was over before\n";
    const auto count = done.killed.size();
    return counted(count, "worker") + (count == 1 ? " was" : " were") + " killed on the way; " +
           counted(done.calls_moved, "call") + " moved to the others, and none was lost\n";
}

std::string check_text(const check_result& check, const spread_result& done,
                       const std::string& results) {
    if (check.differences.empty()) {
        return "check: the same " + results + " as one process alone\n" + speed_text(check, done);
    }
    constexpr std::size_t shown = 20;
    std::string text = "check: other " + results + " than one process alone\n";
    for (std::size_t i = 0; i < std::min(shown, check.differences.size()); ++i) {
        text += "  " + check.differences[i] + '\n';
    }
    if (check.differences.size() > shown) {
        text += "  and " + grouped(check.differences.size() - shown) + " more\n";
    }
    return text;
}

void add_result(nlohmann::ordered_json& to, const spread_result& done, const std::string& unit) {
    to["seconds"] = done.seconds;
    to["calls"] = done.calls;
    to["calls_moved"] = done.calls_moved;
    to["killed"] = done.killed;
    auto workers = nlohmann::ordered_json::array();
    for (const auto& [id, each] : done.shares) {
        workers.push_back({{"id", id},
                           {"host", each.host},
                           {"pid", each.pid},
                           {"calls", each.calls},
                           {unit, each.size},
                           {"killed", each.killed}});
    }
    to["workers"] = std::move(workers);
}

void add_check(nlohmann::ordered_json& to, const check_result& check, const spread_result& done) {
    to["check"] = {{"same", check.differences.empty()},
                   {"seconds", check.seconds},
                   {"speed_up", speed_up(check, done)},
                   {"differences", check.differences}};
}

}  // namespace demo
