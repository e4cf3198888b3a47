// How many calls a worker may have: core/credit.hpp.
#include "catch.hpp"

#include "maus/core/credit.hpp"
#include "talk.hpp"

using namespace talk;
using maus::core::credit_window;

namespace {

base::instant at_us(std::int64_t us) { return base::instant{std::chrono::microseconds{us}}; }

/// It answers `count` calls, one each `every_us`, and always has more; the time afterwards.
std::int64_t work(credit_window& of, int count, std::int64_t every_us, std::int64_t from_us) {
    for (int i = 0; i < count; ++i) {
        from_us += every_us;
        of.answered();
        of.estimate(false, at_us(from_us));
    }
    return from_us;
}

}  // namespace

TEST_CASE("credit: begins with one call more than the worker runs, and grows by what it answers") {
    credit_window of(4, 2048);
    CHECK(of.size() == 5);
    of.begin(at_us(0));
    for (int i = 0; i < 5; ++i) of.answered();
    of.estimate(false, at_us(5));
    CHECK(of.size() == 10);
    of.estimate(false, at_us(100));  // nothing was answered
    CHECK(of.size() == 10);
}

TEST_CASE("credit: a fast worker gets what it does in 2 ms, a slow one a single call more") {
    credit_window fast(1, 2048), slow(1, 2048);
    work(fast, 3000, 10, 0);
    CHECK(fast.size() == 1 + 200);
    work(slow, 100, 5000, 0);
    CHECK(slow.size() == 1 + 1);
}

TEST_CASE("credit: a long way there and back asks for more, and no more than ahead_max") {
    credit_window far(1, 100);
    far.round_trip(std::chrono::milliseconds{10});
    auto now = work(far, 1000, 1000, 0);
    CHECK(far.size() == 1 + 20);
    now = work(far, 1000, 1, now);
    CHECK(far.size() == 1 + 100);
    work(far, 100, 1000, now);
    CHECK(far.size() == 1 + 20);
}

TEST_CASE("credit: who runs dry while calls wait had too little, however slow it looks") {
    credit_window of(1, 64);
    std::int64_t now = work(of, 50, 5000, 0);
    CHECK(of.size() == 2);
    for (int i = 0; i < 6; ++i) {
        of.begin(at_us(now));
        now += 20'000;
        for (std::size_t each = of.size(); each > 0; --each) of.answered();
        of.estimate(true, at_us(now));
    }
    CHECK(of.size() == 1 + 64);
}
