// Futures by themselves: what settles them, who waits, and what goes on afterwards.
#include <maus/future.hpp>
#include <memory>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "pending_call.hpp"

using namespace std::chrono_literals;

namespace {

maus::future<int> plus_one(maus::future<int> before) { co_return co_await before + 1; }
maus::future<void> nothing() { co_return; }
maus::future<int> throws_at_once() {
    throw std::out_of_range("at once");
    co_return 0;
}
maus::future<std::unique_ptr<int>> move_only() { co_return std::make_unique<int>(9); }

}  // namespace

TEST_CASE("a future gives its value once") {
    pending_call<std::string> call;
    CHECK(call.future.valid());
    CHECK_FALSE(call.future.ready());
    call.comes(std::string("text"));
    CHECK(call.future.ready());
    CHECK(call.future.get() == "text");
    CHECK_FALSE(call.future.valid());
    CHECK(code_from([&] { (void)call.future.get(); }) == maus::errc::invalid_argument);
}

TEST_CASE("a future that refers to nothing says so") {
    maus::future<int> none;
    CHECK_FALSE(none.valid());
    CHECK(code_from([&] { (void)none.ready(); }) == maus::errc::invalid_argument);
    CHECK(code_from([&] { (void)none.wait(); }) == maus::errc::invalid_argument);
    CHECK(code_from([&] { (void)none.wait_for(1s); }) == maus::errc::invalid_argument);
    CHECK(code_from([&] { (void)none.cancel(); }) == maus::errc::invalid_argument);
    CHECK(code_from([&] { (void)none.then([](int) {}); }) == maus::errc::invalid_argument);
}

TEST_CASE("a future throws the error that its call ended with") {
    pending_call<int> call;
    call.fails(maus::errc::no_workers);
    CHECK(code_of(std::move(call.future)) == maus::errc::no_workers);
}

TEST_CASE("bytes that are no such value are a bad_result") {
    pending_call<std::string> too_short;
    too_short.comes(std::uint32_t{1000});
    CHECK(code_of(std::move(too_short.future)) == maus::errc::bad_result);
    pending_call<int> too_long;
    too_long.comes(1, 2);
    CHECK(code_of(std::move(too_long.future)) == maus::errc::bad_result);
    pending_call<bool> no_bool;
    no_bool.comes(std::uint8_t{2});
    CHECK(code_of(std::move(no_bool.future)) == maus::errc::bad_result);
    pending_call<void> not_nothing;
    not_nothing.comes(true);
    CHECK(code_of(std::move(not_nothing.future)) == maus::errc::bad_result);
}

TEST_CASE("a bad_result says so, and of which function") {
    struct caller final : maus::detail::call_owner {
        void cancel(maus::detail::state_base&) override {}
        void attend(maus::detail::state_base&, maus::base::instant) override {}
        void unheard(std::uint32_t, const std::exception_ptr&) override {}
        std::string name_of(std::uint32_t method) override {
            return "function" + std::to_string(method);
        }
        void post_progress(maus::detail::state_base&) override {}
    };
    pending_call<int> call;
    call.state->method = 7;
    call.state->own(std::make_shared<caller>());
    call.comes();
    try {
        call.future.get();
        FAIL("no error");
    } catch (const maus::error& failed) {
        CHECK(failed.code() == maus::errc::bad_result);
        CHECK(failed.function() == "function7");
        CHECK(std::string(failed.what()) ==
              "function7: bad_result: at byte 0: 4 bytes are missing here, 0 are left");
    }
    pending_call<void> orphan;
    orphan.comes(true);
    try {
        orphan.future.get();
        FAIL("no error");
    } catch (const maus::error& failed) {
        CHECK(std::string(failed.what()) == "bad_result: a result came where none belongs");
    }
}

TEST_CASE("waiting takes every duration") {
    pending_call<int> call;
    CHECK_FALSE(call.future.wait_for(0ms));
    CHECK_FALSE(call.future.wait_for(-1h));
    CHECK_FALSE(call.future.wait_for(std::chrono::hours::min()));
    CHECK_FALSE(call.future.wait_for(1us));
    CHECK_FALSE(call.future.wait_for(std::chrono::duration<double, std::micro>(1.5)));
    std::thread later([&] { call.comes(1); });
    CHECK(call.future.wait_for(std::chrono::hours::max()));
    later.join();
    CHECK(call.future.wait_for(std::chrono::nanoseconds::max()));
    CHECK(call.future.wait_for(std::chrono::duration<double>(1e300)));
    CHECK(call.future.wait_for(std::chrono::nanoseconds::min()));
}

TEST_CASE("whoever waits goes on when the value comes") {
    for (int round = 0; round < 200; ++round) {
        pending_call<int> call;
        std::thread waiter([&] { CHECK(call.future.get() == round); });
        call.comes(round);
        waiter.join();
    }
}

TEST_CASE("then() runs at once on a future that is ready, and later on one that is not") {
    pending_call<int> early, late;
    early.comes(1);
    const auto here = std::this_thread::get_id();
    auto next = early.future.then([&](int x) {
        CHECK(std::this_thread::get_id() == here);
        return x + 1;
    });
    CHECK_FALSE(early.future.valid());
    CHECK(next.ready());
    CHECK(next.get() == 2);
    bool ran = false;
    auto done = late.future.then([&](int) { ran = true; });
    CHECK_FALSE(ran);
    late.comes(1);
    CHECK(ran);
    done.get();
}

