// Payloads from peers that lie: every one of them fails with a reason, takes little memory and
// time, and leaves nothing behind. (Run under ASan and UBSan by the dev preset.)
#include "catch.hpp"

#include "maus/wire/archive.hpp"

// cereal's own load for vectors is what a class derived from one gets.
#include <cereal/types/vector.hpp>

#include <limits>
#include <random>

#include "payload_zoo.hpp"

using maus::wire::decode;
using namespace payload_zoo;

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
    CHECK(refusal<std::list<bool>>(encoded(std::list<bool>(500))) == "accepted");
    CHECK(refusal<std::vector<std::optional<large>>>(
              encoded(std::vector<std::optional<large>>(15))) == "accepted");
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
    for (int i = 0; i < 20000; ++i) {
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
