// The options of a call, as everything that has a call in its hands keeps them. Not for users.
//
// A group makes one of its call_options, and with() another; each call gets a copy, which moves on from
// its future to the machines. So it is small, and what few calls have stands apart.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>

#include "maus/call_tags.hpp"
#include "maus/options.hpp"

namespace maus::detail {

/// What only few calls have.
struct call_tags {
    call_label label = {};
    trace_context trace = {};
    std::string worker = {};  ///< the only one that may have it; empty: any
    std::chrono::nanoseconds hedge_after = std::chrono::nanoseconds::max();
    std::stop_token stop = {};

    /// Whether something of it goes to the worker.
    [[nodiscard]] bool travel() const { return !label.empty() || !trace.empty(); }
    [[nodiscard]] bool empty() const {
        return !travel() && worker.empty() && hedge_after == std::chrono::nanoseconds::max() &&
               !stop.stop_possible();
    }
};

/// What a call_options says. What each field means is told there.
struct call_policy {
    maus::delivery delivery = maus::delivery::at_least_once;
    maus::when_full when_full = maus::when_full::block;
    std::uint8_t max_crashes = 3;
    maus::priority priority = maus::priority::normal;
    bool replayable = false;
    std::chrono::nanoseconds timeout = std::chrono::nanoseconds::max();
    std::chrono::nanoseconds attempt_timeout = std::chrono::nanoseconds::max();
    std::unique_ptr<call_tags> tags = {};  ///< mostly none

    call_policy() = default;
    // Not explicit: it is the same, kept otherwise.
    call_policy(const call_options& options)
        : delivery(options.delivery),
          when_full(options.when_full),
          max_crashes(options.max_crashes),
          priority(options.priority),
          replayable(options.replayable),
          timeout(options.timeout),
          attempt_timeout(options.attempt_timeout) {
        call_tags has{options.label, options.trace, {}, options.hedge_after, options.stop};
        if (!options.worker.empty()) has.worker = options.worker.text();
        if (!has.empty()) tags = std::make_unique<call_tags>(std::move(has));
    }
    call_policy(const call_policy& from) { *this = from; }
    call_policy(call_policy&&) noexcept = default;
    call_policy& operator=(const call_policy& from) {
        delivery = from.delivery;
        when_full = from.when_full;
        max_crashes = from.max_crashes;
        priority = from.priority;
        replayable = from.replayable;
        timeout = from.timeout;
        attempt_timeout = from.attempt_timeout;
        if (from.tags != nullptr || tags != nullptr) [[unlikely]] {
            tags = from.tags == nullptr ? nullptr : std::make_unique<call_tags>(*from.tags);
        }
        return *this;
    }
    call_policy& operator=(call_policy&&) noexcept = default;
    ~call_policy() = default;

    [[nodiscard]] call_tags& make_tags() {
        if (!tags) tags = std::make_unique<call_tags>();
        return *tags;
    }
    [[nodiscard]] call_label label() const { return tags ? tags->label : call_label{}; }
    /// Takes the token out of it.
    [[nodiscard]] std::stop_token take_stop() {
        if (!tags) [[likely]]
            return {};
        std::stop_token stop = std::exchange(tags->stop, {});
        if (tags->empty()) tags.reset();
        return stop;
    }
    [[nodiscard]] bool is_timed() const { return attempt_timeout != attempt_timeout.max(); }
    /// Whether it is for one worker and no other.
    [[nodiscard]] bool is_addressed() const { return tags != nullptr && !tags->worker.empty(); }
};

}  // namespace maus::detail
