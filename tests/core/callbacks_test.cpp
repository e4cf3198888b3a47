// Functions as arguments in the pure rooms: who is called, what slots and time a function that waits for
// its caller takes, and what a worker asks at a time.
#include "catch.hpp"

#include "dispatcher_desk.hpp"
#include "maus/core/callbacks.hpp"
#include "maus/core/open_callbacks.hpp"
#include "maus/wire/function_reference.hpp"
#include "maus/wire/signature.hpp"

using namespace talk;
using maus::errc;
namespace core = maus::core;
namespace wire = maus::wire;

namespace {

using orphans = core::placement::orphans;

core::job_callback asked(std::uint64_t id, maus::base::instant deadline = core::never) {
    return {1, {{7}, {1}}, {id, 0}, {}, deadline};
}

/// The call's function asks its caller.
bool ask(desk& at, core::link_index from, std::uint64_t ticket, std::uint32_t attempt = 1) {
    const auto of = at.calls.begin_callback(from, {at.ids[ticket - 1], {attempt}}, at_ms(at.ms));
    return of && of.value() == ticket;
}
void reply(desk& at, core::link_index from, std::uint64_t ticket, std::uint32_t attempt = 1) {
    at.calls.end_callback(from, {at.ids[ticket - 1], {attempt}}, at_ms(at.ms));
}

void submit_nested(desk& at, maus::call_options options = {}) {
    core::submission what;
    what.options = options;
    what.group = {1};
    what.method = {0};
    what.ticket = ++at.tickets;
    what.nested = true;
    at.ids.push_back(at.calls.submit(std::move(what), at_ms(at.ms), at.done));
}

}  // namespace

TEST_CASE("callbacks: no more at a time than there is room for; those behind come in order") {
    core::callbacks line(2);
    CHECK(line.add(asked(1)));
    CHECK(line.add(asked(2)));
    CHECK(!line.add(asked(3)));
    CHECK(!line.add(asked(4)));
    CHECK(!line.next());
    CHECK(line.answered());
    CHECK(line.close(1));
    const auto third = line.next();
    REQUIRE(third);
    CHECK(third->which.id == 3);
    CHECK(!line.next());
    CHECK(line.answered());
    CHECK(line.next()->which.id == 4);
    CHECK(line.answered());
    CHECK(line.answered());
    CHECK(!line.answered());  // none is due
}

TEST_CASE("callbacks: there is room as long as nobody stands in line") {
    core::callbacks line(2);
    CHECK(line.has_room());
    CHECK(line.add(asked(1)));
    CHECK(line.has_room());
    CHECK(line.add(asked(2)));
    CHECK(!line.has_room());
    CHECK(!line.add(asked(3)));
    CHECK(line.answered());
    CHECK(!line.has_room());  // that is for the third
    CHECK(line.next());
    CHECK(line.answered());
    CHECK(line.has_room());
}

TEST_CASE("callbacks: one whose deadline has passed is told once, and is not sent any more") {
    core::callbacks line(1);
    CHECK(line.add(asked(1, at_ms(50))));
    CHECK(!line.add(asked(2, at_ms(60))));
    CHECK(line.next_deadline() == at_ms(50));
    CHECK(!line.pop_overdue(at_ms(49)));
    CHECK(line.pop_overdue(at_ms(60)) == 1u);
    CHECK(line.pop_overdue(at_ms(60)) == 2u);
    CHECK(!line.pop_overdue(at_ms(60)));
    CHECK(!line.close(1));   // its late answer is for nobody
    CHECK(line.answered());  // but gives the room back
    CHECK(!line.next());     // and nobody waits for what stood behind it
}

