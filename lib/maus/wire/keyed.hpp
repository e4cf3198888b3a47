// Maps and sets in a payload: u32 count, then the keys, each followed by its value.
//
// The order is free. What a peer could use against the reader is refused: a key twice (what it
// means depends on who reads it), a key that is not equal to itself (NaN: it breaks the order of a
// tree), and keys chosen so that they all share one bucket of a hash table (each insert would walk
// all of them). Part of types.hpp's family; include archive.hpp.
#pragma once

#include <concepts>
#include <map>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "maus/wire/types.hpp"

namespace maus::wire {

/// Keys in one bucket of a hash table. Chance does not get there.
inline constexpr std::size_t bucket_keys_max = 64;

namespace detail {

template <class K>
void check_key(input_archive& in, const K& key) {
    if constexpr (std::equality_comparable<K> && !std::is_integral_v<K> && !std::is_enum_v<K>) {
        if (!(key == key)) [[unlikely]]
            in.fail("a key is not equal to itself (NaN)");
    }
}

/// Keys mostly arrive in a tree's own order, so its end is the best guess where one belongs.
template <class C, class... Value>
auto insert_keyed(input_archive& in, C& values, Value&&... value) {
    const std::size_t before = values.size();
    const auto where = values.emplace_hint(values.end(), std::forward<Value>(value)...);
    if (values.size() == before) [[unlikely]]
        in.fail("a key stands there twice");
    return where;
}

/// Honest keys can share a bucket, too: std::hash of an int is the int, and a step of 103 meets a
/// table of 103 buckets. So the table is grown first; once, or it could be made to grow for ever.
template <class C>
void check_bucket(input_archive& in, C& values, const typename C::key_type& key,
                  std::size_t count) {
    if constexpr (requires { values.bucket_count(); }) {
        const auto full = [&] { return values.bucket_size(values.bucket(key)) > bucket_keys_max; };
        if (!full()) [[likely]]
            return;
        if (values.bucket_count() < 2 * count) values.rehash(2 * values.bucket_count() + 1);
        if (full()) in.fail("more than 64 keys fall together in a hash table");
    }
}

template <class C>
struct set_codec {
    using key_type = typename C::key_type;
    static constexpr bool supported = codec<key_type>::supported && !codec<key_type>::always_empty;
    static constexpr std::size_t bytes_min = 4;
    static constexpr bool always_empty = false;

    static void save(output_archive& out, const C& values) {
        static_assert(!codec<key_type>::always_empty,
                      "maus: a set of keys that take no bytes cannot be sent");
        out.put_count(values.size());
        for (const auto& key : values) save_element(out, key);
    }
    static void load(input_archive& in, C& values) {
        const std::size_t count =
            in.get_count(at_least_one(codec<key_type>::bytes_min), sizeof(key_type) + node_bytes);
        values.clear();
        if constexpr (requires { values.reserve(count); }) values.reserve(count);
        for (std::size_t i = 0; i < count; ++i) {
            key_type key{};
            load_element(in, key);
            check_key(in, key);
            check_bucket(in, values, *insert_keyed(in, values, std::move(key)), count);
        }
    }
    static void describe(auto& to) { to.template generic<key_type>("set"); }
};

template <class C>
struct map_codec {
    using key_type = typename C::key_type;
    using mapped_type = typename C::mapped_type;
    static constexpr bool supported = codec<key_type>::supported &&
                                      !codec<key_type>::always_empty &&
                                      codec<mapped_type>::supported;
    static constexpr std::size_t bytes_min = 4;
    static constexpr bool always_empty = false;

    static void save(output_archive& out, const C& values) {
        static_assert(!codec<key_type>::always_empty,
                      "maus: a map with keys that take no bytes cannot be sent");
        out.put_count(values.size());
        for (const auto& [key, value] : values) {
            save_element(out, key);
            codec<mapped_type>::save(out, value);
        }
    }
    static void load(input_archive& in, C& values) {
        constexpr std::size_t item_min =
            at_least_one(codec<key_type>::bytes_min) + codec<mapped_type>::bytes_min;
        const std::size_t count =
            in.get_count(item_min, sizeof(typename C::value_type) + node_bytes);
        values.clear();
        if constexpr (requires { values.reserve(count); }) values.reserve(count);
        for (std::size_t i = 0; i < count; ++i) {
            key_type key{};
            load_element(in, key);
            check_key(in, key);
            mapped_type value{};
            codec<mapped_type>::load(in, value);
            const auto where = insert_keyed(in, values, std::move(key), std::move(value));
            check_bucket(in, values, where->first, count);
        }
    }
    static void describe(auto& to) { to.template generic<key_type, mapped_type>("map"); }
};

}  // namespace detail

template <class K, class C, class A>
struct codec<std::set<K, C, A>> : detail::set_codec<std::set<K, C, A>> {};
template <class K, class H, class E, class A>
struct codec<std::unordered_set<K, H, E, A>> : detail::set_codec<std::unordered_set<K, H, E, A>> {};
template <class K, class V, class C, class A>
struct codec<std::map<K, V, C, A>> : detail::map_codec<std::map<K, V, C, A>> {};
template <class K, class V, class H, class E, class A>
struct codec<std::unordered_map<K, V, H, E, A>>
    : detail::map_codec<std::unordered_map<K, V, H, E, A>> {};

}  // namespace maus::wire
