// The gateway's session, without a socket: what a WebSocket peer may do, and when it has to go.
#include "broker/web/core/session.hpp"

#include "broker/web/core/framing.hpp"
#include "catch.hpp"
#include "maus/wire/control.hpp"

using namespace maus;
using namespace maus::web;
using namespace std::chrono_literals;

namespace {

constexpr base::instant begun{1h};

session_config config() {
    session_config made{tokens{{std::string(32, 'w'), std::string(32, 'm'), std::string(32, 'o')}}};
    made.limits.message_bytes_max = 200'000;
    return made;
}

/// A session, and what it wanted done.
struct scene {
    session_config shared = config();
    web::session session{shared, begun};
    effects done = {};
    base::instant now = begun;

    void join(role as) {
        session.text(shared.tokens.of(as), done);
        session.up(done);
        REQUIRE(session.is() == session::state::open);
        done.clear();
    }
    void say(const std::string& binary) { session.binary(base::as_bytes(binary), now, done); }
    void say(const wire::control& body) { say(pack(wire::encode_control(body))); }
    void advance(base::duration by) {
        now += by;
        session.advance_to(now, done);
    }
    void hear(std::size_t bytes) {
        wire::message message;
        message.first.extend(bytes);
        session.received(message, now, done);
    }
    template <class Effect>
    [[nodiscard]] std::size_t count() const {
        std::size_t found = 0;
        for (const auto& each : done) found += std::holds_alternative<Effect>(each) ? 1 : 0;
        return found;
    }
    /// 0: it was not closed.
    [[nodiscard]] int closed_with() const {
        for (const auto& each : done) {
            if (const auto* end = std::get_if<web::close>(&each))
                return static_cast<int>(end->code);
        }
        return 0;
    }
};

}  // namespace

TEST_CASE(
    "a session connects after a token that is known, and answers when the parkserver is there") {
    for (const role as : all_roles) {
        scene all;
        all.session.text(all.shared.tokens.of(as), all.done);
        REQUIRE(all.done.size() == 1);
        CHECK(all.count<connect>() == 1);
        CHECK_FALSE(all.session.hears_peer());
        CHECK(all.session.hears_parkserver());
        all.done.clear();
        all.session.up(all.done);
        REQUIRE(all.done.size() == 1);
        CHECK(std::get<say_text>(all.done[0]).text ==
              R"({"role":")" + std::string(to_string(as)) + R"(","message_bytes_max":200000})");
        CHECK(all.session.hears_peer());
    }
}

TEST_CASE("a session ends before anything else is known without a good token in time") {
    const std::optional<std::string_view> wrong[] = {std::nullopt, "", std::string_view("wwww"),
                                                     std::string_view("x")};
    for (const auto& each : wrong) {
        scene all;
        all.session.text(each, all.done);
        CHECK(all.closed_with() == 4401);
        CHECK(all.count<connect>() == 0);
    }
    scene binary;
    binary.say("x");
    CHECK(binary.closed_with() == 4401);

    scene late;
    CHECK(late.session.next_deadline() == begun + 10s);
    late.advance(10s - 1ns);
    CHECK(late.closed_with() == 0);
    late.advance(1ns);
    CHECK(late.closed_with() == 4408);
    CHECK(late.session.is() == session::state::closed);
    CHECK(late.session.next_deadline() == base::never);
}

TEST_CASE("a session hands on what its role allows, frame by frame") {
    scene all;
    all.join(role::worker);
    wire::message relayed;
    relayed.first = wire::relay_frame({1, 2});
    relayed.rest.emplace_back(base::as_bytes("link"));
    relayed.rest.emplace_back();
    all.say(pack(relayed));
    REQUIRE(all.done.size() == 1);
    const auto& passed = std::get<pass_on>(all.done[0]).message;
    CHECK(base::as_text(passed.first.view()) == base::as_text(relayed.first.view()));
    REQUIRE(passed.rest.size() == 2);
    CHECK(base::as_text(passed.rest[0].view()) == "link");
    CHECK(passed.rest[1].empty());
}

