// Which worker gets which call, and what becomes of each: PROTOCOL.md, "Manager, one call".
#include "catch.hpp"

#include "dispatcher_desk.hpp"
#include "maus/wire/call_extensions.hpp"

using namespace talk;
using core::call_id;
using core::dispatcher;
using core::duration;
using core::group_id;
using core::link_end;
using core::link_index;
using core::settled;
using std::chrono::milliseconds;

namespace {

maus::call_options once() {
    maus::call_options made;
    made.delivery = maus::delivery::at_most_once;
    return made;
}

}  // namespace

TEST_CASE("dispatcher: calls go to all workers, not all to the first") {
    desk at;
    at.worker(7);
    at.worker(8);
    for (int i = 0; i < 4; ++i) at.submit();
    CHECK(at.pump() == lines{"7 call 1/1", "7 call 3/1", "8 call 2/1", "8 call 4/1"});
}

TEST_CASE("dispatcher: a small call does not go behind a large one if another worker has room") {
    desk at;
    const auto first = at.worker(7);
    at.worker(8);
    at.submit({}, 0, 1u << 20);
    for (int i = 0; i < 3; ++i) at.submit();
    CHECK(at.pump() == lines{"7 call 1/1", "8 call 2/1", "8 call 3/1", "7 call 4/1"});

    at.answer(first, wire::record_type::result, 1);
    at.answer(first, wire::record_type::result, 4);
    at.submit({}, 0, 1u << 20);
    CHECK(at.pump() == lines{"7 call 5/1"});
    at.pass(100);  // it has arrived long since
    at.submit();
    CHECK(at.pump() == lines{"7 call 6/1"});
}

TEST_CASE("dispatcher: large arguments that were answered are on their way no longer") {
    desk at;
    const auto first = at.worker(7);
    const auto second = at.worker(8);
    at.submit({}, 0, 1u << 20);
    CHECK(at.pump() == lines{"7 call 1/1"});
    at.answer(first, wire::record_type::result, 1);
    for (int i = 0; i < 2; ++i) at.submit();
    CHECK(at.pump() == lines{"8 call 2/1", "7 call 3/1"});
    at.answer(second, wire::record_type::result, 2);
    for (int i = 0; i < 3; ++i) at.submit();
    CHECK(at.pump() == lines{"8 call 4/1", "8 call 6/1", "7 call 5/1"});
}

TEST_CASE("dispatcher: a small call goes behind a large one rather than to wait in a queue") {
    desk at;
    at.worker(7, 4);
    at.worker(8, 2);
    at.submit({}, 0, 1u << 20);
    for (int i = 0; i < 5; ++i) at.submit();
    CHECK(at.pump() == lines{"7 call 1/1", "8 call 2/1", "8 call 3/1", "7 call 4/1", "7 call 5/1",
                             "7 call 6/1"});
}

TEST_CASE("dispatcher: a call settles once, however often it is answered") {
    desk at;
    const auto first = at.worker(7);
    at.submit();
    at.pump();
    CHECK(at.answer(first, wire::record_type::result, 1));
    CHECK(at.answer(first, wire::record_type::result, 1));
    CHECK(at.settled_calls() == lines{"1 ok"});
    CHECK(at.calls.counters().stale_answers == 1);
    CHECK(at.calls.outstanding() == 0);
}

TEST_CASE("dispatcher: another worker's answer, or an older attempt's, does not count") {
    desk at;
    const auto first = at.worker(7);
    at.submit();
    at.pump();
    at.lose(first);
    const auto second = at.worker(8);
    CHECK(at.pump() == lines{"8 call 1/2"});
    const auto third = at.worker(9);
    CHECK(at.answer(second, wire::record_type::result, 1, 1));
    CHECK(at.answer(third, wire::record_type::result, 1, 2));
    CHECK(at.done.empty());
    CHECK(at.calls.counters().stale_answers == 2);
    CHECK(at.answer(second, wire::record_type::result, 1, 2));
    CHECK(at.settled_calls() == lines{"1 ok"});
}

TEST_CASE("dispatcher: a lost worker's calls go on, oldest first and before newer ones") {
    desk at;
    const auto first = at.worker(7);
    at.submit();
    at.submit();
    CHECK(at.pump() == lines{"7 call 1/1", "7 call 2/1"});
    at.submit();
    at.lose(first, link_end::released);
    at.worker(8);
    CHECK(at.pump() == lines{"8 call 1/2", "8 call 2/2"});
}

