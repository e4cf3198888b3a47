// maus call and maus map: JSON in, JSON out, and what is said of what is wrong.
#include <algorithm>
#include <fstream>

#include <maus/function.hpp>
#include <maus/json.hpp>
#include <maus/worker.hpp>

#include "bin/maus/line_order.hpp"
#include "bin/support/duration.hpp"
#include "bin/support/progress_line.hpp"
#include "programs/program.hpp"

using namespace programs;

namespace {

/// A parkserver, and a worker in this process.
struct called {
    parkserver park;
    maus::worker worker;
    maus_test::scratch_folder folder;

    called() {
        worker.expose("add", [](int x, int y) { return x + y; });
        worker.expose("greet", [](std::string name) { return "hello " + name; });
        worker.expose("count", [](maus::arguments given) { return maus::value(given.size()); });
        worker.expose("half", [](int x) {
            if (x % 2 != 0) throw std::invalid_argument("odd: " + std::to_string(x));
            return x / 2;
        });
        worker.expose("nothing", [] {});
        worker.expose("numbers", [](int count) -> maus::generator<std::string> {
            for (int i = 0; i < count; ++i) co_yield std::to_string(i);
        });
        worker.expose("boom", [] { throw std::runtime_error("boom \x1b[2J\xff\nnext"); });
        worker.expose("apply", [](int x, maus::function<int(int)> f) { return f(x); });
        worker.expose("bytes", [](std::vector<std::uint8_t> data) { return data; });
        worker.register_parkserver(park.endpoint());
        worker.start();
        REQUIRE(eventually([this] {
            const outcome now = run("maus", park.asked({"functions"}));
            return now.out.find("half(i32)->i32") != now.out.npos;
        }));
    }
    outcome call(words command) {
        command.insert(command.begin(), "call");
        command.insert(command.begin() + 1, {"-p", park.endpoint()});
        return run("maus", command);
    }
    outcome map(words command, const std::string& input) {
        std::ofstream(folder.file("in")) << input;
        command.insert(command.begin(), {"map", "-p", park.endpoint()});
        return run("maus", command, "<" + folder.file("in"));
    }
};

}  // namespace

TEST_CASE("maus call makes a call with JSON for its arguments and its result") {
    called all;
    const std::tuple<words, std::string> rows[] = {
        {{"add", "1", "2"}, "3\n"},
        {{"add", "--json", "--timeout", "60s", "1", "2.0"}, "3\n"},
        {{"add", "-1", "2"}, "1\n"},
        {{"add", "--", "-1", "2"}, "1\n"},
        {{"count", "[1,2,3]"}, "1\n"},
        {{"numbers", "3"}, "\"0\"\n\"1\"\n\"2\"\n"},
        {{"numbers", "0"}, ""},
        {{"greet", "\"Ada\""}, "hello Ada\n"},
        {{"greet", "\"Ada\"", "--json"}, "\"hello Ada\"\n"},
        {{"count", "1", "[2,3]", "{\"a\":null}"}, "3\n"},
        {{"nothing"}, ""},
        {{"nothing", "--json"}, "null\n"},
        {{"bytes", "{\"$bytes\":\"AP8=\"}"}, "{\"$bytes\": \"AP8=\"}\n"},
    };
    for (const auto& [command, expected] : rows) {
        const outcome ended = all.call(command);
        INFO(typed("maus call", command) << ended.err);
        CHECK(ended.code == good);
        CHECK(ended.err.empty());
        CHECK(ended.out == expected);
    }
}

