// Values: what they are, how they stand in a payload (PROTOCOL.md, section 3.1), and what is refused.
#include "catch.hpp"

#include "maus/value.hpp"

#include <limits>

#include "maus/wire/archive.hpp"
#include "maus/wire/signature.hpp"
#include "payload_zoo.hpp"
#include "support/value_maker.hpp"

using maus::value;
using maus::value_kind;
using namespace payload_zoo;

namespace {

std::string encoded_value(const value& from) {
    maus::base::buffer out;
    maus::wire::encode(out, from);
    return std::string(maus::base::as_text(out.view()));
}

std::string nested_arrays(std::size_t levels) {
    std::string text;
    for (std::size_t i = 0; i < levels; ++i) text += "07 01 00 00 00 ";
    return text + "00";
}

}  // namespace

TEST_CASE("an integer is one thing, whatever it was made of") {
    CHECK(value(5) == value(std::uint64_t{5}));
    CHECK(value(5).kind() == value_kind::i64);
    CHECK(value(std::uint8_t{255}).as_i64() == 255);
    const value large = std::numeric_limits<std::uint64_t>::max();
    CHECK(large.kind() == value_kind::u64);
    CHECK(large.as_u64() == std::numeric_limits<std::uint64_t>::max());
    CHECK_THROWS_WITH(large.as_i64(), maus_test::has_text("too large for an i64"));
    CHECK_THROWS_WITH(value(-1).as_u64(), maus_test::has_text("less than 0"));
    CHECK(value(3).as_f64() == 3.0);
    CHECK(value(true) != value(1));
}

TEST_CASE("a value that is asked for what it is not says both") {
    CHECK_THROWS_WITH(value("x").as_i64(), "a string where an integer belongs");
    CHECK_THROWS_WITH(value().as_object(), "null where an object belongs");
    try {
        (void)value(1).as_string();
        FAIL("an integer is no string");
    } catch (const maus::error& why) {
        CHECK(why.code() == maus::errc::bad_arguments);
    }
}

TEST_CASE("an object keeps the order of its members, and has no key twice") {
    value::object made{{"b", 1}, {"a", 2}};
    made["c"] = 3;
    CHECK_FALSE(made.insert("a", 4));
    std::string keys;
    for (const auto& [key, held] : made) keys += key;
    CHECK(keys == "bac");
    CHECK(made.at("a") == value(2));
    CHECK(made.find("d") == nullptr);
    CHECK_THROWS_WITH(made.at("d"), "the object has no member \"d\"");
    CHECK(made.erase("b"));
    CHECK_FALSE(made.erase("b"));
    CHECK(made.at("c") == value(3));
    CHECK(made == value::object{{"c", 3}, {"a", 2}});
    CHECK_THROWS_WITH((value::object{{"a", 1}, {"a", 2}}),
                      maus_test::has_text("stands there twice"));
}

TEST_CASE("a copied value is another one") {
    value one = value::object{{"list", value::array{1, 2}}};
    const value other = one;
    one.as_object()["list"].as_array().push_back(3);
    CHECK(other.as_object().at("list").as_array().size() == 2);
    CHECK(one != other);
    const value moved = std::move(one);
    CHECK(one.is_null());  // NOLINT(bugprone-use-after-move): that is what it is
    CHECK(moved.as_object().size() == 1);
}

TEST_CASE("a value may become a part of itself") {
    value copied = value::array{1, value::array{"x"}};
    copied = copied.as_array()[1];
    CHECK(copied == value(value::array{"x"}));
    value moved = value::array{value::array{"y"}};
    moved = std::move(moved.as_array()[0]);
    CHECK(moved == value(value::array{"y"}));
    value number = value::array{5};
    number = number.as_array()[0];
    CHECK(number == value(5));
}

