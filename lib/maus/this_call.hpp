// What a function may ask about the call that it is running for, wherever it is in its code.
//
//     int add_slowly(int x, int y) {
//         auto stop = maus::this_call::stop_token();
//         ...
//     }
//
// By the thread that runs the function. A coroutine or a responder's function asks before it first waits,
// and keeps the answer. Outside of a function each throws maus::error (invalid_argument).
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
