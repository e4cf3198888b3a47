// Every duration of std::chrono as an option: none runs over.
#include <maus/options.hpp>
#include <maus/time_span.hpp>

#include <cmath>
#include <limits>

#include "catch.hpp"

using namespace std::chrono_literals;
using maus::time_span;
using std::chrono::nanoseconds;

TEST_CASE("the longest of any type is the longest that there is") {
    static_assert(time_span(nanoseconds::max()) == nanoseconds::max());
    static_assert(time_span(std::chrono::microseconds::max()) == nanoseconds::max());
    static_assert(time_span(std::chrono::milliseconds::max()) == nanoseconds::max());
    static_assert(time_span(std::chrono::seconds::max()) == nanoseconds::max());
    static_assert(time_span(std::chrono::hours::max()) == nanoseconds::max());
    static_assert(time_span(std::chrono::years::max()) == nanoseconds::max());
    CHECK(time_span(std::chrono::duration<double>::max()) == nanoseconds::max());
    CHECK(time_span(std::chrono::duration<double>(INFINITY)) == nanoseconds::max());
    const maus::heartbeat_options beat{std::chrono::hours::max(), 3};
    CHECK(beat.interval == std::chrono::milliseconds::max());
}

TEST_CASE("what is negative or no number is 0") {
    static_assert(time_span(-1ns) == 0ns);
    static_assert(time_span(std::chrono::hours::min()) == 0ns);
    static_assert(time_span(nanoseconds::min()) == 0ns);
    CHECK(time_span(std::chrono::duration<double>(NAN)) == 0ns);
    CHECK(time_span(std::chrono::duration<double>(-INFINITY)) == 0ns);
}

TEST_CASE("what fits is what it was, rounded up") {
    static_assert(time_span(1h) == 1h);
    static_assert(time_span(292 * 365 * 24h) == 292 * 365 * 24h);
    CHECK(time_span(std::chrono::duration<double, std::nano>(1.5)) == 2ns);
    static_assert(maus::saturated<std::chrono::milliseconds>(1ns) == 1ms);
}