TEST_CASE("maus call explains what is wrong, against the signature that the worker announced") {
    called all;
    const std::tuple<words, int, std::string> rows[] = {
        {{"add", "1"}, usage, "add(i32,i32)->i32: 1 arguments where 2 belong"},
        {{"add", "1", "\"2\""},
         usage,
         "add(i32,i32)->i32: argument 2: a string (\"2\") where i32 belongs"},
        {{"add", "1", "4294967296"}, usage, "argument 2: 4294967296 is not in the range of i32"},
        {{"greet", "Ada"}, usage, "arguments are JSON, and text needs its own quotes"},
        {{"add", "-.5", "1"}, usage, "argument 1, -.5: no JSON at byte 2: "},
        {{"add", "-.5", "1"}, usage, "; write -0.5\n"},
        {{"add", "1", "--json", "-1."}, usage, "argument 2, -1.: no JSON at byte 4: "},
        {{"add", "1", "-1."}, usage, "; write -1.0\n"},
        {{"add", "1", ".5"}, usage, "; write 0.5\n"},
        {{"add", "1", "+1"}, usage, "; write 1\n"},
        {{"add", "1", "-Infinity"}, usage, "; write '{\"$f64\": \"-Infinity\"}'\n"},
        {{"add", "1", "-inf"}, usage, "; write '{\"$f64\": \"-Infinity\"}'\n"},
        {{"add", "1", "NaN"}, usage, "; write '{\"$f64\": \"NaN\"}'\n"},
        {{"add", "1", "-abc"}, usage, "argument 2, -abc: no JSON at byte 2: "},
        {{"add", "1", "-abc"}, usage, "it is no option either; arguments are JSON, and text needs"},
        {{"add", "1", "-."}, usage, "it is no option either; arguments are JSON, and text needs"},
        {{"-j", "add", "1", "2"}, usage, "there is no option -j"},
        {{"add", "1", "2", "--tmeout", "2s"}, usage, "--tmeout"},
        {{"add", "--type", "-x", "1", "2"}, failed, "no worker of type -x exposes add"},
        {{"add", "1", "2", "--timeout", "2"}, usage, "write 500ms, 2s, 5min or 1h"},
        {{"ad", "1"}, failed, "no worker exposes ad; exposed are: add, apply, boom, bytes, count"},
        {{"half", "3"}, failed, "odd: 3"},
        {{"boom"}, failed, "boom ?[2J?\nnext\n"},
        {{"apply", "1", "2"},
         usage,
         "it takes a function, and JSON has none; call it from a program"},
        {{}, usage, "FUNCTION"},
    };
    for (const auto& [command, code, expected] : rows) {
        const outcome ended = all.call(command);
        INFO(typed("maus call", command));
        CHECK(ended.code == code);
        CHECK(ended.out.empty());
        CHECK_THAT(ended.err, maus_test::has_text(expected));
        CHECK(ended.err.find('\x1b') == std::string::npos);
    }
}

TEST_CASE("maus map makes a call for each line, and keeps their order") {
    called all;
    std::string in, out;
    for (int i = 0; i < 3000; ++i) {
        in += "[" + std::to_string(i) + ", 1]\n";
        out += std::to_string(i + 1) + "\n";
    }
    const outcome ended = all.map({"add"}, in);
    INFO(ended.err);
    CHECK(ended.code == good);
    CHECK(ended.err.empty());
    CHECK(ended.out == out);
    const outcome few = all.map({"add", "--jobs", "2", "--skip", "2998"}, in);
    CHECK(few.out == "2999\n3000\n");
    CHECK(all.map({"half"}, "2\n4").out == "1\n2\n");
    CHECK(all.map({"count"}, "[1,2]\n7\n").out == "2\n1\n");
    CHECK(all.map({"half"}, "").code == good);
}

TEST_CASE("maus map stops at the first line that fails, or goes on") {
    called all;
    const std::string in = "2\n3\n4\nx\n8\n";
    const outcome stopped = all.map({"half", "--jobs", "1"}, in);
    CHECK(stopped.code == failed);
    CHECK(stopped.out == "1\n");
    CHECK_THAT(stopped.err, maus_test::has_text("maus map: line 2: half: remote_exception: "));
    CHECK_THAT(stopped.err, maus_test::has_text("--skip 1"));
    const outcome whole = all.map({"half", "--keep-going"}, in);
    CHECK(whole.code == failed);
    CHECK_THAT(whole.err, maus_test::has_text("line 2: "));
    CHECK_THAT(whole.err, maus_test::has_text("line 4: no JSON at byte"));
    std::istringstream lines(whole.out);
    std::vector<maus::value> results;
    for (std::string line; std::getline(lines, line);) results.push_back(maus::from_json(line));
    REQUIRE(results.size() == 5);
    CHECK(results[0] == maus::value(1));
    CHECK(results[1].as_error().name == "remote_exception");
    CHECK(results[2] == maus::value(2));
    CHECK(results[3].as_error().name == "bad_arguments");
    CHECK(results[4] == maus::value(4));
    std::string sorted = all.map({"half", "--unordered"}, "2\n4\n6\n").out;
    CHECK(sorted.size() == 6);
    for (const char* each : {"1\n", "2\n", "3\n"}) CHECK_THAT(sorted, maus_test::has_text(each));
}

