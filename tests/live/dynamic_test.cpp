// Values and dynamic functions between a manager and a worker (maus/value.hpp).
#include "maus/convert.hpp"

#include "live/site.hpp"

using namespace live;

namespace {

using maus::arguments;
using maus::value;

/// A worker in this process, with functions that take and give values, and a manager that has it.
struct dynamic_pair {
    site here;
    maus::worker worker;
    maus::manager manager{maus::manager_options{}};
    maus::worker_group workers;

    dynamic_pair() : worker({.heartbeat = calm}) {
        worker.expose("count", [](arguments given) { return value(given.size()); });
        worker.expose("add", [](int x, int y) { return x + y; });
        worker.expose("first", [](arguments given) { return given.at(0); });
        worker.expose("echo", [](value given) { return given; });
        worker.expose("length", [](const std::vector<std::uint8_t>& data) { return data.size(); });
        worker.expose("nothing", [](int) {});
        worker.expose("lookup", [](const std::map<std::string, double>& prices, std::string key) {
            return prices.at(key);
        });
        worker.register_parkserver(here.parkserver());
        worker.start();
        manager.connect_parkserver(here.parkserver());
        workers = manager.get_workers({.amount = 1});
    }
};

}  // namespace

TEST_CASE("a function takes and gives values", "[dynamic]") {
    dynamic_pair with;
    const value made = value::object{{"a", value::array{1, 2.5, nullptr, value::bytes{1}}}};
    CHECK(value_of(with.workers.call<value>("echo", made)) == made);
    const maus::method<value(value)> echo{"echo"};
    CHECK(value_of(with.workers.call(echo, 5)) == value(5));
}

TEST_CASE("typed callers call dynamic functions", "[dynamic]") {
    dynamic_pair with;
    CHECK(value_of(with.workers.call<int>("count", 1, "two", 3.0)) == 3);
    CHECK(value_of(with.workers.call<int>("count")) == 0);
    const std::vector<std::string> list{"a", "b"};
    CHECK(value_of(with.workers.call<std::vector<std::string>>("first", list)) == list);
    const maus::method<std::uint8_t(std::uint8_t, bool)> first{"first"};
    CHECK(value_of(with.workers.call(first, std::uint8_t{200}, true)) == 200);
    value_of(with.workers.call<value>("first", 1));
    with.workers.call<void>("count").get();
}

TEST_CASE("dynamic callers call typed functions", "[dynamic]") {
    dynamic_pair with;
    CHECK(value_of(with.workers.call<value>("add", arguments{1, 2.0})) == value(3));
    CHECK(value_of(with.workers.call<value>("add", value(1), value(2))) == value(3));
    CHECK(value_of(with.workers.call<value>("nothing", arguments{1})) == value());
    const value prices = value::object{{"tea", 2.5}, {"milk", 1}};
    CHECK(value_of(with.workers.call<value>("lookup", arguments{prices, "milk"})) == value(1.0));
    const value::bytes large(3u << 20, 7);  // in frames of its own, and in parts
    CHECK(value_of(with.workers.call<value>("length", arguments{large})) == value(large.size()));
}

TEST_CASE("what cannot be converted fails by name before it is sent, and shows both sides",
          "[dynamic]") {
    dynamic_pair with;
    const auto few = error_of(with.workers.call<value>("add", arguments{1}));
    CHECK(few.code() == maus::errc::signature_mismatch);
    CHECK_THAT(few.what(), maus_test::has_text("1 arguments where 2 belong"));
    CHECK_THAT(few.what(), maus_test::has_text("add(...)->any"));
    CHECK_THAT(few.what(), maus_test::has_text("add(i32,i32)->i32"));
    const auto wrong =
        error_of(with.workers.call<value>("add", arguments{1, std::int64_t{1} << 40}));
    CHECK(wrong.code() == maus::errc::bad_arguments);
    CHECK_THAT(wrong.what(),
               maus_test::has_text("argument 2: 1099511627776 is not in the range of i32"));
    const auto result = error_of(with.workers.call<int>("first", "text"));
    CHECK(result.code() == maus::errc::bad_result);
    CHECK_THAT(result.what(), maus_test::has_text("a string (\"text\") where i32 belongs"));
    CHECK_THAT(result.what(), maus_test::has_text("first(...)->any"));
    // Calls that fail hold up none of those behind them.
    std::vector<maus::future<value>> calls;
    for (int i = 0; i < 100; ++i) {
        calls.push_back(
            with.workers.call<value>("add", i % 3 == 0 ? arguments{i} : arguments{i, 1}));
    }
    for (int i = 0; i < 100; ++i) {
        auto& call = calls[static_cast<std::size_t>(i)];
        if (i % 3 == 0) {
            CHECK(error_of(std::move(call)).code() == maus::errc::signature_mismatch);
        } else {
            CHECK(value_of(call) == value(i + 1));
        }
    }
    CHECK(with.manager.metrics().errors == 37);
}

TEST_CASE("a parkserver shows dynamic functions behind the others", "[dynamic]") {
    dynamic_pair with;
    REQUIRE(with.workers.wait_for(1, patience));
    const auto now = status_of(with.here.parkserver());
    REQUIRE(now);
    REQUIRE(now->workers.size() == 1);
    const auto& functions = now->workers[0].functions;
    REQUIRE(functions.size() == 7);
    CHECK(functions[0] == "add(i32,i32)->i32");
    CHECK(functions[5] == "count(...)->any");
    CHECK(functions[6] == "first(...)->any");
}
