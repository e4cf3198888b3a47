#include "maus/base/blocks.hpp"

#include <algorithm>
#include <array>
#include <mutex>

namespace maus::base {

namespace {
struct block {
    std::byte* begin;
    std::size_t bytes;
};

struct kept_blocks {
    std::mutex guard;
    std::array<block, kept_blocks_bytes_max / large_block_bytes> blocks;
    std::size_t count = 0;
    std::size_t bytes = 0;

    // libzmq's threads give blocks back until the very end of the process: never destroyed.
    static kept_blocks& all() {
        static auto* const made = new kept_blocks;
        return *made;
    }
};
}  // namespace

std::byte* take_block(std::size_t& bytes) {
    auto& kept = kept_blocks::all();
    {
        const std::lock_guard lock(kept.guard);
        // The one that was given last is the likeliest to be in a cache.
        for (std::size_t i = kept.count; i-- != 0;) {
            const block found = kept.blocks[i];
            if (found.bytes < bytes || found.bytes / 2 > bytes) continue;
            std::copy(kept.blocks.begin() + i + 1, kept.blocks.begin() + kept.count,
                      kept.blocks.begin() + i);
            --kept.count;
            kept.bytes -= found.bytes;
            bytes = found.bytes;
            return found.begin;
        }
    }
    return new std::byte[bytes];
}

void give_block(std::byte* given, std::size_t bytes) noexcept {
    auto& kept = kept_blocks::all();
    {
        const std::lock_guard lock(kept.guard);
        if (kept.bytes + bytes <= kept_blocks_bytes_max) {
            kept.blocks[kept.count++] = {given, bytes};
            kept.bytes += bytes;
            return;
        }
    }
    delete[] given;
}

}  // namespace maus::base
