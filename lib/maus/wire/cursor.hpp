// Where an encode writes and a decode reads: the two cereal archives of libmaus.
//
// Why not cereal's own portable_binary: it goes through streams, and on hostile input it allocates
// gigabytes, overflows the stack and accepts what nobody encoded. These archives work on memory, in
// fixed little-endian order, and the reading one is total: every byte string either decodes or
// fails with a reason.
//
// They are cereal archives to a user's `serialize` (operator(), &, << and >>, is_loading, NVPs,
// size tags, binary data, base classes), but do not derive from cereal::InputArchive: that would
// build five hash tables for every call, share a table of class versions between threads without a
// lock, and make the bytes of a value depend on what was encoded before it. What a type looks like
// on the wire is told by its `codec` (types.hpp, archive.hpp).
//
// What always holds while reading: no byte outside the payload is touched; what is allocated stays
// below `budget_base_bytes` + `budget_per_byte` x payload, because every container charges for its
// elements before it makes room for them; recursion stays below `depth_max`; after the first
// failure everything fails, so user code that swallows an exception cannot turn it into a value.
#pragma once

#include <bit>
#include <cereal/cereal.hpp>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>

#include "maus/base/buffer.hpp"
#include "maus/base/result.hpp"
#include "maus/base/shared_buffer.hpp"
#include "maus/wire/number.hpp"

namespace maus::wire {

inline constexpr std::size_t budget_base_bytes = 64 * 1024;
inline constexpr std::size_t budget_per_byte = 64;
/// User types and values inside each other. Nothing else can recurse: std types nest as deep as their
/// name.
inline constexpr std::size_t depth_max = 64;
/// Bytes that a list or a map needs for an element besides the element.
inline constexpr std::size_t node_bytes = 48;
/// Bytes that an empty std::deque has allocated already.
inline constexpr std::size_t deque_bytes = 640;
/// A part of a payload is shared from this size on, and from one eighth of the payload: what keeps
/// it, keeps the whole.
inline constexpr std::size_t shared_bytes_min = 4096;
inline constexpr std::size_t shared_part_min = 8;

/// How a T is written, read and named: `save`, `load`, `describe`, `supported`; `bytes_min`, the
/// fewest bytes that a T takes (0: not known); `always_empty`, true if it takes none.
template <class T>
struct codec;

template <class T>
inline constexpr bool is_portable_number =
    std::is_arithmetic_v<T> && !std::is_same_v<T, bool> && !std::is_same_v<T, wchar_t> &&
    !std::is_same_v<T, long double> && sizeof(T) <= 8;

/// Every bit pattern is a value and the width is the same everywhere: may be copied as it is.
template <class T>
concept scalar = is_portable_number<T> || std::is_same_v<T, std::byte>;

static_assert(std::numeric_limits<float>::is_iec559 && std::numeric_limits<double>::is_iec559);

namespace detail {

template <std::size_t Bytes>
using unsigned_of = std::conditional_t<
    Bytes == 1, std::uint8_t,
    std::conditional_t<Bytes == 2, std::uint16_t,
                       std::conditional_t<Bytes == 4, std::uint32_t, std::uint64_t>>>;

template <scalar T>
void store_scalar(std::byte* to, T value) {
    wire::store(to, std::bit_cast<unsigned_of<sizeof(T)>>(value));
}
template <scalar T>
T load_scalar(const std::byte* from) {
    return std::bit_cast<T>(wire::load<unsigned_of<sizeof(T)>>(from));
}

/// On a little-endian machine one memcpy.
template <scalar T>
void load_scalars(T* to, const std::byte* from, std::size_t count) {
    if constexpr (std::endian::native == std::endian::little || sizeof(T) == 1) {
        if (count != 0) std::memcpy(to, from, count * sizeof(T));
    } else {
        for (std::size_t i = 0; i < count; ++i) to[i] = load_scalar<T>(from + i * sizeof(T));
    }
}
template <scalar T>
void store_scalars(std::byte* to, const T* from, std::size_t count) {
    if constexpr (std::endian::native == std::endian::little || sizeof(T) == 1) {
        if (count != 0) std::memcpy(to, from, count * sizeof(T));
    } else {
        for (std::size_t i = 0; i < count; ++i) store_scalar(to + i * sizeof(T), from[i]);
    }
}

/// What a container's element costs, for the types whose size tag cereal's own code reads.
template <class T>
constexpr std::size_t cost_of_elements() {
    if constexpr (requires { sizeof(typename T::value_type); }) {
        return sizeof(typename T::value_type) + node_bytes;
    } else {
        return budget_per_byte;  // not known: as much as its one byte at least brings in
    }
}

[[noreturn]] void encode_failed(errc code, const char* reason);

template <class Pointer>
using pointee = std::remove_cv_t<std::remove_pointer_t<std::decay_t<Pointer>>>;
template <class Element>
constexpr bool check_binary_data() {
    static_assert(
        scalar<Element>,
        "maus: cereal::binary_data is for numbers and bytes; a struct would be sent with its"
        " padding, a bool unchecked: serialize the members instead");
    return scalar<Element>;
}
template <class Binary>
struct binary_element;
template <class Pointer>
struct binary_element<cereal::BinaryData<Pointer>> {
    using pointed = std::remove_all_extents_t<pointee<Pointer>>;
    using type = std::conditional_t<std::is_void_v<pointed>, std::byte, pointed>;
};

template <class T>
constexpr void refuse_tracking() {
    static_assert(sizeof(T) == 0,
                  "maus: cereal::defer and cereal::virtual_base_class are not supported; serialize"
                  " the value, or the virtual base in the most derived class");
}

}  // namespace detail

/// Appends to a buffer. Throws maus::error if a value cannot be encoded; the buffer then ends in
/// the middle of a value. cereal::access as a base makes cereal's namespace an associated one, so
/// that free functions which people put there are found.
class output_archive final : public cereal::detail::OutputArchiveBase, private cereal::access {
public:
    using is_loading = std::false_type;
    using is_saving = std::true_type;

