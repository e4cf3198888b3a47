// One function over many inputs.
#include <algorithm>
#include <numeric>
#include <ranges>

#include "live/team.hpp"

using namespace live;

namespace {

std::vector<int> squares_up_to(int count) {
    std::vector<int> all;
    for (int i = 0; i < count; ++i) all.push_back(i + i);
    return all;
}
/// Pairs (i, i), and how many were asked for.
auto pairs(int count, int& taken) {
    return std::views::iota(0, count) | std::views::transform([&taken](int i) {
               ++taken;
               return std::pair(i, i);
           });
}

}  // namespace

TEST_CASE(
    "a map gives the results in the order of its inputs, and looks no further ahead than it may",
    "[map]") {
    team with(2);
    int taken = 0, most_ahead = 0;
    std::vector<int> results;
    for (const int sum : with.workers.map(zoo::add, pairs(500, taken), {.look_ahead = 20})) {
        results.push_back(sum);
        most_ahead = std::max(most_ahead, taken - static_cast<int>(results.size()));
    }
    CHECK(results == squares_up_to(500));
    CHECK(most_ahead <= 20);
    CHECK(most_ahead >= 10);
}

TEST_CASE("an unordered map gives each result once, with the index of its input", "[map]") {
    team with(2);
    int taken = 0;
    std::vector<int> results(500, -1);
    for (const auto& [index, sum] : with.workers.map_unordered(zoo::add, pairs(500, taken))) {
        REQUIRE(results[index] == -1);
        results[index] = sum;
    }
    CHECK(results == squares_up_to(500));
}

TEST_CASE("a map stops at the first error, or names those that failed", "[map]") {
    team with(1);
    const std::vector<int> inputs{0, 1, 2, 3};
    std::vector<int> good;
    auto stops = with.workers.map(zoo::only_even, inputs, {.look_ahead = 2});
    const auto go_through = [&] {
        for (const int each : stops) good.push_back(each);
    };
    CHECK_THROWS_AS(go_through(), maus::error);
    CHECK(good == std::vector{0});
    CHECK(stops.begin() == stops.end());

    good.clear();
    auto goes_on = with.workers.map(zoo::only_even, inputs, {.on_error = maus::on_error::collect});
    for (const int each : goes_on) good.push_back(each);
    CHECK(good == std::vector{0, 2});
    REQUIRE(goes_on.errors().size() == 2);
    CHECK(goes_on.errors()[0].index == 1);
    CHECK(goes_on.errors()[1].index == 3);
    CHECK_THROWS_AS(std::rethrow_exception(goes_on.errors()[0].error), maus::error);
}

TEST_CASE("to leave a map is to cancel what is on its way", "[map]") {
    team with(1);
    const auto before = with.manager.metrics();
    int taken = 0;
    for (const int sum : with.workers.map(zoo::add, pairs(1'000'000, taken), {.look_ahead = 50})) {
        if (sum == 10) break;
    }
    for (const auto& each :
         with.workers.map_unordered(zoo::add, pairs(1'000'000, taken), {.look_ahead = 50})) {
        if (each.value >= 0) break;
    }
    CHECK(taken < 200);
    // All that was called has come to its end.
    REQUIRE(eventually([&] {
        const auto now = with.manager.metrics();
        return now.calls == now.results + now.errors;
    }));
    CHECK(with.manager.metrics().calls - before.calls == static_cast<std::uint64_t>(taken));
}
