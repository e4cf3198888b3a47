#include "bin/demo/report.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>

#include <maus/wire/message.hpp>
#include <nlohmann/json.hpp>

#include "bin/support/text.hpp"

namespace demo {

using namespace maus::programs;

namespace {

using align = table::align;
using word_row = std::pair<std::string, std::uint64_t>;

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

std::string seconds_text(double seconds) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.2f s", seconds);
    return text.data();
}

double percent(std::uint64_t part, std::uint64_t whole) {
    return whole == 0 ? 0 : 100 * static_cast<double>(part) / static_cast<double>(whole);
}

double mb_per_s(const job_result& done) {
    return done.seconds > 0 ? static_cast<double>(done.found.total.bytes) / 1e6 / done.seconds : 0;
}

std::string words_text(const job_result& done, std::size_t most) {
    if (most == 0 || done.found.total.words == 0) return "";
    table rows({{"WORD"}, {"TIMES", align::right}});
    for (const auto& [word, times] : top_words(done.found.times, most)) {
        rows.add({maus::wire::printable(word, 60), grouped(times)});
    }
    return rows.text() + '\n';
}

std::string shares_text(const job_result& done) {
    table rows({{"WORKER"},
                {"PROCESS"},
                {"CALLS", align::right},
                {"FILES", align::right},
                {"TEXT", align::right},
                {"SHARE", align::right},
                {""}});
    for (const auto& [id, each] : done.shares) {
        rows.add({id.substr(0, 8), each.host + ":" + std::to_string(each.pid), grouped(each.calls),
                  grouped(each.total.files), bytes_text(each.total.bytes),
                  one_digit(percent(each.total.bytes, done.found.total.bytes)) + " %",
                  each.killed ? "killed" : ""});
    }
    return rows.text() + '\n';
}

std::string totals_text(const job_result& done) {
    const auto& found = done.found.total;
    std::string text = counted(found.files, "file") + ", " + bytes_text(found.bytes) + ", " +
                       counted(found.words, "word") + ", " + grouped(done.found.times.size()) +
                       " distinct, in " + seconds_text(done.seconds) + ": " +
                       one_digit(mb_per_s(done)) + " MB/s\n";
    if (found.binary + found.unreadable > 0) {
        text += "passed over: " + grouped(found.binary) + " binary, " + grouped(found.unreadable) +
                " unreadable\n";
    }
    return text;
}

std::string killed_text(const job_result& done, std::uint32_t to_kill) {
    if (to_kill == 0) return "";
    if (done.killed.empty()) return "killed nobody: the job was over before\n";
    const auto count = done.killed.size();
    return counted(count, "worker") + (count == 1 ? " was" : " were") + " killed on the way; " +
           counted(done.calls_moved, "call") + " moved to the others, and none was lost\n";
}

nlohmann::ordered_json workers_json(const job_result& done) {
    auto all = nlohmann::ordered_json::array();
    for (const auto& [id, each] : done.shares) {
        all.push_back({{"id", id},
                       {"host", each.host},
                       {"pid", each.pid},
                       {"calls", each.calls},
                       {"files", each.total.files},
                       {"bytes", each.total.bytes},
                       {"words", each.total.words},
                       {"killed", each.killed}});
    }
    return all;
}

}  // namespace

std::vector<std::string> differences(const word_counts& workers, const word_counts& alone) {
    std::vector<std::string> found;
    const auto compare = [&](const std::string& noun, std::uint64_t theirs, std::uint64_t ours) {
        if (theirs == ours) return;
        found.push_back(noun + ": " + grouped(theirs) + " by the workers, " + grouped(ours) +
                        " alone");
    };
    compare("files", workers.total.files, alone.total.files);
    compare("binary files", workers.total.binary, alone.total.binary);
    compare("unreadable files", workers.total.unreadable, alone.total.unreadable);
    compare("bytes", workers.total.bytes, alone.total.bytes);
    compare("words", workers.total.words, alone.total.words);
    compare("distinct words", workers.times.size(), alone.times.size());
    // In the alphabet's order, and only what differs: there may be very many words.
    std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> words;
    for (const auto& [word, times] : workers.times) {
        const auto other = alone.times.find(word);
        const std::uint64_t ours = other == alone.times.end() ? 0 : other->second;
        if (ours != times) words.emplace(word, std::pair{times, ours});
    }
    for (const auto& [word, times] : alone.times) {
        if (!workers.times.contains(word)) words.emplace(word, std::pair{0u, times});
    }
    for (const auto& [word, times] : words) {
        compare("the word " + word, times.first, times.second);
    }
    return found;
}

std::string report_text(const job_result& done, const wordcount_options& options) {
    return words_text(done, options.top) + shares_text(done) + totals_text(done) +
           killed_text(done, options.kill);
}

std::string check_text(const check_result& check) {
    if (check.differences.empty()) {
        return "check: the same totals (one process alone took " + seconds_text(check.seconds) +
               ")\n";
    }
    constexpr std::size_t shown = 20;
    std::string text = "check: the totals differ; have files changed in the meantime?\n";
    for (std::size_t i = 0; i < std::min(shown, check.differences.size()); ++i) {
        text += "  " + check.differences[i] + '\n';
    }
    if (check.differences.size() > shown) {
        text += "  and " + grouped(check.differences.size() - shown) + " more\n";
    }
    return text;
}

std::string report_json(const job_result& done, const wordcount_options& options,
                        const std::optional<check_result>& check) {
    auto top = nlohmann::ordered_json::array();
    for (const auto& [word, times] : top_words(done.found.times, options.top)) {
        top.push_back({{"word", word}, {"times", times}});
    }
    nlohmann::ordered_json all{{"files", done.found.total.files},
                               {"binary_files", done.found.total.binary},
                               {"unreadable_files", done.found.total.unreadable},
                               {"bytes", done.found.total.bytes},
                               {"words", done.found.total.words},
                               {"distinct", done.found.times.size()},
                               {"seconds", done.seconds},
                               {"mb_per_s", mb_per_s(done)},
                               {"calls", done.calls},
                               {"calls_moved", done.calls_moved},
                               {"killed", done.killed},
                               {"workers", workers_json(done)},
                               {"top", top}};
    if (check) {
        all["check"] = {{"same", check->differences.empty()},
                        {"seconds", check->seconds},
                        {"differences", check->differences}};
    }
    return all.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
}

}  // namespace demo
