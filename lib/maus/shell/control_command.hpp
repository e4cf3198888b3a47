// What other threads ask of a manager's machine, besides calls. (A call is a command itself:
// detail::state_base in future.hpp.)
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "maus/core/manager.hpp"
#include "maus/future.hpp"

namespace maus::shell {

/// The call that this state belongs to is to be given up.
struct cancel_submitted {
    detail::state_ref<detail::state_base> call;
};
/// From now on calls may name this function by its number.
struct define_method {
    base::method_id method;
    std::string signature;
    std::vector<std::string> needs;
};

struct control_command final : detail::command {
    template <class Asked>
    explicit control_command(Asked wanted) : command(no_call), asked(std::move(wanted)) {}
    std::variant<cancel_submitted, define_method, core::add_request, core::release_request,
                 core::add_parkserver, core::cancel_call, core::items_read, core::answer_callback,
                 core::stop_manager>
        asked;
};

}  // namespace maus::shell
