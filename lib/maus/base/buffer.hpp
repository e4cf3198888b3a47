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
    /// What makes a buffer one cache line.
    static constexpr std::size_t inline_capacity = 48;

    /// Not defaulted: value-initialization would zero all of it.
    buffer() noexcept { std::memset(inside_, 0, moved_at_least); }
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
        adopted.size_ = bytes.size();
        adopted.put_away_ = {bytes.size(), owner, release};
        return adopted;
    }

    [[nodiscard]] buffer copy() const { return buffer{view()}; }

    [[nodiscard]] const std::byte* data() const noexcept { return data_; }
    [[nodiscard]] std::byte* data() noexcept { return data_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] byte_view view() const noexcept { return {data_, size_}; }

    /// Appends `count` bytes of unspecified value and returns where they start.
    // Without the attribute each field that is written became a call once more was written in one source.
    [[gnu::always_inline]] std::byte* extend(std::size_t count) {
        if (count > capacity() - size_) grow(count);
        std::byte* where = data_ + size_;
        size_ += count;
        return where;
    }
    void append(byte_view bytes) {
        if (!bytes.empty()) std::memcpy(extend(bytes.size()), bytes.data(), bytes.size());
    }
    void reserve(std::size_t wanted) {
        if (wanted > capacity()) grow(wanted - size_);
    }
    /// Whether the bytes belong to a foreign owner that `release` tells (see shared_buffer.hpp).
    [[nodiscard]] bool released_by(void (*release)(void*)) const noexcept {
        return !is_inside() && put_away_.release == release;
    }
    /// The foreign owner, if there is one.
    [[nodiscard]] void* owner() const noexcept { return is_inside() ? nullptr : put_away_.owner; }

    /// Forgets the bytes and keeps the room for them.
    void clear() noexcept {
        if (!is_inside() && put_away_.release != nullptr) drop();
        size_ = 0;
    }

private:
    static constexpr std::size_t moved_at_least = 16;

    /// Where the bytes lie if not inside: on the heap, or at an owner that is told with `release`.
    struct place {
        std::size_t capacity;
        void* owner;
        void (*release)(void*);
    };

    [[nodiscard]] bool is_inside() const noexcept { return data_ == inside_; }
    [[nodiscard]] std::size_t capacity() const noexcept {
        return is_inside() ? inline_capacity : put_away_.capacity;
    }
    void grow(std::size_t more);
    void let_go() noexcept;  // of bytes that are not inside
    void drop() noexcept {
        if (!is_inside()) let_go();
        size_ = 0;
    }
    void take(buffer& other) noexcept {
        size_ = other.size_;
        if (other.is_inside()) {
            data_ = inside_;
            // Of a fixed size: a few instructions instead of a call.
            if (size_ <= moved_at_least) {
                std::memcpy(inside_, other.inside_, moved_at_least);
            } else {
                std::memcpy(inside_, other.inside_, inline_capacity);
            }
        } else {
            data_ = other.data_;
            put_away_ = other.put_away_;
            other.data_ = other.inside_;
        }
        other.size_ = 0;
    }

    std::byte* data_ = inside_;
    std::size_t size_ = 0;
    union {
        std::byte inside_[inline_capacity];
        place put_away_;
    };
};
static_assert(sizeof(buffer) == 64);

}  // namespace maus::base
