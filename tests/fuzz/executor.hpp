// An executor whose every choice is the fuzzer's, within the executor's rules (core/worker.hpp):
// jobs start in order, while they may; each is told once what became of it.
#pragma once

#include <algorithm>
#include <set>

#include "maus/core/worker.hpp"
#include "tests/fuzz/input.hpp"

namespace fuzz {

using namespace maus;

class executor {
public:
    void add(core::job made) { tasks_.push_back({std::move(made)}); }
    void cancel(std::uint64_t link, const wire::attempt& what) {
        for (auto& each : tasks_) {
            if (each.job.link == link && each.job.attempt == what) each.cancelled = true;
        }
    }
    [[nodiscard]] std::size_t slots_held() const {
        return static_cast<std::size_t>(std::count_if(
            tasks_.begin(), tasks_.end(), [](const task& each) { return !each.detached; }));
    }
    [[nodiscard]] int jobs_of(std::uint64_t link) const {
        return static_cast<int>(std::count_if(
            tasks_.begin(), tasks_.end(), [&](const task& each) { return each.job.link == link; }));
    }

    /// One thing happens to one job. `tell` takes what the worker is to be told.
    template <class Tell>
    void work(input& in, std::uint64_t startable, std::size_t concurrency, Tell tell) {
        if (tasks_.empty()) return;
        const std::size_t at = in.below(tasks_.size());
        task& one = tasks_[at];
        if (!one.running) {
            const bool may = startable != 0 && one.job.link == startable && !one.cancelled;
            if (!may) return end(at, core::job_returned{}, tell);
            if (running() < concurrency && is_first_to_wait(at)) {
                one.running = true;
                if (one.job.at_most_once) tell(core::job_started{one.job.link, one.job.attempt});
            }
            return;
        }
        const auto fate = in.below(8);
        if (fate < 2 && one.asks != 0) return;
        if (fate < 2 && !one.detached) {
            one.detached = true;
            return tell(core::job_detached{one.job.link, one.job.attempt});
        }
        if (fate == 3 && one.job.function == 1) {  // which gives items
            core::job_items some{one.job.link, one.job.attempt, 0, {}};
            for (auto many = 1 + in.below(3); many != 0; --many) {
                base::buffer item;
                item.extend(in.below(30));
                std::fill_n(item.data(), item.size(), std::byte{2});
                wire::add_item(some.payload, some.count, std::move(item));
            }
            return tell(std::move(some));
        }
        if (fate == 4 && one.job.function == 2 && one.asks == 0 &&
            !one.detached) {  // which calls back
            one.asks = ++asked_;
            const bool impatient = in.one_in(4);
            return tell(core::job_callback{one.job.link,
                                           one.job.attempt,
                                           {one.asks, 0},
                                           {},
                                           impatient ? core::instant{} : core::never,
                                           one.job.nested});
        }
        if (fate == 2) {
            return end(at, core::job_fault{errc::remote_exception, "type", "text"}, tell);
        }
        static constexpr std::size_t sizes[] = {0, 8, 24, 60};
        core::job_value value;
        value.payload.extend(in.one_of(sizes));
        std::fill_n(value.payload.data(), value.payload.size(), std::byte{1});
        end(at, std::move(value), tell);
    }
    /// One that asked goes on.
    void hear(const core::callback_done& answer) {
        require(answer.id != 0 && answer.id <= asked_, "a function hears what it asked");
        require(heard_.insert(answer.id).second, "and once");
        for (auto& each : tasks_) {
            if (each.asks == answer.id) each.asks = 0;
        }
    }
    /// All end, somehow.
    template <class Tell>
    void finish(Tell tell) {
        while (!tasks_.empty()) {
            if (tasks_.back().running) {
                end(tasks_.size() - 1, core::job_value{}, tell);
            } else {
                end(tasks_.size() - 1, core::job_returned{}, tell);
            }
        }
    }

private:
    struct task {
        core::job job;
        bool running = false, detached = false, cancelled = false;
        std::uint64_t asks = 0;  // and has not heard
    };
    [[nodiscard]] std::size_t running() const {
        return static_cast<std::size_t>(
            std::count_if(tasks_.begin(), tasks_.end(),
                          [](const task& each) { return each.running && !each.detached; }));
    }
    [[nodiscard]] bool is_first_to_wait(std::size_t at) const {
        return std::none_of(tasks_.begin(), tasks_.begin() + static_cast<std::ptrdiff_t>(at),
                            [](const task& each) { return !each.running; });
    }
    template <class Outcome, class Tell>
    void end(std::size_t at, Outcome outcome, Tell& tell) {
        const task old = std::move(tasks_[at]);
        tasks_.erase(tasks_.begin() + static_cast<std::ptrdiff_t>(at));
        tell(core::job_done{old.job.link, old.job.attempt, old.detached, std::move(outcome)});
    }

    std::vector<task> tasks_;
    std::uint64_t asked_ = 0;
    std::set<std::uint64_t> heard_;
};

}  // namespace fuzz
