// A worker's credit: how many calls it may have that it has not answered.
//
// Enough work for the time that it would otherwise wait for more, and no hoard: what a slow worker
// hoards, an idle one cannot take. The window grows by what was answered, as TCP's does in slow start
// (RFC 5681), up to what the worker does in the time of the way there and back, by its service time.
// A worker that ran dry while calls waited had too little: what passed was that way, which a busy
// machine or network makes longer, and tells nothing of its service time.
#pragma once

#include <cstddef>

#include "maus/base/time.hpp"

namespace maus::core {

using base::duration;
using base::instant;

class credit_window {
public:
    credit_window() = default;
    /// `ahead_max`: of calls that wait behind those that it runs.
    credit_window(std::size_t concurrency, std::size_t ahead_max);

    [[nodiscard]] std::size_t size() const { return size_; }
    /// The way there and back, measured while it was idle.
    void round_trip(duration measured);
    /// It had nothing to do, and gets something.
    void begin(instant now) { since_ = now; }
    void answered() { ++answered_; }
    /// After some answers. `ran_dry`: it has nothing to do, and there are calls for it.
    void estimate(bool ran_dry, instant now);

private:
    static constexpr duration way_max = std::chrono::seconds{1};

    std::size_t concurrency_ = 1;
    std::size_t ahead_max_ = 1;
    std::size_t size_ = 2;
    std::size_t answered_ = 0;  // since the last estimate
    double service_ns_ = 0;     // between two answers while it has work
    duration round_trip_{};     // when it was idle
    duration way_{};            // the same, as far as it has shown under load
    instant since_{};           // of the estimate under way
};

}  // namespace maus::core