TEST_CASE("dispatcher: a worker that refuses its lease costs no call a start") {
    desk at;
    maus::call_options one_start;
    one_start.max_crashes = 1;
    for (std::uint64_t worker = 7; worker < 10; ++worker) {
        const auto refuses = at.worker(worker);
        if (worker == 7) at.submit(one_start);
        const std::string number = std::to_string(worker);
        CHECK(at.pump() == lines{number + " call 1/" + std::to_string(worker - 6)});
        at.lose(refuses, link_end::refused);
        CHECK(at.settled_calls().empty());
    }
    const auto last = at.worker(10);
    CHECK(at.pump() == lines{"10 call 1/4"});
    at.lose(last);
    CHECK(at.settled_calls() == lines{"1 poisoned"});
}

TEST_CASE("dispatcher: who only waited behind a crash is not blamed for it") {
    desk at;
    maus::call_options one_start;
    one_start.max_crashes = 1;
    const auto first = at.worker(7);
    at.submit(one_start);
    at.submit(one_start);
    at.pump();
    at.lose(first);
    CHECK(at.settled_calls() == lines{"1 poisoned"});
    at.worker(8);
    CHECK(at.pump() == lines{"8 call 2/2"});
}

TEST_CASE(
    "dispatcher: at the cap a call is poisoned, with its attempts; a cap of 0 is not endless") {
    for (const std::uint8_t cap : {std::uint8_t{0}, std::uint8_t{1}, std::uint8_t{3}}) {
        desk at;
        maus::call_options options;
        options.max_crashes = cap;
        at.submit(options);
        const std::size_t tries = std::max<std::size_t>(cap, 1);
        for (std::size_t i = 0; i < tries; ++i) {
            const auto next = at.worker(7 + i);
            CHECK(at.pump().size() == 1);
            at.lose(next);
        }
        REQUIRE(at.done.size() == 1);
        CHECK(at.done[0].result.error == errc::poisoned);
        CHECK(at.done[0].result.about->attempts.size() == tries);
        CHECK(at.done[0].result.about->attempts[0].worker == "7");
    }
}

TEST_CASE("dispatcher: who seemed to wait and then kills its workers has started before") {
    desk at;
    const auto first = at.worker(7);
    at.submit();
    at.submit();
    at.pump();
    at.lose(first);
    const auto second = at.worker(8);
    at.pump();
    CHECK(at.answer(second, wire::record_type::result, 1, 2));
    CHECK(at.pump() == lines{"8 call 2/2"});
    at.lose(second);
    const auto third = at.worker(9);
    CHECK(at.pump() == lines{"9 call 2/3"});
    at.lose(third);
    REQUIRE(at.done.size() == 2);
    REQUIRE(at.done[1].result.about != nullptr);
    CHECK(at.done[1].result.about->attempts.size() == 3);
    CHECK(at.settled_calls() == lines{"1 ok", "2 poisoned"});
}

TEST_CASE("dispatcher: a suspect is tried with nothing beside it") {
    desk at;
    const auto first = at.worker(7);
    at.submit();
    at.submit();
    at.pump();
    at.lose(first);
    const auto second = at.worker(8);
    CHECK(at.pump() == lines{"8 call 1/2"});
    CHECK(at.answer(second, wire::record_type::result, 1, 2));
    CHECK(at.pump() == lines{"8 call 2/2"});
}

TEST_CASE("dispatcher: a suspect gets a worker even if others keep it busy") {
    desk at;
    const auto first = at.worker(7);
    at.submit();
    at.pump();
    const auto second = at.worker(8);
    at.submit();
    CHECK(at.pump() == lines{"8 call 2/1"});
    at.lose(first);
    at.submit();
    CHECK(at.pump().empty());  // 8 is kept free for the suspect
    CHECK(at.answer(second, wire::record_type::result, 2));
    CHECK(at.pump() == lines{"8 call 1/2"});
    CHECK(at.answer(second, wire::record_type::result, 1, 2));
    CHECK(at.pump() == lines{"8 call 3/1"});
}