TEST_CASE("then() passes errors by, gives ready futures to those who ask, and takes what throws") {
    pending_call<int> failing, seen, fine;
    bool ran = false;
    auto passed_by = failing.future.then([&](int) { ran = true; }).then([&] { ran = true; });
    failing.fails(maus::errc::overloaded);
    CHECK(code_of(std::move(passed_by)) == maus::errc::overloaded);
    CHECK_FALSE(ran);
    auto looked = seen.future.then([](maus::future<int> ready) {
        CHECK(ready.ready());
        return code_of(std::move(ready));
    });
    seen.fails(maus::errc::shutdown);
    CHECK(looked.get() == maus::errc::shutdown);
    auto throws = fine.future.then([](int) -> int { throw std::range_error("mine"); });
    fine.comes(1);
    CHECK_THROWS_AS(throws.get(), std::range_error);
}

TEST_CASE("a future and what it goes on with may be dropped") {
    const auto counted = std::make_shared<int>(0);
    {
        pending_call<int> call;
        (void)call.future.then([counted](int) { ++*counted; });
        call.comes(1);
    }
    CHECK(*counted == 1);
    CHECK(counted.use_count() == 1);
    CHECK(*counted == 1);
}

TEST_CASE("a coroutine starts at once, waits for calls and gives its value") {
    pending_call<int> call;
    auto next = plus_one(plus_one(std::move(call.future)));
    CHECK_FALSE(next.ready());
    call.comes(40);
    CHECK(next.get() == 42);
    CHECK(nothing().ready());
    CHECK(*move_only().get() == 9);
    auto thrown = throws_at_once();
    CHECK(thrown.ready());
    CHECK_THROWS_AS(thrown.get(), std::out_of_range);
    pending_call<int> failing;
    auto failed = plus_one(std::move(failing.future));
    failing.fails(maus::errc::poisoned);
    CHECK(code_of(std::move(failed)) == maus::errc::poisoned);
}

TEST_CASE("a coroutine waits for a call that is settled by another thread") {
    for (int round = 0; round < 200; ++round) {
        pending_call<int> call;
        std::thread other([&] { call.comes(round); });
        auto next = plus_one(maus::future<int>(call.state));
        CHECK(next.get() == round + 1);
        other.join();
    }
}

TEST_CASE("cancelling what nobody owns, or what is ready, does nothing") {
    auto local = nothing();
    local.cancel();
    local.get();
    pending_call<int> call;
    call.future.cancel();
    call.comes(3);
    call.future.cancel();
    CHECK(call.future.get() == 3);
}

TEST_CASE("a long chain of callbacks goes on without a deep stack") {
    pending_call<int> call;
    auto last = std::move(call.future);
    for (int i = 0; i < 100'000; ++i) last = last.then([](int x) { return x + 1; });
    call.comes(0);
    CHECK(last.get() == 100'000);
}

TEST_CASE("an error passes a long chain by without a deep stack") {
    pending_call<int> call;
    auto last = std::move(call.future);
    for (int i = 0; i < 20'000; ++i) last = last.then([](int x) { return x + 1; });
    call.fails(maus::errc::overloaded);
    CHECK(code_of(std::move(last)) == maus::errc::overloaded);
}

TEST_CASE("a long chain of coroutines goes on without a deep stack") {
    pending_call<int> call;
    auto last = std::move(call.future);
    for (int i = 0; i < 100'000; ++i) last = plus_one(std::move(last));
    call.comes(0);
    CHECK(last.get() == 100'000);
}

namespace {
maus::future<int> ready_with(int x) { co_return x; }
/// A loop that is written as callbacks that call themselves.
struct countdown {
    int steps = 0;
    void from(int n) {
        ++steps;
        if (n > 0) (void)ready_with(n).then([this](int left) { from(left - 1); });
    }
};
}  // namespace

TEST_CASE("callbacks that call themselves on ready futures need no deep stack") {
    countdown down;
    down.from(100'000);
    CHECK(down.steps == 100'001);
}

TEST_CASE("a callback may wait for what goes on after it") {
    pending_call<int> first, second;
    first.comes(1);
    second.comes(2);
    auto sum = first.future.then([&](int one) {
        auto inner = second.future.then([&](int two) { return one + two; });
        CHECK(inner.wait_for(0s) == inner.ready());
        return inner.get();
    });
    CHECK(sum.get() == 3);
}

TEST_CASE("a callback that returns a future gives a future of that one's value") {
    pending_call<int> outer, inner;
    maus::future<int> flat =
        outer.future.then([&](int) { return std::move(inner.future); }).then([](int x) {
            return x + 1;
        });
    outer.comes(1);
    CHECK_FALSE(flat.ready());
    inner.comes(2);
    CHECK(flat.get() == 3);

    pending_call<int> deep;
    maus::future<int> of_three = deep.future.then(
        [](int x) { return ready_with(x).then([](int y) { return ready_with(y + 1); }); });
    deep.comes(1);
    CHECK(of_three.get() == 2);

    pending_call<int> to_nothing;
    maus::future<void> done = to_nothing.future.then([](int) { return nothing(); });
    to_nothing.comes(1);
    done.get();
}

TEST_CASE("a callback that returns a future passes on how that one failed") {
    pending_call<int> outer, inner, other;
    maus::future<int> flat = outer.future.then([&](int) { return std::move(inner.future); });
    outer.comes(1);
    inner.fails(maus::errc::no_workers);
    CHECK(code_of(std::move(flat)) == maus::errc::no_workers);
    maus::future<int> of_none = other.future.then([](int) { return maus::future<int>(); });
    other.comes(1);
    CHECK(code_of(std::move(of_none)) == maus::errc::invalid_argument);
}
