// Messages as PROTOCOL.md, section 4 to 6, writes them: the very bytes.
#include "catch.hpp"

#include "hostile.hpp"

using namespace maus;

namespace {
std::string hex(base::byte_view bytes) {
    constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (const std::byte each : bytes) {
        text += digits[std::to_integer<unsigned>(each) >> 4];
        text += digits[std::to_integer<unsigned>(each) & 15];
    }
    return text;
}
const limits bounds;
}  // namespace

TEST_CASE("wire: the call of section 12 has the bytes that stand there") {
    base::buffer payload;
    wire::encode(payload, 1, 1);
    wire::message made;
    wire::link_writer(made, bounds).call({{4294967296}, {1}}, 0, false, payload);
    CHECK(hex(made.first.view()) ==
          "4d41550102000000"
          "1400000023000000"
          "0000000001000000"
          "01000000"
          "0100000001000000");
}

TEST_CASE("wire: control messages are a header and their fields") {
    CHECK(hex(wire::encode_control(wire::ping{0x0102030405060708}).first.view()) ==
          "4d4155010"
          "10a0000"
          "0807060504030201");
    CHECK(hex(wire::encode_control(wire::refused{{7, 1}, 13, "no"}).first.view()) ==
          "4d41550101060000"
          "0700000000000000"
          "0100000000000000"
          "0d"
          "02000000"
          "6e6f");
    CHECK(hex(wire::encode_control(wire::status_query{}).first.view()) == "4d415501010c0000");
}

TEST_CASE("wire: every control message comes back as it was") {
    for (const auto& each : hostile::each_control()) {
        const wire::message made = wire::encode_control(each);
        const auto read = wire::decode_control(made, bounds);
        REQUIRE(read.ok());
        CHECK(read.value().index() == each.index());
        CHECK(hex(wire::encode_control(read.value()).first.view()) == hex(made.first.view()));
    }
}

TEST_CASE("wire: records share a message, and large payloads are frames of their own") {
    wire::message made;
    wire::link_writer writer{made, bounds};
    for (std::uint64_t call = 1; call <= 5; ++call) {
        base::buffer payload;
        const std::size_t size = call % 2 == 0 ? bounds.payload_apart_bytes : 3;
        std::memset(payload.extend(size), static_cast<int>(call), size);
        writer.result({{call}, {1}}, std::move(payload));
    }
    CHECK(made.frames() == 3);
    wire::link_reader reader{made};
    wire::record record;
    std::uint64_t call = 0;
    while (reader.next(record)) {
        ++call;
        base::byte_view body = record.body;
        CHECK(wire::take_attempt(body) == wire::attempt{{call}, {1}});
        base::buffer payload;
        wire::take_payload(record, body, payload);
        CHECK(payload.size() == (call % 2 == 0 ? bounds.payload_apart_bytes : 3));
        CHECK(payload.data()[0] == static_cast<std::byte>(call));
    }
    CHECK(call == 5);
    CHECK_FALSE(reader.violation());
}

TEST_CASE("wire: a relay message is unwrapped to what was wrapped") {
    wire::message inside =
        talk::link_message(bounds, [](auto& to) { to.stamp(wire::record_type::ping, 7); });
    wire::message relayed;
    relayed.first = wire::relay_frame({7, 1});
    relayed.rest.push_back(inside.first.copy());
    CHECK(relayed.first.size() == wire::relay_bytes);
    const auto lease = wire::unwrap_relay(relayed);
    REQUIRE(lease.ok());
    CHECK(lease.value() == base::lease_id{7, 1});
    CHECK(hex(relayed.first.view()) == hex(inside.first.view()));
    CHECK(relayed.rest.empty());
}
