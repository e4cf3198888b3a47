// Payloads: a call's arguments and a result's value as bytes. The header to include for that.
//
//     base::buffer out;
//     wire::encode(out, 1, std::string{"two"});
//     auto values = wire::decode<int, std::string>(out.view());   // result<tuple<int, string>>
//
// Decoding is total: any byte string gives the values or a failure that says what is wrong and at
// which byte. This file adds what types.hpp, keyed.hpp and dynamic.hpp leave: user types through their cereal
// `serialize` (all of cereal's styles), and readable refusals of what cannot travel.
#pragma once

#include <concepts>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include "maus/wire/cursor.hpp"
#include "maus/wire/dynamic.hpp"
#include "maus/wire/keyed.hpp"
#include "maus/wire/types.hpp"

namespace maus::wire {

namespace detail {

/// Calls the one function that cereal would choose for a T. cereal's own choice cannot be used: it
/// sits in the base class that the archives do without (see cursor.hpp).
///
/// A versioned type is written as its u32 version and then its members, each time: what a value
/// looks like must not depend on what went before it.
template <class T, class Archive>
constexpr bool chosen(bool has, bool specialised) {
    return has && (!cereal::traits::is_specialized<T, Archive>::value || specialised);
}
template <class T>
std::uint32_t version_of() {
    return cereal::detail::Version<T>::version;
}

#define MAUS_CHOSEN(name)                                                       \
    constexpr(chosen<T, Archive>(cereal::traits::has_##name<T, Archive>::value, \
                                 cereal::traits::is_specialized_##name<T, Archive>::value))

template <class Archive, class T>
void call_save(Archive& to, const T& value) {
    using cereal::access;
    auto& whole = const_cast<T&>(value);  // serialize serves both directions and is not const
    if MAUS_CHOSEN (member_serialize) {
        access::member_serialize(to, whole);
    } else if MAUS_CHOSEN (non_member_serialize) {
        CEREAL_SERIALIZE_FUNCTION_NAME(to, whole);
    } else if MAUS_CHOSEN (member_save) {
        access::member_save(to, value);
    } else if MAUS_CHOSEN (non_member_save) {
        CEREAL_SAVE_FUNCTION_NAME(to, value);
    } else if MAUS_CHOSEN (member_save_minimal) {
        to(access::member_save_minimal(to, value));
    } else if MAUS_CHOSEN (non_member_save_minimal) {
        to(CEREAL_SAVE_MINIMAL_FUNCTION_NAME(to, value));
    } else {
        const std::uint32_t version = version_of<T>();
        to(version);
        if MAUS_CHOSEN (member_versioned_serialize) {
            access::member_serialize(to, whole, version);
        } else if MAUS_CHOSEN (non_member_versioned_serialize) {
            CEREAL_SERIALIZE_FUNCTION_NAME(to, whole, version);
        } else if MAUS_CHOSEN (member_versioned_save) {
            access::member_save(to, value, version);
        } else if MAUS_CHOSEN (non_member_versioned_save) {
            CEREAL_SAVE_FUNCTION_NAME(to, value, version);
        } else if MAUS_CHOSEN (member_versioned_save_minimal) {
            to(access::member_save_minimal(to, value, version));
        } else {
            to(CEREAL_SAVE_MINIMAL_FUNCTION_NAME(to, value, version));
        }
    }
}

template <class T, class Archive = input_archive>
void call_load_versioned(Archive& from, T& value) {
    using cereal::access;
    std::uint32_t version = 0;
    from(version);
    if MAUS_CHOSEN (member_versioned_serialize) {
        access::member_serialize(from, value, version);
    } else if MAUS_CHOSEN (non_member_versioned_serialize) {
        CEREAL_SERIALIZE_FUNCTION_NAME(from, value, version);
    } else if MAUS_CHOSEN (member_versioned_load) {
        access::member_load(from, value, version);
    } else if MAUS_CHOSEN (non_member_versioned_load) {
        CEREAL_LOAD_FUNCTION_NAME(from, value, version);
    } else if MAUS_CHOSEN (member_versioned_load_minimal) {
        typename cereal::traits::has_member_versioned_save_minimal<T, output_archive>::type
            minimal{};
        from(minimal);
        access::member_load_minimal(from, value, minimal, version);
    } else {
        typename cereal::traits::has_non_member_versioned_save_minimal<T, output_archive>::type
            minimal{};
        from(minimal);
        CEREAL_LOAD_MINIMAL_FUNCTION_NAME(from, value, minimal, version);
    }
}

template <class T, class Archive = input_archive>
void call_load(Archive& from, T& value) {
    using cereal::access;
    if MAUS_CHOSEN (member_serialize) {
        access::member_serialize(from, value);
    } else if MAUS_CHOSEN (non_member_serialize) {
        CEREAL_SERIALIZE_FUNCTION_NAME(from, value);
    } else if MAUS_CHOSEN (member_load) {
        access::member_load(from, value);
    } else if MAUS_CHOSEN (non_member_load) {
        CEREAL_LOAD_FUNCTION_NAME(from, value);
    } else if MAUS_CHOSEN (member_load_minimal) {
        typename cereal::traits::has_member_save_minimal<T, output_archive>::type minimal{};
        from(minimal);
        access::member_load_minimal(from, value, minimal);
    } else if MAUS_CHOSEN (non_member_load_minimal) {
        typename cereal::traits::has_non_member_save_minimal<T, output_archive>::type minimal{};
        from(minimal);
        CEREAL_LOAD_MINIMAL_FUNCTION_NAME(from, value, minimal);
    } else {
        call_load_versioned(from, value);
    }
}

#undef MAUS_CHOSEN

template <class T>
constexpr bool has_serialize() {
    if constexpr (std::is_class_v<T> || std::is_union_v<T>) {
        return cereal::traits::is_output_serializable<T, output_archive>::value &&
               cereal::traits::is_input_serializable<T, input_archive>::value;
    } else {
        return false;
    }
}

template <class T>
concept path_like = requires(const T& path) {
    path.lexically_normal();
    path.native();
};
template <class T>
concept string_view_like = requires(T text) {
    text.remove_prefix(1);
    text.find_first_of(text);
};

/// The base of what cannot travel. `save` and `load` exist so that the one error is the readable
/// one.
struct refused {
    static constexpr bool supported = false;
    static constexpr std::size_t bytes_min = 0;
    static constexpr bool always_empty = false;
};
template <class T>
struct refused_pointer : refused {
    template <class Archive, class V>
    static void save(Archive&, const V&) {
        static_assert(sizeof(Archive) == 0,
                      "maus: pointers (raw, shared, unique, weak, polymorphic) and references mean"
                      " nothing in another process; send the value or a std::optional of it");
    }
    template <class Archive, class V>
    static void load(Archive& in, V& value) {
        save(in, value);
    }
};
template <class T>
struct refused_width : refused {
    template <class Archive, class V>
    static void save(Archive&, const V&) {
        static_assert(sizeof(Archive) == 0,
                      "maus: long double and wchar_t have another width elsewhere; use double,"
                      " char16_t or char32_t");
    }
    template <class Archive, class V>
    static void load(Archive& in, V& value) {
        save(in, value);
    }
};
template <class T>
struct refused_multi : refused {
    template <class Archive, class V>
    static void save(Archive&, const V&) {
        static_assert(sizeof(Archive) == 0,
                      "maus: multimap and multiset are not supported; use a map of vectors");
    }
    template <class Archive, class V>
    static void load(Archive& in, V& value) {
        save(in, value);
    }
};

}  // namespace detail

// User types: what their serialize writes, with nothing around it.
template <class T>
struct codec {
    static constexpr bool supported = detail::has_serialize<T>();
    static constexpr std::size_t bytes_min = 0;
    static constexpr bool always_empty = std::is_empty_v<T>;
    static constexpr bool is_user_type = true;

    static void save(output_archive& out, const T& value) {
        check();
        if constexpr (supported) {
            out.enter();
            detail::call_save(out, value);
            out.leave();
        }
    }
    static void load(input_archive& in, T& value) {
        check();
        if constexpr (supported) {
            const std::size_t outer = in.enter(detail::cost_of_elements<T>());
            detail::call_load(in, value);
            in.leave(outer);
        }
    }
    static void describe(auto& to) { to.template user_type<T>(); }

    /// With what to write instead.
    static constexpr void check() {
        static_assert(!detail::string_view_like<T>,
                      "maus: a std::string_view owns no text: use std::string");
        static_assert(!detail::path_like<T>, "maus: a path is text of one system: use std::string");
        static_assert(supported || detail::string_view_like<T> || detail::path_like<T>,
                      "maus: this type is none of the std types that maus knows, and has no (or"
                      " more than one) cereal serialize, load/save or load_minimal/save_minimal");
    }
};

template <class T>
struct codec<T*> : detail::refused_pointer<T> {};
template <class T>
struct codec<std::shared_ptr<T>> : detail::refused_pointer<T> {};
template <class T>
struct codec<std::weak_ptr<T>> : detail::refused_pointer<T> {};
template <class T, class D>
struct codec<std::unique_ptr<T, D>> : detail::refused_pointer<T> {};
template <class T>
struct codec<std::reference_wrapper<T>> : detail::refused_pointer<T> {};
template <>
struct codec<long double> : detail::refused_width<long double> {};
template <>
struct codec<wchar_t> : detail::refused_width<wchar_t> {};
template <class K, class V, class C, class A>
struct codec<std::multimap<K, V, C, A>> : detail::refused_multi<K> {};
template <class K, class C, class A>
struct codec<std::multiset<K, C, A>> : detail::refused_multi<K> {};
template <class K, class V, class H, class E, class A>
struct codec<std::unordered_multimap<K, V, H, E, A>> : detail::refused_multi<K> {};
template <class K, class H, class E, class A>
struct codec<std::unordered_multiset<K, H, E, A>> : detail::refused_multi<K> {};

/// Whether a T can be a parameter or a result. Looks into std types; for a user type it sees that
/// there is a serialize, not what that does.
template <class T>
concept transportable =
    std::same_as<T, std::remove_cvref_t<T>> && std::is_object_v<T> && !std::is_array_v<T> &&
    std::default_initializable<T> && std::movable<T> && codec<T>::supported;

/// Appends the values, one after the other. Throws maus::error: too_large for a container of more
/// than 2^32 - 1 elements or user types nested deeper than 64; bad_arguments for a value that no
/// reader would accept (an enum out of its enum_range, a valueless variant).
template <class... Ts>
void encode(base::buffer& out, const Ts&... values) {
    output_archive archive{out};
    (codec<Ts>::save(archive, values), ...);
}

namespace detail {
template <class... Ts>
[[nodiscard]] inline std::optional<base::failure> load_all(input_archive& from, Ts&... values) {
    static_assert((std::same_as<Ts, std::remove_cvref_t<Ts>> && ...),
                  "maus: values are decoded by value");
    try {
        (codec<Ts>::load(from, values), ...);
        from.finish();
    } catch (...) {
        return from.failed();
    }
    return std::nullopt;
}
}  // namespace detail

/// Decodes into values that are there already; tells why if `in` holds anything but them. What was
/// decoded up to the mistake stays in them.
template <class... Ts>
[[nodiscard]] std::optional<base::failure> decode_into(base::byte_view in, Ts&... values) {
    input_archive archive{in};
    return detail::load_all(archive, values...);
}
/// The same from a buffer that the values may share.
template <class... Ts>
[[nodiscard]] std::optional<base::failure> decode_into(base::buffer& in, Ts&... values) {
    input_archive archive{in};
    return detail::load_all(archive, values...);
}

/// Decodes values off the front of `in`, which keeps what follows them.
template <class... Ts>
[[nodiscard]] std::optional<base::failure> decode_front(base::byte_view& in, Ts&... values) {
    input_archive from{in};
    try {
        (codec<Ts>::load(from, values), ...);
        in = from.rest();
    } catch (...) {
        return from.failed();
    }
    return std::nullopt;
}

/// The values if `in` holds them and nothing more, else bad_arguments with the reason. What was
/// decoded up to the mistake is destroyed.
template <class... Ts>
[[nodiscard]] base::result<std::tuple<Ts...>> decode(base::byte_view in) {
    std::tuple<Ts...> values{};
    auto why = std::apply([in](auto&... value) { return decode_into(in, value...); }, values);
    if (why) return *std::move(why);
    return values;
}

}  // namespace maus::wire
