// Log lines that peers cause again and again.
#include "maus/core/repeated_notes.hpp"

#include "catch.hpp"

using maus::base::instant;
using maus::core::repeated_notes;
using namespace std::chrono_literals;

TEST_CASE("a line that comes again is counted, and told with its number ever more rarely") {
    repeated_notes log;
    const instant start{1h};
    CHECK(log.told("a stranger", start) == "a stranger");
    for (int i = 0; i < 5; ++i) CHECK_FALSE(log.told("a stranger", start + 59s));
    CHECK(log.told("another", start + 59s) == "another");
    CHECK(log.told("a stranger", start + 60s) == "a stranger (and 5 more like this)");
    CHECK_FALSE(log.told("a stranger", start + 179s));
    CHECK(log.told("a stranger", start + 180s) == "a stranger (and 1 more like this)");
    CHECK(log.told("a stranger", start + 420s) == "a stranger");
    CHECK(log.rest().empty());
}

TEST_CASE("what was counted is told at the end") {
    repeated_notes log;
    for (int i = 0; i < 6; ++i) (void)log.told("a stranger", instant{1h});
    CHECK(log.rest() == std::vector<std::string>{"a stranger (5 more like this)"});
    CHECK(log.rest().empty());
}

TEST_CASE("lines that all differ are one kind after some, until the others are old") {
    repeated_notes log;
    const instant start{1h};
    std::size_t told = 0;
    for (int i = 0; i < 1000; ++i) told += log.told("bad " + std::to_string(i), start).has_value();
    CHECK(told == repeated_notes::kinds_max + 1);
    CHECK(log.told("bad news", start + 60s) == "bad news (and 967 more like this)");
    CHECK(log.told("good news", start + 1h) == "good news");
    CHECK_FALSE(log.told("good news", start + 1h));
}
