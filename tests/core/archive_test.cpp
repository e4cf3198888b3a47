// Payloads: every type goes there and back, has the bytes that PROTOCOL.md says, and nothing that a
// peer can send does more than fail with a reason.
#include "catch.hpp"

#include "maus/wire/archive.hpp"

// Not needed: they prove that a program may include cereal's own headers beside ours.
#include <cereal/types/map.hpp>
#include <cereal/types/string.hpp>
#include <cereal/types/valarray.hpp>
#include <cereal/types/vector.hpp>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "payload_zoo.hpp"

using maus::base::buffer;
using maus::base::byte_view;
using maus::wire::decode;
using maus::wire::encode;
using maus::wire::transportable;
using namespace payload_zoo;

namespace {

using bytes = std::vector<std::uint8_t>;

template <class... Ts>
bytes encoded(const Ts&... values) {
    buffer out;
    encode(out, values...);
    bytes raw(out.size());
    if (!raw.empty()) std::memcpy(raw.data(), out.data(), raw.size());
    return raw;
}
byte_view view(const bytes& raw) { return std::as_bytes(std::span{raw}); }

/// "01 ff" and back.
std::string to_hex(const bytes& raw) {
    std::string text;
    for (const auto byte : raw) {
        if (!text.empty()) text += ' ';
        text += "0123456789abcdef"[byte / 16];
        text += "0123456789abcdef"[byte % 16];
    }
    return text;
}
bytes from_hex(const std::string& text) {
    bytes raw;
    for (std::size_t i = 0; i < text.size(); i += 3) {
        raw.push_back(static_cast<std::uint8_t>(std::stoi(text.substr(i, 2), nullptr, 16)));
    }
    return raw;
}
template <class... Ts>
std::string hex(const Ts&... values) {
    return to_hex(encoded(values...));
}

/// What decoding says, "accepted" if nothing is wrong.
template <class... Ts>
std::string refusal(const bytes& raw) {
    const auto result = decode<Ts...>(view(raw));
    return result.ok() ? "accepted" : result.why().message;
}
template <class... Ts>
std::string refusal(const char* raw) {
    return refusal<Ts...>(from_hex(raw));
}

/// Every truncation and a byte too many have to fail. Copies, so that ASan sees each end.
void check_lengths(const bytes& raw, std::string (*refusal_of)(const bytes&)) {
    REQUIRE(refusal_of(raw) == "accepted");
    for (bytes cut = raw; !cut.empty();) {
        cut.pop_back();
        cut.shrink_to_fit();
        if (refusal_of(cut) == "accepted") FAIL("accepted with " << cut.size() << " bytes");
    }
    bytes longer = raw;
    longer.push_back(0);
    REQUIRE(refusal_of(longer) != "accepted");
}
template <class T>
T there_and_back(const T& value) {
    const bytes raw = encoded(value);
    check_lengths(raw, &refusal<T>);
    return std::get<0>(decode<T>(view(raw)).value());
}
template <class T>
bool survives(const T& value) {
    return there_and_back(value) == value;
}

}  // namespace

TEST_CASE("numbers survive, with all their special values") {
    CHECK((survives(std::numeric_limits<std::int64_t>::min())));
    CHECK((survives(std::numeric_limits<std::uint64_t>::max())));
    CHECK((survives('x')));
    CHECK((survives(std::byte{255})));
    CHECK((survives(std::numeric_limits<double>::infinity())));
    CHECK((survives(-std::numeric_limits<float>::infinity())));
    CHECK((survives(std::numeric_limits<double>::denorm_min())));
    CHECK(std::signbit(there_and_back(-0.0)));
    CHECK(std::isnan(there_and_back(std::numeric_limits<double>::quiet_NaN())));
    CHECK((survives(color::green)));
    CHECK((survives(static_cast<color>(200))));  // a fixed enum may hold any value of its type
    CHECK((survives(low)));
    CHECK((survives(loose_b)));
    CHECK((survives(strict::last)));
}

