// A byte string that is moved, not copied.
//
// Why not std::vector<std::byte>: arguments and results are mostly a few bytes, and an allocation a
// call is what a hot path can least afford; and a large payload that arrived as a frame of its own
// stays where the transport put it. So a buffer holds its bytes in one of three places: inside
// itself (up to `inline_capacity`), on the heap, or at a foreign owner that is told when they are
// no longer needed. What always holds: `data()` points at `size()` readable bytes; a moved-from
// buffer is empty.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

namespace maus::base {

using byte_view = std::span<const std::byte>;

inline byte_view as_bytes(std::string_view text) {
    return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view as_text(byte_view bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class buffer {
public:
    static constexpr std::size_t inline_capacity = 64;

    buffer() noexcept = default;
    explicit buffer(byte_view bytes) { append(bytes); }
    buffer(buffer&& other) noexcept { take(other); }
    buffer& operator=(buffer&& other) noexcept {
        if (this != &other) {
            drop();
            take(other);
        }
        return *this;
    }
    ~buffer() { drop(); }

    /// Bytes that somebody else owns; `release(owner)` is called once when they are done with.
    [[nodiscard]] static buffer adopt(byte_view bytes, void* owner,
                                      void (*release)(void*)) noexcept {
        buffer adopted;
        adopted.data_ = const_cast<std::byte*>(bytes.data());
        adopted.size_ = adopted.capacity_ = bytes.size();
        adopted.owner_ = owner;
        adopted.release_ = release;
        return adopted;
    }

    [[nodiscard]] buffer copy() const { return buffer{view()}; }

    [[nodiscard]] const std::byte* data() const noexcept { return data_; }
    [[nodiscard]] std::byte* data() noexcept { return data_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] byte_view view() const noexcept { return {data_, size_}; }

    /// Appends `count` bytes of unspecified value and returns where they start.
    std::byte* extend(std::size_t count) {
        if (count > capacity_ - size_) grow(count);
        std::byte* where = data_ + size_;
        size_ += count;
        return where;
    }
    void append(byte_view bytes) {
        if (!bytes.empty()) std::memcpy(extend(bytes.size()), bytes.data(), bytes.size());
    }
    void reserve(std::size_t capacity) {
        if (capacity > capacity_) grow(capacity - size_);
    }
    /// Whether the bytes belong to a foreign owner that `release` tells (see share.hpp).
    [[nodiscard]] bool released_by(void (*release)(void*)) const noexcept {
        return release_ == release;
    }
    [[nodiscard]] void* owner() const noexcept { return owner_; }

    /// Forgets the bytes and keeps the room for them.
    void clear() noexcept {
        if (release_ != nullptr) drop();
        size_ = 0;
    }

private:
    void grow(std::size_t more) {
        std::size_t wanted = size_ + more;
        if (wanted < capacity_ * 2) wanted = capacity_ * 2;
        auto* larger = new std::byte[wanted];
        std::memcpy(larger, data_, size_);
        const std::size_t kept = size_;
        drop();
        data_ = larger;
        size_ = kept;
        capacity_ = wanted;
    }
    void drop() noexcept {
        if (release_ != nullptr) {
            release_(owner_);
        } else if (data_ != inline_) {
            delete[] data_;
        }
        data_ = inline_;
        size_ = 0;
        capacity_ = inline_capacity;
        owner_ = nullptr;
        release_ = nullptr;
    }
    void take(buffer& other) noexcept {
        size_ = other.size_;
        if (other.data_ == other.inline_) {
            // Of a fixed size: a few instructions instead of a call.
            if (other.size_ <= inline_capacity / 4) {
                std::memcpy(inline_, other.inline_, inline_capacity / 4);
            } else {
                std::memcpy(inline_, other.inline_, inline_capacity);
            }
            data_ = inline_;
            capacity_ = inline_capacity;
            owner_ = nullptr;
            release_ = nullptr;
        } else {
            data_ = other.data_;
            capacity_ = other.capacity_;
            owner_ = std::exchange(other.owner_, nullptr);
            release_ = std::exchange(other.release_, nullptr);
            other.data_ = other.inline_;
        }
        other.size_ = 0;
        other.capacity_ = inline_capacity;
    }

    std::byte* data_ = inline_;
    std::size_t size_ = 0;
    std::size_t capacity_ = inline_capacity;
    void* owner_ = nullptr;
    void (*release_)(void*) = nullptr;
    std::byte inline_[inline_capacity] = {};
};

}  // namespace maus::base
