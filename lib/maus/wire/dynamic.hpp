// How a maus::value stands in a payload: a tag, and then what that says (PROTOCOL.md, section 3.1).
// Its signature is `any`; that of all the arguments of a dynamic function is `...`.
//
// What always holds: a value decodes only from the bytes that encoding it gives, as other types do.
// So what has two spellings (an integer in u64 that fits i64, a time with too many nanoseconds) is
// refused, as are unknown tags, a key that stands twice in an object, and values nested deeper than
// depth_max. Memory is charged for before it is taken. Part of archive.hpp's
// family; include that.
#pragma once

#include <string_view>
#include <vector>

#include "maus/value.hpp"
#include "maus/wire/types.hpp"

namespace maus::wire {

inline constexpr std::string_view any_type = "any";
/// Instead of a list of parameters.
inline constexpr std::string_view any_number_of_any = "...";

namespace detail {
void save_value(output_archive& out, const value& saved);
void load_value(input_archive& in, value& loaded);
void load_values(input_archive& in, std::vector<value>& loaded);
}  // namespace detail

template <>
struct codec<value> {
    static constexpr bool supported = true;
    static constexpr std::size_t bytes_min = 1;
    static constexpr bool always_empty = false;
    static void save(output_archive& out, const value& saved) { detail::save_value(out, saved); }
    static void load(input_archive& in, value& loaded) { detail::load_value(in, loaded); }
    static void describe(auto& to) { to.word(any_type); }
};

/// One after the other, up to the end of the payload. Said to be empty so that no container takes it.
template <>
struct codec<arguments> {
    static constexpr bool supported = true;
    static constexpr std::size_t bytes_min = 0;
    static constexpr bool always_empty = true;
    static void save(output_archive& out, const arguments& saved) {
        for (const value& each : saved) detail::save_value(out, each);
    }
    static void load(input_archive& in, arguments& loaded) { detail::load_values(in, loaded); }
    static void describe(auto& to) { to.word(any_number_of_any); }
};

}  // namespace maus::wire
