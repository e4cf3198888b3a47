// Sections 9 and 10, the promise, by a real manager with fake workers that die, hang and lie.
#include "catch.hpp"

#include <set>

#include "real.hpp"

using namespace spec;

namespace {
std::unique_ptr<fake_worker> join(managed& all, u32 concurrency = 1) {
    auto made = std::make_unique<fake_worker>();
    made->self.concurrency = concurrency;
    made->connect(all.endpoint());
    (void)made->welcomed();
    return made;
}
/// Answers all calls with the sum, until there were `count`.
void answer_calls(fake_worker& worker, int count) {
    for (; count > 0; --count) {
        const record call = worker.next_call();
        reader in(payload_of(call));
        std::int32_t x = 0, y = 0;
        in(x, y);
        worker.answer(call, payload(x + y));
    }
}
}  // namespace

TEST_CASE("P-47: every call completes exactly once, with its own value, whoever dies") {
    managed all;
    std::vector<maus::future<int>> sums;
    for (int i = 0; i < 300; ++i) sums.push_back(all.add(i, 1));
    for (int life = 0; life < 5; ++life) {
        auto worker = join(all, 4);
        answer_calls(*worker, 20);
        worker->socket->close();
        CHECK(eventually([&] { return all.workers.size() == 0; }));
    }
    auto last = join(all, 4);
    answer_calls(*last, 200);
    for (int i = 0; i < 300; ++i) {
        REQUIRE(sums[static_cast<std::size_t>(i)].wait_for(patience));
        CHECK(sums[static_cast<std::size_t>(i)].get() == i + 1);
    }
    const auto metrics = all.manager.metrics();
    CHECK(metrics.calls == 300);
    CHECK(metrics.results == 300);
    CHECK(metrics.errors == 0);
}

TEST_CASE("P-48: a lost worker's calls go to others, oldest first, in their old places") {
    managed all;
    std::vector<maus::future<int>> sums;
    for (int i = 0; i < 6; ++i) sums.push_back(all.add(i, 0));
    auto first = join(all);
    std::vector<u64> order{attempt_of(first->next_call()).call};
    order.push_back(attempt_of(first->next_call()).call);
    first->socket->close();
    CHECK(eventually([&] { return all.workers.size() == 0; }));
    auto second = join(all);
    for (std::size_t i = 0; i < sums.size(); ++i) {
        const record call = second->next_call();
        if (i < order.size()) CHECK(attempt_of(call) == attempt{order[i], 2});
        CHECK(payload_of(call) == payload(static_cast<int>(i), 0));
        second->answer(call, payload(static_cast<int>(i)));
    }
    for (auto& each : sums) CHECK(error_of(each) == std::nullopt);
}

TEST_CASE("P-49: blamed are the first unanswered ones, as many as the concurrency, and no other") {
    managed all;
    const maus::call_options once_only{.max_crashes = 1};
    std::vector<maus::future<int>> sums;
    for (int i = 0; i < 3; ++i) {
        sums.push_back(all.workers.with(once_only).call<int>("add", i, 0));
    }
    auto first = join(all, 2);
    for (int i = 0; i < 3; ++i) (void)first->next_call();
    first->socket->close();
    CHECK(error_of(sums[0]) == maus::errc::poisoned);
    CHECK(error_of(sums[1]) == maus::errc::poisoned);
    auto second = join(all);
    answer_calls(*second, 1);
    CHECK(error_of(sums[2]) == std::nullopt);
}

TEST_CASE("P-49: detached calls are blamed too, and do not count among the running ones") {
    managed all;
    const maus::call_options once_only{.max_crashes = 1};
    std::vector<maus::future<int>> sums;
    for (int i = 0; i < 3; ++i) {
        sums.push_back(all.workers.with(once_only).call<int>("add", i, 0));
    }
    auto first = join(all);
    const record detached = first->next_call();
    (void)first->next_call();
    first->link->send(to_record(r_detached, attempt_of(detached)));
    (void)first->next_call();  // the detached one gave its slot back
    first->socket->close();
    CHECK(error_of(sums[0]) == maus::errc::poisoned);
    CHECK(error_of(sums[1]) == maus::errc::poisoned);
    auto second = join(all);
    answer_calls(*second, 1);
    CHECK(error_of(sums[2]) == std::nullopt);
}

TEST_CASE("P-49: a suspect is tried again alone, and at the cap it is poisoned") {
    managed all;
    auto bad = all.add(6, 6);
    auto good = all.add(20, 22);
    for (int life = 1; life <= 3; ++life) {
        auto worker = join(all);
        const record call = worker->next_call();
        CHECK(payload_of(call) == payload(6, 6));
        CHECK(attempt_of(call).number == static_cast<u32>(life));
        if (life > 1) CHECK(worker->link->never(r_call));  // alone
        worker->socket->close();
        CHECK(eventually([&] { return all.workers.size() == 0; }));
    }
    try {
        (void)bad.get();
        FAIL("it has a value");
    } catch (const maus::error& failed) {
        CHECK(failed.code() == maus::errc::poisoned);
        CHECK(failed.attempts().size() == 3);
    }
    auto worker = join(all);
    answer_calls(*worker, 1);
    CHECK(good.get() == 42);
}

