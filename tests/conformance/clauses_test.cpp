// Every numbered clause of PROTOCOL.md has a test whose name begins with its number.
#include "catch.hpp"

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

namespace {
std::string text_of(const std::filesystem::path& path) {
    std::ifstream in(path);
    REQUIRE(in.good());
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}
/// The numbers that follow `before` in a text.
std::set<int> numbers_after(const std::string& text, const std::string& before) {
    std::set<int> numbers;
    for (auto at = text.find(before); at != std::string::npos; at = text.find(before, at + 1)) {
        numbers.insert(std::atoi(text.c_str() + at + before.size()));
    }
    return numbers;
}
}  // namespace

TEST_CASE("every clause of PROTOCOL.md has a test") {
    const std::filesystem::path root = MAUS_SOURCE_DIR;
    const auto clauses = numbers_after(text_of(root / "lib/PROTOCOL.md"), "**[P-");
    REQUIRE(clauses.size() >= 53);
    // None is left out, but for the numbers of what is being written elsewhere.
    constexpr int reserved_first = 92, reserved_last = 109;
    for (int clause = 1; clause <= *clauses.rbegin(); ++clause) {
        INFO("P-" << clause);
        const bool is_reserved = clause >= reserved_first && clause <= reserved_last;
        CHECK((is_reserved || clauses.contains(clause)));
    }
    std::set<int> tested;
    for (const auto& file : std::filesystem::directory_iterator(root / "tests/conformance")) {
        if (file.path().extension() != ".cpp") continue;
        tested.merge(numbers_after(text_of(file.path()), "TEST_CASE(\"P-"));
    }
    for (const int clause : clauses) {
        INFO("P-" << clause);
        CHECK(tested.contains(clause));
    }
    for (const int clause : tested) {
        INFO("a test of P-" << clause << ", which does not exist");
        CHECK(clauses.contains(clause));
    }
}
