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

namespace maus::core {

class repeated_notes {
public:
    /// What to log for this line; nothing: it was counted.
    [[nodiscard]] std::optional<std::string> told(std::string_view text, base::instant now) {
        auto found = kinds_.find(text);
        if (found == kinds_.end()) {
            forget(now);
            const bool is_full = kinds_.size() >= kinds_max;
            found = kinds_.try_emplace(is_full ? std::string{} : std::string(text)).first;
        }
        kind& its = found->second;
        if (now < its.tell_at) {
            ++its.more;
            return std::nullopt;
        }
        its.tell_at = base::after(now, its.silence);
        its.silence = std::min(its.silence * 2, silence_max);
        const auto more = std::exchange(its.more, 0);
        return std::string(text) +
               (more == 0 ? "" : " (and " + std::to_string(more) + " more like this)");
    }
    /// At the end: what was counted and not told.
    [[nodiscard]] std::vector<std::string> rest() {
        std::vector<std::string> all;
        for (const auto& [text, its] : std::exchange(kinds_, {})) {
            if (its.more == 0) continue;
            all.push_back((text.empty() ? "other complaints" : text) + " (" +
                          std::to_string(its.more) + " more like this)");
        }
        return all;
    }

    static constexpr std::size_t kinds_max = 32;
    static constexpr base::duration silence_min = std::chrono::minutes{1};
    static constexpr base::duration silence_max = std::chrono::hours{1};

private:
    struct kind {
        base::instant tell_at{};
        base::duration silence = silence_min;
        std::uint64_t more = 0;
    };

    /// Those that did not come again for as long as they were not to be told.
    void forget(base::instant now) {
        std::erase_if(kinds_, [now](const auto& each) {
            return each.second.more == 0 && now >= base::after(each.second.tell_at, silence_min);
        });
    }

    std::map<std::string, kind, std::less<>> kinds_;
};

}  // namespace maus::core
