#include "maus/context.hpp"

#include "maus/shell/context_state.hpp"

namespace maus {

std::stop_token context::stop_token() const { return of_->stop; }
std::chrono::nanoseconds context::time_left() const { return of_->time_left(); }
const fence& context::fence() const { return of_->fence; }
const call_label& context::label() const { return of_->label; }
const trace_context& context::trace() const { return of_->trace; }
void context::progress(double fraction, std::string_view text) const {
    of_->progress(fraction, text);
}

}  // namespace maus
