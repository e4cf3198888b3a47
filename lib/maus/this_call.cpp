#include "maus/this_call.hpp"

#include "maus/shell/context_state.hpp"

namespace maus {

context this_call::context() { return maus::context(shell::current_call::here("context").known()); }
fence this_call::fence() { return shell::current_call::here("fence").its_fence(); }
std::stop_token this_call::stop_token() {
    return maus::context(shell::current_call::here("stop_token").known()).stop_token();
}
std::chrono::nanoseconds this_call::time_left() {
    return maus::context(shell::current_call::here("time_left").known()).time_left();
}
void this_call::progress(double fraction, std::string_view text) {
    maus::context(shell::current_call::here("progress").known()).progress(fraction, text);
}

}  // namespace maus
