// One run of a callable that a manager's program passed with a call, since the function of that call
// asks for it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "maus/base/task.hpp"
#include "maus/core/manager.hpp"
#include "maus/function.hpp"

namespace maus::shell {

/// While it lives, a callable runs on this thread, or what goes on after a call that one made.
class in_callable {
public:
    /// 1: of a call that no callable made. 2: of one that a callable made, which is nested.
    using depth = std::uint8_t;
    explicit in_callable(depth of) noexcept : outer_(std::exchange(here_, of)) {}
    ~in_callable() { here_ = outer_; }
    in_callable(const in_callable&) = delete;
    in_callable& operator=(const in_callable&) = delete;
    [[nodiscard]] static bool is_here() noexcept { return here_ != 0; }
    /// 0: none.
    [[nodiscard]] static depth here() noexcept { return here_; }

private:
    static inline thread_local constinit depth here_ = 0;
    depth outer_;
};

/// The manager whose callables they are: one for all runs.
struct callable_home {
    std::string manager;  ///< its id
    /// From any thread. Without effect once it is gone.
    std::function<void(core::answer_callback)> answer;
};

/// Makes the task that runs it and hands its answer over, once, from whichever thread has it.
[[nodiscard]] std::unique_ptr<base::task> run_of_callable(
    core::called_back asked, in_callable::depth depth, std::shared_ptr<detail::call_functions> of,
    std::shared_ptr<const callable_home> home);

/// The answer to one that cannot run.
[[nodiscard]] core::answer_callback refusal_of(const core::called_back& asked, errc code,
                                               std::string why);

}  // namespace maus::shell
