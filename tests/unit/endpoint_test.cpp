// Endpoints: what is one, what is none and why, and that every entrance says the same.
#include <maus/base/endpoint.hpp>
#include <maus/maus.hpp>
#include <maus/parkserver.hpp>

#include "catch.hpp"
#include "maus/net/endpoint.hpp"

using namespace std::chrono_literals;
using maus::base::endpoint_use;
using maus::base::parse_endpoint;

namespace {

/// What is wrong with it; empty: nothing.
std::string problem(const std::string& text, endpoint_use use) {
    const auto parsed = parse_endpoint(text, use);
    if (parsed) return {};
    CHECK(parsed.why().code == maus::errc::invalid_argument);
    return parsed.why().message;
}

struct row {
    std::string text;
    std::string said;  ///< a part of the explanation
};

/// Wrong wherever an endpoint can be given.
const std::vector<row> never = {
    {"", "write tcp://HOST:PORT"},
    {"127.0.0.1:8500", "write tcp://HOST:PORT"},
    {"tcp:/127.0.0.1:1", "write tcp://HOST:PORT"},
    {"inproc://x", "write tcp://HOST:PORT"},
    {" tcp://127.0.0.1:1", "write tcp://HOST:PORT"},
    {"TCP://127.0.0.1:1", "write tcp://HOST:PORT"},
    {"tcp://127.0.0.1:99999", "'99999' is no port"},
    {"tcp://127.0.0.1:65536", "'65536' is no port"},
    {"tcp://127.0.0.1:18446744073709551617", "is no port"},
    {"tcp://127.0.0.1:-1", "'-1' is no port"},
    {"tcp://127.0.0.1:+1", "'+1' is no port"},
    {"tcp://127.0.0.1:18599x", "'18599x' is no port"},
    {"tcp://127.0.0.1: 18599", "' 18599' is no port"},
    {"tcp://127.0.0.1:18599 ", "'18599 ' is no port"},
    {"tcp://127.0.0.1:18599/x", "'18599/x' is no port"},
    {"tcp://127.0.0.1:0x10", "is no port"},
    {"tcp://127.0.0.1:**", "is no port"},
    {"tcp://127.0.0.1:", "the port is missing"},
    {"tcp://127.0.0.1", "the port is missing"},
    {"tcp://", "the port is missing"},
    {"tcp://:8500", "the host is missing"},
    {"tcp://a b:8500", "a host is"},
    {"tcp://a/b:8500", "a host is"},
    {"tcp://**:8500", "a host is"},
    {"tcp://127.0.0.1;10.0.0.1:8500", "a host is"},
    {"tcp://127.0.0:8500", "no IPv4 address"},
    {"tcp://127.0.0.1.1:8500", "no IPv4 address"},
    {"tcp://127.0.0.256:8500", "no IPv4 address"},
    {"tcp://127..0.1:8500", "no IPv4 address"},
    {"tcp://127.0.0.1.:8500", "no IPv4 address"},
    {"tcp://8500:8500", "no IPv4 address"},
    {"tcp://" + std::string(241, 'x') + ":8500", "at most 240"},
    {"tcp://::1:8500", "in brackets"},
    {"tcp://fe80::1", "in brackets"},
    {"tcp://[::1:8500", "] is missing"},
    {"tcp://[::1]", "the port is missing"},
    {"tcp://[::1]8500", "the port is missing"},
    {"tcp://[]:8500", "the host is missing"},
    {"tcp://[1:2]:8500", "no IPv6 address"},
    {"tcp://[:::]:8500", "no IPv6 address"},
    {"tcp://[1::2::3]:8500", "no IPv6 address"},
    {"tcp://[::12345]:8500", "no IPv6 address"},
    {"tcp://[::g]:8500", "no IPv6 address"},
    {"tcp://[1:2:3:4:5:6:7:8:9]:8500", "no IPv6 address"},
    {"tcp://[1:2:3:4:5:6:7:8:]:8500", "no IPv6 address"},
    {"tcp://[127.0.0.1]:8500", "no IPv6 address"},
    {"tcp://[fe80::1%]:8500", "no IPv6 address"},
    {"ipc://", "the path is missing"},
    {"ipc:///tmp/" + std::string(103, 'x'), "at most 107"},
    {"ipc:///tmp/a\nb", "control characters"},
};
/// Right to bind, wrong to connect.
const std::vector<row> only_to_bind = {
    {"tcp://127.0.0.1:*", "'*' is no port"}, {"tcp://127.0.0.1:0", "'0' is no port"},
    {"tcp://*:8500", "* stands for all"},    {"tcp://*:*", "* stands for all"},
    {"tcp://localhost:*", "'*' is no port"}, {"tcp://[::1]:*", "'*' is no port"},
    {"ipc://*", "* stands for any path"},
};
const std::vector<std::string> always = {
    "tcp://127.0.0.1:8500",
    "tcp://0.0.0.0:1",
    "tcp://localhost:65535",
    "tcp://park-1.example.org:8500",
    "tcp://_tcp.example:8500",
    "tcp://[::1]:8500",
    "tcp://[::]:8500",
    "tcp://[1:2:3:4:5:6:7:8]:8500",
    "tcp://[1::8]:8500",
    "tcp://[1:2:3:4:5:6:7::]:8500",
    "tcp://[::ffff:127.0.0.1]:8500",
    "tcp://[fe80::1%eth0]:8500",
    "ipc:///run/maus/park",
    "ipc://relative path",
    "ipc://@abstract",
    "ipc:///tmp/" + std::string(102, 'x'),
};

template <class Body>
void is_refused(const row& wrong, const char* entrance, Body body) {
    INFO(entrance << " of '" << wrong.text << "'");
    try {
        body();
    } catch (const maus::error& failed) {
        CHECK(failed.code() == maus::errc::invalid_argument);
        CHECK_THAT(failed.what(), maus_test::has_text(wrong.said));
        return;
    }
    FAIL_CHECK("was accepted");
}

}  // namespace

