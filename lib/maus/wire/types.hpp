// How the types of the standard library stand in a payload.
//
// One codec a type (or family of types), so that what is written, what is read, how it is named in
// signatures and what is refused stand in one place. cereal's own cereal/types/*.hpp are not
// needed, do no harm if a program includes them, and are never used for the types here: they let
// through what a peer must not send. Numbers and enums: scalars.hpp. Maps and sets: keyed.hpp. User
// types: archive.hpp, which is also the header to include.
//
// What always holds: a value decodes only from the bytes that encoding it gives, up to the order in
// sets and maps.
#pragma once

#include <array>
#include <bitset>
#include <chrono>
#include <complex>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "maus/wire/cursor.hpp"
#include "maus/wire/scalars.hpp"
#include "maus/wire/unaligned.hpp"

namespace maus::wire {

// Sequences: u32 count, then the elements.
namespace detail {

/// A container's element: has to take a byte at least, or a few bytes could claim millions of them.
template <class E>
void load_element(input_archive& in, E& element) {
    if constexpr (codec<E>::bytes_min != 0) {
        codec<E>::load(in, element);
    } else {
        const std::size_t before = in.left();
        codec<E>::load(in, element);
        if (in.left() == before) in.fail("a container's element takes no bytes");
    }
}
template <class E>
void save_element(output_archive& out, const E& element) {
    if constexpr (codec<E>::bytes_min != 0) {
        codec<E>::save(out, element);
    } else {
        const std::size_t before = out.size();
        codec<E>::save(out, element);
        if (out.size() == before) {
            encode_failed(errc::bad_arguments, "a container's element takes no bytes");
        }
    }
}
constexpr std::size_t at_least_one(std::size_t bytes) { return bytes == 0 ? 1 : bytes; }

template <class C>
struct string_codec {
    using element = typename C::value_type;
    static constexpr bool is_text = requires(C text) { text.substr(0); };
    static constexpr bool supported = true;
    static constexpr std::size_t bytes_min = 4;
    static constexpr bool always_empty = false;

    static void save(output_archive& out, const C& values) {
        out.put_count(values.size());
        out.put_all(values.data(), values.size());
    }
    static void load(input_archive& in, C& values) {
        const std::size_t count = in.get_count(sizeof(element), sizeof(element));
        const std::byte* from = in.take(count * sizeof(element));
        if (reinterpret_cast<std::uintptr_t>(from) % alignof(element) == 0 &&
            (std::endian::native == std::endian::little || sizeof(element) == 1)) {
            const auto* first = reinterpret_cast<const element*>(from);
            values.assign(first, first + count);
        } else {
            if constexpr (is_text) {  // it would assign by way of another one
                values.resize(count);
                load_scalars(values.data(), from, count);
            } else {
                assign_unaligned(values, from, count);
            }
        }
    }
    static void describe(auto& to) {
        if constexpr (sizeof(element) == 1 && !std::is_same_v<element, signed char> && is_text) {
            to.word("str");
        } else {
            to.template generic<element>("list");
        }
    }
};

/// Element by element, each made only when the bytes before it were right.
template <class C, std::size_t Overhead, std::size_t ContainerBytes = 0>
struct sequence_codec {
    using element = typename C::value_type;
    static constexpr bool supported = codec<element>::supported && !codec<element>::always_empty;
    static constexpr std::size_t bytes_min = 4;
    static constexpr bool always_empty = false;

    static void save(output_archive& out, const C& values) {
        static_assert(!codec<element>::always_empty,
                      "maus: a container of elements that take no bytes cannot be sent");
        out.put_count(values.size());
        for (const auto& value : values) save_element<element>(out, value);
    }
    static void load(input_archive& in, C& values) {
        if constexpr (ContainerBytes != 0) in.charge(1, ContainerBytes);
        const std::size_t count =
            in.get_count(at_least_one(codec<element>::bytes_min), sizeof(element) + Overhead);
        values.clear();
        if constexpr (requires { values.reserve(count); }) values.reserve(count);
        for (std::size_t i = 0; i < count; ++i) {
            if constexpr (std::is_same_v<C, std::vector<bool, typename C::allocator_type>>) {
                bool value{};
                codec<bool>::load(in, value);
                values.push_back(value);
            } else {
                load_element<element>(in, values.emplace_back());
            }
        }
    }
    static void describe(auto& to) { to.template generic<element>("list"); }
};

}  // namespace detail

template <class C, class Traits, class A>
struct codec<std::basic_string<C, Traits, A>>
    : std::conditional_t<scalar<C>, detail::string_codec<std::basic_string<C, Traits, A>>,
                         detail::sequence_codec<std::basic_string<C, Traits, A>, 0>> {};
template <class E, class A>
struct codec<std::vector<E, A>>
    : std::conditional_t<scalar<E>, detail::string_codec<std::vector<E, A>>,
                         detail::sequence_codec<std::vector<E, A>, 0>> {};
template <class E, class A>
struct codec<std::deque<E, A>> : detail::sequence_codec<std::deque<E, A>, 0, deque_bytes> {};
template <class E, class A>
struct codec<std::list<E, A>> : detail::sequence_codec<std::list<E, A>, node_bytes> {};

// Arrays: the elements; their number is part of the type.
namespace detail {

template <class Array, class E, std::size_t N>
struct array_codec {
    static constexpr bool supported = codec<E>::supported;
    static constexpr std::size_t bytes_min = N * codec<E>::bytes_min;
    static constexpr bool always_empty = N == 0 || codec<E>::always_empty;

