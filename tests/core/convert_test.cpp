// Between values and typed bytes, by the text of a signature (PROTOCOL.md, section 3.2).
#include "catch.hpp"

#include "maus/wire/convert.hpp"

#include <limits>

#include "maus/wire/archive.hpp"
#include "maus/wire/signature.hpp"
#include "payload_zoo.hpp"
#include "support/value_maker.hpp"

using maus::value;
using maus::wire::conversion;
using maus::wire::type_tree;
namespace wire = maus::wire;
namespace base = maus::base;

namespace {

type_tree type_of(const std::string& text) {
    auto tree = type_tree::parse(text);
    INFO(text << (tree ? "" : ": " + tree.why().message));
    REQUIRE(tree.ok());
    return std::move(tree).value();
}

template <class... Ts>
std::string typed(const Ts&... values) {
    base::buffer out;
    wire::encode(out, values...);
    return std::string(base::as_text(out.view()));
}

/// As bytes; or "refused: why".
std::string to_typed(const std::string& type, const value& from) {
    base::buffer out;
    if (const auto why = wire::encode_as(type_of(type), from, out))
        return "refused: " + why->message;
    return std::string(base::as_text(out.view()));
}

value to_dynamic(const std::string& type, const std::string& bytes) {
    auto read = wire::value_from(type_of(type), base::as_bytes(bytes));
    INFO(type << (read ? "" : ": " + read.why().message));
    REQUIRE(read.ok());
    return std::move(read).value();
}

/// Both ways.
template <class T>
void same(const T& from, const value& expected) {
    const std::string type = wire::type_signature<T>();
    INFO(type);
    CHECK(to_dynamic(type, typed(from)) == expected);
    CHECK(to_typed(type, expected) == typed(from));
}

conversion between(std::string_view called, std::string_view exposed) {
    auto made = conversion::between(called, exposed);
    REQUIRE(made.ok());
    return std::move(made).value();
}

}  // namespace

TEST_CASE("P-98: each type is told as a value and made of it again") {
    using maus::value;
    same(true, true);
    same(std::int8_t{-128}, -128);
    same(std::numeric_limits<std::uint64_t>::max(), std::numeric_limits<std::uint64_t>::max());
    same(1.5f, 1.5);
    same(std::string("x"), "x");
    same(std::vector<int>{1, 2}, value::array{1, 2});
    same(std::vector<std::uint8_t>{1, 2}, value::bytes{1, 2});
    same(std::array<std::uint8_t, 2>{1, 2}, value::bytes{1, 2});
    same(std::array<int, 2>{1, 2}, value::array{1, 2});
    same(std::set<int>{1, 2}, value::array{1, 2});
    same(std::map<std::string, int>{{"a", 1}, {"b", 2}}, value::object{{"a", 1}, {"b", 2}});
    same(std::map<int, bool>{{1, true}}, value::array{value::array{1, true}});
    same(std::optional<int>{}, nullptr);
    same(std::optional<int>{7}, 7);
    same(std::optional<std::optional<int>>{std::optional<int>{}}, value::array{nullptr});
    same(std::tuple<int, std::string>{1, "x"}, value::array{1, "x"});
    same(std::variant<int, std::string>{"x"}, "x");
    same(std::variant<int, long>{2L}, value::object{{"index", 1}, {"value", 2}});
    same(std::variant<std::monostate, int>{}, nullptr);
    same(std::chrono::milliseconds{-5}, -5);
    using micros = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;
    same(micros{std::chrono::microseconds{-1}}, value::timestamp{-1, 999'999'000});
    same(payload_zoo::point{},
         to_dynamic(wire::type_signature<payload_zoo::point>(), typed(payload_zoo::point{})));
    same(value(value::array{1, "x"}), value::array{1, "x"});
}

