// maus::bytes: what they look like on the wire, and where their memory is.
#include <maus/maus.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "catch.hpp"

namespace {

using maus::base::buffer;

maus::bytes some(std::size_t size, char fill = 'x') { return maus::bytes{std::string(size, fill)}; }

template <class... Ts>
buffer encoded(const Ts&... values) {
    buffer out;
    maus::wire::encode(out, values...);
    return out;
}

bool lies_in(const maus::bytes& what, maus::base::byte_view whole) {
    return what.data() >= whole.data() && what.data() + what.size() <= whole.data() + whole.size();
}

struct album {
    std::string title;
    maus::bytes cover;
    std::optional<maus::bytes> back;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(title, cover, back);
    }
    bool operator==(const album&) const = default;
};

}  // namespace

TEST_CASE("bytes hold what they are made of", "[bytes]") {
    CHECK(maus::bytes{}.empty());
    CHECK(maus::bytes{"text"}.text() == "text");
    CHECK(maus::bytes{std::vector<std::byte>(3, std::byte{'a'})}.text() == "aaa");
    const maus::bytes written{4, [](std::span<std::byte> room) {
                                  for (auto& each : room) each = std::byte{'w'};
                              }};
    CHECK(written.text() == "wwww");
    CHECK(written == maus::bytes{"wwww"});
    CHECK(written != maus::bytes{"wwwx"});
    const maus::bytes copy = written;
    CHECK(copy.data() == written.data());
    CHECK(maus::bytes{std::vector<std::uint8_t>(3, 'b')}.text() == "bbb");
}

TEST_CASE("bytes are as many as were written", "[bytes]") {
    const auto filled = [](std::size_t says) {
        return maus::bytes{5000, [says](std::span<std::byte> room) {
                               std::fill(room.begin(), room.end(), std::byte{'x'});
                               return says;
                           }};
    };
    CHECK(filled(4500) == some(4500));
    CHECK(maus::wire::decode<maus::bytes>(encoded(filled(4500)).view()).value() ==
          std::tuple{some(4500)});
    CHECK(filled(0).empty());
    CHECK_THROWS_AS(filled(5001), std::length_error);
}

TEST_CASE("bytes that were moved from are empty", "[bytes]") {
    maus::bytes source = some(5000);
    const maus::bytes taken = std::move(source);
    CHECK(source.empty());  // NOLINT: that is what is tested
    CHECK(encoded(source).size() == 4);
    maus::bytes again = taken;
    source = std::move(again);
    CHECK(again.empty());  // NOLINT
    CHECK(source == some(5000));
}

TEST_CASE("bytes are a list<u8>, whatever their size", "[bytes]") {
    CHECK(maus::method<maus::bytes(maus::bytes)>{"f"}.signature() == "f(list<u8>)->list<u8>");
    const std::size_t size = GENERATE(0, 1, 44, 4095, 4096, 70'000);
    const std::vector<std::uint8_t> same(size, 'x');
    const buffer ours = encoded(some(size)), theirs = encoded(same);
    CHECK(maus::base::as_text(ours.view()) == maus::base::as_text(theirs.view()));
    maus::bytes back{"something else"};
    CHECK_FALSE(maus::wire::decode_into(theirs.view(), back));
    CHECK(back == some(size));
    std::vector<std::byte> raw;
    CHECK_FALSE(maus::wire::decode_into(ours.view(), raw));
    CHECK(raw.size() == size);
    CHECK(encoded(raw).size() == ours.size());
}

TEST_CASE("large bytes that are sent alone are not copied", "[bytes]") {
    const auto large = some(4096);
    CHECK(encoded(large).data() + 4 == large.data());
    const buffer with_more = encoded(large, 7, std::string("more"));
    const auto back = maus::wire::decode<maus::bytes, int, std::string>(with_more.view());
    REQUIRE(back);
    CHECK(back.value() == std::tuple{large, 7, std::string("more")});
    CHECK(large == some(4096));
    const buffer not_first = encoded(7, large);
    CHECK(maus::wire::decode<int, maus::bytes>(not_first.view()).value() == std::tuple{7, large});
}

TEST_CASE("large bytes that come share the message, and outlive it", "[bytes]") {
    std::optional<buffer> message{encoded(7, some(100'000), some(50'000, 'y'))};
    const maus::base::byte_view whole = message->view();
    int number = 0;
    maus::bytes first, second;
    REQUIRE_FALSE(maus::wire::decode_into(*message, number, first, second));
    CHECK(number == 7);
    CHECK(lies_in(first, whole));
    CHECK(lies_in(second, whole));
    CHECK(message->view().data() == whole.data());  // still readable
    message.reset();
    CHECK(first == some(100'000));
    first = {};
    CHECK(second == some(50'000, 'y'));
    // Sent on, it is still the same memory; and a message of them can be in several places.
    std::optional<buffer> again{encoded(second)};
    CHECK(again->data() + 4 == second.data());
    const buffer resent = maus::base::share(*again);
    again.reset();
    second = {};
    CHECK(maus::wire::decode<maus::bytes>(resent.view()).value() == std::tuple{some(50'000, 'y')});
}

TEST_CASE("small bytes do not keep a large message", "[bytes]") {
    buffer message = encoded(some(100), some(8'000), some(100'000));
    const maus::base::byte_view whole = message.view();
    maus::bytes small, eighth, large;
    REQUIRE_FALSE(maus::wire::decode_into(message, small, eighth, large));
    CHECK_FALSE(lies_in(small, whole));
    CHECK_FALSE(lies_in(eighth, whole));
    CHECK(lies_in(large, whole));
    CHECK(small == some(100));
    CHECK(eighth == some(8'000));
}

TEST_CASE("bytes travel inside of other types", "[bytes]") {
    const std::vector<album> all{{"one", some(10'000), some(20'000, 'b')}, {"two", {}, {}}};
    buffer message = encoded(all);
    std::vector<album> back;
    REQUIRE_FALSE(maus::wire::decode_into(message, back));
    message = {};
    CHECK(back == all);
}

TEST_CASE("what comes can be decoded again, shared already", "[bytes]") {
    buffer message = encoded(some(9'000));
    maus::bytes first, second;
    REQUIRE_FALSE(maus::wire::decode_into(message, first));
    REQUIRE_FALSE(maus::wire::decode_into(message, second));
    message = {};
    CHECK(first.data() == second.data());
    CHECK(second == some(9'000));
}

TEST_CASE("bytes of which less comes than they say are refused", "[bytes]") {
    buffer message = encoded(some(5'000));
    const buffer cut{message.view().first(message.size() - 1)};
    maus::bytes back;
    const auto why = maus::wire::decode_into(cut.view(), back);
    REQUIRE(why);
    CHECK(why->code == maus::errc::bad_arguments);
}
