// Memory for large payloads that is used again.
//
// What is this large, malloc gives back to the kernel as soon as it is free, and gets it anew page
// by page: the pages of a payload then cost more than its copying. So a few blocks are kept.
// Thread-safe.
#pragma once

#include <cstddef>

namespace maus::base {

/// From this size on blocks are worth keeping.
inline constexpr std::size_t large_block_bytes = 64u << 10;
/// All that is kept at a time.
inline constexpr std::size_t kept_blocks_bytes_max = 32u << 20;

/// `bytes` (large_block_bytes at least) becomes what the block really has, at most twice that.
[[nodiscard]] std::byte* take_block(std::size_t& bytes);
void give_block(std::byte* block, std::size_t bytes) noexcept;

}  // namespace maus::base
