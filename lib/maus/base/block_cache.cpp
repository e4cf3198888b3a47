#include "maus/base/block_cache.hpp"

#include <array>
#include <atomic>
#include <cstring>

namespace maus::base {

namespace {
// A kept block tells its size in its first bytes. Who takes one out of its place has it alone, so
// no lock is needed.
std::array<std::atomic<std::byte*>, 64> places{};
std::atomic<std::size_t> kept_bytes{0};

[[nodiscard]] std::size_t size_of(const std::byte* block) {
    std::size_t bytes = 0;
    std::memcpy(&bytes, block, sizeof bytes);
    return bytes;
}

/// False: there is no place for it.
[[nodiscard]] bool keep(std::byte* block) {
    for (auto& place : places) {
        std::byte* nothing = nullptr;
        if (place.load(std::memory_order_relaxed) == nullptr &&
            place.compare_exchange_strong(nothing, block)) {
            return true;
        }
    }
    return false;
}

void let_go(std::byte* block, std::size_t bytes) {
    kept_bytes.fetch_sub(bytes);
    delete[] block;
}
}  // namespace

std::byte* take_block(std::size_t& bytes) {
    for (auto& place : places) {
        if (place.load(std::memory_order_relaxed) == nullptr) continue;
        std::byte* const found = place.exchange(nullptr);
        if (found == nullptr) continue;
        const std::size_t size = size_of(found);
        if (size >= bytes && size / 2 <= bytes) {
            kept_bytes.fetch_sub(size);
            bytes = size;
            return found;
        }
        if (!keep(found)) let_go(found, size);
    }
    return new std::byte[bytes];
}

void give_block(std::byte* block, std::size_t bytes) noexcept {
    if (kept_bytes.fetch_add(bytes) + bytes > kept_blocks_bytes_max) return let_go(block, bytes);
    std::memcpy(block, &bytes, sizeof bytes);
    if (!keep(block)) let_go(block, bytes);
}

}  // namespace maus::base
