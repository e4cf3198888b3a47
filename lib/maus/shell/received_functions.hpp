// The functions that came with one call, as the worker's function calls them.
#pragma once

#include "maus/function.hpp"
#include "maus/shell/running_call.hpp"

namespace maus::shell {

/// Thread-safe; may outlive the call and the worker.
class received_functions final : public detail::function_calls,
                                 public std::enable_shared_from_this<received_functions> {
public:
    received_functions(running_call& with, const call_services& services);
    void call(const detail::reference& to, const std::string& signature, detail::state_base& call,
              std::chrono::nanoseconds timeout) override;
    void check_wait(const detail::reference& to) override;

private:
    void call_named(const std::string& signature, detail::state_base& call);
    void call_script(const base::script_id& which, const std::string& signature,
                     detail::state_base& call, std::chrono::nanoseconds timeout);

    callback_desk::asker by_;
    std::shared_ptr<callback_desk> desk_;
    std::shared_ptr<const exposed_functions> exposed_;
    std::shared_ptr<script_host> host_;                   // none: this worker runs no scripts
    std::shared_ptr<const core::known_scripts> scripts_;  // that the call may refer to; may be none
    maus::context context_;
};

}  // namespace maus::shell