TEST_CASE("std types survive") {
    CHECK((survives(std::string{"with \0 inside", 13})));
    CHECK((survives(std::u16string{u"sixteen"})));
    CHECK((survives(std::vector<int>{})));
    CHECK((survives(std::vector<double>(1500, 0.5))));  // more than one room of string_codec
    CHECK((survives(std::vector<char>{'a', 'b'})));
    CHECK((survives(std::vector<bool>{true, false})));
    CHECK((survives(std::deque<std::string>{"a", ""})));
    CHECK((survives(std::list<std::vector<std::vector<int>>>{{{1}, {}}, {}})));
    CHECK((survives(std::array<std::string, 2>{"a", "b"})));
    CHECK((survives(std::array<int, 0>{})));
    CHECK((survives(std::pair{1, std::string{"two"}})));
    CHECK((survives(std::tuple<>{})));
    CHECK((survives(std::complex<double>{1, -1})));
    CHECK((survives(std::bitset<9>{0x1A5})));
    CHECK((survives(std::optional<int>{})));
    CHECK((survives(std::optional<std::optional<int>>{std::optional<int>{}})));
    CHECK((survives(std::variant<std::monostate, int>{})));
    CHECK((survives(std::variant<int, std::string>{"x"})));
    CHECK((survives(std::map<int, std::string>{{1, "a"}, {-1, ""}})));
    CHECK((survives(std::set<std::pair<int, double>>{{1, 2.0}, {1, 3.0}})));
    CHECK((survives(std::unordered_map<std::string, int>{{"a", 1}, {"b", 2}})));
    CHECK((survives(std::unordered_set<int>{1, 2, 3})));
    CHECK((survives(std::map<int, std::monostate>{{1, {}}})));
    CHECK((survives(std::chrono::system_clock::now())));
    CHECK((survives(std::chrono::duration<double>{0.25})));
}

TEST_CASE("user types of every cereal style survive") {
    CHECK((survives(point{1, 2, "p"})));
    CHECK((survives(std::vector<point>{{}, {3, 4, "q"}})));
    CHECK((survives(free_style{5})));
    CHECK((survives(split_style{6})));
    CHECK((survives(minimal_style{"seven"})));
    CHECK((survives(own_container{{1, 2, 3}})));
    CHECK(there_and_back(foreign{8}).a == 8);

    derived one;
    one.in_base = 9;
    one.matrix[1][0] = 0.5;
    CHECK(there_and_back(one).in_base == 9);
    CHECK(there_and_back(one).matrix[1][0] == 0.5);
    CHECK(there_and_back(std::vector<versioned>{{1}, {2}})[1].a == 2);
    CHECK(there_and_back(versioned{3}).seen == 7);

    const auto from_cereal = there_and_back(std::valarray<double>{1, 2});
    CHECK(from_cereal[1] == 2);
    self_made tree;
    tree.emplace_back().emplace_back();
    CHECK(there_and_back(tree)[0].size() == 1);
}

TEST_CASE("a value of all types survives, also beside others") {
    const auto raw = encoded(a_zoo(), 1, a_zoo());
    auto back = decode<zoo, int, zoo>(view(raw));
    REQUIRE(back.ok());
    CHECK(encoded(std::get<0>(back.value()), 1, std::get<2>(back.value())) == raw);
    CHECK(encoded(there_and_back(a_zoo())) == encoded(a_zoo()));
    CHECK(refusal<>("") == "accepted");
    CHECK(refusal<>("00") == "at byte 0: 1 bytes too many");
}

