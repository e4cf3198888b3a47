// A function among the arguments of a call, as bytes: u8 kind, and then what that says (PROTOCOL.md,
// section 6.3).
#pragma once

#include <cstdint>
#include <string>

#include "maus/base/id.hpp"
#include "maus/wire/archive.hpp"

namespace maus::wire {

/// 3 is kept for source code that stands here itself.
enum class reference_kind : std::uint8_t { named = 1, callable = 2, script = 4 };

struct function_reference {
    reference_kind kind{};
    std::string name;          ///< of the function that the worker exposes
    std::uint32_t number = 0;  ///< of the caller's callable, among those of the call
    base::script_id script{};  ///< of a text that was told on the same link
};

void save_reference(output_archive& out, const function_reference& saved);
/// Throws what decode() turns into a failure.
[[nodiscard]] function_reference load_reference(input_archive& in);

}  // namespace maus::wire