TEST_CASE("P-49: who seemed to wait behind a crash, and is blamed later, has started there too") {
    managed all;
    auto first_sum = all.add(20, 22);
    auto bad = all.add(6, 6);
    auto first = join(all);
    for (int i = 0; i < 2; ++i) (void)first->next_call();
    first->socket->close();
    CHECK(eventually([&] { return all.workers.size() == 0; }));
    auto second = join(all);
    answer_calls(*second, 1);
    CHECK(first_sum.get() == 42);
    for (auto* worker : {&second, &first}) {
        if (worker == &first) first = join(all);
        CHECK(payload_of((*worker)->next_call()) == payload(6, 6));
        (*worker)->socket->close();
        CHECK(eventually([&] { return all.workers.size() == 0; }));
    }
    CHECK(error_of(bad) == maus::errc::poisoned);
    auto last = join(all);
    CHECK(last->link->never(r_call));
}

TEST_CASE("P-50: an at_most_once call is handed to one worker and to no other") {
    managed all;
    const maus::call_options once{.delivery = maus::delivery::at_most_once};
    auto sum = all.workers.with(once).call<int>("add", 1, 1);
    auto given_back = all.workers.with(once).call<int>("add", 2, 2);
    auto first = join(all);
    const record call = first->next_call();
    CHECK(call.flags == flag_at_most_once);
    first->link->send(to_record(r_returned, attempt_of(first->next_call())));
    CHECK(error_of(given_back) == maus::errc::cancelled);
    first->socket->close();
    CHECK(error_of(sum) == maus::errc::maybe_executed);
    auto second = join(all);
    CHECK(second->link->never(r_call));
}

TEST_CASE("P-51: a call with a deadline settles by it") {
    managed all;
    auto nobody = all.workers.with({.timeout = 50ms}).call<int>("add", 1, 1);
    CHECK(error_of(nobody) == maus::errc::deadline_exceeded);
    auto worker = join(all);
    // On a slow machine a short deadline may pass before the call is at its worker: then a longer one.
    std::optional<record> call;
    std::optional<attempt> cancelled;
    for (auto timeout = 200ms; !call; timeout *= 2) {
        const auto begin = std::chrono::steady_clock::now();
        auto late = all.workers.with({.timeout = timeout}).call<int>("add", 1, 1);
        CHECK(error_of(late) == maus::errc::deadline_exceeded);
        CHECK(std::chrono::steady_clock::now() - begin >= timeout);
        worker->link->send(to_record(r_ping, u64{1}));
        while (auto got = worker->link->receive(patience)) {  // whatever came before the pong
            if (got->type == r_pong) break;
            if (got->type == r_call) call = got;
            if (got->type == r_cancel) cancelled = attempt_of(*got);
        }
    }
    CHECK(cancelled == attempt_of(*call));
    worker->answer(*call, payload(2));  // too late, and no violation
    auto sum = all.add(20, 22);
    answer_calls(*worker, 1);
    CHECK(sum.get() == 42);
    CHECK(all.manager.metrics().stale_answers == 1);
    auto none = all.workers.with({.timeout = 0ms}).call<int>("add", 1, 1);
    CHECK(error_of(none) == maus::errc::deadline_exceeded);
    auto negative = all.workers.with({.timeout = -1s}).call<int>("add", 1, 1);
    CHECK(error_of(negative) == maus::errc::deadline_exceeded);
}

TEST_CASE("P-52: an attempt that takes too long settles its call, and its link ends") {
    managed all;
    auto slow = all.workers.with({.attempt_timeout = 100ms}).call<int>("add", 1, 1);
    auto other = all.add(20, 22);
    auto worker = join(all);  // it is sent both at once
    (void)worker->next_call();
    (void)worker->next_call();
    CHECK(error_of(slow) == maus::errc::attempt_timeout);
    CHECK(decoded<parting>(worker->link->next(r_manager_goodbye).body).error == 4);
    auto second = join(all);
    answer_calls(*second, 1);
    CHECK(other.get() == 42);
}

TEST_CASE("P-53: an error number that is not in the table reads as protocol_violation") {
    managed all;
    auto worker = join(all);
    constexpr unsigned last = 22;
    CHECK(static_cast<unsigned>(maus::errc_last) == last);
    for (const unsigned number : {0u, last + 1, 99u, 255u}) {
        auto sum = all.add(1, 1);
        const record call = worker->next_call();
        worker->link->send(
            to_record(r_failed, fault{attempt_of(call), static_cast<u8>(number), "", "?"}));
        CHECK(error_of(sum) == maus::errc::protocol_violation);
    }
    for (unsigned number = 1; number <= last; ++number) {
        auto sum = all.add(1, 1);
        const record call = worker->next_call();
        worker->link->send(
            to_record(r_failed, fault{attempt_of(call), static_cast<u8>(number), "", "?"}));
        CHECK(error_of(sum) == static_cast<maus::errc>(number));
    }
}
