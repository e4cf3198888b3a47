// Threads that run one task at a time, and another while one waits.
#include <functional>
#include <thread>

#include "catch.hpp"
#include "maus/call_state.hpp"
#include "maus/shell/callable_threads.hpp"
#include "support/gate.hpp"

using maus_test::gate;

namespace {

void post(maus::shell::callable_threads& to, std::function<void()> what) {
    auto made = maus::base::make_task(std::move(what));
    REQUIRE(to.post_one(made));
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
