// The functions of a worker that give items (PROTOCOL.md, section 6.4).
//
// state    | event                                   | then
// ---------|-----------------------------------------|--------------------------------------------
// runs     | an item, and there is credit            | the item is ready; goes on
// runs     | no credit is left                       | is parked; detached, the first time
// runs     | it is detached, and other jobs wait     | waits behind them
// runs     | 10 ms have passed in a program's loop   | waits until the loop has gone round
// runs     | the last item, an exception, cancelled  | is destroyed, and done
// parked   | more                                    | waits for a function thread, and runs
// parked   | cancelled, link ended                   | the same: to be destroyed there
//
// One that is parked holds no thread. What is ready lies here until the leader takes it: what came
// meanwhile travels together, and nothing is held back.
//
// Thread-safety: as it says.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "maus/core/streams.hpp"
#include "maus/shell/running_call.hpp"

namespace maus::shell {

class stream_runs;

/// One of them.
class stream_run : public std::enable_shared_from_this<stream_run> {
public:
    stream_run(core::job job, const call_services& with, stream_runs& among);

    // --- by a function thread, which has it for itself
    /// Calls the function, which gives the source of its items.
    template <class Invoke>
    void begin(Invoke invoke) {
        invoke(job_, *call_);
        source_ = call_->take_items();
    }
    /// Until it is parked or over.
    void run();

    // --- by the leader
    /// True: it is to go on.
    [[nodiscard]] bool more(std::uint32_t items, std::uint64_t bytes);
    [[nodiscard]] bool cancel();
    /// The job by which a function thread goes on with it.
    [[nodiscard]] core::job resumption() const;
    [[nodiscard]] std::vector<core::job_items> take_ready();

    [[nodiscard]] const core::job& job() const { return job_; }

private:
    enum class step : std::uint8_t { goes_on, waits, is_over };
    [[nodiscard]] step take_step();
    void go_behind_others();
    void note(base::buffer&& item);
    [[nodiscard]] bool next(base::buffer* into, bool& failed);
    void finish(bool was_cancelled);

    core::job job_;
    const call_services& with_;
    stream_runs& among_;
    std::optional<running_call> call_;
    std::unique_ptr<detail::item_source> source_;
    std::uint32_t since_yield_ = 0;
    base::instant turn_ends_ = base::never;  // in a program's own loop

    std::mutex guard_;  // of what follows
    core::item_credit credit_;
    std::vector<core::job_items> ready_;
    bool parked_ = false;
    bool detached_ = false;
    bool cancelled_ = false;
};

class stream_runs {
public:
    stream_runs(const call_services& with, function_threads& threads)
        : with_(with), threads_(threads) {}

    // --- by a function thread
    /// Until it is parked or over.
    template <class Invoke>
    void begin(core::job job, Invoke invoke) {
        const auto made = enter(std::move(job));
        entry its{*this, *made};
        made->begin(std::move(invoke));
        its.begun = true;
        made->run();
    }
    void go_on(const core::job& resumed);

    /// It is not begun after all.
    void expect_no_more(const core::job& job);

    // --- by the leader: what is to go on is added to `jobs`
    /// It is about to be handed to a function thread.
    void expect(const core::job& job);
    void more(std::uint64_t link, const std::vector<wire::more>& grants,
              std::vector<core::job>& jobs);
    void cancel(std::uint64_t link, const std::vector<wire::attempt>& cancels,
                std::vector<core::job>& jobs);
    /// Nobody hears what is given on any other link.
    void keep_only(std::uint64_t link, std::vector<core::job>& jobs);

    // --- by their owner, when nothing runs any more
    void clear();

private:
    friend stream_run;
    using key = std::pair<std::uint64_t, wire::attempt>;
    // A function that ends its thread (pthread_exit) before it gives anything has been answered.
    struct entry {
        ~entry() {
            if (!begun) of.leave(which.job());
        }
        stream_runs& of;
        const stream_run& which;
        bool begun = false;
    };
    [[nodiscard]] std::shared_ptr<stream_run> enter(core::job job);
    [[nodiscard]] std::shared_ptr<stream_run> find(const key& which);
    void leave(const core::job& job);

    const call_services& with_;
    function_threads& threads_;
    std::mutex guard_;
    std::map<key, std::shared_ptr<stream_run>> all_;
    struct before {  // what came before the function began
        std::uint32_t items = 0;
        std::uint64_t bytes = 0;
        bool cancelled = false;
    };
    std::map<key, before> expected_;
};

}  // namespace maus::shell
