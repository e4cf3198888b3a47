// The decoder is total: whatever bytes come, they are a message or a named failure.
#include "catch.hpp"

#include "hostile.hpp"
#include "maus/wire/signature.hpp"

using namespace maus;

namespace {
const limits bounds;

/// A message decodes only from bytes that encode it; everything else has a reason. (A map may come in
/// any order, so what is encoded again may be another order of the same.)
void check_total(const wire::message& what) {
    const auto head = wire::read_header(what.first.view());
    if (!head) {
        REQUIRE_FALSE(head.why().message.empty());
        return;
    }
    if (head.value().version != wire::version) return;
    wire::extensions extended;
    const auto read = wire::decode_control(what, bounds, &extended);
    if (!read) {
        REQUIRE_FALSE(read.why().message.empty());
        REQUIRE(wire::good_name(read.why().message, 4000));  // nothing that hurts a log
        return;
    }
    const wire::message again = wire::encode_control(read.value(), extended);
    REQUIRE(again.bytes() == what.bytes());
    wire::extensions once_more;
    const auto reread = wire::decode_control(again, bounds, &once_more);
    REQUIRE(reread.ok());
    REQUIRE(hostile::to_bytes(wire::encode_control(reread.value(), once_more)) ==
            hostile::to_bytes(again));
}

errc refusal(const wire::control& what) {
    const auto read = wire::decode_control(wire::encode_control(what), bounds);
    REQUIRE_FALSE(read.ok());
    return read.why().code;
}
}  // namespace

TEST_CASE("decoder: every damaged control message is one of ours or a named failure") {
    for (const auto& each : hostile::each_control()) {
        hostile::damage(wire::encode_control(each), check_total);
    }
    for (const auto& each : hostile::junk()) check_total(hostile::from_bytes(each));
}

TEST_CASE("decoder: every damaged link message is read to an end or to a violation") {
    std::size_t records = 0, violations = 0;
    for (const auto& good : hostile::each_link_message({1}, bounds)) {
        hostile::damage(good, [&](wire::message what) {
            if (!wire::read_header(what.first.view())) return;
            wire::link_reader reader{what};
            wire::record record;
            while (reader.next(record)) {
                ++records;
                if (record.body.empty()) continue;  // there may be thousands
                base::byte_view body = record.body;
                (void)wire::decode_hello(body, bounds);
                (void)wire::decode_welcome(body, bounds);
                (void)wire::decode_parting(body, bounds);
                (void)wire::decode_stamp(body);
                if (wire::take_attempt(body)) (void)wire::decode_fault(body, bounds);
            }
            if (reader.violation()) ++violations;
        });
    }
    CHECK(records > 1000);
    CHECK(violations > 1000);
}

TEST_CASE("decoder: counts that the message cannot hold are refused before anything is made") {
    for (const auto& each : hostile::each_control()) {
        const std::string bytes = hostile::to_bytes(wire::encode_control(each));
        for (std::size_t at = wire::header_bytes; at + 4 <= bytes.size(); ++at) {
            for (const char* count : {"\xff\xff\xff\xff", "\xff\xff\xff\x7f", "\0\0\0\x10"}) {
                std::string changed = bytes;
                std::copy_n(count, 4, changed.begin() + static_cast<std::ptrdiff_t>(at));
                check_total(hostile::from_bytes(changed));
            }
        }
    }
}

TEST_CASE("decoder: random bytes behind good headers") {
    std::mt19937 random(20240607);
    for (int i = 0; i < 20'000; ++i) {
        std::string bytes("MAU\1\1\0\0\0", 8);
        bytes[5] = static_cast<char>(random() % 80);
        bytes.resize(8 + random() % 200);
        for (std::size_t at = 8; at < bytes.size(); ++at) {
            bytes[at] = random() % 3 == 0 ? static_cast<char>(random()) : '\0';
        }
        check_total(hostile::from_bytes(bytes));
    }
}

