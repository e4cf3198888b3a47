// A function among the arguments of a call, as bytes: u8 kind, and then what that says (PROTOCOL.md,
// section 6.3).
#pragma once

#include <cstdint>
#include <string>

#include "maus/wire/archive.hpp"

namespace maus::wire {

/// 3 is kept for source code.
enum class reference_kind : std::uint8_t { named = 1, callable = 2 };

struct function_reference {
    reference_kind kind{};
    std::string name;          ///< of the function that the worker exposes
    std::uint32_t number = 0;  ///< of the caller's callable, among those of the call
};

void save_reference(output_archive& out, const function_reference& saved);
/// Throws what decode() turns into a failure.
[[nodiscard]] function_reference load_reference(input_archive& in);

}  // namespace maus::wire
