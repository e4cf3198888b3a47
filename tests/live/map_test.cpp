// One function over many inputs.
#include <algorithm>
#include <numeric>
#include <optional>
#include <ranges>
#include <sstream>

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

TEST_CASE("a map takes inputs that can be gone through only once", "[map]") {
    team with(2);
    std::istringstream numbers("0 1 2 3 4 5 6 7 8 9");
    std::vector<int> results;
    auto inputs = std::ranges::istream_view<int>(numbers) |
                  std::views::transform([](int i) { return std::pair(i, i); });
    for (const int sum : with.workers.map(zoo::add, std::move(inputs), {.look_ahead = 3})) {
        results.push_back(sum);
    }
    CHECK(results == squares_up_to(10));
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

TEST_CASE("a stop token ends a map as cancelled", "[map]") {
    team with(1);
    std::stop_source family;
    const auto caller = with.workers.with({.stop = family.get_token()});
    int taken = 0;
    const auto goes_through = [&](auto results) -> std::optional<maus::errc> {
        try {
            int came = 0;
            for ([[maybe_unused]] const auto& each : results) {
                if (++came == 10) family.request_stop();
            }
            return std::nullopt;
        } catch (const maus::error& ended) {
            return ended.code();
        }
    };
    const maus::map_options ahead{.look_ahead = 50};
    const auto ended =
        GENERATE(true, false)
            ? goes_through(caller.map(zoo::add, pairs(1'000'000, taken), ahead))
            : goes_through(caller.map_unordered(zoo::add, pairs(1'000'000, taken), ahead));
    CHECK(ended == maus::errc::cancelled);
    CHECK(taken < 200);
}

TEST_CASE("what the inputs' range throws comes after the results of the inputs before", "[map]") {
    team with(2);
    const auto on_error = GENERATE(maus::on_error::stop, maus::on_error::collect);
    auto inputs = std::views::iota(0, 100) | std::views::transform([](int i) {
                      if (i == 20) throw std::runtime_error("no more");
                      return std::pair(i, i);
                  });
    std::vector<int> results;
    auto in_order = with.workers.map(zoo::add, inputs, {.on_error = on_error});
    const auto go_through = [&] {
        for (const int sum : in_order) results.push_back(sum);
    };
    CHECK_THROWS_WITH(go_through(), "no more");
    CHECK(results == squares_up_to(20));
    CHECK(in_order.begin() == in_order.end());
    CHECK(in_order.errors().empty());

    std::vector<int> unordered(20, -1);
    const auto go_through_any = [&] {
        for (const auto& [index, sum] :
             with.workers.map_unordered(zoo::add, inputs, {.on_error = on_error})) {
            unordered.at(index) = sum;
        }
    };
    CHECK_THROWS_WITH(go_through_any(), "no more");
    CHECK(unordered == squares_up_to(20));
}

TEST_CASE("a map gives a result that is there before it asks for many more inputs", "[map]") {
    team with(2);
    std::uint64_t taken = 0;
    const auto before = with.manager.metrics().results;
    // From the 50th on each comes only when all those before have been answered.
    auto slow =
        std::views::iota(0, 1000) | std::views::transform([&](int i) {
            if (i >= 50) {
                (void)eventually([&] { return with.manager.metrics().results - before >= taken; });
            }
            ++taken;
            return std::pair(i, i);
        });
    if (GENERATE(true, false)) {
        for (const int sum : with.workers.map(zoo::add, slow)) {
            CHECK(sum == 0);
            break;
        }
    } else {
        for (const auto& [index, sum] : with.workers.map_unordered(zoo::add, slow)) {
            CHECK(sum == static_cast<int>(2 * index));
            break;
        }
    }
    CHECK(taken < 500);
}
