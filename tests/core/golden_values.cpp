// Section 3 of PROTOCOL.md as bytes: a file for each row of its table, and for what is special.
#include <array>
#include <bitset>
#include <chrono>
#include <cmath>
#include <complex>
#include <cstring>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <variant>

#include "golden.hpp"
#include "maus/wire/archive.hpp"
#include "maus/wire/function_reference.hpp"
#include "maus/wire/signature.hpp"

namespace golden {

namespace {

using namespace maus;

enum class color : std::int32_t { red = -1, blue = 2 };

struct point {
    std::int32_t x = 0;
    bool on = false;
    std::string name;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(x, on, name);
    }
};
struct named_point : point {
    double weight = 0;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(cereal::base_class<point>(this), weight);
    }
};
struct tree {
    std::int32_t value = 0;
    std::vector<tree> children;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(value, children);
    }
};
struct with_version {
    std::int32_t value = 0;
    template <class Archive>
    void serialize(Archive& archive, std::uint32_t) {
        archive(value);
    }
};

template <class T>
std::string encoded(const T& value) {
    base::buffer out;
    wire::encode(out, value);
    return std::string(base::as_text(out.view()));
}

template <class T>
void add(std::vector<item>& to, const std::string& name, const T& value, const std::string& means) {
    const auto again = [](const frames& stored) {
        T read{};
        if (wire::decode_into(base::as_bytes(stored.at(0)), read)) return frames{"does not decode"};
        return frames{encoded(read)};
    };
    to.push_back(
        {"values/" + name, wire::type_signature<T>() + ": " + means, {encoded(value)}, again});
}

template <class T>
void add_integer(std::vector<item>& to, const std::string& name) {
    using limits_of = std::numeric_limits<T>;
    add(to, name, std::array<T, 3>{limits_of::min(), T{1}, limits_of::max()},
        "smallest, 1, largest");
}

void add_any(std::vector<item>& to) {
    add(to, "any_null", value(), "tag 0");
    add(to, "any_bool", value(true), "tag 1: true");
    add(to, "any_i64", value(-2), "tag 2: -2");
    add(to, "any_u64", value(std::uint64_t{1} << 63), "tag 3, only above i64: 2^63");
    add(to, "any_f64", value(1.5), "tag 4: 1.5");
    add(to, "any_string", value("gr\xc3\xbc\xc3\x9f"), "tag 5: u32 count of bytes");
    add(to, "any_bytes", value(value::bytes{0, 127, 255}), "tag 6: 0, 127, 255");
    add(to, "any_array", value(value::array{nullptr, 1, "x"}), "tag 7: null, 1, x");
    add(to, "any_object", value(value::object{{"b", false}, {"a", value::array{}}}),
        "tag 8: b: false, a: nothing in an array");
    add(to, "any_time", value(value::timestamp{-1, 999'999'999}), "tag 9: 1 ns before 1970");
    add(to, "any_regexp", value(value::regexp{"^a", "i"}), "tag 10: source, flags");
    add(to, "any_error", value(value::error{"TypeError", "no"}), "tag 11: name, message");
    add(to, "arguments", arguments{1, "x"}, "all of a dynamic function's: 1, x");
}

std::string as_text(base::byte_view bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void add_references(std::vector<item>& to) {
    const auto reference = [&](const char* name, const char* title, wire::function_reference of) {
        base::buffer made;
        wire::output_archive out{made};
        wire::save_reference(out, of);
        to.push_back({std::string("values/") + name,
                      title,
                      {as_text(made.view())},
                      [](const frames& stored) {
                          base::buffer again;
                          wire::output_archive written{again};
                          wire::input_archive in{base::as_bytes(stored.at(0))};
                          wire::save_reference(written, wire::load_reference(in));
                          return frames{as_text(again.view())};
                      }});
    };
    reference("fn_named", "fn<i32(i32)>: the function \"twice\" of the worker",
              {wire::reference_kind::named, "twice", 0});
    const maus::script script("x => x + 1");
    reference("fn_script", "fn<i32(i32)>: the script \"x => x + 1\", by its hash",
              {wire::reference_kind::script, {}, 0, script.source()->id});
    reference("fn_callable", "fn<i32(i32)>: callable 3 of the caller",
              {wire::reference_kind::callable, {}, 3});
}

}  // namespace

