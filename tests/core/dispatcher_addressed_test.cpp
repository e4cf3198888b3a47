// Calls for one worker and no other (call_options::worker).
#include "catch.hpp"

#include "dispatcher_desk.hpp"

using namespace talk;
using type = wire::record_type;

namespace {

base::worker_id worker_of(std::uint8_t route) { return id<base::worker_id>(route); }

maus::call_options for_worker(std::uint8_t route) {
    maus::call_options made;
    made.worker = to_string(worker_of(route));
    return made;
}

struct addressing_desk : desk {
    core::link_index named(std::uint8_t route, std::uint32_t concurrency = 1,
                           std::vector<std::string> signatures = {"f()->void"}) {
        const auto made = calls.add_link({base::route{route}, {}}, to_string(worker_of(route)),
                                         std::move(signatures), concurrency);
        calls.join(made, {1}, done);
        return made;
    }
};

}  // namespace

TEST_CASE("addressed: a call for one worker goes to that one only, and others do not wait for it") {
    addressing_desk at;
    const auto first = at.named(7);
    at.named(8);
    for (int i = 0; i < 4; ++i) at.submit(for_worker(7));
    at.submit();
    at.submit();
    CHECK(at.pump() == lines{"7 call 1/1", "7 call 2/1", "8 call 5/1", "8 call 6/1"});
    CHECK(at.calls.queued({1}) == 2);
    CHECK(at.answer(first, type::result, 1));
    CHECK(at.pump() == lines{"7 call 3/1"});
    CHECK(at.settled_calls() == lines{"1 ok"});
}

TEST_CASE(
    "addressed: what a callable waits for overtakes what has to wait for credit, and nothing "
    "else") {
    addressing_desk at;
    const auto only = at.named(7);
    for (int i = 0; i < 4; ++i) at.submit(for_worker(7));
    CHECK(at.pump() == lines{"7 call 1/1", "7 call 2/1"});
    REQUIRE(at.calls.begin_callback(only, {at.ids[0], {1}}, at_ms(0)));
    CHECK(at.pump() == lines{"7 call 3/1"});
    core::submission what;
    what.group = {1};
    what.ticket = ++at.tickets;
    what.options = for_worker(7);
    what.nested = true;
    at.ids.push_back(at.calls.submit(std::move(what), at_ms(0), at.done));
    CHECK(at.pump() == lines{"7 call 5/1"});
    CHECK(at.calls.queued({1}) == 1);
}

TEST_CASE("addressed: its worker must serve the group") {
    addressing_desk at;
    at.submit(for_worker(7));
    CHECK(at.settled_calls() == lines{"1 worker_lost"});
    const auto first = at.named(7);
    at.lose(first);
    at.submit(for_worker(7));
    CHECK(at.settled_calls() == lines{"2 worker_lost"});
    CHECK(at.calls.outstanding() == 0);
    at.calls.add_group({2}, {}, at_ms(0));
    at.named(8);
    core::submission elsewhere;
    elsewhere.group = {2};
    elsewhere.method = {0};
    elsewhere.ticket = 3;
    elsewhere.options = for_worker(8);
    CHECK(at.calls.submit(std::move(elsewhere), at_ms(0), at.done).value == 0);
    CHECK(at.settled_calls() == lines{"3 worker_lost"});
}

TEST_CASE(
    "addressed: a call whose worker is lost goes to no other, sent or not, however it is lost") {
    addressing_desk at;
    const auto first = at.named(7);
    const auto how = GENERATE(core::link_end::lost, core::link_end::released);
    auto options = for_worker(7);
    if (GENERATE(true, false)) options.delivery = maus::delivery::at_most_once;
    for (int i = 0; i < 3; ++i) at.submit(options);
    at.submit();
    at.named(8);
    CHECK(at.pump() == lines{"7 call 1/1", "7 call 2/1", "8 call 4/1"});
    at.lose(first, how);
    REQUIRE(at.done.size() == 3);
    std::size_t sent = 0;
    for (const auto& each : at.done) sent += each.result.about->attempts.size();
    CHECK(sent == 2);  // of those that it was sent the attempts tell
    lines said = at.settled_calls();
    std::sort(said.begin(), said.end());
    CHECK(said == lines{"1 worker_lost", "2 worker_lost", "3 worker_lost"});
    CHECK(at.pump() == lines{});
    CHECK(at.calls.outstanding() == 1);
}

