// Payloads: every type goes there and back, has the bytes that PROTOCOL.md says, and what cannot
// travel is refused. What peers might send instead: archive_hostile_test.cpp.
#include "catch.hpp"

#include "maus/wire/archive.hpp"

// Not needed: they prove that a program may include cereal's own headers beside ours.
#include <cereal/types/map.hpp>
#include <cereal/types/string.hpp>
#include <cereal/types/valarray.hpp>
#include <cereal/types/vector.hpp>

#include <cmath>
#include <limits>

#include "payload_zoo.hpp"

using maus::wire::decode;
using maus::wire::transportable;
using namespace payload_zoo;

namespace {

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

namespace {
// Behind a string of `before` bytes, so that the numbers stand at every kind of address.
template <class T>
bool numbers_survive(std::size_t before, std::size_t count) {
    std::vector<T> numbers;
    for (std::size_t i = 0; i < count; ++i) numbers.push_back(static_cast<T>(i * 3 + 1));
    const std::string text(before, 'x');
    maus::base::buffer out;
    maus::wire::encode(out, text, numbers, text);
    const auto back = maus::wire::decode<std::string, std::vector<T>, std::string>(out.view());
    return back && back.value() == std::tuple{text, numbers, text};
}
template <class... Ts>
bool all_numbers_survive(std::size_t before, std::size_t count) {
    return (numbers_survive<Ts>(before, count) && ...);
}
}  // namespace

TEST_CASE("vectors of numbers survive, wherever they stand") {
    const std::size_t before = GENERATE(range(0, 9)), count = GENERATE(0, 1, 2, 7, 33, 1500);
    CAPTURE(before, count);
    CHECK(all_numbers_survive<short, unsigned short, int, unsigned, long, unsigned long, long long,
                              unsigned long long, float, double, char16_t, std::int8_t>(before,
                                                                                        count));
}

TEST_CASE("std types survive") {
    CHECK((survives(std::string{"with \0 inside", 13})));
    CHECK((survives(std::u16string{u"sixteen"})));
    CHECK((survives(std::vector<int>{})));
    CHECK((survives(std::vector<double>(1500, 0.5))));
    CHECK((survives(std::vector<std::byte>(3, std::byte{7}))));
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
    STATIC_REQUIRE_FALSE(transportable<std::vector<std::unique_ptr<int>>>);
    STATIC_REQUIRE_FALSE(transportable<std::reference_wrapper<int>>);
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