TEST_CASE("open callbacks: each is closed once, by its answer or with its attempt") {
    const wire::attempt one{{7}, {1}}, other{{8}, {1}};
    core::open_callbacks open;
    const auto first = open.add(one, {1, 0}, 10);
    const auto second = open.add(one, {2, 0}, 20);
    const auto third = open.add(other, {3, 0}, 30);
    CHECK(open.count() == 3);
    CHECK(open.bytes() == 60);
    CHECK(!open.close(first, one, {2, 0}));
    CHECK(!open.close(first, other, {1, 0}));
    CHECK(!open.close(99, one, {1, 0}));
    CHECK(open.close(first, one, {1, 0}));
    CHECK(!open.close(first, one, {1, 0}));
    const auto closed = open.close_all(one);
    REQUIRE(closed.size() == 1);
    CHECK(closed[0].id == 2);
    CHECK(!open.close(second, one, {2, 0}));
    CHECK(open.count() == 1);
    CHECK(open.bytes() == 30);
    // Their slots are used again, and an answer that comes late is not for who has one now.
    const auto fourth = open.add(one, {4, 0}, 1);
    CHECK((fourth == first || fourth == second));
    CHECK(!open.close(fourth, one, {2, 0}));
    CHECK(open.close(fourth, one, {4, 0}));
    CHECK(open.close(third, other, {3, 0}));
    CHECK(open.count() == 0);
}

TEST_CASE("dispatcher: a function that waits for its caller gives its slot, and takes it again") {
    desk at;
    const auto one = at.worker(9);
    for (int i = 0; i < 4; ++i) at.submit();
    CHECK(at.pump() == lines{"9 call 1/1", "9 call 2/1"});
    CHECK(ask(at, one, 1));
    CHECK(at.calls.asking_at(one) == 1);
    CHECK(at.pump() == lines{"9 call 3/1"});
    CHECK(ask(at, one, 1));  // a second one of the same call
    CHECK(at.pump().empty());
    reply(at, one, 1);
    CHECK(at.calls.asking_at(one) == 1);
    reply(at, one, 1);
    CHECK(at.calls.asking_at(one) == 0);
    CHECK(at.answer(one, wire::record_type::result, 2));
    CHECK(at.pump().empty());  // it has two again
    CHECK(at.answer(one, wire::record_type::result, 1));
    CHECK(at.pump() == lines{"9 call 4/1"});
}

TEST_CASE("dispatcher: what a callable waits for goes beside all credit, and nothing else does") {
    desk at;
    const auto one = at.worker(9);
    for (int i = 0; i < 4; ++i) at.submit();
    CHECK(at.pump() == lines{"9 call 1/1", "9 call 2/1"});
    CHECK(ask(at, one, 1));
    CHECK(at.pump() == lines{"9 call 3/1"});
    // The functions of 2 and 3 may stand in line to ask, behind the callable of 1.
    submit_nested(at);
    CHECK(at.pump() == lines{"9 call 5/1"});
    reply(at, one, 1);
    submit_nested(at);
    CHECK(at.pump().empty());
}

TEST_CASE("dispatcher: who answers without waiting for its caller leaves nothing behind") {
    desk at;
    const auto one = at.worker(9);
    at.submit();
    at.submit();
    at.pump();
    CHECK(ask(at, one, 1));
    CHECK(at.answer(one, wire::record_type::result, 1));
    CHECK(at.calls.asking_at(one) == 0);
    CHECK(!ask(at, one, 1));
    reply(at, one, 1);  // too late, and for nobody
    CHECK(at.answer(one, wire::record_type::detached, 2));
    CHECK(ask(at, one, 2));
    CHECK(at.answer(one, wire::record_type::result, 2));
    for (int i = 0; i < 3; ++i) at.submit();
    CHECK(at.pump().size() == 2);  // one it runs and one ahead, as at first: no slot is lost or won
}

TEST_CASE("dispatcher: nobody is called back for a call that is settled, or for another's") {
    desk at;
    const auto one = at.worker(9), other = at.worker(8);
    at.submit();
    at.pump();
    CHECK(!ask(at, other, 1));
    CHECK(!ask(at, one, 1, 2));
    at.calls.cancel(at.ids[0], "not wanted", at.out, at.done);
    CHECK(!ask(at, one, 1));
}

