// What a function may ask about the call that it is running for, wherever it is in its code.
//
//     int add_slowly(int x, int y) {
//         auto stop = maus::this_call::stop_token();
//         ...
//     }
//
// By whatever runs for the call: the function, also a coroutine after a co_await of what libmaus gives, and
// callbacks of then(); a callable that came with a call (function.hpp), for which it is that call as its
// caller made it. So calls that those make inherit what is left of the call's deadline, and its trace.
// Threads of the program's own know nothing: who uses some, a responder's function say, or a coroutine that
// another library resumes, asks before and keeps the answer. Elsewhere each throws maus::error
// (invalid_argument).
#pragma once

#include <chrono>
#include <stop_token>
#include <string_view>

#include "maus/context.hpp"

namespace maus::this_call {

/// All that is known of the call.
[[nodiscard]] maus::context context();

/// The fence of the call.
[[nodiscard]] maus::fence fence();
/// As maus::context has them.
[[nodiscard]] std::stop_token stop_token();
[[nodiscard]] std::chrono::nanoseconds time_left();
void progress(double fraction, std::string_view text = {});

}  // namespace maus::this_call
