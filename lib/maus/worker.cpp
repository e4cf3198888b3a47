#include "maus/worker.hpp"

#include "maus/shell/until_signal.hpp"
#include "maus/shell/worker_runtime.hpp"

namespace maus {

worker::worker(worker_options options)
    : runtime_(std::make_unique<shell::worker_runtime>(std::move(options))) {}
worker::~worker() {
    if (!runtime_->is_own_thread()) return;
    // A function has called exit(), and the worker is a static object; or a function destroys its
    // worker. To wait for that function would be to wait for ever, and the others are still at work.
    runtime_->stop();
    (void)runtime_.release();
}

void worker::register_parkserver(std::string endpoint, std::string type) {
    runtime_->register_parkserver(std::move(endpoint), std::move(type));
}
void worker::connect(std::string endpoint, std::string type) {
    runtime_->connect(std::move(endpoint), std::move(type));
}
void worker::run() { runtime_->run(); }
void worker::run_until_signal() {
    const shell::until_signal stops([this] { runtime_->stop(); });
    runtime_->run();
}
void worker::start() { runtime_->start(); }
void worker::stop() { runtime_->stop(); }
int worker::fd() { return runtime_->fd(); }
bool worker::process_events() { return runtime_->process_events(); }
worker_metrics worker::metrics() const { return runtime_->metrics(); }
std::string worker::id() const { return runtime_->id(); }
void worker::add(std::string signature, detail::handler handler) {
    runtime_->add(std::move(signature), std::move(handler));
}
void worker::set_on_lease(detail::lease_hook hook) { runtime_->set_on_lease(std::move(hook)); }
void worker::set_on_release(detail::lease_hook hook) { runtime_->set_on_release(std::move(hook)); }

}  // namespace maus
