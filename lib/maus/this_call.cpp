#include "maus/this_call.hpp"

#include "maus/shell/context_state.hpp"

namespace maus {

namespace {
context of_this_call(const char* asked) {
    return context(shell::current_call::here(asked).known());
}
}  // namespace

context this_call::context() { return of_this_call("context"); }
fence this_call::fence() { return of_this_call("fence").fence(); }
std::stop_token this_call::stop_token() { return of_this_call("stop_token").stop_token(); }
std::chrono::nanoseconds this_call::time_left() { return of_this_call("time_left").time_left(); }
void this_call::progress(double fraction, std::string_view text) {
    of_this_call("progress").progress(fraction, text);
}

}  // namespace maus
