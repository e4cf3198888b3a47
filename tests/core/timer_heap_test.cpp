// Deadlines in order, and none that stay behind.
#include "catch.hpp"

#include <set>

#include "maus/core/timer_heap.hpp"

using maus::base::instant;
using maus::core::timer_heap;

namespace {
instant at(int ns) { return instant{maus::base::duration{ns}}; }
const auto never_void = [](const timer_heap<int>::timer&) { return false; };
}  // namespace

TEST_CASE("timer heap: the soonest comes first, and not before its time") {
    timer_heap<int> timers;
    CHECK(timers.next() == maus::base::never);
    for (const int ns : {30, 10, 20}) timers.set(at(ns), ns, never_void);
    CHECK(timers.next() == at(10));
    CHECK_FALSE(timers.pop_due(at(9)));
    CHECK(timers.pop_due(at(25))->subject == 10);
    CHECK(timers.pop_due(at(25))->subject == 20);
    CHECK_FALSE(timers.pop_due(at(25)));
    CHECK(timers.size() == 1);
}

TEST_CASE("timer heap: void timers are tidied away, and the others keep their order") {
    timer_heap<int> timers;
    std::set<int> wanted;
    std::size_t most = 0;
    const auto is_void = [&](const auto& each) { return !wanted.contains(each.subject); };
    for (int i = 0; i < 100'000; ++i) {
        if (i % 1000 == 0) wanted.insert(i);  // one of a thousand lasts
        timers.set(at(200'000 - i), i, is_void);
        most = std::max(most, timers.size());
    }
    CHECK(most <= timer_heap<int>::untidied_max + 2 * wanted.size());
    int last = 100'000;
    while (const auto due = timers.pop_due(maus::base::never)) {
        CHECK(due->subject < last);
        last = due->subject;
        wanted.erase(last);
    }
    CHECK(wanted.empty());
}