// maus-sim, seeds 499 and 940: their callables, which ran on, kept the room in which others ask.
TEST_CASE("dispatcher: what a call has asked is told when nobody waits for it any more") {
    desk at;
    const auto one = at.worker(9);
    for (int i = 0; i < 3; ++i) at.submit();
    at.pump();
    CHECK(ask(at, one, 1));
    CHECK(at.calls.take_orphans().empty());
    at.calls.cancel(at.ids[0], "not wanted", at.out, at.done);
    CHECK(at.calls.take_orphans() == orphans{{one, {at.ids[0], {1}}}});
    reply(at, one, 1);  // as its manager does now
    CHECK(at.calls.asking_at(one) == 0);
    CHECK(at.answer(one, wire::record_type::result, 1));
    CHECK(at.calls.take_orphans().empty());
    CHECK(ask(at, one, 2));
    CHECK(at.answer(one, wire::record_type::result, 2));
    CHECK(at.calls.take_orphans() == orphans{{one, {at.ids[1], {1}}}});
}

// maus-sim, seed 2849: functions that stood in line to ask had all the room of what would let them go on.
TEST_CASE("dispatcher: what callables wait for has as much room again, and some of it is kept") {
    desk at;
    at.bounds.calls_per_worker_max = 3;
    const auto one = at.worker(9);
    for (int i = 0; i < 5; ++i) at.submit();
    CHECK(at.pump().size() == 2);
    CHECK(ask(at, one, 1));
    CHECK(at.pump() == lines{"9 call 3/1"});
    CHECK(ask(at, one, 2));
    CHECK(at.pump().empty());  // it holds three
    for (int i = 0; i < 4; ++i) submit_nested(at);
    CHECK(at.pump() == lines{"9 call 6/1", "9 call 7/1", "9 call 8/1"});
    // One of the nested ones does not wait for a callable, whose call would find no room.
    CHECK(ask(at, one, 6));
    CHECK(ask(at, one, 7));
    const auto refused = at.calls.begin_callback(one, {at.ids[7], {1}}, at_ms(0));
    REQUIRE(!refused);
    CHECK(refused.why().code == errc::overloaded);
    CHECK(ask(at, one, 7));  // it waits as it is
    CHECK(ask(at, one, 3));
    CHECK(at.answer(one, wire::record_type::result, 8));
    CHECK(at.pump() == lines{"9 call 9/1"});
}

// maus-sim, seeds 4206 and 5597.
TEST_CASE("dispatcher: a suspect that a callable waits for does not stand behind other suspects") {
    desk at;
    const auto first = at.worker(9, 4);
    const auto second = at.worker(8);
    at.submit();
    at.submit();
    submit_nested(at);
    CHECK(at.pump() == lines{"9 call 1/1", "9 call 3/1", "8 call 2/1"});
    CHECK(ask(at, second, 2));
    at.lose(first);
    CHECK(at.pump() == lines{"8 call 3/2"});
    CHECK(at.answer(second, wire::record_type::result, 3, 2));
    reply(at, second, 2);
    CHECK(at.answer(second, wire::record_type::result, 2));
    CHECK(at.pump() == lines{"8 call 1/2"});
}

// maus-sim, seed 2571: else it would be tried again without end.
TEST_CASE(
    "dispatcher: a nested suspect is blamed though it ran beside the call that waits for it") {
    desk at;
    const auto first = at.worker(9, 4);
    const auto second = at.worker(8);
    at.submit();
    at.submit();
    submit_nested(at, {.max_crashes = 2});
    CHECK(at.pump() == lines{"9 call 1/1", "9 call 3/1", "8 call 2/1"});
    CHECK(ask(at, second, 2));
    at.lose(first);
    CHECK(at.pump() == lines{"8 call 3/2"});
    reply(at, second, 2);  // so that 2 runs before it
    at.lose(second);
    CHECK(at.settled_calls() == lines{"3 poisoned"});
}

