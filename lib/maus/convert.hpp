// Between values (value.hpp) and C++ types, as the manager converts them for calls.
//
//     maus::value list = maus::to_value(std::vector<int>{1, 2, 3});      // [1, 2, 3]
//     auto ages = maus::from_value<std::map<std::string, int>>(person);  // throws if it is no such map
//
// What becomes what: the table in lib/maus/wire/convert.hpp (PROTOCOL.md, section 3.2). A vector is an
// array, a map of strings an object, a type with a serialize the array of its fields, an empty optional
// null, a time_point a time. Nothing is lost but the last digits of a float that becomes an f32.
//
// Errors: maus::error. bad_arguments tells where in the value what does not fit.
//
// Thread-safety: as of any function of its arguments.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "maus/base/buffer.hpp"
#include "maus/value.hpp"
#include "maus/wire/archive.hpp"
#include "maus/wire/signature.hpp"

namespace maus {

namespace detail {
[[nodiscard]] value value_of_type(std::string_view type, base::byte_view encoded);
[[nodiscard]] base::buffer encoded_as_type(std::string_view type, const value& from);
}  // namespace detail

template <class T>
[[nodiscard]] value to_value(const T& from) {
    base::buffer encoded;
    wire::encode(encoded, from);
    return detail::value_of_type(wire::type_signature<T>(), encoded.view());
}

template <class T>
[[nodiscard]] T from_value(const value& from) {
    base::buffer encoded = detail::encoded_as_type(wire::type_signature<T>(), from);
    T made{};
    if (const auto why = wire::decode_into(encoded, made)) throw error(why->code, why->message);
    return made;
}

/// Why these are no arguments of a function with this signature ("add(i32,i32)->i32"); nothing: they
/// are. Throws maus::error (invalid_argument) if that is no signature.
[[nodiscard]] std::optional<std::string> why_not_arguments(std::string_view signature,
                                                           const arguments& given);

}  // namespace maus