TEST_CASE("maus map says which functions it cannot call, and what to do instead") {
    called all;
    const outcome takes = all.map({"apply"}, "[1,2]\n");
    CHECK(takes.code == usage);
    CHECK_THAT(takes.err, maus_test::has_text("it takes a function, and JSON has none"));
    const outcome gives = all.map({"numbers"}, "3\n");
    CHECK(gives.code == usage);
    CHECK_THAT(gives.err, maus_test::has_text("numbers(i32)->stream<str>: it gives a stream"));
    CHECK_THAT(gives.err, maus_test::has_text("use `maus call`"));
}

TEST_CASE("neither exceptions nor lines of stdin give a terminal orders through maus map") {
    called all;
    const outcome ended = all.map({"boom", "--keep-going"}, "[]\n\xff\x1b[2J\n");
    INFO(ended.err);
    CHECK(ended.code == failed);
    CHECK_THAT(ended.err, maus_test::has_text("line 1: boom: remote_exception: "));
    CHECK_THAT(ended.err, maus_test::has_text("boom ?[2J??next\n"));
    CHECK_THAT(ended.err, maus_test::has_text("line 2: "));
    for (const std::string& text : {ended.err, ended.out}) {
        CHECK(std::all_of(text.begin(), text.end(),
                          [](char c) { return c == '\n' || (c >= 0x20 && c < 0x7F); }));
    }
}

TEST_CASE("lines are written in order, or as they come") {
    maus::cli::line_order order(3, false);
    CHECK(order.came(4, "b").empty());
    CHECK(order.came(3, "a") == std::vector<std::string>{"a", "b"});
    maus::cli::line_order any(3, true);
    CHECK(any.came(4, "b") == std::vector<std::string>{"b"});
}

TEST_CASE("spans of time have a unit") {
    using maus::programs::duration_of;
    CHECK(duration_of("2s") == std::chrono::seconds{2});
    CHECK(duration_of("1.5s") == std::chrono::milliseconds{1500});
    CHECK(duration_of("250ms") == std::chrono::milliseconds{250});
    using namespace std::chrono_literals;
    const maus::programs::bare_unit ms{1ms, 10ms, 1h, "10 to 3600000 ms"};
    CHECK(duration_of("250", ms) == 250ms);
    CHECK(duration_of("2s", ms) == 2s);
    for (const char* each : {"9", "9ms", "2h", "", "x", "nan", "-1", "0", "5days"}) {
        CHECK_FALSE(duration_of(each, ms));
    }
    CHECK(duration_of("2min") == std::chrono::minutes{2});
    for (const char* bad : {"", "2", "s", "-1s", "0s", "2 s", "1e30h", "nans"}) {
        INFO(bad);
        CHECK_FALSE(duration_of(bad));
    }
}

TEST_CASE("a line of progress fits its terminal") {
    using maus::programs::progress_text;
    CHECK(progress_text("add", 0.5, 1234, 56.7, 2, 100) ==
          "add  [==========          ]  50 %  1,234 done  56/s  2 failed");
    CHECK(progress_text("add", -1, 5, 1, 0, 100) == "add  5 done  1/s");
    CHECK(progress_text("add", 0.5, 1234, 56, 0, 24).size() <= 24);
}

