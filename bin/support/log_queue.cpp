#include "bin/support/log_queue.hpp"

#include <algorithm>
#include <utility>

#include "bin/support/text.hpp"

namespace maus::programs {

namespace {

constexpr std::size_t words_of_a_kind = 6;
constexpr std::size_t kind_bytes_max = 200;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

std::string kind_of(std::string_view text) {
    std::string kind;
    for (std::size_t words = 0; words < words_of_a_kind && !text.empty(); ++words) {
        const std::size_t end = std::min(text.find(' '), text.size());
        std::string_view word = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        const bool last = word.ends_with(':');
        if (last) word.remove_suffix(1);
        if (!kind.empty()) kind += ' ';
        kind += std::ranges::any_of(word, is_digit) ? std::string_view{"#"} : word;
        if (last) break;
    }
    return kind.substr(0, kind_bytes_max);
}

void log_queue::add(log_line line, instant now) {
    advance_to(now);
    if (!second_ends_) second_ends_ = now + std::chrono::seconds{1};
    if (line.text.size() > line_bytes_max) line.text.resize(line_bytes_max);
    std::string kind = kind_of(line.text);
    if (kinds_.size() >= kinds_max && !kinds_.contains(kind)) kind = "other lines";
    tally& those = kinds_[std::move(kind)];
    if (++those.lines <= lines_a_second_max) return queue(std::move(line));
    those.more.level = std::max(those.more.level, line.level);
    those.more.at = line.at;
}

void log_queue::advance_to(instant now) {
    if (second_ends_ && now >= *second_ends_) end_second();
}

std::optional<log_queue::instant> log_queue::next_deadline() const { return second_ends_; }

void log_queue::end_second() {
    for (auto& [kind, those] : std::exchange(kinds_, {})) {
        if (those.lines <= lines_a_second_max) continue;
        those.more.stands_for = those.lines - lines_a_second_max;
        those.more.text = "... " + grouped(those.more.stands_for) + " more like this: " + kind;
        queue(those.more);
    }
    second_ends_.reset();
}

void log_queue::queue(log_line line) {
    auto& room = line.level >= log_level::warning ? urgent_ : ordinary_;
    if (room.size() >= lines_max) {
        dropped_ += line.stands_for;
    } else {
        room.push_back({next_number_++, std::move(line)});
    }
}

std::vector<log_line> log_queue::take() {
    std::vector<log_line> all;
    while (!empty()) {
        const bool urgent = ordinary_.empty() ||
                            (!urgent_.empty() && urgent_.front().number < ordinary_.front().number);
        auto& room = urgent ? urgent_ : ordinary_;
        all.push_back(std::move(room.front().line));
        room.pop_front();
    }
    // Only behind other lines: if nothing can be written, this would be tried for ever.
    if (dropped_ > 0 && !all.empty()) {
        all.push_back({log_level::warning, all.back().at,
                       counted(dropped_, "line") + " dropped: the log could not be written in time",
                       std::exchange(dropped_, 0)});
    }
    return all;
}

}  // namespace maus::programs
