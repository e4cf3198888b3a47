// `maus-demo wordcount`: has the words of files counted, and tells.
//
// An answer has every distinct word of its files, and to add it up takes nearly as long as counting
// did. So spreading gains little here; `maus-demo picture` is the job that shows what it can gain.

#include <algorithm>
#include <iostream>
#include <limits>
#include <map>

#include <maus/wire/message.hpp>
#include <nlohmann/json.hpp>

#include "bin/demo/commands.hpp"
#include "bin/demo/files.hpp"
#include "bin/demo/report.hpp"
#include "bin/demo/spread.hpp"
#include "bin/support/program.hpp"
#include "bin/support/text.hpp"

namespace demo {

namespace {

using namespace maus::programs;
using word_row = std::pair<std::string, std::uint64_t>;

class word_job final : public job {
public:
    explicit word_job(std::vector<batch> batches) : batches_(std::move(batches)) {}

    [[nodiscard]] std::string title() const override { return "counting"; }
    [[nodiscard]] std::size_t calls() const override { return batches_.size(); }
    [[nodiscard]] std::uint64_t size_of(std::size_t call) const override {
        return bytes_of(batches_[call]);
    }
    [[nodiscard]] std::string size_text(std::uint64_t size) const override {
        return bytes_text(size);
    }
    void make(std::size_t call, maus::worker_group& workers, messenger bring) override {
        bring_when_ready(workers.call(count_words, batches_[call]), std::move(bring),
                         [this](const share_of_work& answer) {
                             add(answer, found_);
                             by_worker_[answer.by.worker] += answer.total;
                         });
    }

    /// The call, by this process itself.
    void make_alone(std::size_t call) { count(batches_[call], found_); }
    [[nodiscard]] const word_counts& found() const { return found_; }
    [[nodiscard]] const sums& found_by(const std::string& worker) { return by_worker_[worker]; }

private:
    std::vector<batch> batches_;
    word_counts found_;
    std::map<std::string, sums> by_worker_;
};

/// Small jobs are cut finer, so that every worker gets some.
std::uint64_t batch_bytes_for(const wordcount_options& options, std::uint64_t bytes_total) {
    const std::uint64_t shares = std::max(options.workers, 4u) * std::uint64_t{20};
    return std::clamp<std::uint64_t>(bytes_total / shares, 4096, options.batch_bytes);
}

/// The most frequent ones; of equals the first in the alphabet.
std::vector<word_row> top_words(const word_map& counts, std::size_t most) {
    std::vector<word_row> rows(counts.begin(), counts.end());
    const auto middle = rows.begin() + static_cast<std::ptrdiff_t>(std::min(most, rows.size()));
    std::partial_sort(rows.begin(), middle, rows.end(), [](const auto& a, const auto& b) {
        return a.second != b.second ? a.second > b.second : a.first < b.first;
    });
    rows.erase(middle, rows.end());
    return rows;
}

double mb_per_s(const word_counts& found, double seconds) {
    return seconds > 0 ? static_cast<double>(found.total.bytes) / 1e6 / seconds : 0;
}

std::string words_text(const word_counts& found, std::size_t most) {
    if (most == 0 || found.total.words == 0) return "";
    table rows({{"WORD"}, {"TIMES", table::align::right}});
    for (const auto& [word, times] : top_words(found.times, most)) {
        rows.add({maus::wire::printable(word, 60), grouped(times)});
    }
    return rows.text() + '\n';
}

std::string totals_text(const word_counts& found, double seconds) {
    const auto& total = found.total;
    std::string text = counted(total.files, "file") + ", " + bytes_text(total.bytes) + ", " +
                       counted(total.words, "word") + ", " + grouped(found.times.size()) +
                       " distinct, in " + seconds_text(seconds) + ": " +
                       one_digit(mb_per_s(found, seconds)) + " MB/s\n";
    if (total.binary + total.unreadable > 0) {
        text += "passed over: " + grouped(total.binary) + " binary, " + grouped(total.unreadable) +
                " unreadable\n";
    }
    return text;
}

std::string report_json(word_job& work, const spread_result& by, const wordcount_options& options,
                        const std::optional<check_result>& checked) {
    const word_counts& found = work.found();
    nlohmann::ordered_json all{{"files", found.total.files},
                               {"binary_files", found.total.binary},
                               {"unreadable_files", found.total.unreadable},
                               {"bytes", found.total.bytes},
                               {"words", found.total.words},
                               {"distinct", found.times.size()},
                               {"mb_per_s", mb_per_s(found, by.seconds)}};
    add_result(all, by, "bytes");
    for (auto& worker : all["workers"]) {
        const sums& its = work.found_by(worker["id"]);
        worker["bytes"] = its.bytes;
        worker["files"] = its.files;
        worker["words"] = its.words;
    }
    auto top = nlohmann::ordered_json::array();
    for (const auto& [word, times] : top_words(found.times, options.top)) {
        top.push_back({{"word", word}, {"times", times}});
    }
    all["top"] = std::move(top);
    if (checked) add_check(all, *checked, by);
    return all.dump(2, ' ', true, nlohmann::json::error_handler_t::replace) + '\n';
}

/// Nothing: Ctrl-C. Files are not cut here, so that a wrong cut is found, too.
std::optional<check_result> check(const word_counts& found, const std::vector<piece>& files,
                                  const wordcount_options& options, const stop_signals& signals) {
    word_job alone(in_batches(files, std::numeric_limits<std::uint64_t>::max()));
    check_result checked;
    if (!in_one_process(
            alone, options.json, signals, [&](std::size_t call) { alone.make_alone(call); },
            checked.seconds)) {
        return std::nullopt;
    }
    checked.differences = differences(found, alone.found());
    if (!checked.differences.empty()) {
        checked.differences.emplace_back("have files changed in the meantime?");
    }
    return checked;
}

}  // namespace

int wordcount(const wordcount_options& options, stop_signals& signals) {
    const auto files = list_files(options.paths);
    const std::uint64_t bytes = bytes_of(files);
    word_job work(in_batches(files, batch_bytes_for(options, bytes)));
    const std::string about = "counting the words of " + counted(files.size(), "file") + ", " +
                              bytes_text(bytes) + ", on " + workers_text(options);
    const auto done = spread_out(work, options, about, signals);
    if (!done) return exit_failed;
    if (work.found().total.unreadable == files.size()) {
        throw failure("no file under " + options.paths.front() + " can be read");
    }
    if (!options.json) {
        std::cout << '\n'
                  << words_text(work.found(), options.top) << shares_text(*done, "text", bytes_text)
                  << totals_text(work.found(), done->seconds) << killed_text(*done, options.kill)
                  << std::flush;
    }
    std::optional<check_result> checked;
    if (options.check) {
        checked = check(work.found(), files, options, signals);
        if (!checked) return told_of_stop(options);
        if (!options.json) std::cout << check_text(*checked, *done, "totals");
    }
    if (options.json) std::cout << report_json(work, *done, options, checked);
    return checked && !checked->differences.empty() ? exit_failed : exit_good;
}

}  // namespace demo