TEST_CASE("decoder: names, types, endpoints and lists have limits") {
    const auto worker = std::get<wire::register_worker>(hostile::each_control()[0]);
    const auto manager = std::get<wire::register_manager>(hostile::each_control()[1]);
    const auto with_type = [&](const std::string& type) {
        auto made = worker;
        made.type = type;
        return refusal(made);
    };
    CHECK(with_type("") == errc::protocol_violation);
    CHECK(with_type(std::string(1 << 19, 'x')) == errc::too_large);
    for (const char* bad : {"a\nb", "\x1b[31mred", "tab\t", "\x7f", "\xff\xfe", "\xc0\x80",
                            "\xed\xa0\x80", "\xc2\x85", "cut\xe2\x82"}) {
        CHECK(with_type(bad) == errc::protocol_violation);
    }
    CHECK(with_type(std::string("nul\0", 4)) == errc::protocol_violation);

    for (const std::string& bad :
         {std::string(""), std::string("\0()->void", 9), std::string("a\nb()->void"),
          std::string(1 << 18, 'f') + "()->void", std::string("f(") + std::string(4000, '{')}) {
        auto made = worker;
        made.signatures = {bad};
        const errc code = refusal(made);
        CHECK((code == errc::protocol_violation || code == errc::too_large));
    }
    auto many = worker;
    many.signatures.assign(bounds.functions_max + 1, "f()->void");
    CHECK(refusal(many) == errc::too_large);
    auto nobody = worker;
    nobody.worker = {};
    CHECK(refusal(nobody) == errc::protocol_violation);
    auto both = worker;
    both.free = true;
    CHECK(refusal(both) == errc::protocol_violation);
    auto host = worker;
    host.host = std::string(1000, 'h');
    CHECK(refusal(host) == errc::too_large);

    for (const std::string& bad :
         {std::string("inproc://x"), std::string("http://x"), std::string(""), std::string("tcp:/"),
          std::string("tcp://a\nb"), "tcp://" + std::string(1000, 'a'), std::string("pgm://x")}) {
        auto made = manager;
        made.endpoints = {bad};
        CHECK(refusal(made) == errc::protocol_violation);
    }
    auto everywhere = manager;
    everywhere.endpoints.assign(bounds.endpoints_max + 1, "tcp://127.0.0.1:1");
    CHECK(refusal(everywhere) == errc::too_large);
    auto nameless = manager;
    nameless.manager = {};
    CHECK(refusal(nameless) == errc::protocol_violation);
    CHECK(refusal(wire::goodbye{std::string(bounds.text_bytes_max + 1, 'x')}) == errc::too_large);
    CHECK(refusal(wire::request{{1}, {}, "default", 1, {}}) == errc::protocol_violation);
}

TEST_CASE("decoder: offers and greetings of nobody are refused") {
    const auto token = talk::id<base::token>(3);
    const auto manager = talk::id<base::manager_id>(2);
    CHECK(refusal(wire::assign{{0, 0}, token, manager, {}}) == errc::protocol_violation);
    CHECK(refusal(wire::assign{{1, 1}, {}, manager, {}}) == errc::protocol_violation);
    wire::hello nobody = hostile::a_hello();
    nobody.worker = {};
    base::buffer body;
    wire::encode(body, nobody);
    CHECK_FALSE(wire::decode_hello(body.view(), bounds).ok());
    wire::message relayed;
    relayed.first = wire::relay_frame({0, 0});
    relayed.rest.emplace_back();
    CHECK_FALSE(wire::peek_relay(relayed).ok());
}

TEST_CASE("decoder: what is printed of a peer's text cannot hurt a log") {
    const std::pair<std::string, std::string> rows[] = {
        {"plain", "plain"},
        {"line\nfeed\r\n", "line?feed??"},
        {"\x1b[2J\x07", "?[2J?"},
        {std::string("nul\0x", 5), "nul?x"},
        {"\xc2\x9b"
         "31m",
         "?31m"},
        {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
        {"\xff\xc3", "??"}};
    for (const auto& [text, clean] : rows) CHECK(wire::printable(text) == clean);
    std::string cut(200, 'x');
    cut += "...";
    CHECK(wire::printable(std::string(300, 'x')) == cut);
}