TEST_CASE("P-98: what else may become a value of a type") {
    CHECK(to_typed("i32", 2.0) == typed(2));
    CHECK(to_typed("u64", 18446744073709549568.0) == typed(std::uint64_t{18446744073709549568u}));
    CHECK(to_typed("f64", 3) == typed(3.0));
    CHECK(to_typed("f32", 0.1) == typed(0.1f));
    CHECK(to_typed("list<u8>", value::array{1, 2}) == typed(std::vector<std::uint8_t>{1, 2}));
    CHECK(to_typed("map<str,i32>", value::array{value::array{"a", 1}}) ==
          typed(std::map<std::string, int>{{"a", 1}}));
    CHECK(to_typed("opt<any>", 5) == typed(std::optional<value>{5}));
    CHECK(to_typed("variant<f64,str>", 2) == typed(std::variant<double, std::string>{2.0}));
    CHECK(to_typed("variant<i32,f64>", 2.5) == typed(std::variant<int, double>{2.5}));
}

TEST_CASE("P-98: what is none of a type is refused, with what and where") {
    const value list = value::array{1, "x"};
    const std::tuple<std::string, value, std::string> rows[] = {
        {"i32", "x", "a string (\"x\") where i32 belongs"},
        {"i32", nullptr, "null where i32 belongs"},
        {"u8", 256, "256 is not in the range of u8"},
        {"u8", -1, "-1 is not in the range of u8"},
        {"i64", std::uint64_t{1} << 63, "is not in the range of i64"},
        {"i32", 2.5, "a float (2.5) where i32 belongs"},
        {"i32", 1e20, "1e+20 is not in the range of i32"},
        {"f64", (std::int64_t{1} << 53) + 1, "is not in the range of f64"},
        {"f32", 1e300, "is not in the range of f32"},
        {"bool", 1, "an integer (1) where bool belongs"},
        {"list<i32>", list, "[1]: a string (\"x\") where i32 belongs"},
        {"map<str,list<i32>>", value::object{{"k", list}}, ".\"k\"[1]: a string"},
        {"array<i32,3>", list, "2 elements where array<i32,3> belongs"},
        {"tuple<i32>", list, "2 elements where tuple<i32> belongs"},
        {"{i32,str}", value::object{{"a", 1}}, "a record's fields have no names"},
        {"set<i32>", value::array{1, 1}, "[1]: 1 stands there twice"},
        {"set<f64>", value::array{std::nan("")}, "NaN is no key"},
        {"map<i32,i32>", value::array{1}, "a map's entry is an array [key, value]"},
        {"variant<i32,str>", true, "a bool (true) where variant<i32,str> belongs"},
        {"variant<i32,str>", value::object{{"index", 2}, {"value", 1}}, "2 is not in the range"},
        {"opt<any>", value::array{}, "an array holds the one value"},
        {"time<i64,1/1>", value::timestamp{0, 1}, "is no whole number of ticks"},
        {"time<i8,1/1>", value::timestamp{1000, 0}, "is not in the range of i8"},
        {"str", value::bytes{1}, "bytes (1 bytes) where str belongs"},
    };
    for (const auto& [type, from, expected] : rows) {
        INFO(type << ": " << brief(from));
        CHECK_THAT(to_typed(type, from), maus_test::has_text("refused: "));
        CHECK_THAT(to_typed(type, from), maus_test::has_text(expected));
    }
}

TEST_CASE("types that cannot be converted are told") {
    for (const char* type : {"newer", "list<newer>", "array<unit,3>", "list", "map<i32>", "i32<i8>",
                             "dur<i32>", "enum<str>"}) {
        INFO(type);
        CHECK_FALSE(type_tree::parse(type).ok());
    }
    CHECK(type_tree::parse("list<newer>").why().code == maus::errc::unimplemented);
    CHECK(type_tree::parse("array<i32,0>").ok());
}

TEST_CASE("P-98: value to typed to value, by chance") {
    for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
        maus_test::value_maker make(seed);
        const std::string type = make.type();
        const type_tree tree = type_of(type);
        const value made = make.of(tree);
        INFO("seed " << seed << ", " << type << ": " << brief(made, 400));
        base::buffer bytes;
        const auto why = wire::encode_as(tree, made, bytes);
        INFO((why ? why->message : ""));
        REQUIRE(!why);
        const auto read = wire::value_from(tree, bytes.view());
        INFO((read ? "" : read.why().message));
        REQUIRE(read.ok());
        CHECK(read.value() == made);
        base::buffer again;
        REQUIRE(!wire::encode_as(tree, read.value(), again));
        CHECK(base::as_text(again.view()) == base::as_text(bytes.view()));
    }
}