TEST_CASE("times are what the system's clock says, where it reaches") {
    const auto moment = std::chrono::system_clock::time_point{std::chrono::nanoseconds{-1}};
    CHECK(value(moment).as_timestamp() == value::timestamp{-1, 999'999'999});
    CHECK(value(moment).as_time() == moment);
    const value far = value::timestamp{std::int64_t{1} << 40, 0};
    CHECK_THROWS_WITH(far.as_time(), maus_test::has_text("does not reach"));
    CHECK_THROWS_AS(value(value::timestamp{0, 1'000'000'000}), maus::error);
}

TEST_CASE("what is shown of a value is short and printable") {
    const value all = value::object{{"a", value::array{1, 2.0, "x\n\"", nullptr, true}}};
    CHECK(brief(all) == "{\"a\": [1, 2.0, \"x\\x0a\\x22\", null, true]}");
    CHECK(brief(value(std::string(1 << 20, 'x'))).size() < 140);
}

TEST_CASE("the encoding of a value is read back as the same value, and no other bytes are") {
    maus_test::value_maker make(1);
    for (int i = 0; i < 3000; ++i) {
        const value made = make.any();
        INFO("value " << i << ": " << brief(made, 400));
        const std::string bytes = encoded_value(made);
        const auto read = maus::wire::decode<value>(maus::base::as_bytes(bytes));
        REQUIRE(read.ok());
        CHECK(std::get<0>(read.value()) == made);
        CHECK(encoded_value(std::get<0>(read.value())) == bytes);
    }
}

TEST_CASE("P-96: a value that nobody could have encoded is refused, with what and where") {
    const std::pair<std::string, std::string> rows[] = {
        {refusal<value>("0c"), "no kind of value has the tag 12"},
        {refusal<value>("ff"), "no kind of value has the tag 255"},
        {refusal<value>(""), "1 bytes are missing"},
        {refusal<value>("01 02"), "a bool is neither 0 nor 1"},
        {refusal<value>("03 05 00 00 00 00 00 00 00"), "an integer that fits an i64 is a u64"},
        {refusal<value>("05 ff ff ff ff"), "claims 4294967295 elements"},
        {refusal<value>("06 02 00 00 00 61"), "claims 2 elements"},
        {refusal<value>("07 ff ff ff ff 00"), "claims 4294967295 elements"},
        {refusal<value>("08 02 00 00 00 00 00 00 00 00"), "claims 2 elements of at least 5 bytes"},
        {refusal<value>("08 02 00 00 00 01 00 00 00 61 00 01 00 00 00 61 00"),
         "a key stands twice in an object"},
        {refusal<value>("09 00 00 00 00 00 00 00 00 00 ca 9a 3b"), "more nanoseconds"},
        {refusal<value>("0a 00 00 00 00"), "4 bytes are missing"},
        {refusal<value>("00 00"), "1 bytes too many"},
        {refusal<value>(from_hex(nested_arrays(65))), "nested deeper than 64"},
        {refusal<maus::arguments>("00 0c"), "no kind of value has the tag 12"},
    };
    for (const auto& [said, expected] : rows) CHECK_THAT(said, maus_test::has_text(expected));
    CHECK(refusal<value>(from_hex(nested_arrays(64))) == "accepted");
}

TEST_CASE("P-96: what nests too deep is not encoded") {
    value deep;
    for (int i = 0; i < 65; ++i) deep = value(value::array{std::move(deep)});
    CHECK_THROWS_WITH(encoded_value(deep), maus_test::has_text("nested deeper than 64"));
}

TEST_CASE("any and ... are types of a signature") {
    using maus::wire::signature;
    CHECK(signature<value, maus::arguments>("f") == "f(...)->any");
    CHECK(signature<std::vector<value>, int, value>("f") == "f(i32,any)->list<any>");
    const auto parsed = maus::wire::parse_signature("f(...)->any");
    REQUIRE(parsed.ok());
    CHECK(parsed.value().is_dynamic());
    CHECK(parsed.value().parameters == std::vector<std::string>{"..."});
    for (const char* bad : {"f(...,i32)->any", "f(i32,...)->any", "f(..)->any", "f()->...",
                            "f(list<...>)->any", "f(....)->any"}) {
        INFO(bad);
        CHECK_FALSE(maus::wire::parse_signature(bad).ok());
    }
}
