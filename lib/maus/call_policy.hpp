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
#include "maus/script.hpp"

namespace maus::detail {

/// What only few calls have.
struct call_tags {
    call_label label = {};
    trace_context trace = {};
    std::string worker = {};  ///< the only one that may have it; empty: any
    std::chrono::nanoseconds hedge_after = std::chrono::nanoseconds::max();
    std::stop_token stop = {};
    std::shared_ptr<const script_list> scripts = {};  ///< among its arguments; mostly none

    /// Whether something of it goes to the worker.
    [[nodiscard]] bool travel() const { return !label.empty() || !trace.empty(); }
    [[nodiscard]] bool empty() const {
        return !travel() && worker.empty() && hedge_after == std::chrono::nanoseconds::max() &&
               !stop.stop_possible() && scripts == nullptr;
    }
};

/// What each call has. What each field means is told at call_options.
struct call_terms {
    maus::delivery delivery = maus::delivery::at_least_once;
    maus::when_full when_full = maus::when_full::block;
    std::uint8_t max_crashes = 3;
    maus::priority priority = maus::priority::normal;
    bool replayable = false;
    std::chrono::nanoseconds timeout = std::chrono::nanoseconds::max();
    std::chrono::nanoseconds attempt_timeout = std::chrono::nanoseconds::max();
};

/// What a call_options says.
struct call_policy : call_terms {
    std::unique_ptr<call_tags> tags = {};  ///< mostly none

    call_policy() = default;
    // Not explicit: it is the same, kept otherwise.
    call_policy(const call_options& options)
        : call_terms{options.delivery,       options.when_full,  options.max_crashes,
                     options.priority,       options.replayable, options.timeout,
                     options.attempt_timeout} {
        call_tags has{options.label, options.trace, {}, options.hedge_after, options.stop, {}};
        if (!options.worker.empty()) has.worker = options.worker.text();
        if (!has.empty()) tags = std::make_unique<call_tags>(std::move(has));
    }
    call_policy(const call_policy& from) : call_terms(from), tags(copy_of(from)) {}
    call_policy(call_policy&&) noexcept = default;
    call_policy& operator=(const call_policy& from) { return *this = call_policy(from); }
    call_policy& operator=(call_policy&&) noexcept = default;
    ~call_policy() = default;

    /// What it was made of.
    [[nodiscard]] call_options options() const {
        call_options made;
        made.delivery = delivery;
        made.when_full = when_full;
        made.max_crashes = max_crashes;
        made.timeout = timeout;
        made.attempt_timeout = attempt_timeout;
        made.priority = priority;
        made.replayable = replayable;
        if (!tags) return made;
        made.label = tags->label;
        made.trace = tags->trace;
        made.stop = tags->stop;
        if (!tags->worker.empty()) made.worker = tags->worker;
        made.hedge_after = tags->hedge_after;
        return made;
    }
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
    /// What the scripts among its arguments count ([P-129]).
    [[nodiscard]] std::size_t script_bytes() const {
        return tags && tags->scripts ? tags->scripts->bytes() : 0;
    }
    /// Whether it is for one worker and no other.
    [[nodiscard]] bool is_addressed() const { return tags != nullptr && !tags->worker.empty(); }

private:
    [[nodiscard]] static std::unique_ptr<call_tags> copy_of(const call_policy& from) {
        return from.tags ? std::make_unique<call_tags>(*from.tags) : nullptr;
    }
};

}  // namespace maus::detail
