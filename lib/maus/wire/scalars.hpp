// How numbers, bools and enums stand in a payload. Part of types.hpp; include archive.hpp.
//
// What always holds: little-endian in their own width, and no bool or enum comes out of a payload
// that the program could not have made itself.
#pragma once

#include <bit>
#include <type_traits>

#include "maus/wire/cursor.hpp"

namespace maus {

/// Specialise with `static constexpr E min, max` to have values outside refused. An enum without a
/// fixed underlying type needs it: values outside its range are undefined behaviour.
template <class E>
struct enum_range {};

}  // namespace maus

namespace maus::wire {

namespace detail {

template <class T>
constexpr const char* number_name() {
    constexpr const char* names[3][4] = {
        {"u8", "u16", "u32", "u64"}, {"i8", "i16", "i32", "i64"}, {"", "", "f32", "f64"}};
    constexpr auto width = static_cast<std::size_t>(std::countr_zero(sizeof(T)));
    // `char` is unsigned on some machines; on the wire it is always i8.
    constexpr bool is_signed = std::is_signed_v<T> || std::is_same_v<T, char>;
    return names[std::is_floating_point_v<T> ? 2 : is_signed ? 1 : 0][width];
}

template <class T>
concept unfixed_enum = std::is_enum_v<T> && !requires {
    T{0};
};
template <class E>
concept ranged_enum = requires {
    enum_range<E>::min;
    enum_range<E>::max;
};

}  // namespace detail

// Numbers: little-endian, in their own width.
template <class T>
requires is_portable_number<T>
struct codec<T> {
    static constexpr bool supported = true;
    static constexpr std::size_t bytes_min = sizeof(T);
    static constexpr bool always_empty = false;
    static void save(output_archive& out, T value) { out.put(value); }
    static void load(input_archive& in, T& value) { value = in.get<T>(); }
    static void describe(auto& to) { to.word(detail::number_name<T>()); }
};

template <>
struct codec<std::byte> {
    static constexpr bool supported = true;
    static constexpr std::size_t bytes_min = 1;
    static constexpr bool always_empty = false;
    static void save(output_archive& out, std::byte value) { out.put(value); }
    static void load(input_archive& in, std::byte& value) { value = in.get<std::byte>(); }
    static void describe(auto& to) { to.word("u8"); }
};

// bool: one byte, 0 or 1.
template <>
struct codec<bool> {
    static constexpr bool supported = true;
    static constexpr std::size_t bytes_min = 1;
    static constexpr bool always_empty = false;
    static void save(output_archive& out, bool value) { out.put<std::uint8_t>(value ? 1 : 0); }
    static void load(input_archive& in, bool& value) {
        value = in.get_flag("a bool is neither 0 nor 1");
    }
    static void describe(auto& to) { to.word("bool"); }
};

// Enums: as their underlying type.
template <class E>
requires std::is_enum_v<E>
struct codec<E> {
    using number = std::underlying_type_t<E>;
    static constexpr bool supported = !detail::unfixed_enum<E> || detail::ranged_enum<E>;
    static constexpr std::size_t bytes_min = sizeof(E);
    static constexpr bool always_empty = false;

    static bool in_range(number value) {
        static_assert(supported,
                      "maus: an enum without a fixed underlying type (enum E : int) needs a"
                      " specialisation of maus::enum_range with its min and max");
        if constexpr (detail::ranged_enum<E>) {
            return value >= static_cast<number>(enum_range<E>::min) &&
                   value <= static_cast<number>(enum_range<E>::max);
        } else {
            return true;
        }
    }
    static void save(output_archive& out, E value) {
        const auto raw = static_cast<number>(value);
        if (!in_range(raw)) {
            detail::encode_failed(errc::bad_arguments, "an enum is out of its enum_range");
        }
        codec<number>::save(out, raw);
    }
    static void load(input_archive& in, E& value) {
        number raw{};
        codec<number>::load(in, raw);
        if (!in_range(raw)) [[unlikely]]
            in.fail("an enum is out of range");
        value = static_cast<E>(raw);
    }
    static void describe(auto& to) { to.template generic<number>("enum"); }
};

}  // namespace maus::wire
