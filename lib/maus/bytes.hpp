// Bytes that travel without being copied: images, files, blocks of numbers.
//
//     worker.expose("thumbnail", [](maus::bytes image) { return maus::bytes{scale(image.view())}; });
//
//     maus::bytes image{size, [&](std::span<std::byte> room) { return file.read(room); }};
//     auto small = workers.call<maus::bytes>("thumbnail", image).get();
//
// Immutable and shared: a copy is another reference to the same memory, and so is the argument that
// is sent and the value that came. On the wire they are a `list<u8>`: the other side may just as
// well take or give a std::vector<std::uint8_t> or std::vector<std::byte>, which are copied.
//
// From 4 KiB on, bytes are shared in two cases. What arrives is shared if it is at least one eighth of
// all that came with it; smaller parts are copied, so that they do not pin the whole message. What is
// sent is shared if it is the only argument or the result; otherwise it is copied once. A value that
// came keeps the message that it came in, so memory may exceed the limits on what waits to be sent,
// by a factor of eight at most.
//
// Thread-safety: as of a std::shared_ptr to const. What is read may be read by any thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <stdexcept>
#include <string_view>
#include <type_traits>
#include <utility>

#include "maus/base/shared_buffer.hpp"
#include "maus/error.hpp"
#include "maus/wire/archive.hpp"

namespace maus {

class bytes {
public:
    bytes() noexcept = default;
    bytes(const bytes&) = default;
    bytes& operator=(const bytes&) = default;
    /// What was moved from is empty.
    bytes(bytes&& other) noexcept
        : keeper_(std::move(other.keeper_)), view_(std::exchange(other.view_, {})) {}
    bytes& operator=(bytes&& other) noexcept {
        keeper_ = std::move(other.keeper_);
        view_ = std::exchange(other.view_, {});
        return *this;
    }
    ~bytes() = default;
    /// A copy. Throws maus::error (too_large) for more than 2^32 - 5 bytes, as they all do.
    explicit bytes(std::span<const std::byte> copied)
        : bytes(copied.size(), [&](std::span<std::byte> room) {
              std::copy(copied.begin(), copied.end(), room.begin());
          }) {}
    explicit bytes(std::span<const std::uint8_t> copied) : bytes(std::as_bytes(copied)) {}
    explicit bytes(std::string_view copied) : bytes(base::as_bytes(copied)) {}
    explicit bytes(std::nullptr_t) = delete;
    /// `write(std::span<std::byte>)` is called once, with room for `size` bytes of unspecified value:
    /// it fills all of them, or returns how many it has filled from the front. Throws
    /// std::length_error if it says more than there was room for.
    template <class Write>
    requires std::is_invocable_v<Write, std::span<std::byte>> bytes(std::size_t size,
                                                                    Write&& write) {
        if (size > std::numeric_limits<std::uint32_t>::max() - count_bytes) {
            throw error(errc::too_large, "maus::bytes of more than 4294967291 bytes");
        }
        auto made = std::make_shared<base::buffer>();
        std::byte* const count = made->extend(count_bytes + size);
        const std::span<std::byte> room{count + count_bytes, size};
        std::size_t filled = size;
        if constexpr (std::is_void_v<std::invoke_result_t<Write, std::span<std::byte>>>) {
            std::forward<Write>(write)(room);
        } else {
            filled = static_cast<std::size_t>(std::forward<Write>(write)(room));
            if (filled > size) throw std::length_error("maus::bytes: more was written than fits");
        }
        wire::store(count, static_cast<std::uint32_t>(filled));
        view_ = room.first(filled);
        keeper_ = std::move(made);
    }

    [[nodiscard]] const std::byte* data() const noexcept { return view_.data(); }
    [[nodiscard]] std::size_t size() const noexcept { return view_.size(); }
    [[nodiscard]] bool empty() const noexcept { return view_.empty(); }
    /// Valid while this or a copy of it is.
    [[nodiscard]] std::span<const std::byte> view() const noexcept { return view_; }
    [[nodiscard]] std::string_view text() const noexcept { return base::as_text(view_); }

    friend bool operator==(const bytes& a, const bytes& b) noexcept { return a.text() == b.text(); }

private:
    friend struct wire::codec<bytes>;
    // The u32 before a sequence's elements. It stands before these bytes, too, wherever they are:
    // so they are shared together with it.
    static constexpr std::size_t count_bytes = 4;

    bytes(base::shared_buffer keeper, base::byte_view part) noexcept
        : keeper_(std::move(keeper)), view_(part) {}

    base::shared_buffer keeper_;
    base::byte_view view_;
};

}  // namespace maus

template <>
struct maus::wire::codec<maus::bytes> {
    static constexpr bool supported = true;
    static constexpr std::size_t bytes_min = bytes::count_bytes;
    static constexpr bool always_empty = false;

    static void save(output_archive& out, const bytes& value) {
        if (value.size() >= shared_bytes_min) {
            out.put_shared(base::share(value.keeper_, {value.data() - bytes::count_bytes,
                                                       value.size() + bytes::count_bytes}));
        } else {
            out.put_count(value.size());
            out.put_all(value.data(), value.size());
        }
    }
    static void load(input_archive& in, bytes& value) {
        const std::size_t count = in.get_count(1, 1);
        const base::byte_view part{in.take(count), count};
        if (count == 0) {
            value = {};
        } else if (auto keeper = in.keeper(count)) {
            value = bytes(std::move(keeper), part);
        } else {
            in.charge(1, block_bytes);
            value = bytes(part);
        }
    }
    static void describe(auto& to) { to.template generic<std::byte>("list"); }

private:
    /// What keeps a few bytes, besides them.
    static constexpr std::size_t block_bytes = sizeof(base::buffer) + node_bytes;
};
