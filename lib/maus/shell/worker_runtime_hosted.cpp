// A worker in its program's own loop (worker_runtime.hpp).
#include <chrono>

#include "maus/net/clock.hpp"
#include "maus/shell/worker_runtime.hpp"

namespace maus::shell {

void worker_runtime::begin_hosted() {
    if (mode_ == mode::fresh) begin(mode::hosted);
    if (mode_ != mode::hosted)
        throw error(errc::invalid_argument, "maus::worker: it runs in a thread already");
}

int worker_runtime::fd() {
    begin_hosted();
    return reactor_->fd();
}

bool worker_runtime::process_events() {
    begin_hosted();
    const loop_member::turn ours(*loop_);
    if (!reactor_->process_events()) {
        nobody_answers();
        services_.callbacks->run_continuations();
        clear_up_the_rest();
        return false;
    }
    services_.callbacks->run_continuations();
    const auto until = net::clock_now() + std::chrono::milliseconds{10};
    bool ran = false;
    while (net::clock_now() < until && function_threads_.run_one()) ran = true;
    const bool goes_on = !ran || reactor_->process_events();
    if (!function_threads_.idle()) reactor_->sockets().wake();
    return goes_on;
}

// A function waits for its caller: the worker goes on meanwhile, on this very thread.
void worker_runtime::wait_hosted() {
    const bool goes_on = reactor_->process_events();
    if (!goes_on) nobody_answers();
    services_.callbacks->run_continuations();
    if (!goes_on) return;
    if (function_threads_.run_one()) return;
    if (must_drive()) {
        shell::drive(std::chrono::milliseconds{2});  // the callable may run in the same loop
    } else {
        reactor_->sockets().wait(machine_->next_deadline());
    }
}

}  // namespace maus::shell
