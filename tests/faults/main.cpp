// maus-faults: plays one row of the fault table against real processes.
//
// The same program is the workers and the managers of the row. bin/faults runs rows many times and
// prints a table.
#include <cstdio>
#include <filesystem>
#include <iostream>

#include "bin/support/program.hpp"
#include "role.hpp"
#include "rows.hpp"
#include "soak.hpp"

namespace {

namespace programs = maus::programs;
using namespace faults;

constexpr const char* examples =
    "  maus-faults list                               the rows\n"
    "  maus-faults run kill-worker                    one of them, over tcp\n"
    "  maus-faults run kill-worker --transport ipc\n"
    "  maus-faults judge /tmp/maus-faults-Ab3dEf      what the checkers say of a run that was "
    "kept\n"
    "\n"
    "Histories and logs of a run that failed are kept; it says where.\n"
    "Exit codes: 0 passed, 1 failed, 2 bad usage, 77 skipped (it says what is missing).";

constexpr int exit_skipped = 77;

struct run_choices {
    std::string name;
    std::string over = "tcp";
    bool keep = false;
    bool no_latency = false;
};

transport to_transport(const std::string& name) {
    return name == "ipc" ? transport::ipc : transport::tcp;
}

std::string make_folder() {
    std::string name = std::filesystem::temp_directory_path() / "maus-faults-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw programs::failure("cannot make " + name);
    return name;
}

int report(const std::string& name, const std::string& over, const outcome& got, double seconds) {
    std::printf(
        "%s over %s: %llu calls, %llu results, %llu errors, %llu executions, %llu reassigned, "
        "%llu late, %.2f s\n",
        name.c_str(), over.c_str(), static_cast<unsigned long long>(got.calls.calls),
        static_cast<unsigned long long>(got.calls.results),
        static_cast<unsigned long long>(got.calls.errors),
        static_cast<unsigned long long>(got.calls.executions),
        static_cast<unsigned long long>(got.reassigned),
        static_cast<unsigned long long>(got.stale_answers), seconds);
    std::fflush(stdout);
    for (const auto& each : got.failures) std::cerr << "maus-faults: " << each << std::endl;
    return got.failures.empty() ? programs::exit_good : programs::exit_failed;
}

int play(const row& which, const run_choices& chosen) {
    const std::string folder = make_folder();
    const auto began = now();
    outcome got;
    try {
        stage on(to_transport(chosen.over), folder);
        on.holds_latency = !chosen.no_latency;
        try {
            which.play(on);
        } catch (const row_failed& failed) {
            on.check(false, failed.what());
        }
        got = on.finish();
    } catch (const row_skipped& missing) {
        std::filesystem::remove_all(folder);
        std::cout << which.name << " over " << chosen.over << ": skipped: " << missing.what()
                  << std::endl;
        return exit_skipped;
    } catch (const std::exception& failed) {
        got.failures.emplace_back(failed.what());
    }
    const int code =
        report(which.name, chosen.over, got, std::chrono::duration<double>(now() - began).count());
    if (code != programs::exit_good || chosen.keep) {
        std::cerr << "maus-faults: kept " << folder << std::endl;
    } else {
        std::filesystem::remove_all(folder);
    }
    return code;
}

int run_row(const run_choices& chosen) {
    for (const auto& each : rows()) {
        if (each.name != chosen.name) continue;
        if (!each.runs_over(to_transport(chosen.over))) {
            throw programs::bad_usage(each.name + " does not run over " + chosen.over);
        }
        return play(each, chosen);
    }
    throw programs::bad_usage("there is no row " + chosen.name + "; see maus-faults list");
}

/// NAME TRANSPORT light|heavy FAULT; or, for ctest, one add_test for each light one.
int list(const std::string& program) {
    for (const auto& each : rows()) {
        for (const std::string over : {"tcp", "ipc"}) {
            if (!each.runs_over(to_transport(over))) continue;
            const bool heavy = each.is == weight::heavy;
            if (!program.empty()) {
                if (heavy) continue;
                const std::string name = "\"faults/" + each.name + " over " + over + "\"";
                std::cout << "add_test(" << name << " \"" << program << "\" run " << each.name
                          << " --transport " << over << ")\nset_tests_properties(" << name
                          << " PROPERTIES LABELS faults TIMEOUT 1800 SKIP_RETURN_CODE 77)\n";
                continue;
            }
            std::cout << each.name << '\t' << over << '\t' << (heavy ? "heavy" : "light") << '\t'
                      << each.fault << '\n';
        }
    }
    return programs::exit_good;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Plays faults against real processes.", "maus-faults");
    programs::prepare(app, examples);
    app.require_subcommand(1);
    run_choices chosen;
    auto* run = app.add_subcommand("run", "Play one row");
    run->add_option("ROW", chosen.name)->required();
    run->add_option("--transport", chosen.over)->check(CLI::IsMember({"tcp", "ipc"}));
    run->add_flag("--keep", chosen.keep, "Keep histories and logs though it passed");
    run->add_flag("--no-latency", chosen.no_latency,
                  "Do not assert what calls wait during an attack: the machine is busy");
    auto* show = app.add_subcommand("list", "Show the rows");
    std::string ctest_program;
    show->add_option("--ctest", ctest_program, "As ctest commands that run this program");
    std::string folder;
    auto* judge = app.add_subcommand("judge", "Let the checkers read histories that were kept");
    judge->add_option("FOLDER", folder)->required()->check(CLI::ExistingDirectory);
    worker_choices as_worker;
    auto* worker = app.add_subcommand("worker", "Be a worker of a row");
    as_worker.add_to(*worker);
    manager_choices as_manager;
    auto* manager = app.add_subcommand("manager", "Be a manager of a row");
    as_manager.add_to(*manager);
    soak_choices soak_as;
    auto* soak = app.add_subcommand("soak", "Play for long, with a fault each second");
    soak->add_option("--minutes", soak_as.minutes)->check(CLI::Range(0.1, 100000.0));
    soak->add_option("--workers", soak_as.workers)->check(CLI::Range(4, 1000));
    soak->add_option("--managers", soak_as.managers)->check(CLI::Range(2, 100));
    soak->add_option("--seed", soak_as.seed);
    return programs::run(app, argc, argv, [&] {
        if (*show) return list(ctest_program);
        if (*judge) return report("judge", folder, judge_folder(folder), 0);
        if (*worker) return run_worker(as_worker);
        if (*manager) return run_manager(as_manager);
        if (*soak) return run_soak(soak_as);
        return run_row(chosen);
    });
}
