// Second attempts (section 9) and calls for one worker, by a real manager with fake workers.
#include "catch.hpp"

#include "real.hpp"

using namespace spec;

namespace {

std::unique_ptr<fake_worker> hedging_worker(managed& all) {
    auto made = std::make_unique<fake_worker>();
    made->connect(all.endpoint());
    (void)made->welcomed();
    return made;
}

// A call that one worker has and does not answer, and that a second one gets then.
struct hedged_call {
    managed all;
    std::unique_ptr<fake_worker> first = hedging_worker(all), second;
    maus::future<int> sum;
    record at_first, at_second;

    explicit hedged_call(maus::call_options options = {}) {
        options.hedge_after = std::chrono::milliseconds{1};
        sum = all.workers.with(options).call<int>("add", 20, 22);
        at_first = first->next_call();
        second = hedging_worker(all);
        at_second = second->next_call();
    }
};

}  // namespace

TEST_CASE("P-106: a second attempt has the next number, and the first answer counts") {
    hedged_call of;
    const attempt one = attempt_of(of.at_first), two = attempt_of(of.at_second);
    CHECK(one.number == 1);
    CHECK(two == attempt{one.call, 2});
    CHECK(payload_of(of.at_second) == payload(20, 22));
    const bool second_wins = GENERATE(true, false);
    fake_worker& winner = second_wins ? *of.second : *of.first;
    fake_worker& loser = second_wins ? *of.first : *of.second;
    winner.answer(second_wins ? of.at_second : of.at_first, payload(42));
    CHECK(of.sum.get() == 42);
    CHECK(attempt_of(loser.link->next(r_cancel)) == (second_wins ? one : two));
    loser.answer(second_wins ? of.at_first : of.at_second, payload(43));  // is too late
    CHECK(eventually([&] { return of.all.manager.metrics().stale_answers == 1; }));
    CHECK(of.all.manager.metrics().results == 1);
    CHECK(of.all.manager.metrics().hedged == 1);
    CHECK(of.all.manager.metrics().reassigned == 0);
}

TEST_CASE("P-106: there is one second attempt, and none on a link that has the first") {
    hedged_call of;
    auto third = hedging_worker(of.all);
    CHECK(third->link->never(r_call));
    CHECK(of.first->link->never(r_call));
    of.first->answer(of.at_first, payload(42));
    CHECK(of.sum.get() == 42);
}

TEST_CASE("P-106: a call goes on by the attempt that is left, and is queued when both have ended") {
    hedged_call of;
    of.first->socket->close();
    CHECK(eventually([&] { return of.all.workers.size() == 1; }));
    SECTION("that is answered") {
        of.second->answer(of.at_second, payload(42));
        CHECK(of.sum.get() == 42);
        CHECK(of.all.manager.metrics().reassigned == 0);
    }
    SECTION("that ends, too") {
        of.second->link->send(to_record(r_returned, attempt_of(of.at_second)));
        auto third = hedging_worker(of.all);
        const record again = third->next_call();
        CHECK(attempt_of(again) == attempt{attempt_of(of.at_first).call, 3});
        third->answer(again, payload(42));
        CHECK(of.sum.get() == 42);
    }
}

TEST_CASE("P-106: the loss of each of two attempts counts a start") {
    maus::call_options twice;
    twice.max_crashes = 2;
    hedged_call of(twice);
    of.first->socket->close();
    CHECK(eventually([&] { return of.all.workers.size() == 1; }));
    of.second->socket->close();
    CHECK(error_of(of.sum) == maus::errc::poisoned);
}

TEST_CASE("P-106: an attempt_timeout ends the link of its own attempt, and no other") {
    maus::call_options hurried;
    hurried.attempt_timeout = std::chrono::milliseconds{500};
    hedged_call of(hurried);
    CHECK(error_of(of.sum) == maus::errc::attempt_timeout);
    (void)of.first->link->next(r_manager_goodbye);
    CHECK(attempt_of(of.second->link->next(r_cancel)) == attempt_of(of.at_second));
    of.second->answer(of.at_second, payload(43));
    auto next = of.all.add(1, 1);
    of.second->answer(of.second->next_call(), payload(2));
    CHECK(next.get() == 2);
}

TEST_CASE("P-106: a call that is at_most_once, or for one worker, has no second attempt") {
    managed all;
    auto first = hedging_worker(all);
    CHECK(eventually([&] { return all.workers.size() == 1; }));
    maus::call_options options;
    options.hedge_after = std::chrono::milliseconds{1};
    SECTION("at_most_once") { options.delivery = maus::delivery::at_most_once; }
    SECTION("for one worker") { options.worker = all.workers.workers().at(0); }
    try {
        (void)all.workers.with(options).call<int>("add", 20, 22);
        FAIL("it was taken");
    } catch (const maus::error& refused) {
        CHECK(refused.code() == maus::errc::invalid_argument);
    }
    CHECK(first->link->never(r_call));
}

TEST_CASE("P-106: a call that was answered has no second attempt any more") {
    managed all;
    auto first = hedging_worker(all);
    maus::call_options options;
    options.hedge_after = std::chrono::milliseconds{1};
    auto sum = all.workers.with(options).call<int>("add", 20, 22);
    const record at_first = first->next_call();
    first->answer(at_first, payload(42));
    CHECK(sum.get() == 42);
    auto second = hedging_worker(all);
    CHECK(second->link->never(r_call));
    CHECK(second->link->never(r_cancel));
}

TEST_CASE("P-53: 21 is worker_lost: the only worker that a call is for has gone") {
    managed all;
    auto first = hedging_worker(all), second = hedging_worker(all);
    CHECK(eventually([&] { return all.workers.size() == 2; }));
    auto replies = all.workers.broadcast<int>("add", 20, 22);
    REQUIRE(replies.size() == 2);
    CHECK(replies[0].worker != replies[1].worker);
    const record at_first = first->next_call(), at_second = second->next_call();
    CHECK(attempt_of(at_first).number == 1);
    CHECK(attempt_of(at_first).call != attempt_of(at_second).call);
    first->socket->close();
    CHECK(eventually([&] { return all.workers.size() == 1; }));
    second->answer(at_second, payload(42));
    const auto left = all.workers.workers().at(0);
    for (auto& [worker, result] : replies) {
        if (worker == left) {
            CHECK(result.get() == 42);
        } else {
            CHECK(error_of(result) == maus::errc::worker_lost);
            auto late = all.workers.with({.worker = worker}).call<int>("add", 1, 1);
            CHECK(error_of(late) == maus::errc::worker_lost);
        }
    }
    CHECK(static_cast<int>(maus::errc::worker_lost) == 21);
    CHECK(second->link->never(r_call));
}
