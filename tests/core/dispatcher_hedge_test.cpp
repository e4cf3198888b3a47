// Second attempts at calls that take long ([P-106]).
#include "catch.hpp"

#include "dispatcher_desk.hpp"

using namespace talk;
using type = wire::record_type;

namespace {

maus::call_options hedged_after(std::int64_t ms) {
    maus::call_options made;
    made.hedge_after = std::chrono::milliseconds{ms};
    return made;
}

// Two workers; the call 1 is sent to the first, and after 10 ms to the second.
struct hedging_desk : desk {
    core::link_index first = worker(7), second = no_worker;
    static constexpr core::link_index no_worker = core::no_index;

    explicit hedging_desk(maus::call_options options = hedged_after(10)) {
        submit(std::move(options));
        CHECK(pump() == lines{"7 call 1/1"});
        second = worker(8);
    }
    void hedge() {
        CHECK(pass(10).empty());
        CHECK(pump() == lines{"8 call 1/2"});
        CHECK(calls.counters().hedged == 1);
    }
    /// Neither has anything, and both are given calls.
    void check_rest() {
        CHECK(calls.outstanding() == 0);
        CHECK(calls.held_by(first) == 0);
        CHECK(calls.held_by(second) == 0);
        done.clear();
        const auto next = tickets;
        for (int i = 0; i < 4; ++i) submit();
        const std::string one = std::to_string(next + 1), two = std::to_string(next + 2),
                          three = std::to_string(next + 3), four = std::to_string(next + 4);
        const lines said = pump();
        CHECK(said.size() == 4);
        for (const auto& each : {one, two, three, four}) {
            CHECK(std::count_if(said.begin(), said.end(), [&](const std::string& line) {
                      return line.ends_with(" call " + each + "/1");
                  }) == 1);
        }
        CHECK(calls.held_by(first) == 2);
        CHECK(calls.held_by(second) == 2);
    }
};

}  // namespace

TEST_CASE("hedge: a call that takes long gets a second attempt, and the first answer counts") {
    hedging_desk at;
    CHECK(at.pass(9).empty());
    CHECK(at.pump() == lines{});
    at.hedge();
    SECTION("the second") {
        CHECK(at.answer(at.second, type::result, 1, 2));
        CHECK(at.settled_calls() == lines{"1 ok"});
        CHECK(at.pump() == lines{"7 cancel 1/1"});
        CHECK(at.calls.held_by(at.first) == 1);  // until it has answered
        SECTION("which answers late") { CHECK(at.answer(at.first, type::result, 1, 1)); }
        SECTION("which gives it back") { CHECK(at.answer(at.first, type::returned, 1, 1)); }
        SECTION("which fails late") { CHECK(at.fail(at.first, 1, 7, 1)); }
    }
    SECTION("the first") {
        CHECK(at.answer(at.first, type::result, 1, 1));
        CHECK(at.settled_calls() == lines{"1 ok"});
        CHECK(at.pump() == lines{"8 cancel 1/2"});
        CHECK(at.calls.held_by(at.second) == 1);
        SECTION("which answers late") { CHECK(at.answer(at.second, type::result, 1, 2)); }
        SECTION("which gives it back") { CHECK(at.answer(at.second, type::returned, 1, 2)); }
        SECTION("which fails late") { CHECK(at.fail(at.second, 1, 7, 2)); }
    }
    SECTION("an error") {
        CHECK(at.fail(at.second, 1, 7, 2));
        CHECK(at.settled_calls() == lines{"1 remote_exception"});
        CHECK(at.pump() == lines{"7 cancel 1/1"});
        CHECK(at.answer(at.first, type::result, 1, 1));
    }
    SECTION("both before anything is said") {
        CHECK(at.answer(at.second, type::result, 1, 2));
        CHECK(at.answer(at.first, type::result, 1, 1));
        CHECK(at.settled_calls() == lines{"1 ok"});
        CHECK(at.pump() == lines{});
        CHECK(at.calls.counters().stale_answers == 1);
    }
    CHECK(at.done.empty());
    CHECK(at.calls.counters().reassigned == 0);
    at.check_rest();
}

TEST_CASE("hedge: there is one second attempt and no more") {
    hedging_desk at;
    at.worker(9);
    at.hedge();
    at.pass(1000);
    CHECK(at.pump() == lines{});
    CHECK(at.answer(at.second, type::returned, 1, 2));
    CHECK(at.calls.counters().reassigned == 0);
    at.pass(2000);
    CHECK(at.pump() == lines{});
    at.lose(at.first, core::link_end::released);
    CHECK(at.pump() == lines{"9 call 1/3"});  // no number is used twice
    at.pass(3000);
    CHECK(at.pump() == lines{});
    CHECK(at.calls.counters().reassigned == 1);
    CHECK(at.calls.counters().hedged == 1);
}

