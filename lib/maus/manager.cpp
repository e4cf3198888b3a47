#include "maus/manager.hpp"

#include "maus/shell/manager_runtime.hpp"
#include "maus/shell/worker_group_state.hpp"

namespace maus {

manager::manager(manager_options options)
    : runtime_(std::make_shared<shell::manager_runtime>(std::move(options))) {
    runtime_->start();
}
manager::~manager() { runtime_->shut_down(); }

void manager::connect_parkserver(std::string endpoint) {
    runtime_->connect_parkserver(std::move(endpoint));
}
worker_group manager::get_workers(request wanted) {
    return worker_group(runtime_->get_workers(wanted));
}
std::string manager::endpoint() const { return runtime_->endpoint(); }
manager_metrics manager::metrics() const { return runtime_->metrics(); }
std::string manager::id() const { return runtime_->id(); }
void manager::stop() { runtime_->stop(); }
int manager::fd() { return runtime_->fd(); }
bool manager::process_events() {
    const auto kept = runtime_;  // a callback may destroy this
    return kept->process_events();
}

}  // namespace maus