TEST_CASE("P-98: damaged bytes are a value that says the same, or are refused") {
    std::size_t refused = 0;
    for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
        maus_test::value_maker make(seed);
        const type_tree tree = type_of(make.type());
        base::buffer good;
        REQUIRE(!wire::encode_as(tree, make.of(tree), good));
        std::string bytes(base::as_text(good.view()));
        for (int i = 0; i < 3 && !bytes.empty(); ++i) {
            bytes[make.below(bytes.size())] = static_cast<char>(make.below(256));
        }
        if (make.one_in(4)) bytes.resize(make.below(bytes.size() + 1));
        const auto read = wire::value_from(tree, base::as_bytes(bytes));
        if (!read) {
            ++refused;
            CHECK_FALSE(read.why().message.empty());
            continue;
        }
        base::buffer again;
        REQUIRE(!wire::encode_as(tree, read.value(), again));
        CHECK(again.size() == bytes.size());
    }
    CHECK(refused > 100);
}

TEST_CASE("P-98: signatures are convertible where one of them has any") {
    CHECK(wire::is_convertible("f(i32,str)->i32", "f(...)->any"));
    CHECK(wire::is_convertible("f(...)->any", "f(i32,str)->i32"));
    CHECK(wire::is_convertible("f(i32)->any", "f(any)->str"));
    CHECK_FALSE(wire::is_convertible("f(i32)->i32", "g(...)->any"));
    CHECK_FALSE(wire::is_convertible("f(i32)->i32", "f(i64)->i32"));
    CHECK_FALSE(wire::is_convertible("f(i32)->i32", "f(any,any)->i32"));
    CHECK_FALSE(wire::is_convertible("f(i32)->i32", "f(...)->i64"));
}

TEST_CASE("P-98: a call is made what its function takes, and its result what the caller expects") {
    const auto to_values = between("f(i32,str)->i32", "f(...)->any");
    const auto sent = to_values.arguments(base::as_bytes(typed(1, std::string("x"))));
    REQUIRE(sent.ok());
    CHECK(base::as_text(sent.value().view()) == typed(value(1), value("x")));
    const auto came = to_values.result(base::as_bytes(typed(value(2.0))));
    REQUIRE(came.ok());
    CHECK(base::as_text(came.value().view()) == typed(2));

    const auto to_types = between("f(...)->any", "f(i32,str)->void");
    const auto typed_sent = to_types.arguments(base::as_bytes(typed(maus::arguments{1, "x"})));
    REQUIRE(typed_sent.ok());
    CHECK(base::as_text(typed_sent.value().view()) == typed(1, std::string("x")));
    CHECK(base::as_text(to_types.result({}).value().view()) == typed(value()));
    CHECK(between("f()->void", "f(...)->any")
              .result(base::as_bytes(typed(value(1))))
              .value()
              .empty());
}

TEST_CASE("P-98: what cannot be converted shows both sides") {
    const auto call = between("f(...)->any", "f(i32,list<u8>)->i32");
    const auto few = call.arguments(base::as_bytes(typed(maus::arguments{1}))).why();
    CHECK(few.code == maus::errc::signature_mismatch);
    CHECK(few.message ==
          "1 arguments where 2 belong; called as f(...)->any with (1), exposed as "
          "f(i32,list<u8>)->i32");
    const auto wrong =
        call.arguments(base::as_bytes(typed(maus::arguments{1, value::array{300}}))).why();
    CHECK(wrong.code == maus::errc::bad_arguments);
    CHECK(wrong.message ==
          "argument 2[0]: 300 is not in the range of u8; called as f(...)->any with "
          "(1, [300]), exposed as f(i32,list<u8>)->i32");
    const auto result =
        between("f()->i32", "f(...)->any").result(base::as_bytes(typed(value("x")))).why();
    CHECK(result.code == maus::errc::bad_result);
    CHECK(result.message ==
          "the result: a string (\"x\") where i32 belongs; called as f()->i32, "
          "exposed as f(...)->any");
}
