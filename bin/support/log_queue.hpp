// What becomes of log lines between those who log and the one who writes: a queue with a bound. It
// is pure: no thread, clock or descriptor (log_lines.cpp has those).
//
//   a line comes                      then
//   its kind had few this second      queued
//   its kind had lines_a_second       counted; "... 1,234 more like this" at the end of the second
//   the room for its level is full    dropped and counted; "1,234 lines dropped" behind what is queued
//   it could not be written           lost(): counted as dropped, told when lines are written again
//
// What always holds: warnings and errors have room of their own, so that no flood of other lines
// displaces them. Lines leave in the order in which they came. The memory has a bound, whatever is
// logged.
//
// A line's kind is its first words, up to a colon; a word with a digit (an id, an address, a
// number) is as good as any other.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <maus/log_level.hpp>

namespace maus::programs {

struct log_line {
    log_level level = log_level::info;
    std::chrono::system_clock::time_point at = {};
    std::string text;
    std::uint64_t stands_for = 1;  ///< how many lines are gone if this one is
};

class log_queue {
public:
    using instant = std::chrono::steady_clock::time_point;

    static constexpr std::uint64_t lines_a_second_max = 100;  ///< of one kind
    static constexpr std::size_t lines_max = 1024;            ///< twice: for warnings apart
    static constexpr std::size_t line_bytes_max = 4000;       ///< a longer line is cut
    static constexpr std::size_t kinds_max = 256;  ///< a second; further kinds count as one

    void add(log_line line, instant now);
    /// Tells of what was counted, once its second is over.
    void advance_to(instant now);
    [[nodiscard]] std::optional<instant> next_deadline() const;
    /// The same, although the second is not over.
    void end_second();

    [[nodiscard]] bool empty() const { return ordinary_.empty() && urgent_.empty(); }
    /// All that is queued; the count of dropped lines behind it.
    [[nodiscard]] std::vector<log_line> take();
    /// So many lines that were taken could not be written.
    void lost(std::uint64_t lines) { dropped_ += lines; }

private:
    struct numbered {
        std::uint64_t number;  ///< in the order in which they came
        log_line line;
    };
    struct tally {
        std::uint64_t lines = 0;
        log_line more = {};  ///< those beyond the limit: the highest level, the latest time
    };

    void queue(log_line line);

    std::deque<numbered> ordinary_;
    std::deque<numbered> urgent_;  ///< warnings and errors
    std::uint64_t next_number_ = 0;
    std::uint64_t dropped_ = 0;
    std::map<std::string, tally, std::less<>> kinds_;  ///< in this second
    std::optional<instant> second_ends_;
};

/// "worker # left" of "worker 1a2b3c4d left: its connection closed".
[[nodiscard]] std::string kind_of(std::string_view text);

}  // namespace maus::programs