TEST_CASE("a session ends with the code of what was wrong, and disconnects first") {
    const auto ends_with = [](int code, auto what) {
        scene all;
        all.join(role::worker);
        what(all);
        CHECK(all.closed_with() == code);
        CHECK(std::holds_alternative<disconnect>(all.done.front()) == (code != 4503));
        CHECK(all.session.is() == session::state::closed);
        // Nothing has an effect any more.
        all.done.clear();
        all.say(wire::ping{1});
        all.session.text("x", all.done);
        all.session.up(all.done);
        all.hear(10);
        all.session.down("again", all.done);
        all.session.gone(all.done);
        all.session.stop(all.done);
        all.advance(1h);
        CHECK(all.done.empty());
    };
    ends_with(4400, [](scene& all) { all.session.text("x", all.done); });
    ends_with(4400, [](scene& all) { all.say("x"); });
    ends_with(4403, [](scene& all) { all.say(wire::cancel{{1}}); });
    ends_with(4413, [](scene& all) { all.say(std::string(200'001, 'x')); });
    ends_with(4503, [](scene& all) { all.session.down("it went", all.done); });
    ends_with(1001, [](scene& all) { all.session.stop(all.done); });
}

TEST_CASE("a session whose parkserver cannot be reached is closed with the reason") {
    scene all;
    all.session.text(all.shared.tokens.of(role::observer), all.done);
    all.session.down("nobody is there", all.done);
    CHECK(all.closed_with() == 4503);
    for (const auto& each : all.done) {
        if (const auto* end = std::get_if<web::close>(&each)) {
            CHECK(end->why == "the parkserver cannot be reached: nobody is there");
        }
    }
}

TEST_CASE("a session disconnects when its WebSocket has gone, once") {
    scene all;
    all.join(role::worker);
    all.session.gone(all.done);
    all.session.gone(all.done);
    CHECK(all.count<disconnect>() == 1);
    CHECK(all.closed_with() == 0);
}

TEST_CASE("what is not known yet is answered or skipped, as an old parkserver would") {
    scene all;
    all.join(role::worker);
    wire::message unknown;
    wire::write_header(unknown.first, wire::channel::control, 60);
    all.say(pack(unknown));
    REQUIRE(all.count<say>() == 1);
    CHECK(std::get<say>(all.done[0]).binary ==
          pack(wire::encode_control(wire::parkserver_unimplemented{60})));
    all.done.clear();
    wire::message skipped;
    wire::write_header(skipped.first, wire::channel::control, 200);
    all.say(pack(skipped));
    CHECK(all.done.empty());
}

TEST_CASE("a session reads nothing more of the parkserver while much waits for the peer") {
    scene all;
    all.join(role::worker);
    all.hear(1u << 20);
    CHECK_FALSE(all.session.hears_parkserver());
    CHECK_FALSE(all.session.hears_peer());  // it could ask for more and more answers
    const std::size_t waiting = all.session.waiting_for_peer();
    all.session.written(waiting, all.now);
    CHECK(all.session.hears_parkserver());
    CHECK(all.session.hears_peer());
    CHECK(all.session.next_deadline() == base::never);
}

TEST_CASE("a session reads nothing more of the peer while much waits for the parkserver") {
    scene all;
    all.join(role::worker);
    all.session.parkserver_has_waiting(1u << 20);
    CHECK_FALSE(all.session.hears_peer());
    CHECK(all.session.hears_parkserver());
    all.session.parkserver_has_waiting(0);
    CHECK(all.session.hears_peer());
}

TEST_CASE("a session whose peer takes nothing for too long is closed") {
    scene all;
    all.join(role::worker);
    all.hear(100);
    all.hear(100);
    all.advance(20s);
    all.session.written(104, all.now);  // it takes a little: it has as long again
    all.advance(29s);
    CHECK(all.closed_with() == 0);
    all.advance(1s);
    CHECK(all.closed_with() == 4429);
    // So is one that asks, and takes no answers.
    scene asking;
    asking.join(role::worker);
    wire::message unknown;
    wire::write_header(unknown.first, wire::channel::control, 60);
    asking.say(pack(unknown));
    asking.advance(30s);
    CHECK(asking.closed_with() == 4429);
    // A long message has longer.
    scene slow;
    slow.join(role::worker);
    slow.hear(10 * 32768);
    slow.advance(39s);
    CHECK(slow.closed_with() == 0);
    slow.advance(2s);
    CHECK(slow.closed_with() == 4429);
}

TEST_CASE("a session for which more waits than is ever read at a time is closed") {
    scene all;
    all.join(role::worker);
    const std::size_t bound = all.shared.queued_bytes_max();
    while (all.session.waiting_for_peer() + 100'000 < bound) all.hear(99'000);
    CHECK(all.closed_with() == 0);
    all.hear(100'000);
    CHECK(all.closed_with() == 4429);
}