TEST_CASE(
    "hedge: a second attempt goes only to a worker that can start it now and has the function") {
    hedging_desk at;
    const auto other = at.worker(9, 1, {"g()->void"});
    at.submit();
    CHECK(at.pump() == lines{"8 call 2/1"});
    at.pass(10);
    CHECK(at.pump() == lines{});
    at.submit({}, 1);
    CHECK(at.pump() == lines{"9 call 3/1"});
    CHECK(at.answer(other, type::result, 3));
    CHECK(at.pump() == lines{});
    CHECK(at.answer(at.second, type::result, 2));
    CHECK(at.pump() == lines{"8 call 1/2"});
}

TEST_CASE("hedge: a second attempt that waits goes when the first one is over") {
    hedging_desk at;
    at.submit();
    CHECK(at.pump() == lines{"8 call 2/1"});
    at.pass(10);
    CHECK(at.pump() == lines{});
    SECTION("answered") {
        CHECK(at.answer(at.first, type::result, 1));
        CHECK(at.settled_calls() == lines{"1 ok"});
    }
    SECTION("failed") {
        CHECK(at.fail(at.first, 1, 7));
        CHECK(at.settled_calls() == lines{"1 remote_exception"});
    }
    SECTION("cancelled") {
        at.calls.cancel(at.ids[0], "nobody wants it", at.out, at.done);
        CHECK(at.settled_calls() == lines{"1 cancelled"});
        CHECK(at.pump() == lines{"7 cancel 1/1"});
        CHECK(at.answer(at.first, type::returned, 1));
    }
    CHECK(at.answer(at.second, type::result, 2));
    CHECK(at.pump() == lines{});
    CHECK(at.calls.counters().hedged == 0);
    at.check_rest();
}

TEST_CASE("hedge: a call whose first attempt is given back may get another second one") {
    hedging_desk at;
    at.submit();
    CHECK(at.pump() == lines{"8 call 2/1"});
    at.pass(10);
    CHECK(at.pump() == lines{});
    CHECK(at.answer(at.first, type::returned, 1));
    CHECK(at.pump() == lines{"8 call 1/2"});
    CHECK(at.calls.counters().hedged == 0);
    at.calls.resume(at.first, at_ms(11));
    at.pass(19);
    CHECK(at.pump() == lines{});
    at.pass(20);
    CHECK(at.pump() == lines{"7 call 1/3"});
    CHECK(at.calls.counters().hedged == 1);
}

TEST_CASE("hedge: a call goes on on the other link when one is lost") {
    hedging_desk at;
    at.hedge();
    const bool first_is_lost = GENERATE(true, false);
    const auto lost = first_is_lost ? at.first : at.second;
    const auto other = first_is_lost ? at.second : at.first;
    const std::uint32_t number = first_is_lost ? 2 : 1;
    at.lose(lost, GENERATE(core::link_end::lost, core::link_end::released));
    CHECK(at.done.empty());
    at.worker(9);
    CHECK(at.pump() == lines{});
    CHECK(at.calls.counters().reassigned == 0);
    SECTION("and is answered") {
        CHECK(at.answer(other, type::result, 1, number));
        CHECK(at.settled_calls() == lines{"1 ok"});
    }
    SECTION("and is given back") {
        CHECK(at.answer(other, type::returned, 1, number));
        CHECK(at.pump() == lines{"9 call 1/3"});
        CHECK(at.calls.counters().reassigned == 1);
    }
    SECTION("and is lost again") {
        at.lose(other);
        CHECK(at.pump() == lines{"9 call 1/3"});
        CHECK(at.calls.counters().reassigned == 1);
    }
    SECTION("and is cancelled") {
        at.calls.cancel(at.ids[0], "nobody wants it", at.out, at.done);
        CHECK(at.settled_calls() == lines{"1 cancelled"});
        CHECK(at.pump() == (first_is_lost ? lines{"8 cancel 1/2"} : lines{"7 cancel 1/1"}));
        CHECK(at.answer(other, type::result, 1, number));
        CHECK(at.calls.held_by(other) == 0);
        CHECK(at.calls.outstanding() == 0);
    }
}