    static void save(output_archive& out, const Array& values) {
        if constexpr (scalar<E> && N != 0) {
            out.put_all(&values[0], N);
        } else {
            for (const auto& value : values) codec<E>::save(out, value);
        }
    }
    static void load(input_archive& in, Array& values) {
        if constexpr (scalar<E> && N != 0) {
            load_scalars(&values[0], in.take(N * sizeof(E)), N);
        } else {
            for (auto& value : values) codec<E>::load(in, value);
        }
    }
    static void describe(auto& to) { to.template array<E>(N); }
};

}  // namespace detail

template <class E, std::size_t N>
struct codec<std::array<E, N>> : detail::array_codec<std::array<E, N>, E, N> {};
template <class E, std::size_t N>
struct codec<E[N]> : detail::array_codec<E[N], E, N> {};

// Tuples, pairs and complex numbers: one after the other.
namespace detail {

template <class Tuple, class... Ts>
struct tuple_codec {
    static constexpr bool supported = (codec<Ts>::supported && ...);
    static constexpr std::size_t bytes_min = (std::size_t{0} + ... + codec<Ts>::bytes_min);
    static constexpr bool always_empty = (codec<Ts>::always_empty && ...);

    static void save(output_archive& out, const Tuple& values) {
        std::apply([&](const auto&... value) { (codec<Ts>::save(out, value), ...); }, values);
    }
    static void load(input_archive& in, Tuple& values) {
        std::apply([&](auto&... value) { (codec<Ts>::load(in, value), ...); }, values);
    }
    static void describe(auto& to) { to.template generic<Ts...>("tuple"); }
};

}  // namespace detail

template <class... Ts>
struct codec<std::tuple<Ts...>> : detail::tuple_codec<std::tuple<Ts...>, Ts...> {};
template <class A, class B>
struct codec<std::pair<A, B>> : detail::tuple_codec<std::pair<A, B>, A, B> {};

template <class F>
struct codec<std::complex<F>> {
    static constexpr bool supported = codec<F>::supported;
    static constexpr std::size_t bytes_min = 2 * codec<F>::bytes_min;
    static constexpr bool always_empty = false;
    static void save(output_archive& out, const std::complex<F>& value) {
        out(value.real(), value.imag());
    }
    static void load(input_archive& in, std::complex<F>& value) {
        F parts[2]{};
        in(parts[0], parts[1]);
        value = {parts[0], parts[1]};
    }
    static void describe(auto& to) { to.template generic<F, F>("tuple"); }
};

template <>
struct codec<std::monostate> {
    static constexpr bool supported = true;
    static constexpr std::size_t bytes_min = 0;
    static constexpr bool always_empty = true;
    static void save(output_archive&, std::monostate) {}
    static void load(input_archive&, std::monostate&) {}
    static void describe(auto& to) { to.word("unit"); }
};

// optional: one byte, 1 if the value follows.
template <class T>
struct codec<std::optional<T>> {
    static constexpr bool supported = codec<T>::supported;
    static constexpr std::size_t bytes_min = 1;
    static constexpr bool always_empty = false;
    static void save(output_archive& out, const std::optional<T>& value) {
        codec<bool>::save(out, value.has_value());
        if (value) codec<T>::save(out, *value);
    }
    static void load(input_archive& in, std::optional<T>& value) {
        value.reset();
        if (in.get_flag("an optional's flag is neither 0 nor 1"))
            codec<T>::load(in, value.emplace());
    }
    static void describe(auto& to) { to.template generic<T>("opt"); }
};

// variant: one byte, which alternative follows.
template <class... Ts>
struct codec<std::variant<Ts...>> {
    using variant = std::variant<Ts...>;
    static constexpr bool supported = (codec<Ts>::supported && ...) && sizeof...(Ts) <= 255;
    static constexpr std::size_t bytes_min = 1;
    static constexpr bool always_empty = false;