TEST_CASE("dispatcher: at_most_once is never handed out again") {
    desk at;
    const auto first = at.worker(7);
    at.submit(once());
    at.submit(once());
    at.submit(once());
    CHECK(at.pump() == lines{"7 call 1/1", "7 call 2/1"});
    CHECK(at.answer(first, wire::record_type::returned, 2));
    at.lose(first);
    CHECK(at.settled_calls() == lines{"2 cancelled", "1 maybe_executed"});
    at.worker(8);
    CHECK(at.pump() == lines{"8 call 3/1"});  // it had not been handed out
}

TEST_CASE("dispatcher: a cancelled call may be answered with any error") {
    for (std::uint8_t code = 1; code < 40; ++code) {
        desk at;
        const auto worker = at.worker(7);
        at.submit();
        at.pump();
        at.calls.cancel(at.ids[0], "test", at.out, at.done);
        CHECK(at.settled_calls() == lines{"1 cancelled"});
        CHECK(at.fail(worker, 1, code));
        CHECK(at.settled_calls().empty());
        CHECK(at.calls.counters().stale_answers == 1);
    }
}

TEST_CASE("dispatcher: a cancelled call's answer comes too late, and frees its worker") {
    desk at;
    const auto first = at.worker(7);
    at.submit();
    at.submit();
    at.submit();
    at.pump();
    at.calls.cancel(at.ids[0], "test", at.out, at.done);
    at.calls.cancel(at.ids[2], "test", at.out, at.done);
    CHECK(at.settled_calls() == lines{"1 cancelled", "3 cancelled"});
    CHECK(at.pump() == lines{"7 cancel 1/1"});
    CHECK(at.answer(first, wire::record_type::result, 1));
    CHECK(at.done.empty());
    at.submit();
    CHECK(at.pump() == lines{"7 call 4/1"});
    CHECK(at.calls.outstanding() == 2);
}

TEST_CASE("dispatcher: a call with a deadline settles by it, waiting or running") {
    desk at;
    maus::call_options soon;
    soon.timeout = milliseconds{10};
    at.worker(7);
    for (int i = 0; i < 3; ++i) at.submit(soon);
    at.pump();
    CHECK(at.calls.next_deadline() == at_ms(10));
    at.pass(9);
    CHECK(at.done.empty());
    at.pass(10);
    CHECK(at.settled_calls() ==
          lines{"1 deadline_exceeded", "2 deadline_exceeded", "3 deadline_exceeded"});
    soon.timeout = duration::zero();
    at.submit(soon);
    CHECK(at.settled_calls() == lines{"4 deadline_exceeded"});
}

TEST_CASE("dispatcher: an attempt's time runs from when it may have started, not while it waits") {
    desk at;
    maus::call_options patient;
    patient.attempt_timeout = milliseconds{10};
    const auto first = at.worker(7);
    at.submit(patient);
    at.submit(patient);
    at.pump();
    at.ms = 8;
    CHECK(at.answer(first, wire::record_type::result, 1));
    CHECK(at.pass(17).empty());
    CHECK(at.pass(18) == std::vector<link_index>{first});
    CHECK(at.settled_calls() == lines{"1 ok", "2 attempt_timeout"});
}

TEST_CASE("dispatcher: without workers, a group's patience ends") {
    core::group_policy policy;
    policy.no_workers_timeout = milliseconds{10};
    desk at{policy};
    at.submit();
    at.pass(9);
    CHECK(at.done.empty());
    CHECK(at.calls.next_deadline() == at_ms(10));
    at.pass(10);
    CHECK(at.settled_calls() == lines{"1 no_workers"});
}

TEST_CASE("dispatcher: what no worker exposes is refused, and the difference is told") {
    desk at;
    at.worker(7, 1, {"f(i32)->void"});
    at.submit();
    at.submit({}, 1);
    CHECK(at.settled_calls() == lines{"1 signature_mismatch", "2 no_such_function"});
}

// maus-sim, seed 5: such a call waited for ever.
TEST_CASE("dispatcher: what only a lost worker exposed waits for its successor, and no longer") {
    desk at;
    at.worker(7);
    const auto second = at.worker(8, 1, {"g()->void"});
    at.submit({}, 1);
    CHECK(at.pump() == lines{"8 call 1/1"});
    at.lose(second, link_end::released);
    CHECK(at.done.empty());  // the worker that is to come may have it
    at.worker(9);
    CHECK(at.done.empty());
    at.calls.complete({1}, at.done);
    CHECK(at.settled_calls() == lines{"1 no_such_function"});
    at.worker(10, 1, {"g()->void"});
    at.submit({}, 1);
    CHECK(at.pump() == lines{"10 call 2/1"});
}

