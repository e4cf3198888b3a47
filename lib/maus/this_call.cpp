#include "maus/this_call.hpp"

#include "maus/shell/running_call.hpp"

namespace maus {

context this_call::context() { return shell::running_call::on_this_thread("context").context(); }
fence this_call::fence() { return shell::running_call::on_this_thread("fence").fence(); }
std::stop_token this_call::stop_token() {
    return shell::running_call::on_this_thread("stop_token").context().stop_token();
}
std::chrono::nanoseconds this_call::time_left() {
    return shell::running_call::on_this_thread("time_left").context().time_left();
}
void this_call::progress(double fraction, std::string_view text) {
    shell::running_call::on_this_thread("progress").context().progress(fraction, text);
}

}  // namespace maus
