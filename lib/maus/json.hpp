// Values (value.hpp) as JSON and back.
//
//     std::string text = maus::to_json(maus::value::array{1, 2.0, "x"});     // [1,2.0,"x"]
//     maus::value read = maus::from_json(R"({"name": "Ada", "born": 1815})");
//
// What JSON has is itself; a number is an integer if it has neither point nor exponent. What it lacks is
// an object with one key that begins with "$":
//
//     NaN, infinity, -infinity          {"$f64": "NaN"}, {"$f64": "Infinity"}, {"$f64": "-Infinity"}
//     an integer beyond 2^53 - 1        {"$int": "9007199254740993"}, since JavaScript would round it;
//                                       a bare one is read as it is
//     bytes                             {"$bytes": "base64"}
//     a time                            {"$time": "2023-11-14T22:13:20.123456789Z"}; before the year 0
//                                       or after 9999 {"$time": [seconds since 1970, nanoseconds]}
//     a regexp                          {"$regexp": {"source": "^a", "flags": "i"}}
//     an error                          {"$error": {"name": "TypeError", "message": "no"}}
//     a string that is no UTF-8         {"$string": "base64"}
//     an object with a key with "$"     {"$object": {...}}, whose keys mean nothing
//     an object with a key of no UTF-8  {"$members": [[key, value], ...]}
//
// A value that is written and read again is the same (of a NaN, another NaN). What else has a key with
// "$" is refused, and so are a key that stands twice, an integer that needs more than 64 bits, a number
// that is too large for a float, and what nests too deep to be sent.
//
// Errors: from_json throws maus::error (bad_arguments), which tells where.
//
// Thread-safety: as of any function of its arguments.
#pragma once

#include <string>
#include <string_view>

#include "maus/value.hpp"

namespace maus {

/// `indent`: blanks a level; -1 for all on one line. ASCII, unless `ascii` is false: then UTF-8.
[[nodiscard]] std::string to_json(const value& from, int indent = -1, bool ascii = false);
[[nodiscard]] value from_json(std::string_view text);

}  // namespace maus