TEST_CASE("dispatcher: a worker that runs dry gets more at a time, however long the way is") {
    desk at;
    const auto far = at.worker(7);
    at.calls.round_trip(far, milliseconds{1});
    constexpr std::uint64_t calls = 300;
    for (std::uint64_t i = 0; i < calls; ++i) at.submit();
    std::uint64_t answered = 0;
    std::vector<std::size_t> rounds;
    while (answered < calls && rounds.size() < calls) {
        rounds.push_back(at.pump().size());
        at.pass(at.ms + 50);  // the way there and back, on a machine that has become busy
        for (std::size_t i = 0; i < rounds.back(); ++i) {
            CHECK(at.answer(far, wire::record_type::result, ++answered));
        }
    }
    CHECK(answered == calls);
    CHECK(rounds.size() < 10);
}

TEST_CASE("dispatcher: who was fast and becomes slow hoards nothing any more") {
    desk at;
    const auto one = at.worker(7);
    at.calls.round_trip(one, milliseconds{1});
    for (int i = 0; i < 1000; ++i) at.submit();
    std::uint64_t sent = at.pump().size(), answered = 0;
    CHECK(sent == 2);  // what it runs, and one more
    const auto answers_after = [&](std::int64_t ms, std::uint64_t many) {
        at.pass(at.ms + ms);
        for (; many > 0; --many) CHECK(at.answer(one, wire::record_type::result, ++answered));
        sent += at.pump().size();
        return sent - answered;
    };
    std::uint64_t held = sent;
    for (int i = 0; i < 20; ++i) held = answers_after(1, held - 1);
    CHECK(held > 10);
    while (held > 2) {
        const std::uint64_t less = answers_after(50, 1);
        REQUIRE(less < held);  // it is sent nothing more
        held = less;
    }
    for (int i = 0; i < 5; ++i) CHECK(answers_after(50, 1) == 2);
}

TEST_CASE("dispatcher: a detached function gives its slot to another call") {
    desk at;
    const auto first = at.worker(7);
    at.submit();
    at.submit();
    at.submit();
    CHECK(at.pump() == lines{"7 call 1/1", "7 call 2/1"});
    CHECK(at.answer(first, wire::record_type::detached, 1));
    CHECK(at.pump() == lines{"7 call 3/1"});
    CHECK_FALSE(at.answer(first, wire::record_type::detached, 1));
    CHECK(at.answer(first, wire::record_type::result, 1));
    CHECK(at.settled_calls() == lines{"1 ok"});
}

TEST_CASE("dispatcher: who detaches everything holds a few, and more as it answers") {
    desk at;
    at.bounds.detached_per_slot_max = 4;
    const auto hoarder = at.worker(7);
    std::uint64_t sent = 0;
    const auto detach_all = [&] {
        for (auto said = at.pump(); !said.empty(); said = at.pump()) {
            for (std::size_t i = 0; i < said.size(); ++i) {
                CHECK(at.answer(hoarder, wire::record_type::detached, ++sent));
            }
        }
    };
    for (int i = 0; i < 100; ++i) at.submit();
    detach_all();
    CHECK(sent >= 4);
    CHECK(sent <= 4 + 2);  // a slot's worth may be on its way
    // Each answer makes room for two: its own, and one more.
    const std::uint64_t held = sent;
    for (std::uint64_t ticket = 1; ticket <= held; ++ticket) {
        CHECK(at.answer(hoarder, wire::record_type::result, ticket));
    }
    detach_all();
    CHECK(sent - held >= 2 * 4);
    CHECK(sent - held <= 2 * held + 8);
}

TEST_CASE("dispatcher: what a worker holds is bounded in bytes, too") {
    const bool has_another = GENERATE(false, true);
    desk at;
    at.bounds.queued_bytes_max = 1000;
    const auto worker = at.worker(7, 16);
    if (has_another) at.worker(8, 1, {"g()->void"});
    for (int i = 0; i < 9; ++i) at.submit({}, 0, 300);
    CHECK(at.pump() == lines{"7 call 1/1", "7 call 2/1"});
    CHECK(at.pump().empty());
    CHECK(at.answer(worker, wire::record_type::result, 1));
    CHECK(at.pump() == lines{"7 call 3/1"});
    // A settled call's bytes count as long as its worker has it.
    at.calls.cancel(at.ids[1], "", at.out, at.done);
    CHECK(at.pump() == lines{"7 cancel 2/1"});
    CHECK(at.answer(worker, wire::record_type::returned, 2));
    CHECK(at.pump() == lines{"7 call 4/1"});
}

