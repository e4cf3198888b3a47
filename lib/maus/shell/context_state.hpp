// What a maus::context refers to: made when a function asks for it.
//
// Thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <stop_token>
#include <string_view>

#include "maus/base/time.hpp"
#include "maus/context.hpp"
#include "maus/core/worker.hpp"
#include "maus/shell/completion_sink.hpp"

namespace maus::shell {

struct context_state {
    context_state(const core::job& job, maus::fence of, std::stop_token token,
                  std::shared_ptr<completion_sink> to);

    [[nodiscard]] std::chrono::nanoseconds time_left() const;
    void progress(double fraction, std::string_view text);

    const maus::fence fence;
    const std::stop_token stop;
    const base::instant deadline;
    call_label label;
    trace_context trace;

private:
    std::shared_ptr<completion_sink> to_;
    std::uint64_t link_;
    wire::attempt attempt_;
    std::mutex guard_;
    base::instant next_progress_{};
};

}  // namespace maus::shell