    explicit output_archive(base::buffer& out) : out_(out) {}
    output_archive(const output_archive&) = delete;
    output_archive& operator=(const output_archive&) = delete;

    template <class... Ts>
    output_archive& operator()(const Ts&... values) {
        (one(values), ...);
        return *this;
    }
    template <class T>
    output_archive& operator&(const T& value) {
        return (*this)(value);
    }
    template <class T>
    output_archive& operator<<(const T& value) {
        return (*this)(value);
    }

    template <scalar T>
    void put(T value) {
        detail::store_scalar(out_.extend(sizeof(T)), value);
    }
    template <scalar T>
    void put_all(const T* values, std::size_t count) {
        detail::store_scalars(out_.extend(count * sizeof(T)), values, count);
    }
    void put_count(std::size_t count) {
        if (count > std::numeric_limits<std::uint32_t>::max()) {
            detail::encode_failed(errc::too_large, "a container has more than 4294967295 elements");
        }
        put(static_cast<std::uint32_t>(count));
    }
    /// Bytes that are shared instead of copied, if nothing stands before them.
    void put_shared(base::buffer&& encoded) {
        if (out_.empty()) {
            out_ = std::move(encoded);
        } else {
            out_.append(encoded.view());
        }
    }
    [[nodiscard]] std::size_t size() const noexcept { return out_.size(); }

    /// Around every user type, array and object of values: what nests deeper than a reader allows is not
    /// sent at all.
    void enter() {
        if (++depth_ > depth_max) {
            detail::encode_failed(errc::too_large,
                                  "user types or values are nested deeper than 64");
        }
    }
    void leave() noexcept { --depth_; }

private:
    template <class T>
    void one(const T& value) {
        codec<T>::save(*this, value);
    }
    template <class T>
    void one(const cereal::NameValuePair<T>& pair) {
        one(pair.value);
    }
    template <class T>
    void one(const cereal::base_class<T>& base) {
        one(*base.base_ptr);
    }
    template <class K, class V>
    void one(const cereal::MapItem<K, V>& item) {
        (*this)(item.key, item.value);
    }
    template <class T>
    void one(const cereal::SizeTag<T>& tag) {
        put_count(static_cast<std::size_t>(tag.size));
    }
    template <class T>
    void one(const cereal::BinaryData<T>& data) {
        using element = typename detail::binary_element<cereal::BinaryData<T>>::type;
        if constexpr (detail::check_binary_data<element>()) {
            const auto bytes = static_cast<std::size_t>(data.size);
            if (bytes % sizeof(element) != 0) {
                detail::encode_failed(errc::bad_arguments, "binary data ends inside an element");
            }
            put_all(static_cast<const element*>(data.data), bytes / sizeof(element));
        }
    }
    template <class T>
    void one(const cereal::DeferredData<T>&) {
        detail::refuse_tracking<T>();
    }
    template <class T>
    void one(const cereal::virtual_base_class<T>&) {
        detail::refuse_tracking<T>();
    }

    base::buffer& out_;
    std::size_t depth_ = 0;
};

/// Reads a span. Every violation throws a type that only decode() knows and turns into a failure.
class input_archive final : public cereal::detail::InputArchiveBase, private cereal::access {
public:
    using is_loading = std::true_type;
    using is_saving = std::false_type;

    explicit input_archive(base::byte_view in)
        : begin_(in.data()),
          at_(in.data()),
          end_(in.data() + in.size()),
          budget_(budget_base_bytes + budget_per_byte * in.size()) {}
    /// The values may share what `in` holds: it stays readable, but must not be appended to then.
    explicit input_archive(base::buffer& in) : input_archive(in.view()) { whole_ = &in; }
    input_archive(const input_archive&) = delete;
    input_archive& operator=(const input_archive&) = delete;

