// What a program does before the first call of a lease and after its last one (worker.hpp). The machine
// says when; it is done by a thread that runs functions.
#include <utility>

#include "maus/base/forced_unwind.hpp"
#include "maus/shell/program_code.hpp"
#include "maus/shell/worker_runtime.hpp"

namespace maus::shell {

void worker_runtime::set_on_lease(detail::lease_hook hook) {
    if (mode_ != mode::fresh) {
        throw error(errc::invalid_argument, "maus::worker: set on_lease before it runs");
    }
    on_lease_ = std::move(hook);
    config_.has_hooks = true;
}

void worker_runtime::set_on_release(detail::lease_hook hook) {
    if (mode_ != mode::fresh) {
        throw error(errc::invalid_argument, "maus::worker: set on_release before it runs");
    }
    on_release_ = std::move(hook);
    config_.has_hooks = true;
}

// --- by the leader -------------------------------------------------------------------------------

void worker_runtime::hand_out_hook() {
    function_threads_.add(*std::exchange(effects_.hook, std::nullopt));
}

// --- by a thread that runs functions -------------------------------------------------------------

MAUS_CATCHES_FORCED_UNWIND void worker_runtime::run_hook(const core::lease_hook& hook) {
    const lease_info of{to_string(hook.manager), hook.parkserver};
    core::hook_done told;
    try {
        if (hook.what == core::lease_hook::kind::set_up) {
            told.refused = run_on_lease(of);
            if (!told.refused) set_up_for_ = of;
        } else {
            set_up_for_.reset();
            run_on_release(of);
        }
    } catch (const abi::__forced_unwind&) {
        if (hook.what == core::lease_hook::kind::set_up) {
            told.refused = "on_lease ended its thread (pthread_exit)";
        }
        completions_->put(std::move(told));
        throw;
    }
    completions_->put(std::move(told));
}

// Why the program does not want the lease.
std::optional<std::string> worker_runtime::run_on_lease(const lease_info& of) {
    if (!on_lease_) return std::nullopt;
    bool welcome = true;
    const auto threw = thrown_by([&] { welcome = on_lease_(of); });
    if (threw) {
        return "on_lease threw " + threw->type + (threw->text.empty() ? "" : ": " + threw->text);
    }
    if (!welcome) return "on_lease refused";
    return std::nullopt;
}

void worker_runtime::run_on_release(const lease_info& of) {
    if (!on_release_) return;
    if (const auto threw = thrown_by([&] { (void)on_release_(of); })) {
        log_safely(options_.log, log_level::error,
                   "on_release threw " + threw->type + ": " + threw->text);
    }
}

void worker_runtime::clear_up_the_rest() {
    if (const auto of = std::exchange(set_up_for_, std::nullopt)) run_on_release(*of);
}

}  // namespace maus::shell
