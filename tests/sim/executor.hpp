// What runs functions in a simulated worker: `concurrency` slots, jobs started in order and only
// while they may be, each job answered once.
#pragma once

#include <deque>
#include <map>
#include <variant>
#include <vector>

#include "functions.hpp"
#include "history.hpp"
#include "maus/core/worker.hpp"

namespace maus::sim {

class worker_process;

class executor {
public:
    using news = std::variant<core::job_done, core::job_detached, core::job_started,
                              core::job_progress, core::job_callback>;

    executor(worker_process& in, const core::worker_config& config);

    void take(core::worker_effects& from);
    /// Starts what may be started and returns what may not; `told` is for the machine.
    void pump(const core::worker& machine, instant now);
    /// A run has come to its next stage.
    void reach(std::uint64_t run);
    [[nodiscard]] std::vector<news> take_news();
    [[nodiscard]] bool hangs() const;
    /// Whatever hangs comes to an end.
    void let_go();

private:
    struct run {
        core::job job;
        arguments args;
        function which = function::echo;
        bool detached = false;
        std::uint64_t callback = 0;  // that it waits for; none: 0
        bool asked = false;
    };
    void ask(std::uint64_t number, run& of);
    void hear(const core::callback_done& what);
    void forget_callbacks(std::uint64_t answerable);
    void start(core::job job);
    void give_back(const core::job& job);
    void finish(std::uint64_t number);
    [[nodiscard]] fact begin(fact::kind what, const core::job& job, std::uint64_t ticket) const;

    worker_process& in_;
    const core::worker_config& config_;
    std::deque<core::job> waiting_;
    std::vector<wire::attempt> cancelled_;
    std::map<std::uint64_t, run> runs_;
    std::uint64_t runs_made_ = 0;
    std::uint64_t callbacks_made_ = 0;
    std::map<std::uint64_t, std::uint64_t> callbacks_;  // which run waits for which
    std::size_t busy_ = 0;
    std::vector<news> news_;
};

}  // namespace maus::sim