TEST_CASE("each type has the bytes that PROTOCOL.md says") {
    using seconds = std::chrono::duration<std::int16_t>;
    const std::pair<std::string, std::string> rows[] = {
        {hex(), ""},
        {hex(true, false), "01 00"},
        {hex(std::int8_t{-1}, 'a', std::byte{7}), "ff 61 07"},
        {hex(std::int32_t{-2}), "fe ff ff ff"},
        {hex(std::uint64_t{0x0102030405060708}), "08 07 06 05 04 03 02 01"},
        {hex(1.0), "00 00 00 00 00 00 f0 3f"},
        {hex(1.0f), "00 00 80 3f"},
        {hex(color::green, low), "01 ff ff"},
        {hex(std::string{"ab"}), "02 00 00 00 61 62"},
        {hex(std::vector<short>{1, 2}), "02 00 00 00 01 00 02 00"},
        {hex(std::deque<short>{1, 2}), "02 00 00 00 01 00 02 00"},
        {hex(std::list<short>{1, 2}), "02 00 00 00 01 00 02 00"},
        {hex(std::set<short>{1, 2}), "02 00 00 00 01 00 02 00"},
        {hex(own_container{{1, 2}}), "02 00 00 00 01 00 02 00"},
        {hex(std::vector<bool>{true, false}), "02 00 00 00 01 00"},
        {hex(std::array<short, 2>{1, 2}), "01 00 02 00"},
        {hex(std::map<short, bool>{{3, true}}), "01 00 00 00 03 00 01"},
        {hex(std::tuple{true, short{5}}), "01 05 00"},
        {hex(std::pair{true, short{5}}), "01 05 00"},
        {hex(std::complex<float>{0, 1}), "00 00 00 00 00 00 80 3f"},
        {hex(std::optional<short>{}), "00"},
        {hex(std::optional<short>{6}), "01 06 00"},
        {hex(std::variant<std::monostate, short>{}), "00"},
        {hex(std::variant<std::monostate, short>{short{7}}), "01 07 00"},
        {hex(std::bitset<9>{0x102}), "02 01"},
        {hex(seconds{8}), "08 00"},
        {hex(std::chrono::sys_time<seconds>{seconds{9}}), "09 00"},
        {hex(free_style{1}), "01 00 00 00"},
        {hex(minimal_style{"m"}), "01 00 00 00 6d"},
        // A class version stands before each value.
        {hex(versioned{1}, versioned{2}), "07 00 00 00 01 00 00 00 07 00 00 00 02 00 00 00"},
    };
    for (const auto& [is, expected] : rows) CHECK(is == expected);
}

TEST_CASE("what nobody could have encoded is refused, and the message says what and where") {
    const std::string nan = hex(std::numeric_limits<double>::quiet_NaN());
    const auto with_nan = [&](const char* before, const char* after) {
        return from_hex(before + nan + after);
    };
    const std::pair<std::string, std::string> rows[] = {
        {refusal<bool>("02"), "at byte 1: a bool is neither 0 nor 1"},
        {refusal<std::vector<bool>>("01 00 00 00 02"), "a bool is neither 0 nor 1"},
        {refusal<std::optional<int>>("02 00 00 00 00"), "an optional's flag"},
        {refusal<std::variant<int>>("ff"), "a variant's index is past its end"},
        {refusal<std::variant<bool, int>>("02 00"), "a variant's index is past its end"},
        {refusal<std::bitset<9>>("00 02"), "a bitset has bits past its end"},
        {refusal<strict>("04 00 00 00"), "an enum is out of range"},
        {refusal<strict>("00 00 00 00"), "an enum is out of range"},
        {refusal<loose>("63 00 00 00"), "an enum is out of range"},
        {refusal<int>("01 02 03"), "at byte 0: 4 bytes are missing here, 3 are left"},
        {refusal<int>("01 02 03 04 05"), "at byte 4: 1 bytes too many"},
        {refusal<int, int>("01 02 03 04"), "at byte 4: 4 bytes are missing"},
        {refusal<std::string>("ff ff ff ff"), "claims 4294967295 elements of at least 1 bytes, 0"},
        {refusal<std::string>("02 00 00 00 61"), "claims 2 elements of at least 1 bytes, 1"},
        {refusal<std::vector<double>>("ff ff ff ff"), "claims 4294967295 elements"},
        {refusal<std::vector<std::string>>("ff ff ff ff ff"), "claims 4294967295 elements"},
        {refusal<std::list<hidden_nothing>>("02 00 00 00 00 00"), "element takes no bytes"},
        {refusal<std::set<short>>("02 00 00 00 01 00 01 00"), "a key stands there twice"},
        {refusal<std::map<char, char>>("02 00 00 00 01 01 01 02"), "a key stands there twice"},
        {refusal<std::unordered_set<char>>("02 00 00 00 01 01"), "a key stands there twice"},
        {refusal<std::set<double>>(with_nan("01 00 00 00 ", "")), "(NaN)"},
        {refusal<std::map<std::pair<char, double>, char>>(with_nan("01 00 00 00 01 ", " 01")),
         "(NaN)"},
        {refusal<std::unordered_map<double, char>>(with_nan("01 00 00 00 ", " 01")), "(NaN)"},
        {refusal<own_container>("ff ff ff ff"), "claims 4294967295 elements"},
        {refusal<own_container>("02 00 00 00 00 00"), "4 bytes are missing"},
        {refusal<swallower>("02"), "a bool is neither 0 nor 1"},
        {refusal<picky>("0d 00 00 00"), "refused it: not 13"},
    };
    for (const auto& [said, expected] : rows) CHECK_THAT(said, maus_test::has_text(expected));
    CHECK(decode<bool>({}).why().code == maus::errc::bad_arguments);
}

