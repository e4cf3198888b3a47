// The callbacks of a worker's functions that are not answered: who waits for each.
//
// a callback | event                                              | then
// -----------|----------------------------------------------------|------------------------------------
// (none)     | ask(): a function calls a callable of its caller's | open, and the machine is told
// (none)     | the same; the worker has stopped                   | failed: shutdown
// open       | answered()                                         | settled
// open       | its link has ended: keep_only()                    | failed: cancelled
// open       | close()                                            | failed: shutdown
//
// A function's thread that waits for one lends its slot (function_threads.hpp). In a program's own loop it
// drives the worker meanwhile. What goes on after one (then, co_await) does so on a thread of its own, or
// in the loop: one at a time, and another while that one waits.
//
// Thread-safe. Kept by those who wait, also when the worker is gone.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <variant>
#include <vector>

#include "maus/call_state.hpp"
#include "maus/core/worker.hpp"
#include "maus/shell/callable_threads.hpp"
#include "maus/shell/completion_sink.hpp"
#include "maus/shell/function_threads.hpp"

namespace maus::shell {

class callback_desk final : public detail::call_owner,
                            public detail::executor,
                            public detail::wait_hook,
                            public std::enable_shared_from_this<callback_desk> {
public:
    callback_desk(std::shared_ptr<completion_sink> to, function_threads& threads,
                  std::size_t open_max)
        : to_(std::move(to)), threads_(threads), open_max_(std::min(open_max, open_bound)) {}

    /// In a program's own loop: `drive` does one round of it, and returns when something came or a while
    /// has passed. Before the first callback.
    void host(std::function<void()> drive) { drive_ = std::move(drive); }

    /// The call whose function asks.
    struct asker {
        std::uint64_t link = 0;
        wire::attempt attempt;
        base::instant deadline = base::never;
        bool nested = false;
    };
    /// `call` has its arguments and is not shared yet.
    void ask(const asker& by, std::uint32_t function, detail::state_base& call,
             base::duration timeout);

    /// By a function's thread that is about to ask and wait: throws maus::error (overloaded) if too many
    /// functions wait already.
    void check_wait() const;

    /// Settles what somebody may wait for.
    using outcome = std::variant<core::job_value, core::job_fault>;
    void settle(detail::state_base& call, outcome&& with, std::string_view what = "a callback");

    // --- by the leader
    /// Takes them all.
    void answered(std::vector<core::callback_done>& all);
    /// Nobody answers those of any other link.
    void keep_only(std::uint64_t link);
    /// The worker has stopped.
    void close();
    /// In a program's own loop: what goes on.
    void run_continuations();

    // --- by the worker's owner
    /// After close(): returns when all that goes on has done so, unless it is what asks. What goes on later
    /// (after a call of another owner, say) does so where that is settled.
    void finish();
    /// Whether what goes on asks.
    [[nodiscard]] bool is_own_thread() const;

    // --- detail::call_owner
    void cancel(detail::state_base& call) override;
    void attend(detail::state_base&, base::instant) override {}
    void unheard(std::uint32_t, const std::exception_ptr&) override {}
    [[nodiscard]] std::string name_of(std::uint32_t) override { return "a callback"; }
    void post_progress(detail::state_base&) override {}
    // --- detail::wait_hook: of the threads of functions that were given functions
    void begin_wait() override;
    void end_wait() override;
    [[nodiscard]] bool drives() const override { return static_cast<bool>(drive_); }
    void drive() override { drive_(); }
    // --- detail::executor
    void post(std::unique_ptr<detail::continuation> next, detail::state_base& of) override;

private:
    using state = detail::state_ref<detail::state_base>;
    struct open_callback {
        std::uint64_t id = 0;  // 0: none
        state call;
        std::uint64_t link = 0;
    };
    // An id is never used twice: how many were made before, and the place among the open ones.
    static constexpr unsigned place_bits = 24;
    static constexpr std::size_t open_bound = std::size_t{1} << place_bits;
    [[nodiscard]] std::uint64_t open(state call, std::uint64_t link);
    /// Its call, which is not open any more; nothing if it was not.
    [[nodiscard]] state take(std::uint64_t id);
    template <class Which>
    void fail_all(Which which, errc code, const char* why);

    std::shared_ptr<completion_sink> to_;
    function_threads& threads_;  // used by its own threads only
    std::size_t open_max_;
    std::function<void()> drive_;
    static constexpr std::size_t hosted_waits_max = 64;
    std::size_t waits_here_ = 0;  // by the program's loop
    std::vector<state> settled_;  // by the leader
    mutable std::mutex guard_;    // of what follows
    std::vector<open_callback> open_;
    std::vector<std::uint32_t> free_;  // places of open_
    std::uint64_t made_ = 0;
    bool closed_ = false;
    bool finished_ = false;  // the thread takes no more
    std::optional<callable_threads> go_on_;
    std::deque<std::unique_ptr<detail::continuation>> hosted_;
};

}  // namespace maus::shell
