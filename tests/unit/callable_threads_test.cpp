// Threads that run one task at a time, and another while one waits.
#include <atomic>
#include <functional>
#include <thread>

#include "catch.hpp"
#include "maus/call_state.hpp"
#include "maus/error.hpp"
#include "maus/shell/callable_threads.hpp"
#include "support/gate.hpp"

using maus_test::gate;

namespace {

void post(maus::shell::callable_threads& to, std::function<void()> what) {
    auto made = maus::base::make_task(std::move(what));
    REQUIRE(to.post_one(made, maus::shell::callable_threads::kind::outer));
}

}  // namespace

// Both wake when no more comes; one runs what is left, and the other had seen that there was some.
TEST_CASE("callable threads: all end, also one that was idle while another ran the last tasks") {
    for (int round = 0; round < 30; ++round) {
        maus::shell::callable_threads threads(1);
        gate ran, first, last;
        post(threads, [&] {
            auto* const here = maus::detail::wait_hook::here();
            here->begin_wait();
            ran.pass();
            here->end_wait();
            first.open();
        });
        post(threads, [&] { ran.open(); });
        first.pass();
        post(threads, [&] { last.pass(); });
        post(threads, [] {});
        REQUIRE(last.wait_for_arrivals(1));
        std::thread ends([&] { threads.finish(); });
        std::this_thread::yield();
        last.open();
        ends.join();
    }
    SUCCEED();
}

TEST_CASE("callable threads: outer ones that wait leave threads for what they wait for") {
    maus::shell::callable_threads threads(2);
    constexpr int all = 1000;
    gate ended;
    for (int i = 0; i < all; ++i) {
        post(threads, [&] {
            gate answered;
            auto* const here = maus::detail::wait_hook::here();
            here->begin_wait();
            auto nested = maus::base::make_task([&] { answered.open(); });
            if (!threads.post_one(nested, maus::shell::callable_threads::kind::nested)) return;
            answered.pass();
            here->end_wait();
            ended.pass();
        });
    }
    ended.open();
    CHECK(ended.wait_for_arrivals(all));
    threads.finish();
}

TEST_CASE("callable threads: the last one may not wait, and says so") {
    maus::shell::callable_threads threads(2);
    constexpr int all = 1000;
    gate over, held;
    std::atomic<int> refused{0}, wait{0};
    for (int i = 0; i < all; ++i) {
        auto waits = maus::base::make_task([&] {
            auto* const here = maus::detail::wait_hook::here();
            try {
                here->begin_wait();
            } catch (const maus::error& no) {
                refused += no.code() == maus::errc::overloaded;
                return over.pass();
            }
            ++wait;
            held.pass();
            here->end_wait();
        });
        CHECK(threads.post_one(waits, maus::shell::callable_threads::kind::nested));
    }
    over.open();
    constexpr int most = maus::shell::callable_threads::threads_max - 1;
    CHECK(over.wait_for_arrivals(all - most));
    CHECK(refused == all - most);
    CHECK(held.wait_for_arrivals(most));
    CHECK(wait == most);
    held.open();
    threads.finish();
}