TEST_CASE("addressed: a call that is given back waits for the same worker") {
    addressing_desk at;
    const auto first = at.named(7);
    at.named(8);
    SECTION("at least once") {
        at.submit(for_worker(7));
        CHECK(at.pump() == lines{"7 call 1/1"});
        CHECK(at.answer(first, type::returned, 1));
        CHECK(at.pump() == lines{});
        CHECK(at.done.empty());
        SECTION("which stays") {
            at.calls.resume(first, at_ms(0));
            CHECK(at.pump() == lines{"7 call 1/2"});
        }
        SECTION("which leaves") {
            at.lose(first);
            CHECK(at.settled_calls() == lines{"1 worker_lost"});
        }
    }
    SECTION("at most once it is over") {
        auto options = for_worker(7);
        options.delivery = maus::delivery::at_most_once;
        at.submit(options);
        CHECK(at.pump() == lines{"7 call 1/1"});
        CHECK(at.answer(first, type::returned, 1));
        CHECK(at.settled_calls() == lines{"1 worker_lost"});
    }
}

TEST_CASE("addressed: the function must be its worker's") {
    addressing_desk at;
    at.named(7);
    at.named(8, 1, {"g()->void", "f(i32)->void"});
    at.submit(for_worker(8), 0);
    at.submit(for_worker(7), 1);
    CHECK(at.settled_calls() == lines{"1 signature_mismatch", "2 no_such_function"});
    at.submit(for_worker(8), 1);
    CHECK(at.pump() == lines{"8 call 3/1"});
}

TEST_CASE(
    "addressed: neither those for one worker nor those for any keep the other waiting for ever") {
    addressing_desk at;
    const auto only = at.named(7);
    at.submit();
    at.submit(for_worker(7));
    at.submit();
    at.submit(for_worker(7));
    CHECK(at.pump() ==
          lines{"7 call 1/1", "7 call 3/1"});  // the older one first, and those of its line
    for (std::uint64_t next = 5; next < 8; ++next) at.submit();
    CHECK(at.answer(only, type::result, 1));
    CHECK(at.pump() == lines{"7 call 2/1"});
    CHECK(at.answer(only, type::result, 3));
    CHECK(at.pump() == lines{"7 call 4/1"});
    CHECK(at.answer(only, type::result, 2));
    CHECK(at.pump().size() == 1);
}

TEST_CASE(
    "addressed: among the calls for one worker the more urgent go first, and one of eight is the "
    "oldest") {
    addressing_desk at;
    const auto only = at.named(7);
    auto low = for_worker(7), high = for_worker(7);
    low.priority = maus::priority::low;
    high.priority = maus::priority::high;
    at.submit(for_worker(7));
    at.submit(for_worker(7));
    CHECK(at.pump() == lines{"7 call 1/1", "7 call 2/1"});
    at.submit(low);
    for (int i = 0; i < 8; ++i) at.submit(high);
    lines order;
    for (std::uint64_t i = 0; i < 9; ++i) {
        CHECK(at.answer(only, type::result, i < 2 ? i + 1 : std::stoull(order[i - 2].substr(7))));
        for (auto& each : at.pump()) order.push_back(each);
    }
    CHECK(order.front() == "7 call 4/1");
    CHECK(std::find(order.begin(), order.end(), "7 call 3/1") == order.begin() + 7);
}

TEST_CASE("addressed: cancel, deadline and release settle a call that waits for its worker") {
    addressing_desk at;
    at.named(7);
    auto hurried = for_worker(7);
    hurried.timeout = std::chrono::milliseconds{5};
    for (int i = 0; i < 3; ++i) at.submit(for_worker(7));
    at.submit(hurried);
    at.submit(for_worker(7));
    CHECK(at.pump() == lines{"7 call 1/1", "7 call 2/1"});
    at.calls.cancel(at.ids[2], "nobody wants it", at.out, at.done);
    CHECK(at.pass(5).empty());
    CHECK(at.settled_calls() == lines{"3 cancelled", "4 deadline_exceeded"});
    at.calls.remove_group({1}, maus::errc::cancelled, "released", at.done);
    CHECK(at.settled_calls() == lines{"1 cancelled", "2 cancelled", "5 cancelled"});
    CHECK(at.pump() == lines{});
}

TEST_CASE(
    "addressed: a call that is larger than its worker takes is refused, whatever others take") {
    addressing_desk at;
    const auto small = at.calls.add_link({base::route{7}, {}}, to_string(worker_of(7)),
                                         {"f()->void"}, 1, {100, false});
    at.calls.join(small, {1}, at.done);
    at.named(8);
    at.submit(for_worker(7), 0, 101);
    CHECK(at.settled_calls() == lines{"1 too_large"});
    at.submit(for_worker(7), 0, 100);
    CHECK(at.pump() == lines{"7 call 2/1"});
}

TEST_CASE("addressed: who is given back gets none, and those that wait are lost with it") {
    addressing_desk at;
    const auto first = at.named(7);
    at.calls.give_calls(first, false);
    at.submit(for_worker(7));
    CHECK(at.pump() == lines{});
    at.lose(first, core::link_end::released);
    CHECK(at.settled_calls() == lines{"1 worker_lost"});
}
