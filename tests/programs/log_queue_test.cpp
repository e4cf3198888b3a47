// What becomes of log lines before they are written: the pure part.
#include "bin/support/log_queue.hpp"

#include "catch.hpp"

using namespace std::chrono_literals;
using maus::log_level;
using maus::programs::kind_of;
using maus::programs::log_line;
using maus::programs::log_queue;

namespace {

const log_queue::instant start{};

log_line line(const std::string& text, log_level level = log_level::info) {
    return {level, {}, text};
}

std::vector<std::string> texts(const std::vector<log_line>& lines) {
    std::vector<std::string> all;
    for (const auto& each : lines) all.push_back(each.text);
    return all;
}

/// Of a kind of its own.
log_line other(std::size_t kind, log_level level = log_level::info) {
    return line(std::string(kind / 26, 'z') + static_cast<char>('a' + kind % 26), level);
}

/// More lines than there is room for at one level.
void flood(log_queue& queue, log_level level, std::size_t lines) {
    for (std::size_t i = 0; i < lines; ++i) queue.add(other(i % 200, level), start);
}

}  // namespace

TEST_CASE("a line's kind is its first words without ids, numbers and addresses") {
    CHECK(kind_of("worker 1a2b3c4d joined: type default, pid 12 on x") == "worker # joined");
    CHECK(kind_of("registered with parkserver tcp://127.0.0.1:8500") ==
          "registered with parkserver #");
    CHECK(kind_of("lease 12-3: worker 1a") == "lease #");
    CHECK(kind_of("a b c d e f g h") == "a b c d e f");
    CHECK(kind_of("") == "");
    CHECK(kind_of(" ") == "");
    CHECK(kind_of(std::string(5000, 'x')).size() == 200);
}

TEST_CASE("lines leave in the order in which they came, whatever their level") {
    log_queue queue;
    queue.add(line("one"), start);
    queue.add(line("two", log_level::error), start);
    queue.add(line("three", log_level::debug), start);
    CHECK(texts(queue.take()) == std::vector<std::string>{"one", "two", "three"});
    CHECK(queue.empty());
    CHECK(queue.take().empty());
}

TEST_CASE("of a kind so many lines a second are told, and the rest as their number") {
    log_queue queue;
    const std::uint64_t most = log_queue::lines_a_second_max;
    for (std::uint64_t i = 0; i < most + 1234; ++i) {
        queue.add(line("worker " + std::to_string(i) + " joined: type x"), start);
    }
    queue.add(line("stopping"), start + 1s - 1ns);
    CHECK(queue.take().size() == most + 1);
    CHECK(queue.next_deadline() == start + 1s);
    queue.advance_to(start + 1s - 1ns);
    CHECK(queue.empty());
    queue.advance_to(start + 1s);
    CHECK(texts(queue.take()) ==
          std::vector<std::string>{"... 1,234 more like this: worker # joined"});
    CHECK(!queue.next_deadline());
    queue.add(line("worker 1 joined"), start + 1s);  // a new second
    CHECK(texts(queue.take()) == std::vector<std::string>{"worker 1 joined"});
    CHECK(queue.next_deadline() == start + 2s);
}

TEST_CASE("a summary stands before what comes after its second") {
    log_queue queue;
    for (std::uint64_t i = 0; i <= log_queue::lines_a_second_max; ++i) queue.add(line("a"), start);
    queue.add(line("b"), start + 2s);
    const auto all = texts(queue.take());
    REQUIRE(all.size() == log_queue::lines_a_second_max + 2);
    CHECK(all[all.size() - 2] == "... 1 more like this: a");
    CHECK(all.back() == "b");
}

TEST_CASE("kinds without end count as one kind") {
    log_queue queue;
    const std::size_t more = 500;
    std::size_t told = 0;
    for (std::size_t i = 0; i < log_queue::kinds_max + more; ++i) {
        queue.add(line(std::string(i / 26, 'z') + static_cast<char>('a' + i % 26)), start);
        told += queue.take().size();
    }
    CHECK(told == log_queue::kinds_max + log_queue::lines_a_second_max);
    queue.end_second();
    CHECK(texts(queue.take()) == std::vector<std::string>{"... 400 more like this: other lines"});
}

TEST_CASE("what finds no room is dropped and counted, and told behind what is there") {
    log_queue queue;
    flood(queue, log_level::info, log_queue::lines_max + 7);
    const auto all = queue.take();
    REQUIRE(all.size() == log_queue::lines_max + 1);
    CHECK(all.back().level == log_level::warning);
    CHECK(all.back().text == "7 lines dropped: the log could not be written in time");
    CHECK(queue.take().empty());
}

TEST_CASE("warnings find room when other lines do not, and have a bound, too") {
    log_queue queue;
    flood(queue, log_level::info, log_queue::lines_max + 1);
    queue.add(line("trouble", log_level::warning), start);
    flood(queue, log_level::error, log_queue::lines_max);
    const auto all = queue.take();
    REQUIRE(all.size() == 2 * log_queue::lines_max + 1);
    CHECK(all[log_queue::lines_max].text == "trouble");
    CHECK(all.back().text == "2 lines dropped: the log could not be written in time");
}

TEST_CASE("lines that could not be written are told with the next ones, and not before") {
    log_queue queue;
    for (std::uint64_t i = 0; i < log_queue::lines_a_second_max + 10; ++i) {
        queue.add(line("a"), start);
    }
    queue.end_second();
    for (const auto& each : queue.take()) queue.lost(each.stands_for);
    CHECK(queue.take().empty());
    queue.add(line("b"), start + 2s);
    const auto all = queue.take();
    CHECK(texts(all) ==
          std::vector<std::string>{"b", "110 lines dropped: the log could not be written in time"});
    CHECK(all.back().stands_for == 110);  // told again if this is lost, too
}

TEST_CASE("a line of any length is kept to its bound") {
    log_queue queue;
    queue.add(line(std::string(100'000, 'x')), start);
    CHECK(queue.take().at(0).text.size() == log_queue::line_bytes_max);
}
