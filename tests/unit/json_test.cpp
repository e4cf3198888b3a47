// Values as JSON and back (maus/json.hpp).
#include "catch.hpp"

#include "maus/json.hpp"

#include <cmath>
#include <limits>

#include "maus/convert.hpp"
#include "support/value_maker.hpp"

using maus::from_json;
using maus::to_json;
using maus::value;

namespace {

std::string why_no_json(const std::string& text) {
    try {
        return "read as " + to_json(from_json(text));
    } catch (const maus::error& why) {
        CHECK(why.code() == maus::errc::bad_arguments);
        return why.what();
    }
}

}  // namespace

TEST_CASE("what JSON has is itself, and what it lacks is an object with one $key") {
    const double infinity = std::numeric_limits<double>::infinity();
    const std::pair<value, std::string> rows[] = {
        {nullptr, "null"},
        {true, "true"},
        {-5, "-5"},
        {2.0, "2.0"},
        {-0.0, "-0.0"},
        {"a\"\n", "\"a\\\"\\n\""},
        {value::array{1, value::array{}}, "[1,[]]"},
        {value::object{{"b", 1}, {"a", 2}}, "{\"b\":1,\"a\":2}"},
        {infinity, "{\"$f64\":\"Infinity\"}"},
        {-infinity, "{\"$f64\":\"-Infinity\"}"},
        {std::nan(""), "{\"$f64\":\"NaN\"}"},
        {(std::int64_t{1} << 53) - 1, "9007199254740991"},
        {std::int64_t{1} << 53, "{\"$int\":\"9007199254740992\"}"},
        {std::numeric_limits<std::int64_t>::min(), "{\"$int\":\"-9223372036854775808\"}"},
        {std::numeric_limits<std::uint64_t>::max(), "{\"$int\":\"18446744073709551615\"}"},
        {value::bytes{}, "{\"$bytes\":\"\"}"},
        {value::bytes{0, 255, 1, 2}, "{\"$bytes\":\"AP8BAg==\"}"},
        {value::timestamp{1'700'000'000, 123'456'000},
         "{\"$time\":\"2023-11-14T22:13:20.123456Z\"}"},
        {value::timestamp{-1, 0}, "{\"$time\":\"1969-12-31T23:59:59Z\"}"},
        {value::timestamp{253'402'300'800, 7}, "{\"$time\":[253402300800,7]}"},
        {value::regexp{"^a", "i"}, "{\"$regexp\":{\"source\":\"^a\",\"flags\":\"i\"}}"},
        {value::error{"TypeError", "no"},
         "{\"$error\":{\"name\":\"TypeError\",\"message\":\"no\"}}"},
        {std::string("\xff"), "{\"$string\":\"/w==\"}"},
        {value::object{{"$bytes", 1}}, "{\"$object\":{\"$bytes\":1}}"},
        {value::object{{"\xff", 1}}, "{\"$members\":[[{\"$string\":\"/w==\"},1]]}"},
    };
    for (const auto& [made, text] : rows) {
        CHECK(to_json(made) == text);
        CHECK(from_json(text) == made);
    }
    CHECK(to_json(value::array{1, value::object{{"a", 2}}}, 2) ==
          "[\n  1,\n  {\n    \"a\": 2\n  }\n]");
    CHECK(to_json("\xc3\xbc", -1, true) == "\"\\u00fc\"");
}

TEST_CASE("JSON that others write is read") {
    CHECK(from_json(" 9007199254740993 ") == value(std::int64_t{9007199254740993}));
    CHECK(from_json("18446744073709551615") == value(~std::uint64_t{0}));
    CHECK(from_json("1e3") == value(1000.0));
    CHECK(from_json("{\"$time\": \"2023-11-14T23:13:20+01:00\"}") ==
          value(value::timestamp{1'700'000'000, 0}));
    // Keys of what stands in $object mean nothing; what they hold is a value like any.
    CHECK(from_json("{\"$object\": {\"$object\": {\"$int\": \"1\"}}}") ==
          value(value::object{{"$object", 1}}));
}

TEST_CASE("what is no JSON of a value is refused, with where or what") {
    const std::pair<std::string, std::string> rows[] = {
        {"", "no JSON at byte"},
        {"[1", "no JSON at byte"},
        {"text", "no JSON at byte"},
        {"1 2", "no JSON at byte"},
        {"1e400", "no JSON at byte"},
        {"18446744073709551616", "needs more than 64 bits"},
        {"{\"a\":1,\"a\":2}", "a key stands twice"},
        {"{\"$unknown\":1}", "no meaning is known for the key \"$unknown\""},
        {"{\"$int\":\"1\",\"b\":2}", "has no other"},
        {"{\"$int\":1}", "a string belongs into $int"},
        {"{\"$int\":\"1x\"}", "an integer of 64 bits"},
        {"{\"$f64\":\"1\"}", "NaN, Infinity or -Infinity"},
        {"{\"$bytes\":\"AP8\"}", "no base64"},
        {"{\"$bytes\":\"AB==\"}", "no base64"},
        {"{\"$time\":\"2023-02-29T00:00:00Z\"}", "no such time"},
        {"{\"$time\":[1,1000000000]}", "$time is text, or"},
        {"{\"$regexp\":{\"source\":\"a\"}}", "has the members source and flags"},
        {"{\"$members\":[[\"a\",1],[\"a\",2]]}", "a key stands twice"},
        {std::string(1000, '['), "nested too deep"},
    };
    for (const auto& [text, expected] : rows) {
        INFO(text.substr(0, 60));
        CHECK_THAT(why_no_json(text), maus_test::has_text(expected));
    }
}

TEST_CASE("value to JSON to value, by chance") {
    for (std::uint64_t seed = 1; seed <= 5000; ++seed) {
        maus_test::value_maker make(seed);
        const value made = make.any();
        const std::string text = to_json(made, make.one_in(2) ? 2 : -1, make.one_in(2));
        INFO("seed " << seed << ": " << text);
        CHECK(from_json(text) == made);
    }
}

TEST_CASE("C++ values become values and come back") {
    const std::map<std::string, std::vector<int>> made{{"a", {1, 2}}, {"b", {}}};
    const value as_value = maus::to_value(made);
    CHECK(as_value == value(value::object{{"a", value::array{1, 2}}, {"b", value::array{}}}));
    CHECK(maus::from_value<std::map<std::string, std::vector<int>>>(as_value) == made);
    CHECK_THROWS_WITH(maus::from_value<std::vector<int>>(value::array{"x"}),
                      maus_test::has_text("[0]: a string (\"x\") where i32 belongs"));
    CHECK_FALSE(maus::why_not_arguments("add(i32,i32)->i32", {1, 2}));
    CHECK_THAT(*maus::why_not_arguments("add(i32,i32)->i32", {1}),
               maus_test::has_text("1 arguments where 2 belong"));
    CHECK_THROWS_AS(maus::why_not_arguments("add", {}), maus::error);
}
