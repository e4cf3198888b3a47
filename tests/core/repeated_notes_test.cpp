// Log lines that peers cause again and again.
#include "maus/core/repeated_notes.hpp"

#include <optional>
#include <string>

#include "catch.hpp"

using maus::log_level;
using maus::base::instant;
using maus::core::repeated_notes;
using namespace std::chrono_literals;

namespace {
constexpr log_level level = log_level::warning;

std::optional<std::string> said(repeated_notes& log, const std::string& text, instant at) {
    const auto line = log.told(level, text, at);
    return line ? std::optional(line->text) : std::nullopt;
}
}  // namespace

TEST_CASE("a line that comes again is counted, and told with its number ever more rarely") {
    repeated_notes log;
    const instant start{1h};
    CHECK(said(log, "a stranger", start) == "a stranger");
    for (int i = 0; i < 5; ++i) CHECK_FALSE(said(log, "a stranger", start + 59s));
    CHECK(said(log, "another", start + 59s) == "another");
    CHECK(said(log, "a stranger", start + 60s) == "a stranger (and 5 more like this)");
    CHECK_FALSE(said(log, "a stranger", start + 179s));
    CHECK(said(log, "a stranger", start + 180s) == "a stranger (and 1 more like this)");
    CHECK(said(log, "a stranger", start + 420s) == "a stranger");
    CHECK(log.rest().empty());
}

TEST_CASE("what was counted is told at the end") {
    repeated_notes log;
    for (int i = 0; i < 6; ++i) (void)said(log, "a stranger", instant{1h});
    CHECK(log.rest() ==
          std::vector<repeated_notes::line>{{level, "a stranger (5 more like this)"}});
    CHECK(log.rest().empty());
}

TEST_CASE("lines that all differ are one kind after some, until the others are old") {
    repeated_notes log;
    const instant start{1h};
    std::size_t told = 0;
    for (int i = 0; i < 1000; ++i) told += said(log, "bad " + std::to_string(i), start).has_value();
    CHECK(told == repeated_notes::kinds_max + 1);
    CHECK(said(log, "bad news", start + 60s) == "bad news (and 967 more like this)");
    CHECK(said(log, "good news", start + 1h) == "good news");
    CHECK_FALSE(said(log, "good news", start + 1h));
}

TEST_CASE(
    "lines that came twice and never again leave room for others, and a known one is new after a "
    "rest") {
    repeated_notes log;
    const instant start{1h};
    for (std::size_t i = 0; i < repeated_notes::kinds_max; ++i) {
        for (int twice = 0; twice < 2; ++twice) (void)said(log, "old " + std::to_string(i), start);
    }
    CHECK(said(log, "new", start + 3h) == "new");
    CHECK_FALSE(said(log, "new", start + 3h));
    CHECK(said(log, "another", start + 3h) == "another");
    // After its rest a line is told after a minute again, and not after two.
    CHECK(said(log, "new", start + 3h + 1min) == "new (and 1 more like this)");
    CHECK(said(log, "new", start + 5h) == "new");
    CHECK(said(log, "new", start + 5h + 1min) == "new");
    CHECK(log.rest() ==
          std::vector<repeated_notes::line>{{level, "other complaints (32 more like this)"}});
}

TEST_CASE("what was counted keeps its level") {
    repeated_notes log;
    for (int i = 0; i < 2; ++i) (void)log.told(log_level::error, "cannot send", instant{1h});
    CHECK(log.rest() ==
          std::vector<repeated_notes::line>{{log_level::error, "cannot send (1 more like this)"}});
}

TEST_CASE("a line that comes again and again is told ever more rarely") {
    for (const auto apart : {30s, 90s, 120s}) {
        repeated_notes log;
        std::size_t times = 0;
        const instant start{1h};
        for (auto at = 0s; at < 10h; at += apart)
            times += said(log, "again", start + at).has_value();
        CHECK(times <= 18);
    }
}

TEST_CASE("a line has the highest level of those that it stands for") {
    repeated_notes log;
    const instant start{1h};
    (void)log.told(log_level::warning, "cannot send", start);
    (void)log.told(log_level::error, "cannot send", start);
    CHECK(log.told(log_level::warning, "cannot send", start + 1min)->level == log_level::error);
    CHECK(log.told(log_level::warning, "cannot send", start + 3min)->level == log_level::warning);
}