TEST_CASE("every program prints completion for three shells, from its own options") {
    const std::pair<std::string, std::string> others[] = {{"maus-parkserver", "bind"},
                                                          {"maus-demo", "wordcount"},
                                                          {"maus-bench", "quick"},
                                                          {"maus-sim", "fail-fast"}};
    for (const std::string shell : {"bash", "zsh", "fish"}) {
        const outcome ended = run("maus", {"--completion", shell});
        INFO(shell << ended.err);
        CHECK(ended.code == good);
        for (const char* word : {"status", "functions", "call", "map", "keep-going", "watch"}) {
            CHECK_THAT(ended.out, maus_test::has_text(word));
        }
        for (const auto& [program, word] : others) {
            const outcome other = run(program, {"--completion", shell});
            INFO(program);
            CHECK(other.code == good);
            CHECK_THAT(other.out, maus_test::has_text(word));
            CHECK_THAT(other.out, maus_test::has_text(program));
        }
    }
    CHECK(run("maus-sim", {"--completion", "fish"}).out.find("child") == std::string::npos);
    for (const std::string program : {"maus", "maus-sim"}) {
        const outcome other = run(program, {"--completion", "csh"});
        CHECK(other.code == usage);
        CHECK(other.out.empty());
        CHECK(other.err == program + ": --completion is for bash, zsh or fish\n");
    }
}

namespace {
/// What bash offers for the last of the words.
std::string bash_offers(const std::string& program, const std::string& words, int at) {
    const std::string name = program == "maus" ? "_maus" : "_maus_sim";
    return run("/bin/bash", {"-c",
                             "source <(\"$0\" --completion bash) && COMP_WORDS=(" + words +
                                 ") COMP_CWORD=" + std::to_string(at) + " && " + name +
                                 "; echo \"${COMPREPLY[*]}\"",
                             MAUS_BIN_DIR "/" + program})
        .out;
}

/// The line, or the word in '...', that has the text.
std::string part_with(const std::string& text, const std::string& all, char end) {
    const auto at = all.find(text);
    INFO(text);
    REQUIRE(at != std::string::npos);
    return all.substr(at, all.find(end, at) - at);
}
}  // namespace

TEST_CASE("completion tells options that take a value from those that do not") {
    CHECK(bash_offers("maus", "maus ma", 1) == "map\n");
    CHECK(bash_offers("maus", "maus status --js", 2) == "--json\n");
    CHECK(bash_offers("maus", "maus status --json --js", 3) == "--json\n");
    CHECK(bash_offers("maus", "maus status --timeout --js", 3) == "\n");
    CHECK(bash_offers("maus", "maus status -p --js", 3) == "\n");
    CHECK(bash_offers("maus-sim", "maus-sim --trace --shr", 2) == "--shrink\n");
    CHECK(bash_offers("maus-sim", "maus-sim --seed --shr", 2) == "\n");

    const std::string zsh = run("maus", {"--completion", "zsh"}).out;
    for (const char* flag : {"--json[", "--unordered[", "--help[", "--version["}) {
        CHECK(part_with(flag, zsh, '\'').ends_with("]"));
    }
    for (const char* option : {"--timeout[", "-p[", "--jobs[", "--watch["}) {
        CHECK(part_with(option, zsh, '\'').ends_with("]:value:"));
    }
    const std::string fish = run("maus", {"--completion", "fish"}).out;
    for (const char* flag : {" -l json ", " -l unordered ", " -l help ", " -l version "}) {
        CHECK(part_with(flag, fish, '\n').find(" -r ") == std::string::npos);
    }
    for (const char* option : {" -l timeout ", " -l parkserver ", " -l jobs ", " -l watch "}) {
        CHECK_THAT(part_with(option, fish, '\n'), maus_test::has_text(" -r "));
    }
    // Without subcommands its options stand anywhere, and not in the first place only.
    CHECK(run("maus-sim", {"--completion", "zsh"}).out.find("CURRENT") == std::string::npos);
    CHECK(run("maus-sim", {"--completion", "fish"}).out.find("__fish") == std::string::npos);
}