TEST_CASE("a payload cannot take much more memory than it has bytes") {
    bytes raw(1 << 20, 0);
    const std::uint32_t count = (1 << 20) - 4;
    std::memcpy(raw.data(), &count, sizeof count);
    using large = std::array<char, 4096>;
    const std::string too_much = "it would take too much memory";
    CHECK_THAT(refusal<std::vector<std::optional<large>>>(raw), maus_test::has_text(too_much));
    CHECK_THAT((refusal<std::map<char, std::optional<large>>>(raw)),
               maus_test::has_text("elements of at least 2 bytes"));
    const std::uint32_t quarter = count / 4;
    std::memcpy(raw.data(), &quarter, sizeof quarter);
    CHECK_THAT(refusal<std::vector<std::deque<int>>>(raw), maus_test::has_text(too_much));
    // What takes 64 bytes a byte and less passes.
    CHECK(there_and_back(std::list<bool>(500, true)).size() == 500);
    CHECK(decode<std::vector<std::optional<large>>>(
              view(encoded(std::vector<std::optional<large>>(15))))
              .ok());
}

TEST_CASE("deep nesting is refused by both sides") {
    const auto chain = [](std::size_t depth) {
        node top;
        node* at = &top;
        for (std::size_t i = 1; i < depth; ++i) at = &at->children.emplace_back();
        return top;
    };
    CHECK(decode<node>(view(encoded(chain(64)))).ok());
    CHECK_THROWS_AS(encoded(chain(65)), maus::error);
    bytes deep;
    for (int i = 0; i < 100000; ++i) deep.insert(deep.end(), {1, 0, 0, 0});
    CHECK_THAT(refusal<node>(deep), maus_test::has_text("nested deeper than 64"));
    CHECK_THAT(refusal<self_made>(deep), maus_test::has_text("nested deeper than 64"));
}

TEST_CASE("keys that collide on purpose are refused, those that do by chance are not") {
    std::unordered_set<std::uint64_t> table;
    table.reserve(1000);
    const std::uint64_t first = table.bucket_count();
    table.rehash(2 * first + 1);
    const std::uint64_t both = first * table.bucket_count();
    std::vector<std::uint64_t> hostile, chance;
    for (std::uint64_t i = 0; i < 1000; ++i) {
        hostile.push_back(i * both);
        chance.push_back(i * first);
    }
    // A vector and a set have the same bytes.
    CHECK_THAT(refusal<std::unordered_set<std::uint64_t>>(encoded(hostile)),
               maus_test::has_text("fall together in a hash table"));
    CHECK(refusal<std::unordered_set<std::uint64_t>>(encoded(chance)) == "accepted");
}

