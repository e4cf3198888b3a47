// What runs functions in a simulated worker: `concurrency` slots, jobs started in order and only
// while they may be, each job answered once.
#pragma once

#include <deque>
#include <map>
#include <variant>
#include <vector>

#include "functions.hpp"
#include "history.hpp"
#include "maus/core/streams.hpp"
#include "maus/core/worker.hpp"

namespace maus::sim {

class worker_process;

class executor {
public:
    using news =
        std::variant<core::job_done, core::job_detached, core::job_started, core::job_progress,
                     core::hook_done, core::job_items, core::job_callback>;

    executor(worker_process& in, const core::worker_config& config);

    void take(core::worker_effects& from);
    /// Starts what may be started and returns what may not; `told` is for the machine.
    void pump(const core::worker& machine, instant now);
    /// A run has come to its next stage.
    void reach(std::uint64_t run);
    /// The event of a hook that ends.
    static constexpr std::uint64_t hook_event = ~std::uint64_t{0} - 3;
    void end_hook();
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
        // Of a stream.
        core::item_credit credit;
        std::uint64_t next = 0;  // item
        bool parked = false;
        bool cancelled = false;
        std::uint64_t callback = 0;  // that it waits for; none: 0
        bool asked = false;
    };
    void ask(std::uint64_t number, run& of);
    void hear(const core::callback_done& what);
    void forget_callbacks(std::uint64_t answerable);
    void start(core::job job);
    // --- streams (streams.cpp)
    void begin_stream(run& made) const;
    void give_items(std::uint64_t number, run& of);
    void end_stream(std::uint64_t number);
    void note_streams(const core::worker& machine);
    void give_back(const core::job& job);
    void begin_hook(core::lease_hook hook);
    [[nodiscard]] fact about_hook(fact::kind what) const;
    void finish(std::uint64_t number);
    [[nodiscard]] fact begin(fact::kind what, const core::job& job, std::uint64_t ticket) const;

    worker_process& in_;
    const core::worker_config& config_;
    std::deque<core::job> waiting_;
    std::vector<wire::attempt> cancelled_;
    core::lease_hook hook_;  // the one that runs
    std::vector<wire::more> more_;
    std::map<std::uint64_t, run> runs_;
    std::uint64_t runs_made_ = 0;
    std::uint64_t callbacks_made_ = 0;
    std::map<std::uint64_t, std::uint64_t> callbacks_;  // which run waits for which
    std::size_t busy_ = 0;
    std::vector<news> news_;
};

}  // namespace maus::sim
