// maus-sim: runs the machines that ship through simulated faults, seed by seed.
//
// Pure as the rest of the simulator: several jobs are several processes of this very program, and
// the only time that is measured is the processor's.
#include <sys/prctl.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

#include "bin/support/completion.hpp"
#include "jobs.hpp"
#include "maus/version.hpp"
#include "shrink.hpp"

namespace {

using namespace maus::sim;

struct options {
    std::string seeds = "1..500";
    std::optional<std::string> seed;
    bool shrink = false;
    unsigned jobs = 1;
    bool here = false;
    work what;
};

bool read_range(const std::string& text, std::uint64_t& first, std::uint64_t& last) {
    if (text.find_first_not_of("0123456789.") != std::string::npos) return false;
    unsigned long long from = 0, to = 0;
    char left = 0;
    if (std::sscanf(text.c_str(), "%llu..%llu%c", &from, &to, &left) == 2) {
        first = from;
        last = to;
        return from <= to && to != std::numeric_limits<std::uint64_t>::max();
    }
    if (std::sscanf(text.c_str(), "%llu%c", &from, &left) != 1) return false;
    first = last = from;
    return from != std::numeric_limits<std::uint64_t>::max();
}

/// What is wrong with it; nothing if it is right.
std::string check(options& wanted) {
    work& what = wanted.what;
    if (wanted.seed) {
        const bool one = wanted.seed->find('.') == std::string::npos;
        if (!one || !read_range(*wanted.seed, what.first, what.last))
            return "--seed wants a number from 0 on, not " + *wanted.seed;
    } else if (!read_range(wanted.seeds, what.first, what.last)) {
        return "--seeds wants A..B, two numbers from 0 on, the larger one last; not " +
               wanted.seeds;
    }
    if (wanted.shrink && !wanted.seed) return "--shrink wants --seed N";
    if (wanted.jobs > 1 && (what.trace || what.fail_fast))
        return "--trace and --fail-fast want one job";
    if (!(what.minutes >= 0)) return "--minutes wants a number from 0 on";  // not "nan" either
    if (!(what.seed_seconds > 0)) return "--seed-seconds wants a number from 0.01 on";
    if (what.minutes > 0 && (wanted.seed || wanted.shrink))
        return "--minutes goes from seed to seed, --seed stays with one";
    return {};
}

// Not argv[0]: a shell finds a name without a folder elsewhere.
std::string this_program(const char* called) {
    std::error_code why;
    const auto path = std::filesystem::read_symlink("/proc/self/exe", why);
    return why ? called : path.string();
}

void print_heading(const options& wanted) {
    const auto n = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
    if (wanted.what.minutes > 0) {
        std::printf("maus-sim: seeds from %llu on, for %g minutes of processor time%s\n",
                    n(wanted.what.first), wanted.what.minutes, wanted.jobs > 1 ? " a job" : "");
    } else {
        std::printf("maus-sim: seeds %llu..%llu\n", n(wanted.what.first), n(wanted.what.last));
    }
    std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
    options wanted;
    work& what = wanted.what;
    CLI::App app{
        "Runs the real state machines of workers, managers and parkservers in a simulated world\n"
        "whose faults one seed decides, and checks the history against what libmaus promises.\n",
        "maus-sim"};
    app.footer(
        "Examples:\n"
        "  maus-sim --seeds 1..2000 --jobs 2    many seeds on two cores\n"
        "  maus-sim --seed 730 --trace          what happened in one\n"
        "  maus-sim --seed 730 --shrink         a smaller run of the same failure\n"
        "  maus-sim --minutes 10                as many as that takes, from the first of "
        "--seeds\n\n"
        "A seed that crashes or does not end fails; the others are run all the same.\n\n"
        "Exit status: 0 all is well, 1 some seed failed, 2 the command line is wrong.");
    app.set_version_flag("--version", std::string("maus-sim ") + maus::version);
    app.add_option("--seeds", wanted.seeds, "A..B: the seeds to run")->capture_default_str();
    app.add_option("--seed", wanted.seed, "one seed");
    app.add_flag("--trace", what.trace, "print what happens (with --seed)");
    app.add_flag("--shrink", wanted.shrink,
                 "look for a smaller run that fails alike (with --seed)");
    app.add_option("--set", what.settings, "NAME=NUMBER: change the plan; --shrink prints such");
    app.add_option("--jobs", wanted.jobs, "processes to run them in")
        ->check(CLI::Range(1, 256))
        ->capture_default_str();
    app.add_option("--minutes", what.minutes, "go on for so many minutes of processor time a job")
        ->check(CLI::NonNegativeNumber);
    app.add_option("--seed-seconds", what.seed_seconds,
                   "processor time after which a seed that never ends a step is ended")
        ->check(CLI::Range(0.01, 3600.0))
        ->capture_default_str();
    app.add_option("--twice-every", what.twice_every,
                   "run each n-th seed twice and compare the traces' hashes; 0: none")
        ->check(CLI::Range(std::int64_t{0}, std::numeric_limits<std::int64_t>::max()))
        ->capture_default_str();
    app.add_flag("--fail-fast", what.fail_fast, "stop at the first seed that fails (one job)");
    app.add_flag("--here", wanted.here, "in this very process, for a debugger");
    app.add_option("--step", what.step, "run each n-th seed only")
        ->check(CLI::PositiveNumber)
        ->group("");
    app.add_flag("--child", what.tell, "print totals for a parent")->group("");
    std::string shell;
    app.add_option("--completion", shell,
                   "print a script for bash, zsh or fish that completes this")
        ->type_name("SHELL");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& wrong) {
        return app.exit(wrong) == 0 ? 0 : 2;
    }
    if (app.count("--completion") != 0) {
        const auto script = maus::programs::completion_script(app, shell);
        if (!script) std::fputs("maus-sim: --completion is for bash, zsh or fish\n", stderr);
        std::fputs(script.value_or("").c_str(), stdout);
        return script ? 0 : 2;
    }
    if (const std::string wrong = check(wanted); !wrong.empty()) {
        std::fprintf(stderr, "maus-sim: %s\n", wrong.c_str());
        return 2;
    }
    (void)plan_of(what.first, what.settings);  // are the settings right?
    const std::string program = this_program(argv[0]);
    if (wanted.shrink) return shrink(program, what.first, what.settings);

    // A job goes on for nobody when the program that began it was ended.
    if (what.tell) ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (!what.tell && !what.trace) print_heading(wanted);
    totals sum;
    bool all_well = true;
    if (wanted.here) {
        sum = run_here(what);
    } else if (wanted.jobs > 1) {
        all_well = run_jobs(program, what, wanted.jobs, sum);
    } else {
        all_well = run_apart(program, what, sum);
    }
    if (!all_well) std::fprintf(stderr, "maus-sim: somebody ended it before all seeds were run\n");
    if (!what.tell) print(sum, wanted.here ? processor_seconds() : processor_seconds_apart());
    return sum.failed == 0 && all_well ? 0 : 1;
}
