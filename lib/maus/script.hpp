// A function that is sent as source code, where a worker's function takes a maus::function.
//
//     worker.expose("apply", [](int x, maus::function<int(int)> f) { return f(x); });
//
//     const maus::script fib("x => x > 1 ? __this(x - 1) + __this(x - 2) : x");
//     workers.call(apply, 20, fib).get();  // 6765
//
// The text is an expression whose value is a JavaScript function: an arrow function or `function` as it
// is written in JavaScript. It calls itself as `__this`, or by its own name if it has one. It gets its
// arguments and gives its result as values (value.hpp), which are made of the parameter's types and made
// them again: what does not fit is bad_result. It may be async.
//
// Nothing of the program where it was written goes with it: no variables, no files, no network. So what
// it needs are its arguments. In a lease the text is sent once, and then named by its hash.
//
// Workers run scripts only if their owner says so (worker_options::allow_scripts). Others get no such
// call; if no worker of the group allows it, the call fails with unimplemented. A worker runs them in a
// process of its own, maus-js, without any rights, and within limits (script_limits in options.hpp).
//
// Errors of f(x) at the worker: what the script threw (remote_exception, with the error's name and
// message; SyntaxError: the text is none); bad_result; resource_exhausted, if it took more time or memory
// than it may; and those of any maus::function.
//
// What scripts keep in global variables is gone when the worker serves another manager, and may be gone
// before: it is good for caches.
//
// Thread-safety: a value. Copies share the text.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "maus/base/id.hpp"

namespace maus {

namespace detail {
struct script_source {
    base::script_id id;
    std::string language;
    std::string text;
};
/// Of one call.
struct script_list {
    std::vector<std::shared_ptr<const script_source>> all;  // none twice
    void add(const std::shared_ptr<const script_source>& one);
    /// As PROTOCOL.md, P-129, counts them.
    [[nodiscard]] std::size_t bytes() const;
};
/// What a text counts beside its bytes.
inline constexpr std::size_t script_overhead = 4096;
}  // namespace detail

class script {
public:
    /// It is not looked at here: what is wrong with it is told by the worker.
    explicit script(std::string text);

    [[nodiscard]] const std::string& text() const noexcept { return source_->text; }

    // For the library.
    [[nodiscard]] const std::shared_ptr<const detail::script_source>& source() const noexcept {
        return source_;
    }

private:
    std::shared_ptr<const detail::script_source> source_;
};

}  // namespace maus