    template <class... Ts>
    input_archive& operator()(Ts&&... values) {
        (one(values), ...);
        return *this;
    }
    template <class T>
    input_archive& operator&(T&& value) {
        return (*this)(value);
    }
    template <class T>
    input_archive& operator>>(T&& value) {
        return (*this)(value);
    }

    [[nodiscard]] std::size_t left() const noexcept { return static_cast<std::size_t>(end_ - at_); }
    /// What keeps `count` of the bytes alive; null if they are too small a part for that, or belong
    /// to nobody who could share them.
    [[nodiscard]] base::shared_buffer keeper(std::size_t count) {
        const auto all = static_cast<std::size_t>(end_ - begin_);
        const bool worth_it = count >= shared_bytes_min && count >= all / shared_part_min;
        return worth_it && whole_ != nullptr ? base::keeper(*whole_) : nullptr;
    }

    const std::byte* take(std::size_t count) {
        if (count > left()) [[unlikely]]
            fail_short(count);
        const std::byte* from = at_;
        at_ += count;
        return from;
    }
    template <scalar T>
    T get() {
        return detail::load_scalar<T>(take(sizeof(T)));
    }
    /// A byte that may only be 0 or 1.
    bool get_flag(const char* complaint) {
        const auto byte = get<std::uint8_t>();
        if (byte > 1) [[unlikely]]
            fail(complaint);
        return byte != 0;
    }
    /// The number of elements that follow, of at least `bytes_min` bytes each; charges for them.
    std::size_t get_count(std::size_t bytes_min, std::size_t cost) {
        const std::size_t count = get<std::uint32_t>();
        if (count > left() / bytes_min) [[unlikely]]
            fail_count(count, bytes_min);
        charge(count, cost);
        return count;
    }
    void charge(std::size_t count, std::size_t cost) {
        if (count > budget_ / cost) [[unlikely]]
            fail("decoded, it would take too much memory");
        budget_ -= count * cost;
    }

    /// Around every user type, array and object of values. Returns what leave() wants back.
    std::size_t enter(std::size_t cost_of_elements) {
        if (++depth_ > depth_max) [[unlikely]]
            fail("user types or values are nested deeper than 64");
        return std::exchange(cost_of_elements_, cost_of_elements);
    }
    void leave(std::size_t outer_cost) noexcept {
        cost_of_elements_ = outer_cost;
        --depth_;
    }

    /// Refuses trailing bytes, and what failed before even if user code swallowed that.
    void finish() {
        if (!why_.empty() || at_ != end_) [[unlikely]]
            fail_finish();
    }
    /// Instead of finish(): the bytes that are left. Refuses what failed before, too.
    [[nodiscard]] base::byte_view rest() {
        if (!why_.empty()) [[unlikely]]
            fail_finish();
        return {at_, end_};
    }
    [[noreturn]] void fail(const std::string& reason);
    /// Inside a catch block: what went wrong. An exception of no std type goes on.
    [[nodiscard]] base::failure failed() const;

private:
    [[noreturn]] void fail_short(std::size_t count);
    [[noreturn]] void fail_count(std::size_t count, std::size_t bytes_min);
    [[noreturn]] void fail_finish();

    template <class T>
    void one(T& value) {
        static_assert(!std::is_const_v<T>, "maus: a const object cannot be decoded into");
        codec<T>::load(*this, value);
    }
    template <class T>
    void one(cereal::NameValuePair<T>& pair) {
        one(pair.value);
    }
    template <class T>
    void one(cereal::base_class<T>& base) {
        one(*base.base_ptr);
    }
    template <class K, class V>
    void one(cereal::MapItem<K, V>& item) {
        (*this)(item.key, item.value);
    }
    template <class T>
    void one(cereal::SizeTag<T>& tag) {
        tag.size = static_cast<std::remove_reference_t<T>>(get_count(1, cost_of_elements_));
    }
    template <class T>
    void one(cereal::BinaryData<T>& data) {
        using element = typename detail::binary_element<cereal::BinaryData<T>>::type;
        if constexpr (detail::check_binary_data<element>()) {
            const auto count = static_cast<std::size_t>(data.size) / sizeof(element);
            const std::byte* from = take(count * sizeof(element));
            detail::load_scalars(static_cast<element*>(data.data), from, count);
        }
    }
    template <class T>
    void one(cereal::DeferredData<T>&) {
        detail::refuse_tracking<T>();
    }
    template <class T>
    void one(cereal::virtual_base_class<T>&) {
        detail::refuse_tracking<T>();
    }

    base::buffer* whole_ = nullptr;
    const std::byte* begin_;
    const std::byte* at_;
    const std::byte* end_;
    std::size_t budget_;
    std::size_t depth_ = 0;
    std::size_t cost_of_elements_ = budget_per_byte;
    std::string why_;
};

}  // namespace maus::wire

CEREAL_SETUP_ARCHIVE_TRAITS(maus::wire::input_archive, maus::wire::output_archive)
