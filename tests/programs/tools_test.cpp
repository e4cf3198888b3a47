// maus-bench, maus-sim and the scripts in bin/, as far as a quick run shows that they work.
#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "programs/program.hpp"

using namespace programs;
using nlohmann::json;

TEST_CASE("maus-bench writes one object a figure") {
    const maus_test::scratch_folder folder;
    const std::string file = folder.file("figures.json");
    const outcome ended = run("maus-bench", {"echo", "--quick", "--window", "1", "--json", file});
    INFO(ended.out << ended.err);
    REQUIRE(ended.code == good);
    CHECK(ended.err.empty());
    CHECK_THAT(ended.out, maus_test::has_text("echo.tcp.8B.w1.workers1"));
    std::ifstream in(file);
    const json figures = json::parse(in);
    std::set<std::string> metrics;
    for (const auto& each : figures) {
        INFO(each.dump());
        CHECK(each.size() == 7);
        CHECK(each.at("name") == "echo.tcp.8B.w1.workers1");
        metrics.insert(each.at("metric"));
        CHECK(each.at("ours").get<double>() > 0);
        CHECK(each.at("reference").get<double>() > 0);
        const double ratio = each["ours"].get<double>() / each["reference"].get<double>();
        CHECK(each.at("ratio").get<double>() == Approx(ratio));  // of the only run
        CHECK(each.at("spread").get<double>() >= 0);
        CHECK(each.at("pin") == "one");
    }
    CHECK(metrics == std::set<std::string>{"calls_per_s", "p50_us", "p99_us", "p999_us",
                                           "cpu_s_per_million_calls", "peak_memory_bytes"});
}

TEST_CASE("maus-bench says that its figures could not be written") {
    const maus_test::scratch_folder folder;
    const outcome ended = run("maus-bench", {"echo", "--quick", "--window", "1", "--json",
                                             folder.file("missing/figures")});
    CHECK(ended.code == failed);
    CHECK_THAT(ended.err, maus_test::has_text("missing/figures"));
}

TEST_CASE("maus-bench targets fails unless all hold, and what is not measured does not") {
    const outcome ended = run("maus-bench", {"targets", "--quick"});
    INFO(ended.out << ended.err);
    CHECK(ended.err.empty());
    std::istringstream lines(ended.out);
    std::size_t held = 0, others = 0;
    std::string line, last;
    for (std::getline(lines, line); std::getline(lines, line); last = line) {
        held += line.ends_with("  holds") ? 1 : 0;
        const bool fails = line.find("  DOES NOT HOLD") != line.npos;
        others += fails || line.ends_with("not measured") ? 1 : 0;
    }
    CHECK(held + others == 21);
    CHECK(last == std::to_string(held) + " of 21 hold");
    CHECK(ended.code == (others == 0 ? good : failed));
    CHECK_THAT(ended.out, maus_test::has_text("not measured"));  // 10,000 workers are not quick
}

TEST_CASE("bin/bench-guard finds what became worse, and what is not measured any more") {
    const maus_test::scratch_folder folder;
    const std::string fake = folder.file("maus-bench"), baseline = folder.file("baseline.json");
    const auto write = [](const std::string& path, const std::string& text) {
        std::ofstream(path) << text;
    };
    write(fake, "#!/bin/sh\nfor last; do :; done\ncp \"$(dirname \"$0\")/figures\" \"$last\"\n");
    std::filesystem::permissions(fake, std::filesystem::perms::owner_all);
    write(baseline, R"({"figures": [{"part": "ratios", "name": "echo", "metric": "calls_per_s",
                                     "value": 1.0, "tolerance": 0.1}]})");
    const auto guard = [&](const std::string& name, double ratio) {
        write(folder.file("figures"),
              json::array(
                  {{{"name", name}, {"metric", "calls_per_s"}, {"ratio", ratio}, {"ours", 1}}})
                  .dump());
        return run(MAUS_SOURCE_DIR "/bin/bench-guard",
                   {"ratios", "--program", fake, "--baseline", baseline});
    };
    CHECK(guard("echo", 0.91).code == good);
    CHECK(guard("echo", 1.2).code == good);
    const outcome worse = guard("echo", 0.89);
    CHECK(worse.code == failed);
    CHECK_THAT(worse.out, maus_test::has_text("WORSE"));
    const outcome missing = guard("another", 1.0);
    CHECK(missing.code == failed);
    CHECK_THAT(missing.out, maus_test::has_text("NOT MEASURED"));
}

TEST_CASE("maus-sim runs the seeds that it is told to") {
    const outcome ended = run("maus-sim", {"--seeds", "1..3"});
    INFO(ended.out << ended.err);
    CHECK(ended.code == good);
    CHECK(ended.err.empty());
    CHECK_THAT(ended.out, maus_test::has_text("seeds 1..3\n"));
    CHECK_THAT(ended.out, maus_test::has_text("seeds     3, of which 0 failed"));
    const auto hash_of = [](const std::string& text) {
        const auto at = text.find("trace hash ");
        REQUIRE(at != std::string::npos);
        return text.substr(at, text.find('\n', at) - at);
    };
    const outcome once = run("maus-sim", {"--seed", "2", "--trace"});
    CHECK(once.code == good);
    CHECK(hash_of(once.out) == hash_of(run("maus-sim", {"--seed", "2", "--trace"}).out));
}

TEST_CASE("maus-sim runs the other seeds when one ends its process") {
    // Far more than there is time for: each of the three is ended by a signal.
    const words endless{"--set", "chaos_ms=600000", "--seed-seconds", "0.02"};
    for (const std::string& jobs : words{"1", "2"}) {
        words typed{"--seeds", "1..3", "--jobs", jobs};
        typed.insert(typed.end(), endless.begin(), endless.end());
        const outcome ended = run("maus-sim", typed);
        INFO(ended.out << ended.err);
        CHECK(ended.code == failed);
        CHECK_THAT(ended.out, maus_test::has_text("seeds     3, of which 3 failed"));
        for (const std::string& seed : words{"1", "2", "3"}) {
            CHECK_THAT(ended.out,
                       maus_test::has_text("seed " + seed + " FAILED\n    loop: 0.02 s"));
            CHECK_THAT(ended.out, maus_test::has_text("maus-sim --seed " + seed +
                                                      " --set chaos_ms=600000 --trace\n"));
        }
    }
    const outcome fast = run("maus-sim", {"--fail-fast", "--set", "chaos_ms=600000",
                                          "--seed-seconds", "0.02", "--seeds", "1..3"});
    CHECK_THAT(fast.out, maus_test::has_text("seeds     1, of which 1 failed"));
}

TEST_CASE("maus-sim goes by the time") {
    const outcome ended = run("maus-sim", {"--minutes", "0.005"});
    INFO(ended.out << ended.err);
    CHECK(ended.code == good);
    CHECK_THAT(ended.out, maus_test::has_text("seeds from 1 on, for 0.005 minutes"));
}

TEST_CASE("the scripts in bin/ say what they are for") {
    for (const std::string& name : words{"setup", "quickstart", "test", "bench-guard"}) {
        const outcome help = run(MAUS_SOURCE_DIR "/bin/" + name, {"--help"});
        CHECK(help.code == good);
        CHECK(help.err.empty());
        CHECK(help.out.starts_with("usage: bin/" + name));
    }
}
