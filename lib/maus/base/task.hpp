// Something to be run once, later, by somebody else.
#pragma once

#include <memory>

namespace maus::base {

struct task {
    virtual ~task() = default;
    virtual void run() = 0;
    std::unique_ptr<task> successor;  ///< whoever keeps it may keep several
};

template <class F>
[[nodiscard]] std::unique_ptr<task> make_task(F function) {
    struct wrapped final : task {
        explicit wrapped(F called) : function_(std::move(called)) {}
        void run() override { function_(); }
        F function_;
    };
    return std::make_unique<wrapped>(std::move(function));
}

}  // namespace maus::base
