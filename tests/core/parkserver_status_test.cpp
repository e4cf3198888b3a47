// Who asks a parkserver for its status: PROTOCOL.md, section 5.5.
#include "catch.hpp"

#include "broker/core/parkserver.hpp"
#include "talk.hpp"

using namespace talk;

namespace {

constexpr std::size_t message_bytes_max = 1u << 20;

struct asked {
    base::settings settings;
    core::outbox out{settings};
    broker::parkserver core;

    asked() : core(its_config(), at_ms(0)) {}
    static broker::parkserver_config its_config() {
        broker::parkserver_config made;
        made.id = id<base::parkserver_id>(1);
        made.version = "1.2.3";
        made.settings.limits.message_bytes_max = message_bytes_max;
        return made;
    }
    void hear(std::uint8_t route, const wire::control& what, std::int64_t ms = 0) {
        core.on(core::received{{route}, wire::encode_control(what)}, at_ms(ms), out);
    }
    void join_worker(std::uint8_t number, std::size_t functions) {
        wire::register_worker say;
        say.worker = id<base::worker_id>(number);
        say.type = "t";
        say.host = "a host";
        say.interval_ms = 3'600'000;
        std::string arguments = "i32";
        while (arguments.size() < 1000) arguments += ",i32";
        for (std::size_t i = 0; i < functions; ++i)
            say.signatures.push_back("f" + std::to_string(i) + "(" + arguments + ")->void");
        hear(number, say);
        REQUIRE(take_news(out) == lines{std::to_string(number) + " registered"});
    }
    void join_manager(std::uint8_t number) {
        wire::register_manager say;
        say.manager = id<base::manager_id>(number);
        say.endpoints = {"tcp://127.0.0.1:1", "tcp://127.0.0.1:22"};
        say.host = "another";
        say.interval_ms = 3'600'000;
        hear(number, say);
        hear(number, wire::request{{1}, id<base::token>(number), "type", 2, {}});
        out.clear();
    }
    lines ask(std::uint8_t route, std::int64_t ms) {
        hear(route, wire::status_query{}, ms);
        return take_news(out);
    }
    /// The frame that was sent, which lives on.
    base::buffer frame_for(std::uint8_t route, std::int64_t ms) {
        hear(route, wire::status_query{}, ms);
        REQUIRE(out.effects().size() == 1);
        base::buffer frame = std::move(std::get<core::send>(out.effects()[0]).message.first);
        out.clear();
        return frame;
    }
};

std::string text_of(const base::buffer& frame) { return std::string(base::as_text(frame.view())); }

}  // namespace

TEST_CASE("status: its size is known before it is made, and it is what it says") {
    asked at;
    const auto check = [&] {
        const wire::message made = wire::encode_control(at.core.status(at_ms(7)));
        CHECK(at.core.status_bytes() == made.first.size());
        CHECK(text_of(at.frame_for(99, 7)) == text_of(made.first));
    };
    check();
    at.join_worker(11, 3);
    at.join_manager(21);
    check();
    at.join_worker(12, 0);
    at.join_worker(13, 200);
    at.join_manager(22);
    check();
}

TEST_CASE("status: a large one is made once for all who ask within a moment") {
    asked at;
    at.join_worker(11, 500);
    const base::buffer first = at.frame_for(91, 0), second = at.frame_for(92, 0);
    CHECK(first.data() == second.data());
    CHECK(at.ask(91, 0) == lines{"91 rejected overloaded"});  // it has it
    const base::buffer later = at.frame_for(91, 1000);
    CHECK(later.data() != first.data());
    CHECK(text_of(later) != text_of(first));
}

TEST_CASE("status: a small one is made for each who asks") {
    asked at;
    for (int i = 0; i < 3; ++i) CHECK(at.ask(91, 0) == lines{"91 status"});
    at.join_worker(11, 1);
    CHECK(at.core.status_bytes() == at.frame_for(91, 0).size());
}

TEST_CASE("status: while earlier answers were not taken there is a bound on later ones") {
    asked at;
    at.join_worker(11, 800);
    REQUIRE(at.core.status_bytes() > message_bytes_max / 2);
    std::vector<base::buffer> untaken;
    untaken.push_back(at.frame_for(91, 0));
    untaken.push_back(at.frame_for(92, 1000));
    untaken.push_back(at.frame_for(93, 1000));
    CHECK(at.ask(94, 2000) == lines{"94 rejected overloaded"});
    CHECK(at.ask(95, 2000) == lines{"95 rejected overloaded"});
    untaken.clear();
    CHECK(at.ask(94, 3000) == lines{"94 status"});
}

TEST_CASE("status: nothing is kept of it when its moment is over") {
    asked at;
    at.join_worker(11, 800);
    at.core.advance_to(at_ms(0), at.out);
    const base::instant before = at.core.next_deadline();
    const base::buffer frame = at.frame_for(91, 0);
    const base::instant over = at.core.next_deadline();
    CHECK(over < before);
    at.core.advance_to(over, at.out);
    CHECK(at.core.next_deadline() == before);
}

TEST_CASE("status: one that is too large is refused without being made") {
    asked at;
    at.join_worker(11, 900);
    at.join_worker(12, 900);
    REQUIRE(at.core.status_bytes() > message_bytes_max);
    CHECK(at.ask(91, 0) == lines{"91 rejected too_large"});
    CHECK(at.ask(91, 0) == lines{"91 rejected too_large"});
}
