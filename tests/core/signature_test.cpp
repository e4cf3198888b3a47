// Signatures: the text for each type, and the parser for what peers send.
#include "catch.hpp"

#include "maus/wire/signature.hpp"

#include "payload_zoo.hpp"

using maus::wire::parse_signature;
using maus::wire::signature;
using maus::wire::type_signature;
using namespace payload_zoo;

namespace {

struct branch;
struct leaf_or_branch {
    std::vector<leaf_or_branch> own;
    std::vector<branch> others;
    template <class Archive>
    void serialize(Archive& ar);
};
struct branch {
    leaf_or_branch child;
    bool end = false;
    template <class Archive>
    void serialize(Archive& ar) {
        ar(child, end);
    }
};
template <class Archive>
void leaf_or_branch::serialize(Archive& ar) {
    ar(own, others);
}

template <class T>
std::string text() {
    return type_signature<T>();
}

}  // namespace

TEST_CASE("each type has its text") {
    CHECK(text<bool>() == "bool");
    CHECK(text<char>() == "i8");
    CHECK(text<signed char>() == "i8");
    CHECK(text<unsigned char>() == "u8");
    CHECK(text<std::byte>() == "u8");
    CHECK(text<char8_t>() == "u8");
    CHECK(text<short>() == "i16");
    CHECK(text<unsigned>() == "u32");
    CHECK(text<std::int64_t>() == "i64");
    CHECK(text<long long>() == "i64");
    CHECK(text<float>() == "f32");
    CHECK(text<double>() == "f64");
    CHECK(text<void>() == "void");
    CHECK(text<const std::string&>() == "str");
    CHECK(text<std::u8string>() == "str");
    CHECK(text<std::u16string>() == "list<u16>");
    CHECK(text<std::vector<char>>() == "list<i8>");
    CHECK(text<std::vector<bool>>() == "list<bool>");
    CHECK(text<std::deque<int>>() == "list<i32>");
    CHECK(text<std::list<std::vector<int>>>() == "list<list<i32>>");
    CHECK(text<std::array<double, 3>>() == "array<f64,3>");
    CHECK(text<std::bitset<9>>() == "array<u8,2>");
    CHECK(text<std::map<std::string, int>>() == "map<str,i32>");
    CHECK(text<std::unordered_map<int, bool>>() == "map<i32,bool>");
    CHECK(text<std::set<int>>() == "set<i32>");
    CHECK(text<std::unordered_set<int>>() == "set<i32>");
    CHECK(text<std::optional<int>>() == "opt<i32>");
    CHECK(text<std::tuple<int, std::string>>() == "tuple<i32,str>");
    CHECK(text<std::tuple<>>() == "tuple<>");
    CHECK(text<std::pair<int, bool>>() == "tuple<i32,bool>");
    CHECK(text<std::complex<float>>() == "tuple<f32,f32>");
    CHECK(text<std::variant<std::monostate, int>>() == "variant<unit,i32>");
    CHECK(text<std::chrono::system_clock::time_point>() == "time<i64,1/1000000000>");
    CHECK(text<std::chrono::milliseconds>() == "dur<i64,1/1000>");
    CHECK(text<std::chrono::duration<double>>() == "dur<f64,1/1>");
    CHECK(text<color>() == "enum<u8>");
    CHECK(text<strict>() == "enum<i32>");
}

TEST_CASE("user types are told by their fields") {
    CHECK(text<point>() == "{f64,f64,str}");
    CHECK(text<std::vector<point>>() == "list<{f64,f64,str}>");
    CHECK(text<free_style>() == "{i32}");
    CHECK(text<split_style>() == "{i32,i64}");
    CHECK(text<minimal_style>() == "{str}");
    CHECK(text<versioned>() == "{u32,i32}");
    CHECK(text<foreign>() == "{i32}");
    CHECK(text<derived>() == "{{i32},array<array<f64,2>,2>}");
    CHECK(text<nothing>() == "{}");
    CHECK(text<own_container>() == "{u32,array<u16,0>}");
}

TEST_CASE("recursive user types refer to the braces around them") {
    CHECK(text<node>() == "{list<^1>}");
    CHECK(text<std::optional<node>>() == "opt<{list<^1>}>");
    CHECK(text<leaf_or_branch>() == "{list<^1>,list<{^2,bool}>}");
    CHECK(text<branch>() == "{{list<^1>,list<^2>},bool}");
}