TEST_CASE("hedge: each attempt that a worker may have died of counts") {
    auto options = hedged_after(10);
    SECTION("to the cap") {
        options.max_crashes = 2;
        hedging_desk at(options);
        at.hedge();
        at.lose(at.first);
        CHECK(at.done.empty());
        at.lose(at.second);
        REQUIRE(at.done.size() == 1);
        CHECK(at.done[0].result.about->attempts.size() == 2);
        CHECK(at.settled_calls() == lines{"1 poisoned"});
        CHECK(at.calls.outstanding() == 0);
    }
    SECTION("and the one that is left is cancelled") {
        options.max_crashes = 1;
        hedging_desk at(options);
        at.hedge();
        at.lose(at.second);
        CHECK(at.settled_calls() == lines{"1 poisoned"});
        CHECK(at.pump() == lines{"7 cancel 1/1"});
        CHECK(at.answer(at.first, type::result, 1));
        CHECK(at.done.empty());
        CHECK(at.calls.held_by(at.first) == 0);
    }
    SECTION("and it is tried again alone") {
        hedging_desk at(options);
        at.hedge();
        at.lose(at.first);
        CHECK(at.answer(at.second, type::returned, 1, 2));
        at.worker(9);
        CHECK(at.pump() == lines{"9 call 1/3"});
        at.submit();
        CHECK(at.pump() == lines{});
        at.pass(1000);  // a suspect is not hedged
        CHECK(at.pump() == lines{});
    }
}

TEST_CASE("hedge: an attempt_timeout ends the link of its attempt, and no other") {
    auto options = hedged_after(10);
    options.attempt_timeout = std::chrono::milliseconds{30};
    hedging_desk at(options);
    at.worker(9);
    at.hedge();
    SECTION("the first") {
        const auto hung = at.pass(30);
        CHECK(hung == std::vector<core::link_index>{at.first});
        CHECK(at.settled_calls() == lines{"1 attempt_timeout"});
        at.lose(at.first, core::link_end::released);
        CHECK(at.pump() == lines{"8 cancel 1/2"});
        CHECK(at.pass(5000).empty());
        CHECK(at.pump() == lines{});
        CHECK(at.answer(at.second, type::result, 1, 2));
        CHECK(at.calls.held_by(at.second) == 0);
    }
    SECTION("the second, the first being lost") {
        at.lose(at.first);
        CHECK(at.pass(39).empty());
        CHECK(at.pass(40) == std::vector<core::link_index>{at.second});
        CHECK(at.settled_calls() == lines{"1 attempt_timeout"});
        at.lose(at.second, core::link_end::released);
        CHECK(at.pump() == lines{});
        CHECK(at.pass(5000).empty());
    }
    CHECK(at.done.empty());
    CHECK(at.calls.outstanding() == 0);
}

TEST_CASE("hedge: what settles a call unasked cancels both attempts") {
    auto options = hedged_after(10);
    options.timeout = std::chrono::milliseconds{50};
    hedging_desk at(options);
    at.hedge();
    SECTION("a deadline") {
        at.pass(50);
        CHECK(at.settled_calls() == lines{"1 deadline_exceeded"});
        CHECK(at.pump() == lines{"7 cancel 1/1", "8 cancel 1/2"});
    }
    SECTION("the caller") {
        at.calls.cancel(at.ids[0], "nobody wants it", at.out, at.done);
        CHECK(at.settled_calls() == lines{"1 cancelled"});
        CHECK(at.pump() == lines{"7 cancel 1/1", "8 cancel 1/2"});
    }
    const bool first_first = GENERATE(true, false);
    if (first_first) CHECK(at.answer(at.first, type::returned, 1, 1));
    CHECK(at.answer(at.second, type::result, 1, 2));
    if (!first_first) CHECK(at.answer(at.first, type::returned, 1, 1));
    at.check_rest();
}

TEST_CASE("hedge: no slot is used again before both workers have answered") {
    hedging_desk at;
    at.hedge();
    CHECK(at.answer(at.second, type::result, 1, 2));
    at.done.clear();
    for (int i = 0; i < 3; ++i) at.submit();
    at.pump();
    CHECK(at.answer(at.first, type::result, 1, 1));
    CHECK(at.done.empty());
    CHECK(at.calls.counters().stale_answers == 1);
    CHECK(at.answer(at.first, type::result, 1, 1));
    CHECK(at.answer(at.second, type::result, 1, 2));
    CHECK(at.done.empty());
    CHECK(at.calls.counters().stale_answers == 3);
}

TEST_CASE("hedge: an answer counts only on the link of its attempt") {
    hedging_desk at;
    at.hedge();
    CHECK(at.answer(at.first, type::result, 1, 2));
    CHECK(at.answer(at.second, type::result, 1, 1));
    CHECK(at.answer(at.second, type::result, 1, 3));
    CHECK(at.done.empty());
    // The second attempt's own slot is nobody's business.
    at.ids.push_back({at.ids[0].value + 1});
    CHECK(at.answer(at.second, type::result, 2, 2));
    CHECK(at.done.empty());
    CHECK(at.calls.counters().stale_answers == 4);
    CHECK_FALSE(at.answer(at.second, type::started, 1, 2));
}

