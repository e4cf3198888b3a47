// maus-bench, maus-sim and the scripts in bin/, as far as a quick run shows that they work.
#include <cmath>
#include <fstream>
#include <set>

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

TEST_CASE("the scripts in bin/ say what they are for") {
    for (const std::string& name : words{"setup", "quickstart", "test"}) {
        const outcome help = run(MAUS_SOURCE_DIR "/bin/" + name, {"--help"});
        CHECK(help.code == good);
        CHECK(help.err.empty());
        CHECK(help.out.starts_with("usage: bin/" + name));
    }
}
