// Memory for what every call makes and drops again, kept by the thread that drops it.
//
// Pieces begin at a cache line and are multiples of one: so what stands together in them is read
// together, and two of them never share a line. Thread-safe; a piece may be given back by another
// thread than the one that took it.
#pragma once

#include <cstddef>

namespace maus::base {

inline constexpr std::size_t cache_line_bytes = 64;          // a cache line
inline constexpr std::size_t cached_object_bytes_max = 512;  // larger ones are not kept
/// What one thread keeps of each size.
inline constexpr std::size_t cached_objects_max = 256;

[[nodiscard]] void* take_object(std::size_t bytes);
/// `bytes` as it was taken.
void give_object(void* piece, std::size_t bytes) noexcept;

}  // namespace maus::base
