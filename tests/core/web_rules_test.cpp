// The gateway's rules, without a socket: framing, roles, tokens, names and pages.
#include <set>

#include "broker/web/core/framing.hpp"
#include "broker/web/core/pages.hpp"
#include "broker/web/core/roles.hpp"
#include "broker/web/core/tokens.hpp"
#include "catch.hpp"
#include "maus/wire/control.hpp"

using namespace maus;
using namespace maus::web;

namespace {

wire::message message_of(const std::vector<std::string>& frames) {
    wire::message made;
    made.first.append(base::as_bytes(frames.front()));
    for (std::size_t i = 1; i < frames.size(); ++i)
        made.rest.emplace_back(base::as_bytes(frames[i]));
    return made;
}
std::vector<std::string> frames_of(const wire::message& message) {
    std::vector<std::string> made{std::string(base::as_text(message.first.view()))};
    for (const auto& each : message.rest) made.emplace_back(base::as_text(each.view()));
    return made;
}
const limits web_bounds;

}  // namespace

TEST_CASE("a packed message is its frames, each behind its length") {
    CHECK(pack(message_of({"ab", "", "c"})) == std::string("\2\0\0\0ab\0\0\0\0\1\0\0\0c", 15));
    const std::vector<std::vector<std::string>> all = {
        {""}, {"a"}, {"", ""}, {std::string(100'000, 'x'), "y"}, std::vector<std::string>(67, "z")};
    for (const auto& frames : all) {
        auto read = unpack(base::as_bytes(pack(message_of(frames))), web_bounds);
        REQUIRE(read.ok());
        CHECK(frames_of(read.value()) == frames);
    }
}

TEST_CASE("what is no packed message is refused, wherever it is cut") {
    const std::string good = pack(message_of({"ab", "", "c"}));
    const std::set<std::size_t> ends = {6, 10, 15};  // of whole frames
    for (std::size_t length = 0; length <= good.size(); ++length) {
        const auto read = unpack(base::as_bytes(good.substr(0, length)), web_bounds);
        CHECK(read.ok() == ends.contains(length));
    }
    const std::string too_long("\xff\xff\xff\xff", 4);
    CHECK_FALSE(unpack(base::as_bytes(too_long), web_bounds).ok());
    CHECK_FALSE(unpack(base::as_bytes(good + "x"), web_bounds).ok());
    // A relayed message has one frame more than a link message.
    CHECK(unpack(base::as_bytes(pack(message_of(std::vector<std::string>(67, "z")))), web_bounds)
              .ok());
    CHECK_FALSE(
        unpack(base::as_bytes(pack(message_of(std::vector<std::string>(68, "z")))), web_bounds)
            .ok());
}

TEST_CASE("each role may say what the table says, and nothing else of this version") {
    const auto control = [](std::uint8_t type) {
        wire::message made;
        wire::write_header(made.first, wire::channel::control, type);
        return made;
    };
    const auto verdict_of = [&](role who, std::uint8_t type) {
        if (type != 2) return judge(who, control(type), web_bounds).verdict;
        wire::register_manager body;
        body.manager.bytes.fill(1);
        return judge(who, wire::encode_control(body), web_bounds).verdict;
    };
    const std::set<int> allowed[] = {
        {1, 5, 6, 7, 8, 10, 11, 13}, {2, 3, 4, 9, 10, 11, 12, 13}, {10, 11, 12, 13}};
    const std::set<int> from_parkservers = {65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75};
    for (const role who : all_roles) {
        for (int type = 0; type < 256; ++type) {
            INFO(to_string(who) << " says " << type);
            const auto said = verdict_of(who, static_cast<std::uint8_t>(type));
            const bool is_known = (type >= 1 && type <= 13) || from_parkservers.contains(type);
            if (allowed[static_cast<int>(who)].contains(type)) {
                CHECK(said == verdict::pass_on);
            } else if (is_known) {
                CHECK(said == verdict::refuse);
            } else {
                CHECK(said == (type < 128 ? verdict::answer_unimplemented : verdict::skip));
            }
        }
    }
}

TEST_CASE("no manager may have endpoints, whatever they are") {
    wire::register_manager body;
    body.manager.bytes.fill(1);
    for (const std::string each : {"tcp://127.0.0.1:1", "ipc:///tmp/x"}) {
        body.endpoints = {each};
        const auto said = judge(role::manager, wire::encode_control(body), web_bounds);
        CHECK(said.verdict == verdict::refuse);
        CHECK_THAT(said.why, maus_test::has_text("relayed"));
    }
    // What cannot be read is not handed on: another parkserver might read endpoints in it.
    wire::message broken = wire::encode_control(body);
    broken.first = base::buffer{broken.first.view().first(30)};
    CHECK(judge(role::manager, broken, web_bounds).verdict == verdict::malformed);
}

TEST_CASE("a relay message is for workers and managers, a link message for nobody") {
    const wire::message relayed = [] {
        wire::message made;
        made.first = wire::relay_frame({1, 2});
        made.rest.emplace_back(base::as_bytes("x"));
        return made;
    }();
    CHECK(judge(role::worker, relayed, web_bounds).verdict == verdict::pass_on);
    CHECK(judge(role::manager, relayed, web_bounds).verdict == verdict::pass_on);
    CHECK(judge(role::observer, relayed, web_bounds).verdict == verdict::refuse);
    wire::message link;
    wire::write_header(link.first, wire::channel::link);
    for (const role who : all_roles) {
        CHECK(judge(who, link, web_bounds).verdict == verdict::malformed);
        CHECK(judge(who, message_of({"MAU"}), web_bounds).verdict == verdict::malformed);
        CHECK(judge(who, message_of({std::string("MAU\2\1\12\0\0", 8)}), web_bounds).verdict ==
              verdict::malformed);
        CHECK(judge(who, message_of({std::string("MAU\1\1\12\0\0", 8), "more"}), web_bounds)
                  .verdict == verdict::malformed);
    }
    wire::message bare;
    wire::write_header(bare.first, wire::channel::relay);
    CHECK(judge(role::worker, bare, web_bounds).verdict == verdict::malformed);
}

TEST_CASE("a token is of one role, and nothing like it is of any") {
    std::array<std::uint8_t, 3 * tokens::random_bytes> random{};
    for (std::size_t i = 0; i < random.size(); ++i) random[i] = static_cast<std::uint8_t>(i);
    const tokens made{random};
    std::set<std::string> all;
    for (const role each : all_roles) {
        const std::string& token = made.of(each);
        CHECK(token.size() == 32);
        CHECK(tokens::is_good(token));
        CHECK(made.role_of(token) == each);
        all.insert(token);
        for (std::size_t at = 0; at < token.size(); ++at) {
            std::string other = token;
            other[at] = 'g';
            CHECK_FALSE(made.role_of(other));
        }
        CHECK_FALSE(made.role_of(token + "0"));
        CHECK_FALSE(made.role_of(token.substr(1)));
    }
    CHECK(all.size() == 3);
    CHECK_FALSE(made.role_of(""));
    CHECK_FALSE(tokens::is_good(std::string(21, 'x')));
    CHECK_FALSE(tokens::is_good(std::string(129, 'x')));
    CHECK_FALSE(tokens::is_good(std::string(30, 'x') + "&"));
}

TEST_CASE("a gateway is called by its own address, on loopback by its other names, and no other") {
    const names local = names::of("127.0.0.1", 8501, false);
    for (const auto* each : {"127.0.0.1:8501", "localhost:8501", "LOCALHOST:8501", "[::1]:8501"}) {
        CHECK(local.knows_host(each));
        CHECK(local.knows_origin(std::string("http://") + each));
        CHECK_FALSE(local.knows_origin(std::string("https://") + each));
    }
    for (const auto* each : {"", "127.0.0.1", "127.0.0.1:8502", "localhost:8501.evil.example",
                             "evil.example:8501", "127.0.0.1:8501 ", "null", "0.0.0.0:8501"}) {
        CHECK_FALSE(local.knows_host(each));
        CHECK_FALSE(local.knows_origin(std::string("http://") + each));
        CHECK_FALSE(local.knows_origin(each));
    }
    const names all = names::of("0.0.0.0", 8501, false);
    CHECK(all.knows_host("127.0.0.1:8501"));
    CHECK_FALSE(all.knows_host("10.0.0.1:8501"));  // to be named with --web-host
    const names one = names::of("10.0.0.1", 443, true);
    CHECK(one.knows_host("10.0.0.1"));
    CHECK(one.knows_host("10.0.0.1:443"));
    CHECK(one.knows_origin("https://10.0.0.1"));
    CHECK_FALSE(one.knows_host("localhost:443"));
}

TEST_CASE("an address leads to a file of the two folders, or nowhere") {
    CHECK(page_at("/")->file == "examples/index.html");
    CHECK(page_at("/mandelbrot.html")->file == "examples/mandelbrot.html");
    CHECK(page_at("/maus/index.js")->file == "src/index.js");
    CHECK(page_at("/maus/wire/values.js")->file == "src/wire/values.js");
    CHECK(page_at("/maus/index.js")->type == "text/javascript; charset=utf-8");
    CHECK(page_at("/a.css")->type == "text/css; charset=utf-8");
    for (const auto* each :
         {"", "x.html", "//x.html", "/../x.html", "/maus/../x.js", "/maus/..%2fx.js",
          "/.git/x.html", "/a/.x.html", "/x", "/x.cpp", "/maus/", "/maus", "/a/", "/x.html/",
          "/a b.html", "/-x.html", "/x\\y.html", "/a//b.html", "/tokens.txt"}) {
        INFO(each);
        CHECK_FALSE(page_at(each));
    }
    CHECK(path_of("/x.html?token=1") == "/x.html");
    CHECK(path_of("/") == "/");
    CHECK_THAT(security_policy("localhost:1"),
               maus_test::has_text("connect-src 'self' ws://localhost:1 "));
}
