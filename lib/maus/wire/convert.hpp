// Between values and typed bytes, by the text of a signature (PROTOCOL.md, section 3.2).
//
//     wire::value_from(tree, bytes)              // list<i32>, [01 00 00 00 ..] -> [1, ..]
//     wire::encode_as(tree, value, out)          // and back; nothing is lost, or it fails
//     wire::conversion::between("add(...)->any", "add(i32,i32)->i32")
//
// typed                        | as a value                         | what else may become one
// -----------------------------|------------------------------------|--------------------------------
// bool, str                    | a bool, a string                   |
// i8 .. u64, enum<T>           | an integer                         | a float without a fraction
// f32, f64                     | a float                            | an integer that it can hold
// list<u8>, array<u8,N>        | bytes                              | an array of integers
// list<T>, array<T,N>, set<T>  | an array                           |
// map<str,T>                   | an object                          | an array of [key, value]
// map<K,T>                     | an array of [key, value]           |
// tuple<..>, {..}              | an array                           |
// opt<T>                       | null, or that of T                 |
// opt<T>, T may be null        | null, or [that of T]               | that of T, if it is no array
// variant<..>                  | that of the alternative, if the    | {"index": i, "value": that}
//                              | value's kind tells which; else     |
//                              | {"index": i, "value": that}        |
// dur<T,n/d>                   | its count of ticks                 | as T
// time<T,n/d>                  | a time                             |
// unit, void                   | null                               |
// any                          | itself                             |
//
// A float becomes an f32 by rounding, unless it is too large for one. All else is exact or refused.
// Pure; what a value costs in memory is bounded as in all decoding.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "maus/base/buffer.hpp"
#include "maus/base/result.hpp"
#include "maus/value.hpp"
#include "maus/wire/type_tree.hpp"

namespace maus::wire {

/// What the bytes of a type say. bad_arguments if they are none of it.
[[nodiscard]] base::result<value> value_from(const type_tree& type, base::byte_view encoded);
/// Appends. bad_arguments, or too_large, if the value is none of the type: `out` may end anywhere then.
[[nodiscard]] std::optional<base::failure> encode_as(const type_tree& type, const value& from,
                                                     base::buffer& out);

/// Whether a call by one signature can be made to a function of another: they have the same name, and
/// wherever they differ, one has `any`. `...` is any number of them.
[[nodiscard]] bool is_convertible(std::string_view called, std::string_view exposed);

/// Makes what a call carries what its function takes, and the result what the caller expects.
class conversion {
public:
    /// Why not: they are not convertible, or a type is newer than this version.
    [[nodiscard]] static base::result<conversion> between(std::string_view called,
                                                          std::string_view exposed);

    /// signature_mismatch if their number is another, bad_arguments if one is not what belongs there:
    /// the text shows both sides.
    [[nodiscard]] base::result<base::buffer> arguments(base::byte_view as_called) const;
    /// bad_result. Of a stream: one item.
    [[nodiscard]] base::result<base::buffer> result(base::byte_view as_exposed) const;

private:
    struct side {
        std::string signature;
        std::vector<type_tree> parameters;  // of a dynamic function none
        type_tree result;
        bool is_dynamic = false;
    };
    [[nodiscard]] static base::result<side> side_of(std::string_view signature);
    [[nodiscard]] base::result<std::vector<value>> values_of(base::byte_view as_called) const;
    [[nodiscard]] base::failure refusal(errc code, const std::string& reason,
                                        const std::vector<value>& given) const;

    side called_;
    side exposed_;
};

// For maus/convert.hpp: what cannot be is thrown as maus::error.
[[nodiscard]] value value_of_type(std::string_view type, base::byte_view encoded);
[[nodiscard]] base::buffer encoded_as_type(std::string_view type, const value& from);
[[nodiscard]] std::optional<std::string> why_not_arguments(std::string_view signature,
                                                           const arguments& given);

}  // namespace maus::wire