TEST_CASE("what no reader would take is not encoded") {
    CHECK_THROWS_AS(encoded(static_cast<strict>(9)), maus::error);
    CHECK_THROWS_AS(encoded(std::vector<hidden_nothing>(1)), maus::error);
    std::variant<int, throws_when_made> valueless = 1;
    CHECK_THROWS_AS(valueless.emplace<1>(1), int);
    CHECK_THROWS_AS(encoded(valueless), maus::error);
}

TEST_CASE("which types are transportable is known when compiling") {
    STATIC_REQUIRE(transportable<zoo>);
    STATIC_REQUIRE(transportable<std::valarray<double>>);
    STATIC_REQUIRE_FALSE(transportable<int*>);
    STATIC_REQUIRE_FALSE(transportable<const char*>);
    STATIC_REQUIRE_FALSE(transportable<int&>);
    STATIC_REQUIRE_FALSE(transportable<std::shared_ptr<int>>);
    STATIC_REQUIRE_FALSE(transportable<std::weak_ptr<int>>);
    STATIC_REQUIRE_FALSE(transportable<std::vector<std::unique_ptr<abstract_base>>>);
    STATIC_REQUIRE_FALSE(transportable<std::reference_wrapper<int>>);
    STATIC_REQUIRE_FALSE(transportable<abstract_base>);
    STATIC_REQUIRE_FALSE(transportable<long double>);
    STATIC_REQUIRE_FALSE(transportable<std::complex<long double>>);
    STATIC_REQUIRE_FALSE(transportable<wchar_t>);
    STATIC_REQUIRE_FALSE(transportable<std::wstring>);
    STATIC_REQUIRE_FALSE(transportable<unranged>);
    STATIC_REQUIRE_FALSE(transportable<std::vector<nothing>>);
    STATIC_REQUIRE_FALSE(transportable<std::set<std::tuple<>>>);
    STATIC_REQUIRE_FALSE(transportable<std::list<std::monostate>>);
    STATIC_REQUIRE_FALSE(transportable<std::multimap<int, int>>);
    STATIC_REQUIRE_FALSE(transportable<std::chrono::steady_clock::time_point>);
    STATIC_REQUIRE_FALSE(transportable<plain>);
    STATIC_REQUIRE_FALSE(transportable<void>);
    STATIC_REQUIRE_FALSE(transportable<int()>);
}

namespace {

/// Whatever it is, it either fails or decodes to a value with the same bytes.
template <class T>
void try_garbage(const bytes& raw) {
    const auto result = decode<T>(view(raw));
    if (!result.ok() && result.why().message.empty()) FAIL("a failure without a reason");
    if (result.ok() && encoded(std::get<0>(result.value())).size() != raw.size()) {
        FAIL("decoded from other bytes than it has");
    }
}

}  // namespace

TEST_CASE("random bytes and damaged values never do more than fail") {
    constexpr unsigned seed = 20240607;
    INFO("seed " << seed);
    std::mt19937 random{seed};
    const auto below = [&](std::size_t bound) { return random() % bound; };
    const bytes whole = encoded(a_zoo());
    using others = std::tuple<std::vector<std::string>, std::unordered_map<std::string, double>,
                              std::variant<node, derived, std::list<versioned>>>;
    for (int i = 0; i < 100000; ++i) {
        bytes garbage(below(64));
        for (auto& byte : garbage) {  // small numbers get further than large ones
            byte = static_cast<std::uint8_t>(below(3) != 0 ? below(4) : random());
        }
        try_garbage<others>(garbage);
        try_garbage<self_made>(garbage);

        bytes damaged = whole;
        for (std::size_t change = below(3) + 1; change != 0; --change) {
            damaged[below(damaged.size())] = static_cast<std::uint8_t>(random());
        }
        try_garbage<zoo>(damaged);
    }
}
