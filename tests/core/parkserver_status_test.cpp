// Who asks a parkserver for its status: PROTOCOL.md, section 5.5.
#include "catch.hpp"

#include <set>

#include "broker/core/parkserver.hpp"
#include "talk.hpp"

using namespace talk;

namespace {

constexpr std::size_t message_bytes_max = 1u << 20;

struct asked {
    base::settings settings;
    core::outbox out{settings};
    broker::parkserver core;
    std::size_t page_bytes = 0;  // of the last one that is not the end

    explicit asked(std::size_t bytes_max = message_bytes_max)
        : core(its_config(bytes_max), at_ms(0)) {}
    static broker::parkserver_config its_config(std::size_t bytes_max) {
        broker::parkserver_config made;
        made.id = id<base::parkserver_id>(1);
        made.version = "1.2.3";
        made.settings.limits.message_bytes_max = bytes_max;
        return made;
    }
    std::int64_t joins_at = -1'000'000;
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
        hear(number, say, joins_at += 100);
        core.advance_to(at_ms(joins_at), out);  // large ones are read one by one
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
    /// One page that begins there, and where the next one begins.
    std::pair<wire::status, std::string> page(const std::string& begin) {
        const wire::extensions asks{{wire::page_tag, base::as_bytes(begin)}};
        core.on(core::received{{91}, wire::encode_control(wire::status_query{}, asks)}, at_ms(0),
                out);
        REQUIRE(out.effects().size() == 1);
        const wire::message answer = std::move(std::get<core::send>(out.effects()[0]).message);
        out.clear();
        wire::extensions extended;
        auto read = wire::decode_control(answer, {}, &extended);
        REQUIRE(read.ok());
        const auto next = wire::find(extended, wire::page_tag);
        if (!next) return {std::get<wire::status>(read.value()), "the end"};
        page_bytes = answer.first.size();
        return {std::get<wire::status>(read.value()), std::string(base::as_text(*next))};
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

TEST_CASE("status: a larger one is made in slices, between which others are served") {
    asked at(64u << 20);
    for (std::uint8_t i = 11; i < 31; ++i) at.join_worker(i, 500);
    at.join_manager(40);
    const wire::message whole = wire::encode_control(at.core.status(at_ms(7)));
    at.hear(91, wire::status_query{}, 7);
    at.hear(92, wire::status_query{}, 7);
    CHECK(at.ask(91, 7) == lines{"91 rejected overloaded"});
    int slices = 0;
    std::vector<base::buffer> frames;
    for (; frames.empty() && slices < 1000; ++slices) {
        REQUIRE(at.core.next_deadline() <= at_ms(7));
        at.core.advance_to(at_ms(7), at.out);
        for (auto& each : at.out.effects()) {
            frames.push_back(std::move(std::get<core::send>(each).message.first));
        }
        at.out.clear();
        at.hear(11, wire::ping{1}, 7);
        at.out.clear();
    }
    CHECK(slices >= 5);
    REQUIRE(frames.size() == 2);
    CHECK(text_of(frames[0]) == text_of(whole.first));
    CHECK(frames[0].data() == frames[1].data());
}

TEST_CASE("status: while a larger one is made others come and go, and its numbers are right") {
    asked at(64u << 20);
    for (std::uint8_t i = 20; i < 40; ++i) at.join_worker(i, 500);
    for (std::uint8_t i = 100; i < 110; ++i) at.join_manager(i);
    at.hear(91, wire::status_query{}, 0);
    std::uint8_t next = 41;
    while (at.out.effects().empty()) {
        at.core.advance_to(at_ms(0), at.out);
        if (!at.out.effects().empty()) break;
        at.join_worker(next, 1);                               // behind what is written
        at.core.on(core::down{{next}, {}}, at_ms(0), at.out);  // and gone
        at.core.on(core::down{{20}, {}}, at_ms(0), at.out);    // told already
        at.core.on(core::down{{105}, {}}, at_ms(0), at.out);   // not yet
        at.join_manager(static_cast<std::uint8_t>(next + 70));
        at.out.clear();
        ++next;
    }
    REQUIRE(at.out.effects().size() == 1);
    const auto read =
        wire::decode_control(std::get<core::send>(at.out.effects()[0]).message, at.settings.limits);
    REQUIRE(read.ok());
    const auto& told = std::get<wire::status>(read.value());
    CHECK(told.workers.size() == 20);
    CHECK(told.managers.size() == 9u + next - 41);
    CHECK(told.requests.size() == told.managers.size());
}

TEST_CASE(
    "status: a large one is handed over to a few at a time, and nobody waits for long for who does "
    "not take it") {
    asked at(64u << 20);
    for (std::uint8_t i = 11; i < 16; ++i) at.join_worker(i, 500);
    constexpr std::uint8_t askers = 20, deaf = 4;
    for (std::uint8_t i = 0; i < askers; ++i)
        at.hear(static_cast<std::uint8_t>(100 + i), wire::status_query{});
    at.core.on(core::down{{119}, {}}, at_ms(0), at.out);
    std::vector<base::buffer> untaken;
    std::set<std::uint64_t> told;
    std::int64_t ms = 0;
    for (; told.size() < askers - 1 && ms < 5000; ++ms) {
        at.core.advance_to(at_ms(ms), at.out);
        CHECK(at.out.effects().size() <= 4);
        for (auto& each : at.out.effects()) {
            auto& sent = std::get<core::send>(each);
            if (told.size() < deaf) untaken.push_back(std::move(sent.message.first));
            CHECK(told.insert(sent.to.value).second);
        }
        at.out.clear();
    }
    CHECK(told.size() == askers - 1);
    CHECK(ms >= 250);
    CHECK(ms < 1000);
    CHECK_FALSE(told.contains(119));
    at.core.advance_to(at_ms(ms + 1000), at.out);
    CHECK(at.core.next_deadline() > at_ms(ms + 1000));
}

TEST_CASE("status in pages: all rows come once and in order, also while others come and go") {
    asked at;
    constexpr std::uint8_t workers = 40;
    for (std::uint8_t i = 0; i < workers; ++i)
        at.join_worker(static_cast<std::uint8_t>(i + 10), 20);
    for (std::uint8_t i = 100; i < 110; ++i) at.join_manager(i);
    std::vector<wire::worker_status> seen;
    std::size_t managers = 0, requests = 0, pages = 0;
    for (std::string next; next != "the end"; ++pages) {
        auto [rows, begin] = at.page(next);
        CHECK(rows.version == "1.2.3");
        CHECK(at.page_bytes < 70u << 10);
        for (auto& each : rows.workers) seen.push_back(std::move(each));
        managers += rows.managers.size();
        requests += rows.requests.size();
        next = begin;
        if (pages == 0) {  // one that was told goes, one that comes before all comes
            at.core.on(core::down{{10}, {}}, at_ms(0), at.out);
            at.join_worker(1, 0);
        }
    }
    CHECK(pages > 5);
    CHECK(managers == 10);
    CHECK(requests == 10);
    REQUIRE(seen.size() == workers);
    for (std::uint8_t i = 0; i < workers; ++i) {
        CHECK(seen[i].worker == id<base::worker_id>(static_cast<std::uint8_t>(i + 10)));
    }
}

TEST_CASE("status in pages: one is told where all at once is too large, and has room for any row") {
    asked at;
    at.join_worker(11, 900);
    at.join_worker(12, 900);
    REQUIRE(at.core.status_bytes() > message_bytes_max);
    CHECK(at.page({}).first.workers.size() == 1);
    CHECK(at.page(at.page({}).second).second == "the end");
}

TEST_CASE("status in pages: a page that begins nowhere is refused") {
    asked at;
    const wire::extensions asks{{wire::page_tag, base::as_bytes(std::string_view{"x"})}};
    at.core.on(core::received{{91}, wire::encode_control(wire::status_query{}, asks)}, at_ms(0),
               at.out);
    CHECK(take_news(at.out) == lines{"91 rejected protocol_violation"});
}

TEST_CASE("status in pages: while earlier answers were not taken there is a bound on later ones") {
    asked at;
    at.join_worker(11, 60);
    std::vector<std::decay_t<decltype(at.out.effects()[0])>> untaken;
    const wire::extensions asks{{wire::page_tag, {}}};
    bool is_refused = false;
    for (int i = 0; i < 100 && !is_refused; ++i) {
        at.core.on(core::received{{91}, wire::encode_control(wire::status_query{}, asks)}, at_ms(0),
                   at.out);
        is_refused = std::get<core::send>(at.out.effects()[0]).message.first.size() < 1000;
        untaken.push_back(std::move(at.out.effects()[0]));
        at.out.clear();
    }
    CHECK(is_refused);
    CHECK(untaken.size() > 30);
    untaken.clear();
    CHECK(at.page({}).first.workers.size() == 1);
}

TEST_CASE(
    "parkserver: large registrations of strangers are read one by one, what came behind them after "
    "them") {
    asked at;
    wire::register_worker say;
    say.type = "t";
    say.interval_ms = 3'600'000;
    std::string arguments = "i32";
    while (arguments.size() < 1000) arguments += ",i32";
    for (int i = 0; i < 100; ++i)
        say.signatures.push_back("f" + std::to_string(i) + "(" + arguments + ")->void");
    const auto join = [&](std::uint8_t number, std::int64_t ms) {
        say.worker = id<base::worker_id>(number);
        at.hear(number, say, ms);
        at.core.advance_to(at_ms(ms), at.out);
        return take_news(at.out);
    };
    const auto later = [&](std::int64_t ms) {
        at.core.advance_to(at_ms(ms), at.out);
        return take_news(at.out);
    };
    CHECK(join(11, 100) == lines{"11 registered"});
    CHECK(join(12, 100).empty());
    CHECK(join(13, 100).empty());
    at.hear(12, wire::status_query{}, 100);
    at.hear(99, wire::status_query{}, 100);  // others do not wait
    CHECK(take_news(at.out).size() == 1);
    CHECK(at.core.next_deadline() <= at_ms(115));
    CHECK(later(114).empty());
    const auto both = later(115);
    REQUIRE(both.size() == 2);
    CHECK(both[0] == "12 registered");
    at.core.on(core::down{{13}, ""}, at_ms(116), at.out);
    CHECK(later(200).empty());
    CHECK(join(14, 200) == lines{"14 registered"});
    // So is who has registered already, and who says several at a time.
    CHECK(join(14, 201).empty());
    CHECK(join(14, 202).empty());
    CHECK(join(15, 203).empty());
    CHECK(later(215) == lines{"14 registered"});
    CHECK(later(230) == lines{"15 registered"});
    CHECK(later(245) == lines{"14 registered"});
    CHECK(later(500).empty());
    // What is relayed meanwhile is answered at once, and fills nothing.
    CHECK(join(14, 500) == lines{"14 registered"});
    CHECK(join(16, 501).empty());
    for (int i = 0; i < 100; ++i) {
        wire::message relayed;
        relayed.first = wire::relay_frame({1, 1});
        at.core.on(core::received{{16}, std::move(relayed)}, at_ms(501), at.out);
    }
    CHECK(take_news(at.out) == lines(100, "16 register_again"));
    CHECK(later(515) == lines{"16 registered"});
    // Who says too much behind one is known no more.
    CHECK(join(16, 516).empty());
    for (int i = 0; i < 15; ++i) at.hear(16, wire::ping{1}, 516);
    CHECK(take_news(at.out).empty());
    at.hear(16, wire::ping{1}, 516);
    CHECK(take_news(at.out) == lines{"16 rejected overloaded"});
    CHECK(later(600).empty());
    at.hear(16, wire::ping{1}, 600);
    CHECK(take_news(at.out) == lines{"16 register_again"});
}
