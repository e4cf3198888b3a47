#include "maus/base/buffer.hpp"

#include "maus/base/block_cache.hpp"

namespace maus::base {

void buffer::grow(std::size_t more) {
    std::size_t wanted = size_ + more;
    if (wanted < capacity() * 2) wanted = capacity() * 2;
    auto* larger = wanted < large_block_bytes ? new std::byte[wanted] : take_block(wanted);
    if (size_ != 0) std::memcpy(larger, data_, size_);
    const std::size_t kept = size_;
    drop();
    data_ = larger;
    size_ = kept;
    put_away_ = {wanted, nullptr, nullptr};
}

void buffer::let_go() noexcept {
    if (put_away_.release != nullptr) {
        put_away_.release(put_away_.owner);
    } else if (put_away_.capacity < large_block_bytes) {
        delete[] data_;
    } else {
        give_block(data_, put_away_.capacity);
    }
    data_ = inside_;
}

}  // namespace maus::base
