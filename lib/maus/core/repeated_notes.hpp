// What peers can cause again and again is logged once, and then counted.
//
// line            | then
// ----------------|-------------------------------------------------------------
// a new one       | it is told
// the same again  | it is counted; a minute after it was told, "... (and 5 more like this)", then after
//                 | two minutes, four, and so on
// after long rest | it is a new one
//
// Lines that differ in too many ways count as one: who makes them differ shall not fill a log either.
//
// Pure: no clock.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "maus/base/time.hpp"
#include "maus/log_level.hpp"

namespace maus::core {

class repeated_notes {
public:
    struct line {
        log_level level;
        std::string text;
        friend bool operator==(const line&, const line&) = default;
    };
    /// What to log for this line, at the highest level of those that it stands for; nothing: it was counted.
    [[nodiscard]] std::optional<line> told(log_level level, std::string_view text,
                                           base::instant now) {
        auto found = kinds_.find(text);
        if (found == kinds_.end()) {
            forget(now);
            const bool is_full = kinds_.size() >= kinds_max;
            found = kinds_.try_emplace(is_full ? std::string{} : std::string(text)).first;
        }
        kind& its = found->second;
        its.level = std::max(its.level, level);
        if (now < its.tell_at) {
            ++its.more;
            return std::nullopt;
        }
        if (now >= base::after(its.tell_at, its.silence)) its.silence = silence_min;
        its.tell_at = base::after(now, its.silence);
        its.silence = std::min(its.silence * 2, silence_max);
        const auto more = std::exchange(its.more, 0);
        const std::string number =
            more == 0 ? "" : " (and " + std::to_string(more) + " more like this)";
        return line{std::exchange(its.level, log_level::debug), std::string(text) + number};
    }
    /// At the end: what was counted and not told.
    [[nodiscard]] std::vector<line> rest() {
        std::vector<line> all;
        for (const auto& [text, its] : std::exchange(kinds_, {})) {
            if (its.more == 0) continue;
            all.push_back({its.level, (text.empty() ? "other complaints" : text) + " (" +
                                          std::to_string(its.more) + " more like this)"});
        }
        return all;
    }

    static constexpr std::size_t kinds_max = 32;
    static constexpr base::duration silence_min = std::chrono::minutes{1};
    static constexpr base::duration silence_max = std::chrono::hours{1};

private:
    struct kind {
        log_level level = log_level::debug;
        base::instant tell_at{};
        base::duration silence = silence_min;
        std::uint64_t more = 0;
    };

    /// It did not come again for as long as it was not to be told at first.
    [[nodiscard]] static bool is_old(const kind& its, base::instant now) {
        return now >= base::after(its.tell_at, silence_min);
    }
    /// What was counted of those that are old is told with the others.
    void forget(base::instant now) {
        std::uint64_t untold = 0;
        log_level level = log_level::debug;
        std::erase_if(kinds_, [&](const auto& each) {
            if (each.first.empty() || !is_old(each.second, now)) return false;
            if (each.second.more != 0) level = std::max(level, each.second.level);
            untold += each.second.more;
            return true;
        });
        if (untold == 0) return;
        kind& others = kinds_[std::string{}];
        others.level = std::max(others.level, level);
        others.more += untold;
    }

    std::map<std::string, kind, std::less<>> kinds_;
};

}  // namespace maus::core
