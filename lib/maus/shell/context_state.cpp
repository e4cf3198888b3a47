#include "maus/shell/context_state.hpp"

#include <algorithm>
#include <cmath>

#include "maus/net/clock.hpp"
#include "maus/wire/call_extensions.hpp"

namespace maus::shell {

namespace {
constexpr base::duration progress_pause = std::chrono::milliseconds{20};
}

current_call& current_call::here(const char* asked) {
    if (here_ != nullptr) return *here_;
    throw error(errc::invalid_argument,
                "maus::this_call::" + std::string(asked) + "(): no function runs on this thread");
}

job_context::job_context(const core::job& job, maus::fence of, std::stop_token token,
                         std::shared_ptr<completion_sink> to)
    : context_state(std::move(of), std::move(token), job.deadline),
      to_(std::move(to)),
      link_(job.link),
      attempt_(job.attempt) {
    if (!job.extensions) return;
    // The machine has checked them.
    if (const auto read = wire::decode_call_extensions(job.extensions->view(), {})) {
        label = read->label;
        trace = read->trace;
    }
}

std::chrono::nanoseconds context_state::time_left() const {
    if (deadline == base::never) return std::chrono::nanoseconds::max();
    return std::max(deadline - net::clock_now(), base::duration::zero());
}

void context_state::progress(double fraction, std::string_view text) {
    const base::instant now = net::clock_now();
    {
        const std::lock_guard lock(guard_);
        if (now < next_progress_) return;
        next_progress_ = base::after(now, progress_pause);
    }
    if (!std::isnan(fraction)) fraction = std::clamp(fraction, 0.0, 1.0);
    tell({fraction, std::string(text)});
}

void job_context::tell(maus::progress how_far) {
    to_->put(core::job_progress{link_, attempt_, {how_far.fraction, std::move(how_far.text)}});
}

void context_state::pass_on(base::instant deadline, const trace_context& trace,
                            detail::call_policy& to) {
    if (deadline != base::never) {
        const base::duration left = deadline - net::clock_now();
        to.timeout = std::min(to.timeout, left);
    }
    const bool has_own = to.tags && !to.tags->trace.empty();
    if (!trace.empty() && !has_own) to.make_tags().trace = trace;
}

}  // namespace maus::shell
