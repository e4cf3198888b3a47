// One run of a callable that a manager's program passed with a call, since the function of that call
// asks for it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "maus/base/task.hpp"
#include "maus/core/manager.hpp"
#include "maus/function.hpp"

namespace maus::shell {

/// While it lives, a callable runs on this thread, or what goes on after a call that one made.
class in_callable {
public:
    in_callable() noexcept { ++depth_; }
    ~in_callable() { --depth_; }
    in_callable(const in_callable&) = delete;
    in_callable& operator=(const in_callable&) = delete;
    [[nodiscard]] static bool is_here() noexcept { return depth_ != 0; }

private:
    static inline thread_local constinit int depth_ = 0;
};

/// The manager whose callables they are: one for all runs.
struct callable_home {
    std::string manager;  ///< its id
    /// From any thread. Without effect once it is gone.
    std::function<void(core::answer_callback)> answer;
};

/// Makes the task that runs it and hands its answer over, once, from whichever thread has it.
[[nodiscard]] std::unique_ptr<base::task> run_of_callable(
    core::called_back asked, std::shared_ptr<detail::call_functions> of,
    std::shared_ptr<const callable_home> home);

/// The answer to one that cannot run.
[[nodiscard]] core::answer_callback refusal_of(const core::called_back& asked, errc code,
                                               std::string why);

}  // namespace maus::shell
