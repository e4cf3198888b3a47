// One run of a callable that a manager's program passed with a call, since the function of that call
// asks for it.
#pragma once

#include <functional>
#include <memory>

#include "maus/base/task.hpp"
#include "maus/core/manager.hpp"
#include "maus/function.hpp"

namespace maus::shell {

/// Makes the task that runs it and hands the answer to `answer`, once, from whichever thread has it.
[[nodiscard]] std::unique_ptr<base::task> run_of_callable(
    core::called_back asked, std::shared_ptr<detail::call_functions> of, std::string manager,
    std::function<void(core::answer_callback)> answer);

/// The answer to one that cannot run.
[[nodiscard]] core::answer_callback refusal_of(const core::called_back& asked, errc code,
                                               std::string why);

}  // namespace maus::shell
