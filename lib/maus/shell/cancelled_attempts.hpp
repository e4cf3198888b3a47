// Which of the jobs that wait need not be started any more, whoever keeps those jobs.
//
// A manager may cancel thousands of calls that wait at a worker, and a broken one sends a million
// cancels of calls that are not there. So a cancel must not look through the jobs. It is kept here,
// and a job asks for its own when its turn comes. Cancels that came too late would stay for ever:
// once they are many more than the jobs, the jobs are looked through once, and what none of them
// asks for is forgotten. That is a bounded share for each cancel, and this never holds more than
// about twice as many as there are jobs. (Ordered: a peer that chooses its numbers could make a hash
// table slow.)
#pragma once

#include <cstddef>
#include <iterator>
#include <set>
#include <vector>

#include "maus/wire/link.hpp"

namespace maus::shell {

class cancelled_attempts {
public:
    /// `jobs` are those that wait; `attempt_of` tells a job's attempt.
    template <class Jobs, class AttemptOf>
    void add(const std::vector<wire::attempt>& cancels, const Jobs& jobs, AttemptOf attempt_of) {
        if (jobs.empty()) return;
        for (const auto& each : cancels) {
            attempts_.insert(each);
            if (attempts_.size() > spare + 2 * jobs.size()) keep_those_of(jobs, attempt_of);
        }
    }
    /// Whether this attempt was cancelled. True once: the job is gone then.
    [[nodiscard]] bool take(const wire::attempt& attempt) {
        return !attempts_.empty() && attempts_.erase(attempt) != 0;
    }
    void clear() { attempts_.clear(); }
    [[nodiscard]] std::size_t size() const { return attempts_.size(); }

private:
    static constexpr std::size_t spare = 64;

    template <class Jobs, class AttemptOf>
    void keep_those_of(const Jobs& jobs, AttemptOf attempt_of) {
        std::set<wire::attempt> kept;
        for (const auto& each : jobs) {
            if (attempts_.contains(attempt_of(each))) kept.insert(attempt_of(each));
        }
        attempts_.swap(kept);
    }

    std::set<wire::attempt> attempts_;
};

}  // namespace maus::shell