    static void save(output_archive& out, const variant& value) {
        static_assert(sizeof...(Ts) <= 255, "maus: a variant may have 255 alternatives at most");
        if (value.valueless_by_exception()) {
            detail::encode_failed(errc::bad_arguments, "a variant holds no value");
        }
        out.put(static_cast<std::uint8_t>(value.index()));
        std::visit([&](const auto& held) { out(held); }, value);
    }
    static void load(input_archive& in, variant& value) {
        const std::size_t index = in.get<std::uint8_t>();
        if (index >= sizeof...(Ts)) [[unlikely]]
            in.fail("a variant's index is past its end");
        load_alternative(in, value, index, std::index_sequence_for<Ts...>{});
    }
    static void describe(auto& to) { to.template generic<Ts...>("variant"); }

private:
    template <std::size_t... I>
    static void load_alternative(input_archive& in, variant& value, std::size_t index,
                                 std::index_sequence<I...>) {
        const auto load_if = [&]<std::size_t Which>(std::in_place_index_t<Which>) {
            if (index == Which) in(value.template emplace<Which>());
        };
        (load_if(std::in_place_index<I>), ...);
    }
};

// bitset: bit i is bit i % 8 of byte i / 8; the bits past the end are 0.
template <std::size_t N>
struct codec<std::bitset<N>> {
    static constexpr bool supported = true;
    static constexpr std::size_t bytes_min = (N + 7) / 8;
    static constexpr bool always_empty = N == 0;
    static void save(output_archive& out, const std::bitset<N>& bits) {
        std::uint8_t bytes[bytes_min + 1]{};
        for (std::size_t i = 0; i < N; ++i) {
            if (bits[i]) bytes[i / 8] = static_cast<std::uint8_t>(bytes[i / 8] | (1u << (i % 8)));
        }
        out.put_all(bytes, bytes_min);
    }
    static void load(input_archive& in, std::bitset<N>& bits) {
        const std::byte* bytes = in.take(bytes_min);
        for (std::size_t i = 0; i < bytes_min * 8; ++i) {
            const bool bit = (std::to_integer<unsigned>(bytes[i / 8]) >> (i % 8) & 1u) != 0;
            if (i < N) {
                bits[i] = bit;
            } else if (bit) {
                in.fail("a bitset has bits past its end");
            }
        }
    }
    static void describe(auto& to) { to.template array<std::uint8_t>(bytes_min); }
};

// Durations as their count; points of the system clock as the duration since 1970.
template <class Rep, class Period>
struct codec<std::chrono::duration<Rep, Period>> {
    static constexpr bool supported = codec<Rep>::supported;
    static constexpr std::size_t bytes_min = codec<Rep>::bytes_min;
    static constexpr bool always_empty = false;
    static void save(output_archive& out, std::chrono::duration<Rep, Period> value) {
        codec<Rep>::save(out, value.count());
    }
    static void load(input_archive& in, std::chrono::duration<Rep, Period>& value) {
        Rep count{};
        codec<Rep>::load(in, count);
        value = std::chrono::duration<Rep, Period>{count};
    }
    static void describe(auto& to) { to.template ticks<Rep, Period>("dur"); }
};

template <class Clock, class D>
struct codec<std::chrono::time_point<Clock, D>> {
    using point = std::chrono::time_point<Clock, D>;
    static constexpr bool supported =
        std::is_same_v<Clock, std::chrono::system_clock> && codec<D>::supported;
    static constexpr std::size_t bytes_min = codec<D>::bytes_min;
    static constexpr bool always_empty = false;
    static void save(output_archive& out, point value) {
        static_assert(std::is_same_v<Clock, std::chrono::system_clock>,
                      "maus: only std::chrono::system_clock means the same in another process");
        codec<D>::save(out, value.time_since_epoch());
    }
    static void load(input_archive& in, point& value) {
        D since{};
        codec<D>::load(in, since);
        value = point{since};
    }
    static void describe(auto& to) {
        to.template ticks<typename D::rep, typename D::period>("time");
    }
};

}  // namespace maus::wire
