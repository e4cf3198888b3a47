// What a maus::context refers to: made when a function or a callable asks for it, or waits.
//
// Thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <stop_token>
#include <string_view>

#include "maus/base/time.hpp"
#include "maus/call_state.hpp"
#include "maus/context.hpp"
#include "maus/core/worker.hpp"
#include "maus/shell/completion_sink.hpp"
#include "maus/shell/current_call.hpp"

namespace maus::shell {

struct context_state : current_call, std::enable_shared_from_this<context_state> {
    context_state(maus::fence of, std::stop_token token, base::instant until)
        : fence(std::move(of)), stop(std::move(token)), deadline(until) {}

    [[nodiscard]] std::chrono::nanoseconds time_left() const;
    void progress(double fraction, std::string_view text);
    // --- current_call
    [[nodiscard]] std::shared_ptr<context_state> known() override { return shared_from_this(); }
    [[nodiscard]] maus::fence its_fence() const override { return fence; }
    void pass_on(detail::call_policy& to) const override { pass_on(deadline, trace, to); }
    static void pass_on(base::instant deadline, const trace_context& trace,
                        detail::call_policy& to);

    const maus::fence fence;
    const std::stop_token stop;
    const base::instant deadline;
    call_label label;
    trace_context trace;

private:
    virtual void tell(maus::progress how_far) = 0;

    std::mutex guard_;
    base::instant next_progress_{};
};

/// Of a worker's function.
struct job_context final : context_state {
    job_context(const core::job& job, maus::fence of, std::stop_token token,
                std::shared_ptr<completion_sink> to);

private:
    void tell(maus::progress how_far) override;

    std::shared_ptr<completion_sink> to_;
    std::uint64_t link_;
    wire::attempt attempt_;
};

}  // namespace maus::shell