TEST_CASE("hedge: both may give their slots back, and are answered later") {
    hedging_desk at;
    at.hedge();
    CHECK(at.answer(at.first, type::detached, 1, 1));
    CHECK(at.answer(at.second, type::detached, 1, 2));
    CHECK_FALSE(at.answer(at.second, type::detached, 1, 2));
    for (int i = 0; i < 4; ++i) at.submit();
    CHECK(at.pump().size() == 4);
    CHECK(at.answer(at.first, type::result, 1, 1));
    CHECK(at.settled_calls() == lines{"1 ok"});
    CHECK(at.pump() == lines{"8 cancel 1/2"});
    CHECK(at.answer(at.second, type::result, 1, 2));
    CHECK(at.calls.held_by(at.first) == 2);
    CHECK(at.calls.held_by(at.second) == 2);
}

TEST_CASE("hedge: a group that is released settles its calls once") {
    hedging_desk at;
    const bool sent = GENERATE(true, false);
    if (sent) {
        at.hedge();
    } else {
        at.submit();
        at.pump();
        at.pass(10);
    }
    at.calls.remove_group({1}, maus::errc::cancelled, "released", at.done);
    CHECK(at.settled_calls() ==
          (sent ? lines{"1 cancelled"} : lines{"1 cancelled", "2 cancelled"}));
    at.lose(at.first, core::link_end::released);
    at.lose(at.second, core::link_end::released);
    CHECK(at.pump() == lines{});
    CHECK(at.calls.outstanding() == 0);
}

// --- large ones -----------------------------------------------------------------------------------

namespace {
// Payloads from 50 bytes on are large, pieces have 100, and 400 may be on their way.
struct large_hedging_desk : desk {
    core::link_index first, second;

    large_hedging_desk() {
        bounds.payload_apart_bytes = 50;
        first = slow_worker(7);
        submit(hedged_after(10), 0, 60);
        CHECK(pump() == lines{"7 call 1/1"});
        second = slow_worker(8);
        submit({}, 0, 4000);  // is cut, and keeps the second one's link full
        CHECK(pump() == lines{"8 part 100", "8 part 100", "8 part 100", "8 part 100"});
        CHECK(answer(first, type::detached, 1));  // has room, and is not where its second one goes
    }
    core::link_index slow_worker(std::uint64_t route) {
        const auto made = calls.add_link(
            {base::route{route}, {}}, std::to_string(route), {"f()->void"}, 2, {},
            std::make_unique<core::transfers>(core::transfers::side::manager, settings));
        calls.join(made, {1}, done);
        return made;
    }
};
}  // namespace

TEST_CASE(
    "hedge: a second attempt whose payload still waits is taken back, and its number with it") {
    large_hedging_desk at;
    at.pass(10);
    CHECK(at.pump() == lines{});
    CHECK(at.calls.held_by(at.second) == 2);
    SECTION("when the first is answered") {
        CHECK(at.answer(at.first, type::result, 1));
        CHECK(at.settled_calls() == lines{"1 ok"});
        CHECK(at.pump() == lines{});
        CHECK(at.calls.held_by(at.second) == 1);
        CHECK(at.calls.held_by(at.first) == 0);
    }
    SECTION("when its link is lost") {
        at.lose(at.second);
        CHECK(at.pump() == lines{"7 part 100", "7 part 100", "7 part 100"});
        CHECK(at.answer(at.first, type::returned, 1));
        const auto third = at.worker(9);
        CHECK(at.pump() == lines{"9 call 1/2"});
        CHECK(at.answer(third, type::result, 1, 2));
        CHECK(at.settled_calls() == lines{"1 ok"});
    }
    SECTION("not when the first one's link is lost") {
        at.lose(at.first);
        CHECK(at.pump() == lines{});
        lines said;
        std::uint64_t sent = 400;
        for (int i = 0; i < 100 && (said.empty() || said.back() != "8 call 1/2"); ++i) {
            at.ms += 10;
            CHECK(at.calls.taken(at.second, sent, at_ms(at.ms)));
            said = at.pump();
            for (const auto& line : said) {
                if (line.starts_with("8 part ")) sent += std::stoull(line.substr(7));
                if (line == "8 call 2/1") sent = 4000;  // with what was left of it
            }
        }
        REQUIRE_FALSE(said.empty());
        CHECK(said.back() == "8 call 1/2");
        CHECK(at.answer(at.second, type::result, 1, 2));
        CHECK(at.settled_calls() == lines{"1 ok"});
        CHECK(at.calls.outstanding() == 1);
    }
}