TEST_CASE("a function's signature") {
    CHECK(signature<int, int, int>("add") == "add(i32,i32)->i32");
    CHECK(signature<void>("stop") == "stop()->void");
    CHECK(signature<void, std::string, const std::vector<double>&>("f") ==
          "f(str,list<f64>)->void");
    CHECK(signature<point, node>("g") == "g({list<^1>})->{f64,f64,str}");
}

TEST_CASE("every signature that we make, the parser takes apart") {
    const auto zoo_text = signature<zoo, zoo, branch, leaf_or_branch>("über/größe.v2");
    const auto parsed = parse_signature(zoo_text);
    REQUIRE(parsed.ok());
    CHECK(parsed.value().name == "über/größe.v2");
    CHECK(parsed.value().parameters ==
          std::vector{text<zoo>(), text<branch>(), text<leaf_or_branch>()});
    CHECK(parsed.value().result == text<zoo>());

    const auto none = parse_signature("stop()->void");
    REQUIRE(none.ok());
    CHECK(none.value().parameters.empty());
    CHECK(parse_signature("newer(uuid,decimal<38,2>)->i128").ok());
}

TEST_CASE("what is no signature is refused") {
    const std::string long_name(129, 'a');
    std::string deep = "f(";
    for (int i = 0; i < 65; ++i) deep += '{';
    deep += std::string(65, '}') + ")->void";
    for (const std::string& garbage : {std::string{},
                                       std::string{"f"},
                                       std::string{"()->void"},
                                       std::string{"f()"},
                                       std::string{"f()->"},
                                       std::string{"f()->i32 "},
                                       std::string{"f()->i32)"},
                                       std::string{"f( i32)->i32"},
                                       std::string{"f(i32,)->i32"},
                                       std::string{"f(,i32)->i32"},
                                       std::string{"f(i32->i32"},
                                       std::string{"f(void)->i32"},
                                       std::string{"f(I32)->i32"},
                                       std::string{"f(list<i32)->i32"},
                                       std::string{"f(list<i32>>)->i32"},
                                       std::string{"f(list<,>)->i32"},
                                       std::string{"f({i32)->i32"},
                                       std::string{"f({4})->i32"},
                                       std::string{"f(^1)->i32"},
                                       std::string{"f({^2})->i32"},
                                       std::string{"f({^0})->i32"},
                                       std::string{"f({^})->i32"},
                                       std::string{"f(array<i32,01>)->i32"},
                                       std::string{"f(array<i32,99999999999999999999>)->i32"},
                                       std::string{"f(3)->i32"},
                                       std::string{"f(i32)->i32\0", 12},
                                       std::string{"a b()->i32"},
                                       std::string{"a\n()->i32"},
                                       std::string{"a\0b()->i32", 10},
                                       std::string{"\x1b[31m()->i32"},
                                       std::string{"\xff()->i32"},
                                       std::string{"\xc0\xaf()->i32"},
                                       std::string{"\xed\xa0\x80()->i32"},
                                       std::string{"\xf4\x90\x80\x80()->i32"},
                                       std::string{"\xe2\x82()->i32"},
                                       std::string{"\xe2\x80\xae()->i32"},
                                       std::string{"\xc2\x85()->i32"},
                                       std::string{"\xc2\xa0()->i32"},
                                       deep}) {
        CAPTURE(garbage);
        const auto parsed = parse_signature(garbage);
        CHECK_FALSE(parsed.ok());
        if (!parsed.ok()) CHECK(parsed.why().code == maus::errc::protocol_violation);
    }
    for (const auto& giant : {"f(" + std::string(5000, 'a') + ")->void", long_name + "()->i32"}) {
        const auto parsed = parse_signature(giant);
        REQUIRE_FALSE(parsed.ok());
        CHECK(parsed.why().code == maus::errc::too_large);
    }
}

TEST_CASE("damaged signatures never do more than fail") {
    std::uint32_t state = 1;
    const auto below = [&](std::size_t bound) {
        state = state * 1664525u + 1013904223u;
        return static_cast<std::size_t>(state >> 8) % bound;
    };
    const std::string whole = signature<zoo, branch>("name");
    constexpr std::string_view alphabet{"{}<>^,/()0129abz->\0\x80\xE2", 22};
    for (int i = 0; i < 100000; ++i) {
        std::string damaged = whole.substr(0, below(whole.size()) + 1);
        for (int change = 0; change < 3; ++change) {
            damaged[below(damaged.size())] = alphabet[below(alphabet.size())];
        }
        const auto parsed = parse_signature(damaged);
        if (!parsed.ok() && parsed.why().message.empty()) FAIL("a failure without a reason");
    }
}
