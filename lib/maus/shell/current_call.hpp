// The call that a thread works for: what this_call.hpp tells of, and what calls that it makes inherit.
//
// a thread                                          | works for
// --------------------------------------------------|---------------------------------------------
// runs a worker's function, or an item of a stream  | the function's call
// runs a callable that came with a call             | that call, as its manager knows it
// goes on, after a co_await or in then()            | the call that it was for when it began to wait
// waits, and does something else meanwhile          | none, or that of what it does
//
// Each thread has its own.
#pragma once

#include <memory>
#include <utility>

#include "maus/call_policy.hpp"
#include "maus/context.hpp"

namespace maus::shell {

struct context_state;

class current_call {
public:
    virtual ~current_call() = default;
    /// What is known of it; made when somebody asks.
    [[nodiscard]] virtual std::shared_ptr<context_state> known() = 0;
    /// Asking for no more than that makes nothing.
    [[nodiscard]] virtual maus::fence its_fence() const = 0;
    /// Of a call that is made for it: no more time than is left, and its trace unless it has another.
    virtual void pass_on(detail::call_policy& to) const = 0;

    /// Null: this thread works for none.
    [[nodiscard]] static current_call* here() noexcept { return here_; }
    /// Throws maus::error (invalid_argument) that names this_call::`asked` if there is none.
    [[nodiscard]] static current_call& here(const char* asked);
    /// While it lives, this thread works for that one. Null: for none.
    class scope {
    public:
        explicit scope(current_call* of) noexcept : outer_(std::exchange(here_, of)) {}
        ~scope() { here_ = outer_; }
        scope(const scope&) = delete;
        scope& operator=(const scope&) = delete;

    private:
        current_call* outer_;
    };

private:
    static inline thread_local constinit current_call* here_ = nullptr;
};

}  // namespace maus::shell