void add_values(std::vector<item>& to) {
    add_any(to);
    add_references(to);
    add(to, "bool", std::array<bool, 2>{false, true}, "false, true");
    add_integer<std::int8_t>(to, "i8");
    add_integer<std::int16_t>(to, "i16");
    add_integer<std::int32_t>(to, "i32");
    add_integer<std::int64_t>(to, "i64");
    add_integer<std::uint8_t>(to, "u8");
    add_integer<std::uint16_t>(to, "u16");
    add_integer<std::uint32_t>(to, "u32");
    add_integer<std::uint64_t>(to, "u64");
    const float narrow = std::numeric_limits<float>::infinity();
    add(to, "f32", std::array<float, 4>{1.5f, -0.0f, narrow, -narrow},
        "1.5, -0, infinity, -infinity");
    const double wide = std::numeric_limits<double>::infinity();
    add(to, "f64", std::array<double, 4>{1.5, -0.0, wide, -wide}, "1.5, -0, infinity, -infinity");
    add(to, "nan", std::bit_cast<double>(std::uint64_t{0x7FF8000000000001}),
        "a quiet NaN with payload 1");
    add(to, "enum", std::array<color, 2>{color::red, color::blue}, "-1, 2");
    add(to, "str", std::string("gr\xc3\xbc\xc3\x9f\0e", 8), "u32 count of bytes; a 0 inside");
    add(to, "str_empty", std::string{}, "only the count");
    add(to, "list", std::vector<std::int16_t>{1, -2, 3}, "1, -2, 3");
    add(to, "list_of_bytes", std::vector<std::uint8_t>{0, 127, 255}, "0, 127, 255");
    add(to, "list_of_str", std::vector<std::string>{"a", "", "bc"}, "a, nothing, bc");
    add(to, "list_empty", std::vector<std::int64_t>{}, "only the count");
    add(to, "array", std::array<std::int16_t, 3>{1, 2, 3}, "1, 2, 3, without a count");
    add(to, "map", std::map<std::string, std::int32_t>{{"a", 1}, {"b", -1}}, "a: 1, b: -1");
    add(to, "set", std::set<std::uint16_t>{1, 256, 65535}, "1, 256, 65535");
    add(to, "opt_none", std::optional<std::int32_t>{}, "no value");
    add(to, "opt_some", std::optional<std::int32_t>{7}, "7");
    add(to, "bits", std::bitset<11>{0b101'1000'0001}, "11 bits: 0, 7, 8 and 10 are set");
    add(to, "complex", std::complex<double>{1.5, -2}, "1.5 - 2i");
    add(to, "tuple", std::tuple<std::int8_t, std::string, bool>{-1, "x", true}, "-1, x, true");
    add(to, "pair", std::pair<std::uint8_t, double>{1, 0.5}, "1, 0.5");
    using either = std::variant<std::int32_t, std::string>;
    add(to, "variant", std::array<either, 2>{7, "seven"}, "index 0: 7; index 1: seven");
    add(to, "unit", std::variant<std::monostate, bool>{}, "index 0, which has no bytes");
    add(to, "dur", std::chrono::milliseconds{-1500}, "-1500 ms");
    using nanoseconds =
        std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds>;
    add(to, "time", nanoseconds{std::chrono::nanoseconds{1'700'000'000'123'456'789}},
        "2023-11-14 22:13:20.123456789 UTC");
    add(to, "record", point{-5, true, "p"}, "its fields, nothing around them");
    named_point derived;
    derived.x = 1;
    derived.name = "base";
    derived.weight = 2.5;
    add(to, "record_with_base", derived, "the base is a record inside");
    add(to, "record_of_itself", tree{1, {{2, {}}, {3, {{4, {}}}}}}, "1 with 2 and 3, which has 4");
    add(to, "record_versioned", std::array<with_version, 2>{with_version{7}, with_version{8}},
        "u32 version before the fields, each time");
    using nested =
        std::map<std::string, std::vector<std::optional<std::tuple<std::int8_t, either>>>>;
    add(to, "nested", nested{{"k", {std::nullopt, std::tuple{std::int8_t{1}, either{"v"}}}}},
        "k: nothing, (1, variant 1: v)");
}

}  // namespace golden