TEST_CASE("what is no endpoint is told with what to write instead") {
    for (const auto& [text, said] : never) {
        INFO("'" << text << "'");
        CHECK_THAT(problem(text, endpoint_use::bind), maus_test::has_text(said));
        CHECK_THAT(problem(text, endpoint_use::connect), maus_test::has_text(said));
    }
}

TEST_CASE("wildcards are for binding") {
    for (const auto& [text, said] : only_to_bind) {
        INFO("'" << text << "'");
        CHECK(problem(text, endpoint_use::bind).empty());
        CHECK_THAT(problem(text, endpoint_use::connect), maus_test::has_text(said));
    }
}

TEST_CASE("an endpoint that is one reads and writes the same") {
    for (const auto& text : always) {
        INFO("'" << text << "'");
        for (const auto use : {endpoint_use::bind, endpoint_use::connect}) {
            const auto parsed = parse_endpoint(text, use);
            REQUIRE(parsed);
            CHECK(to_string(parsed.value()) == text);
        }
    }
}

TEST_CASE("an endpoint's parts") {
    const auto parts = parse_endpoint("tcp://[fe80::1%eth0]:8500", endpoint_use::connect);
    REQUIRE(parts);
    CHECK(parts.value().host == "fe80::1%eth0");
    CHECK(parts.value().port == "8500");
    CHECK(parts.value().is_ipv6());
    CHECK_FALSE(parts.value().is_name());
    CHECK(parse_endpoint("tcp://localhost:1", endpoint_use::connect).value().is_name());
    CHECK(parse_endpoint("tcp://1.2.3.4:1", endpoint_use::connect).value().is_ipv4());
    CHECK_FALSE(parse_endpoint("ipc://x", endpoint_use::connect).value().is_name());
}

TEST_CASE("every entrance of the library refuses what is no endpoint to connect to") {
    maus::worker worker;
    maus::manager manager;
    auto wrong = never;
    wrong.insert(wrong.end(), only_to_bind.begin(), only_to_bind.end());
    for (const auto& each : wrong) {
        is_refused(each, "register_parkserver", [&] { worker.register_parkserver(each.text); });
        is_refused(each, "connect", [&] { worker.connect(each.text); });
        is_refused(each, "connect_parkserver", [&] { manager.connect_parkserver(each.text); });
        is_refused(each, "fetch_status", [&] { (void)maus::fetch_status(each.text, 1s); });
        is_refused(each, "advertise", [&] {
            const maus::manager made({.endpoint = "tcp://127.0.0.1:*", .advertise = {each.text}});
        });
    }
}

TEST_CASE("every entrance of the library refuses what is no endpoint to bind") {
    for (const auto& each : never) {
        is_refused(each, "parkserver", [&] { const maus::parkserver made({.bind = {each.text}}); });
        if (each.text.empty()) continue;  // a manager without an endpoint is relayed
        is_refused(each, "manager", [&] { const maus::manager made(each.text); });
    }
}

TEST_CASE("a name is looked up when it is bound") {
    const maus::manager manager("tcp://localhost:*");
    const auto place = parse_endpoint(manager.endpoint(), endpoint_use::connect);
    REQUIRE(place);
    CHECK_FALSE(place.value().is_name());
    // A label of a name has at most 63 characters: so no server is asked.
    const row unknown{"tcp://" + std::string(64, 'x') + ":*", "cannot be looked up"};
    is_refused(unknown, "manager", [&] { const maus::manager made(unknown.text); });
    // The name of an interface is libzmq's to look up.
    CHECK(to_string(maus::net::resolve_to_bind("tcp://lo:*")) == "tcp://lo:*");
}
