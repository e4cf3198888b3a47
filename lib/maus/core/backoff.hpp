// Backoff before a reconnect: how long to rest before it is tried again, and when to tell of it.
//
// Each failure doubles the rest, and jitter keeps those who lost the same peer from coming back
// together ([P-19]). Only a connection that has lasted begins again with short rests: a peer that
// takes connections, or registrations, and drops them is no better than one that is not there.
// The first failure is told at once; those after it a minute later, two, four, and so on.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "maus/base/random.hpp"
#include "maus/base/time.hpp"

namespace maus::core {

class backoff {
public:
    /// From one to five times as long as the last shortest, 0.1 to 0.5 s at first, 1 to 5 s at last.
    [[nodiscard]] base::duration next_rest(base::random& random) {
        const auto spread = static_cast<std::uint64_t>(rest_.count()) * 4;
        const auto more = static_cast<std::int64_t>(random.below(spread));
        return std::exchange(rest_, std::min(rest_ * 2, rest_max / 5)) + base::duration{more};
    }
    /// It will hardly think better of it soon: the next rest is a long one.
    void rest_long() { rest_ = rest_max / 5; }
    /// Whether to tell of a failure.
    [[nodiscard]] bool is_news(base::instant now) {
        if (now < tell_at_) return false;
        tell_at_ = base::after(now, silence_);
        silence_ = std::min(silence_ * 2, silence_max);
        return true;
    }
    /// It answers: what fails after that is another outage, to be told of at once.
    void reached() {
        tell_at_ = {};
        silence_ = silence_min;
    }
    /// What was reached has lasted.
    void over() { rest_ = rest_min; }

private:
    static constexpr base::duration rest_min = std::chrono::milliseconds{100};
    static constexpr base::duration rest_max = std::chrono::seconds{5};
    static constexpr base::duration silence_min = std::chrono::minutes{1};
    static constexpr base::duration silence_max = std::chrono::hours{1};

    base::duration rest_ = rest_min;
    base::instant tell_at_{};
    base::duration silence_ = silence_min;
};

}  // namespace maus::core
