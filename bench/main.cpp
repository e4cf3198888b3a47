// maus-bench: how fast calls are, beside raw libzmq measured in the same run.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <fstream>
#include <iomanip>
#include <iostream>

#include "bench/child.hpp"
#include "bench/echo.hpp"
#include "bin/support/program.hpp"

namespace {

struct plan {
    std::vector<std::size_t> windows{1, 100, 1000};
    std::vector<std::size_t> sizes{8, 1024};
    std::vector<std::size_t> workers{1, 2};
    double seconds = 0.5;
    int repeats = 5;
    std::string pin = "one";
    std::string json;
    bool quick = false;
};

std::string name_of(const bench::setting& what) {
    const std::string size = what.bytes >= 1024 ? std::to_string(what.bytes / 1024) + "KiB"
                                                : std::to_string(what.bytes) + "B";
    return "echo.tcp." + size + ".w" + std::to_string(what.window) + ".workers" +
           std::to_string(what.workers);
}

void print_head() {
    std::cout << std::left << std::setw(30) << "echo, maus beside raw libzmq" << std::right
              << std::setw(12) << "ratio" << std::setw(9) << "+-" << std::setw(13) << "calls/s"
              << std::setw(13) << "libzmq" << std::setw(10) << "p50 us" << std::setw(10) << "libzmq"
              << std::setw(10) << "p99 us" << std::setw(10) << "libzmq" << std::setw(9) << "cpu x"
              << '\n';
}

void print_row(const std::vector<bench::figure>& row) {
    std::cout << std::left << std::setw(30) << row[0].name << std::right << std::fixed
              << std::setprecision(2) << std::setw(12) << row[0].ratio << std::setw(9)
              << row[0].spread << std::setprecision(0) << std::setw(13) << row[0].ours
              << std::setw(13) << row[0].reference << std::setprecision(1) << std::setw(10)
              << row[1].ours << std::setw(10) << row[1].reference << std::setw(10) << row[2].ours
              << std::setw(10) << row[2].reference << std::setprecision(2) << std::setw(9)
              << row[3].ratio << std::endl;
}

std::vector<bench::figure> measure(const bench::setting& what, const plan& how) {
    const auto ours = bench::maus_echo(what);
    const auto reference = bench::zmq_echo(what);
    std::vector<bench::sample> a, b;
    (void)ours->run(how.seconds / 5);  // warm
    (void)reference->run(how.seconds / 5);
    for (int i = 0; i < how.repeats; ++i) {
        a.push_back(ours->run(how.seconds));
        b.push_back(reference->run(how.seconds));
    }
    const auto figure = [&](const char* metric, double bench::sample::*field) {
        std::vector<double> left, right;
        for (const auto& each : a) left.push_back(each.*field);
        for (const auto& each : b) right.push_back(each.*field);
        return bench::compare(name_of(what), metric, left, right, how.pin);
    };
    return {figure("calls_per_s", &bench::sample::calls_per_s),
            figure("p50_us", &bench::sample::p50_us), figure("p99_us", &bench::sample::p99_us),
            figure("cpu_s_per_million_calls", &bench::sample::cpu_s_per_million)};
}

void write_json(std::ofstream& file, const std::string& path,
                const std::vector<bench::figure>& figures) {
    auto all = nlohmann::json::array();
    for (const auto& each : figures) {
        all.push_back({{"name", each.name},
                       {"metric", each.metric},
                       {"ours", each.ours},
                       {"reference", each.reference},
                       {"ratio", each.ratio},
                       {"spread", each.spread},
                       {"pin", each.pin}});
    }
    file << all.dump(2) << '\n';
    if (!file.flush()) throw maus::programs::failure("cannot write " + path);
}

int run_echo(plan how) {
    if (how.quick) {
        how.seconds = 0.05;
        how.repeats = 1;
        how.sizes = {8};
        how.workers = {1};
    }
    std::ofstream json;  // opened first: nobody likes to wait for a measurement that cannot be kept
    if (!how.json.empty()) {
        json.open(how.json);
        if (!json) throw maus::programs::failure("cannot write " + how.json);
    }
    if (how.pin == "one") bench::pin_to_one_cpu();
    print_head();
    std::vector<bench::figure> figures;
    for (const auto workers : how.workers) {
        for (const auto size : how.sizes) {
            for (const auto window : how.windows) {
                const auto row = measure({size, window, workers}, how);
                print_row(row);
                figures.insert(figures.end(), row.begin(), row.end());
            }
        }
    }
    if (!how.json.empty()) write_json(json, how.json, figures);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{
        "Measures calls through libmaus beside raw libzmq (DEALER to ROUTER, one message a call) "
        "in the "
        "same run.\nThe ratio is ours over libzmq's, the median over interleaved runs.",
        "maus-bench"};
    maus::programs::prepare(
        app,
        "  maus-bench                          every setting, all processes on one processor\n"
        "  maus-bench --pin free --window 1000 as the kernel places them\n"
        "  maus-bench --json figures.json      and one JSON object a figure");
    plan how;
    app.add_option("--window", how.windows, "calls outstanding at a time")
        ->check(CLI::Range(1, 1'000'000))
        ->capture_default_str();
    app.add_option("--bytes", how.sizes, "payload")
        ->check(CLI::Range(0, 64 << 20))
        ->capture_default_str();
    app.add_option("--workers", how.workers, "worker processes")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    app.add_option("--seconds", how.seconds, "length of one run")
        ->check(CLI::Range(0.001, 3600.0))
        ->capture_default_str();
    app.add_option("--repeats", how.repeats, "runs of each system, in turn")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    app.add_option("--pin", how.pin, "one: all on one processor (repeats best); free")
        ->check(CLI::IsMember({"one", "free"}))
        ->capture_default_str();
    app.add_option("--json", how.json, "write the figures to this file");
    app.add_flag("--quick", how.quick, "a tiny run, to see that it works");
    std::string endpoint;
    auto* maus = app.add_subcommand("serve-maus", "")->group("");
    auto* zmq = app.add_subcommand("serve-zmq", "")->group("");
    for (auto* role : {maus, zmq}) role->add_option("endpoint", endpoint)->required();
    return maus::programs::run(app, argc, argv, [&] {
        if (*maus) bench::serve_maus_echo(endpoint);
        if (*zmq) bench::serve_zmq_echo(endpoint);
        return run_echo(how);
    });
}