TEST_CASE("dispatcher: who has detached few works on beside them as ever") {
    desk at;
    at.bounds.detached_per_slot_max = 2;
    const auto worker = at.worker(7);
    for (int i = 0; i < 50; ++i) at.submit();
    CHECK(at.pump().size() == 2);
    CHECK(at.answer(worker, wire::record_type::detached, 1));
    for (std::uint64_t ticket = 2; ticket <= 40; ++ticket) {
        at.pump();
        CHECK(at.answer(worker, wire::record_type::result, ticket));
    }
}

TEST_CASE("dispatcher: who returns every call and pings is sent fewer and fewer") {
    desk at;
    const auto worker = at.worker(7);
    at.submit();
    std::uint32_t bounces = 0;
    const auto bounce_until = [&](std::int64_t end_ms) {
        for (; at.ms < end_ms; ++at.ms) {
            at.calls.resume(worker, at_ms(at.ms));
            if (!at.pump().empty()) {
                CHECK(at.answer(worker, wire::record_type::returned, 1, ++bounces));
            }
        }
    };
    bounce_until(60'000);
    CHECK(bounces > 10);
    CHECK(bounces < 30);
    // An answer ends it.
    at.submit();
    at.ms += 10'000;
    at.calls.resume(worker, at_ms(at.ms));
    CHECK(at.pump().size() == 2);
    CHECK(at.answer(worker, wire::record_type::result, 2));
    CHECK(at.answer(worker, wire::record_type::returned, 1, ++bounces));
    CHECK(at.pump().empty());
    at.calls.resume(worker, at_ms(at.ms));
    CHECK(at.pump().size() == 1);
}

TEST_CASE("dispatcher: a released group's calls settle, and its workers' answers find nobody") {
    desk at;
    const auto first = at.worker(7);
    for (int i = 0; i < 3; ++i) at.submit();
    at.pump();
    at.calls.remove_group({1}, errc::cancelled, "test", at.done);
    CHECK(at.settled_calls() == lines{"1 cancelled", "2 cancelled", "3 cancelled"});
    CHECK(at.answer(first, wire::record_type::result, 1));
    at.lose(first, link_end::released);
    CHECK(at.done.empty());
    CHECK(at.calls.outstanding() == 0);
    at.submit();
    CHECK(at.settled_calls() == lines{"4 cancelled"});
}

TEST_CASE("dispatcher: a settled call leaves no timer behind") {
    desk at;
    const auto first = at.worker(7);
    maus::call_options patient;
    patient.timeout = patient.attempt_timeout = std::chrono::hours{1};
    std::size_t most = 0;
    for (std::uint64_t ticket = 1; ticket <= 20'000; ++ticket) {
        at.submit(patient);
        at.pump();
        CHECK(at.answer(first, wire::record_type::result, ticket));
        most = std::max(most, at.calls.timer_count());
    }
    CHECK(at.done.size() == 20'000);
    CHECK(most <= core::timer_heap<int>::untidied_max);
}

TEST_CASE("dispatcher: the timers of calls that are not settled outlast all others") {
    desk at;
    const auto first = at.worker(7, 2000);
    maus::call_options patient;
    patient.timeout = milliseconds{1000};
    for (int i = 0; i < 1000; ++i) at.submit(patient);
    at.pump();
    for (std::uint64_t ticket = 1001; ticket <= 5000; ++ticket) {
        at.submit(patient);
        at.pump();
        CHECK(at.answer(first, wire::record_type::result, ticket));
    }
    CHECK(at.calls.timer_count() <= 4000);
    at.done.clear();
    at.pass(1000);
    CHECK(at.done.size() == 1000);
    CHECK(at.calls.timer_count() == 0);
}

// --- large calls ----------------------------------------------------------------------------------

namespace {
// Payloads from 50 bytes on are large, pieces have 100, and 400 may be on their way.
struct slow_desk : desk {
    std::uint64_t came = 0;

    slow_desk() { bounds.payload_apart_bytes = 50; }
    link_index slow_worker(std::uint64_t route, std::uint32_t concurrency = 1) {
        const link_index made = calls.add_link(
            {base::route{route}, {}}, std::to_string(route), {"f()->void"}, concurrency, {},
            std::make_unique<core::transfers>(core::transfers::side::manager, settings));
        calls.join(made, {1}, done);
        return made;
    }
    bool taken(link_index from, std::uint64_t bytes) {
        came += bytes;
        return calls.taken(from, came, at_ms(ms));
    }
};

maus::call_options capped(std::uint8_t starts) {
    maus::call_options made;
    made.max_crashes = starts;
    return made;
}
maus::call_options no_longer_than(std::int64_t ms) {
    maus::call_options made;
    made.timeout = milliseconds{ms};
    return made;
}
}  // namespace

TEST_CASE("dispatcher: a small call overtakes a large one that is on its way") {
    slow_desk at;
    const auto worker = at.slow_worker(7);
    at.submit({}, 0, 550);
    at.submit();
    CHECK(at.pump() == lines{"7 call 2/1", "7 part 100", "7 part 100", "7 part 100", "7 part 100"});
    REQUIRE(at.taken(worker, 100));
    CHECK(at.pump() == lines{"7 part 100", "7 call 1/1"});
    CHECK(at.answer(worker, wire::record_type::result, 1));
    CHECK(at.answer(worker, wire::record_type::result, 2));
    CHECK(at.settled_calls() == lines{"1 ok", "2 ok"});
}

TEST_CASE("dispatcher: what is sent to its end stands behind what was sent before") {
    slow_desk at;
    const auto worker = at.slow_worker(7);
    at.submit(capped(1), 0, 450);
    at.submit(capped(1));
    (void)at.pump();
    REQUIRE(at.taken(worker, 100));
    CHECK(at.pump() == lines{"7 call 1/1"});
    at.lose(worker);  // the second one came first, so it ran
    CHECK(at.settled_calls() == lines{"2 poisoned"});
    at.slow_worker(8);
    CHECK(at.pump().size() >= 4);
}

TEST_CASE(
    "dispatcher: a call of which only parts were sent is not blamed for the loss of its worker") {
    slow_desk at;
    auto worker = at.slow_worker(7);
    at.submit(once(), 0, 1000);
    at.submit(capped(1), 0, 1000);
    CHECK(at.pump().size() == 4);
    at.lose(worker);
    CHECK(at.settled_calls().empty());
    CHECK(at.calls.outstanding() == 2);
    at.came = 0;
    worker = at.slow_worker(8);
    CHECK(at.pump().size() == 4);
    lines said;
    for (int i = 0; i < 16; ++i) {
        REQUIRE(at.taken(worker, 100));
        for (auto& each : at.pump()) said.push_back(std::move(each));
    }
    CHECK(std::count(said.begin(), said.end(), "8 call 1/1") == 1);
    CHECK(std::count(said.begin(), said.end(), "8 call 2/1") == 1);
    at.lose(worker);
    CHECK(at.settled_calls() == lines{"1 maybe_executed"});
}

TEST_CASE(
    "dispatcher: a call that is cancelled while it is sent is given up, and gives its credit "
    "back") {
    slow_desk at;
    const auto worker = at.slow_worker(7);
    at.submit({}, 0, 1000);
    at.submit(no_longer_than(50), 0, 1000);
    at.submit({}, 0, 450);
    CHECK(at.pump().size() == 4);
    at.calls.cancel(at.ids[0], "not wanted", at.out, at.done);
    (void)at.pass(100);
    CHECK(at.settled_calls() == lines{"1 cancelled", "2 deadline_exceeded"});
    CHECK(at.pump() == lines{"7 part 0"});
    for (int i = 0; i < 4; ++i) REQUIRE(at.taken(worker, 100));
    CHECK(at.pump().back() == "7 call 3/1");
    CHECK(at.answer(worker, wire::record_type::result, 3));
    CHECK(at.settled_calls() == lines{"3 ok"});
    at.submit();
    CHECK(at.pump() == lines{"7 call 4/1"});
}

TEST_CASE("dispatcher: an answer to a call that its worker cannot know of counts for nothing") {
    slow_desk at;
    const auto worker = at.slow_worker(7);
    at.submit({}, 0, 1000);
    CHECK(at.pump().size() == 4);
    CHECK(at.answer(worker, wire::record_type::result, 1));
    CHECK(at.answer(worker, wire::record_type::returned, 1));
    CHECK(at.settled_calls().empty());
    CHECK(at.calls.counters().stale_answers == 2);
}

TEST_CASE("dispatcher: the time of an attempt runs from when its last piece was sent") {
    slow_desk at;
    const auto worker = at.slow_worker(7);
    maus::call_options impatient;
    impatient.attempt_timeout = milliseconds{100};
    at.submit(impatient, 0, 450);
    CHECK(at.pump().size() == 4);
    CHECK(at.pass(1000).empty());
    REQUIRE(at.taken(worker, 100));
    CHECK(at.pump() == lines{"7 call 1/1"});
    CHECK(at.pass(1099).empty());
    CHECK(at.pass(1100).size() == 1);
    CHECK(at.settled_calls() == lines{"1 attempt_timeout"});
}

TEST_CASE(
    "dispatcher: taken by a worker that lacks the feature, or more than was sent, is refused") {
    slow_desk at;
    const auto slow = at.slow_worker(7);
    const auto old = at.worker(8);
    CHECK_FALSE(at.taken(old, 0));
    CHECK_FALSE(at.taken(slow, 1));
}

namespace {
maus::call_options urgent(maus::priority how) {
    maus::call_options made;
    made.priority = how;
    return made;
}
/// The tickets of the calls that were sent, in order.
std::vector<int> tickets_of(const lines& said) {
    std::vector<int> all;
    for (const auto& line : said) {
        all.push_back(std::stoi(line.substr(line.find(" call ") + 6)));
    }
    return all;
}
}  // namespace

TEST_CASE("dispatcher: of calls that wait the most urgent goes first, of those the oldest") {
    desk at;
    for (const auto how : {maus::priority::low, maus::priority::normal, maus::priority::high,
                           maus::priority::normal, maus::priority::high}) {
        at.submit(urgent(how));
    }
    at.worker(7, 5);
    CHECK(tickets_of(at.pump()) == std::vector{3, 5, 2, 4, 1});
}

TEST_CASE("dispatcher: of eight calls one is the oldest, so that none waits for ever") {
    desk at;
    at.submit(urgent(maus::priority::low), 1);
    for (int i = 0; i < 20; ++i) at.submit(urgent(maus::priority::high));
    at.worker(7, 30, {"f()->void", "g()->void"});
    const auto sent = tickets_of(at.pump());
    CHECK(sent.size() == 21);
    CHECK(std::find(sent.begin(), sent.end(), 1) - sent.begin() == 7);
}

TEST_CASE("dispatcher: an urgent call that comes back takes its old place") {
    desk at;
    const auto first = at.worker(7);
    at.submit(urgent(maus::priority::high));
    at.submit(urgent(maus::priority::low));
    (void)at.pump();
    at.lose(first, link_end::released);
    at.submit(urgent(maus::priority::high));
    at.worker(8, 3);
    CHECK(tickets_of(at.pump()) == std::vector{1, 3, 2});
}

TEST_CASE("dispatcher: what travels with a call travels with each attempt, and time passes") {
    desk at;
    maus::call_options options;
    options.timeout = std::chrono::seconds{10};
    options.label = "nightly";
    options.trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const auto sent_with = [&](std::int64_t ms) {
        at.ms = ms;
        at.calls.pump(at_ms(ms), at.out, at.done);
        REQUIRE(at.out.effects().size() == 1);
        auto& message = std::get<core::send>(at.out.effects().front()).message;
        wire::link_reader records{message};
        wire::record record;
        REQUIRE(records.next(record));
        const auto read = wire::decode_call_extensions(record.extended, at.bounds);
        REQUIRE(read);
        CHECK(read->label == "nightly");
        CHECK(read->trace == options.trace);
        const core::duration left = read->time_left.value();
        at.out.clear();
        return left;
    };
    const std::size_t bytes = GENERATE(0u, 100'000u);  // inside of its record, and apart
    const auto first = at.worker(7);
    at.submit(options, 0, bytes);
    CHECK(sent_with(1000) == std::chrono::seconds{9});
    at.lose(first);
    at.worker(8);
    CHECK(sent_with(4000) == std::chrono::seconds{6});
}
