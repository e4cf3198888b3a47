// The stop tokens that functions have asked for, by the attempts that they run for.
//
// A function that does not ask costs nothing here. Who runs (function_threads) remembers that a call was
// cancelled, for a function that asks later:
//
// by the function           | by the leader
// --------------------------|------------------------------------------------
// enter() makes the token   | the running call is marked as cancelled
// asks whether it is marked | cancel() stops the token if there is one
//
// In whatever order these four happen, the token is stopped.
//
// Thread-safe. Callbacks of tokens are called without the lock.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <stop_token>
#include <utility>
#include <vector>

#include "maus/wire/link.hpp"

namespace maus::shell {

class call_stops {
public:
    /// Until leave(). Attempts of different links may have the same numbers.
    [[nodiscard]] std::stop_source enter(std::uint64_t link, wire::attempt of) {
        const std::lock_guard lock(guard_);
        return sources_[{link, of}];
    }
    void leave(std::uint64_t link, wire::attempt of) {
        const std::lock_guard lock(guard_);
        sources_.erase({link, of});
    }
    void cancel(std::uint64_t link, const std::vector<wire::attempt>& cancels) {
        std::vector<std::stop_source> found;
        {
            const std::lock_guard lock(guard_);
            if (sources_.empty()) return;
            for (const auto& each : cancels) {
                const auto at = sources_.find({link, each});
                if (at != sources_.end()) found.push_back(at->second);
            }
        }
        for (auto& each : found) each.request_stop();
    }
    /// Nobody hears the answers of any other link. 0: of none.
    void keep_only(std::uint64_t link) {
        std::vector<std::stop_source> others;
        {
            const std::lock_guard lock(guard_);
            for (const auto& [of, source] : sources_) {
                if (of.first != link) others.push_back(source);
            }
        }
        for (auto& each : others) each.request_stop();
    }

private:
    std::mutex guard_;
    std::map<std::pair<std::uint64_t, wire::attempt>, std::stop_source> sources_;
};

}  // namespace maus::shell