TEST_CASE("dispatcher: the time of an attempt stands still while it waits, and begins anew") {
    desk at;
    const auto one = at.worker(9);
    at.submit({.attempt_timeout = std::chrono::milliseconds{100}});
    at.pump();
    at.pass(50);
    CHECK(ask(at, one, 1));
    CHECK(at.pass(1000).empty());
    reply(at, one, 1);
    CHECK(at.pass(1099).empty());
    CHECK(at.pass(1100) == std::vector<core::link_index>{one});
    CHECK(at.settled_calls() == lines{"1 attempt_timeout"});
}

TEST_CASE("dispatcher: who waited is not to blame for what ran meanwhile, but alone it is") {
    desk at;
    const auto one = at.worker(9);
    at.submit({.max_crashes = 1});
    at.submit({.max_crashes = 1});
    at.pump();
    CHECK(ask(at, one, 1));
    at.lose(one);
    CHECK(at.settled_calls() == lines{"2 poisoned"});
    const auto two = at.worker(8);
    CHECK(at.pump() == lines{"8 call 1/2"});
    CHECK(ask(at, two, 1, 2));
    at.lose(two);
    CHECK(at.settled_calls() == lines{"1 poisoned"});
}

TEST_CASE(
    "dispatcher: a suspect that waits for its caller has beside it what it waits for, no more") {
    desk at;
    at.lose([&] {
        const auto first = at.worker(9);
        at.submit();
        at.pump();
        return first;
    }());
    const auto one = at.worker(8);
    CHECK(at.pump() == lines{"8 call 1/2"});
    at.submit();
    CHECK(at.pump().empty());
    CHECK(ask(at, one, 1, 2));
    CHECK(at.pump().empty());
    submit_nested(at);
    CHECK(at.pump() == lines{"8 call 3/1"});
    CHECK(at.answer(one, wire::record_type::result, 3));
    reply(at, one, 1, 2);
    CHECK(at.pump().empty());
    CHECK(at.answer(one, wire::record_type::result, 1, 2));
    CHECK(at.pump() == lines{"8 call 2/1"});
}

TEST_CASE("dispatcher: a function that is given a named one goes to who has both") {
    desk at;
    at.calls.define({2}, "h(fn<i32(i32)>)->void", {"f()->void", "g()->void"});
    at.worker(9, 1, {"f()->void", "h(fn<i32(i32)>)->void"});
    at.calls.complete({1}, at.done);
    at.submit({}, 2);
    REQUIRE(at.done.size() == 1);
    CHECK(at.done[0].result.error == errc::no_such_function);
    CHECK(at.done[0].result.about->text.find("g()->void") != std::string::npos);
    at.done.clear();
    at.worker(8, 1, {"f()->void", "g()->void", "h(fn<i32(i32)>)->void"});
    at.submit({}, 2);
    CHECK(at.pump() == lines{"8 call 2/1"});
}

TEST_CASE("signature: fn<R(A)> stands as a parameter, and nowhere else") {
    using wire::function_kind;
    for (const char* good : {"f(fn<i32(i32)>)->void", "f(i32,fn<void()>)->str",
                             "f(fn<list<i32>(map<str,i32>,any)>,i32)->any"}) {
        INFO(good);
        CHECK(wire::parse_signature(good).ok());
        CHECK(wire::takes_references(good));
        CHECK(wire::kind_of(good) == function_kind::with_references);
    }
    for (const char* bad : {"f(fn<i32(i32)>", "f(fn<i32(i32>)->void", "f(list<fn<i32(i32)>>)->void",
                            "f()->fn<i32()>", "f(fn<(i32)>)->void", "f(fn<i32(void)>)->void",
                            "f(fn<i32(fn<i32()>)>)->void", "f(fn<i32(...)>)->void"}) {
        INFO(bad);
        CHECK(!wire::parse_signature(bad).ok());
    }
    // A word that somebody may use some day is no reference.
    CHECK(wire::parse_signature("f(fn<i32>)->void").ok());
    CHECK(!wire::takes_references("f(fn<i32>)->void"));
    CHECK(wire::kind_of("fn(i32)->void") == function_kind::plain);
    CHECK(wire::kind_of("f(...)->any") == function_kind::dynamic);
}
