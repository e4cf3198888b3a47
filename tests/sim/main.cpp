// maus-sim: runs the machines that ship through simulated faults, seed by seed.
//
// Pure as the rest of the simulator: several jobs are several processes of this very program, and
// the only time that is measured is the processor's.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "maus/version.hpp"
#include "run.hpp"
#include "settings.hpp"

namespace {

using namespace maus::sim;

struct options {
    std::string seeds = "1..500";
    std::optional<std::uint64_t> seed;
    bool trace = false;
    bool shrink = false;
    std::vector<std::string> settings;
    unsigned jobs = 1;
    double minutes = 0;
    std::uint64_t twice_every = 50;
    bool fail_fast = false;
    std::uint64_t step = 1;  // between the seeds of one job
    bool child = false;
};

constexpr std::pair<const char*, std::uint64_t fault_counts::*> fault_names[] = {
    {"crashes", &fault_counts::crashes},         {"stops", &fault_counts::stops},
    {"pauses", &fault_counts::pauses},           {"stopped-clocks", &fault_counts::stopped_clocks},
    {"wall-jumps", &fault_counts::wall_jumps},   {"breaks", &fault_counts::breaks},
    {"half-closes", &fault_counts::half_closes}, {"deaf", &fault_counts::deaf},
    {"partitions", &fault_counts::partitions},   {"pipe-full", &fault_counts::pipe_full},
    {"unnoticed", &fault_counts::unnoticed},     {"poison", &fault_counts::poisoned},
    {"forged", &fault_counts::forged},           {"meddled", &fault_counts::meddled},
};

struct totals {
    std::uint64_t seeds = 0, failed = 0, events = 0;
    double simulated_s = 0, processor_s = 0;
    fault_counts faults;
    checkers::tally calls;

    void add(const report& more) {
        ++seeds;
        failed += more.failures.empty() ? 0 : 1;
        events += more.events;
        simulated_s += static_cast<double>(more.simulated.count()) / 1e9;
        faults.add(more.faults);
        calls.add(more.calls);
    }
};

// A machine that goes round in circles within one step ends no seed; nor does the clockwork's bound
// on events. The slowest takes a second with sanitizers.
constexpr int seed_s_max = 5;

extern "C" void tell_seed(int signal) {
    if (signal == SIGXCPU) {
        std::fprintf(stderr, "maus-sim: %d s of processor time are not enough for one seed\n",
                     seed_s_max);
    }
    std::fprintf(stderr, "maus-sim: died of signal %d in seed %llu; maus-sim --seed %llu --trace\n",
                 signal, static_cast<unsigned long long>(seed_under_way()),
                 static_cast<unsigned long long>(seed_under_way()));
    std::signal(signal, SIG_DFL);
    std::raise(signal);
}

double processor_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

plan plan_of(std::uint64_t seed, const std::vector<std::string>& settings) {
    plan how = draw(seed);
    for (const auto& each : settings) {
        if (set(how, each)) continue;
        std::fprintf(stderr, "maus-sim: --set wants NAME=NUMBER, not %s\n", each.c_str());
        std::exit(2);
    }
    return how;
}

// A timer, for RLIMIT_CPU counts ticks: on a busy machine they are many seconds off after a while.
void bound_seed() {
    static const timer_t timer = [] {
        sigevent tells{};
        tells.sigev_notify = SIGEV_SIGNAL;
        tells.sigev_signo = SIGXCPU;
        timer_t made{};
        if (::timer_create(CLOCK_PROCESS_CPUTIME_ID, &tells, &made) != 0) {
            std::perror("maus-sim: there is no timer to bound a seed's time");
            std::exit(1);
        }
        return made;
    }();
    itimerspec bound{};
    bound.it_value.tv_sec = seed_s_max;
    ::timer_settime(timer, 0, &bound, nullptr);
}

void run_one(std::uint64_t seed, const options& wanted, totals& sum) {
    bound_seed();
    const plan how = plan_of(seed, wanted.settings);
    report made = run(how, wanted.trace);
    const bool twice = wanted.twice_every != 0 && seed % wanted.twice_every == 0;
    if (twice && run(how, false).hash != made.hash) {
        made.failures.push_back("two runs of one seed differ");
    }
    sum.add(made);
    if (wanted.trace)
        std::printf("seed %llu: trace hash %016llx\n", static_cast<unsigned long long>(seed),
                    static_cast<unsigned long long>(made.hash));
    if (made.failures.empty()) return;
    std::printf("seed %llu FAILED\n", static_cast<unsigned long long>(seed));
    constexpr std::size_t shown = 5;
    for (std::size_t i = 0; i < made.failures.size() && i < shown; ++i) {
        std::printf("    %s\n", made.failures[i].c_str());
    }
    if (made.failures.size() > shown) {
        std::printf("    and %zu more\n", made.failures.size() - shown);
    }
    std::fflush(stdout);
}

void print(const totals& sum) {
    const auto n = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
    std::printf("seeds     %llu, of which %llu failed\n", n(sum.seeds), n(sum.failed));
    std::printf("events    %llu, %.0f a processor second\n", n(sum.events),
                static_cast<double>(sum.events) / std::max(sum.processor_s, 0.001));
    std::printf("simulated %.1f hours\n", sum.simulated_s / 3600);
    std::printf("calls     %llu: %llu results, %llu errors, %llu executions\n", n(sum.calls.calls),
                n(sum.calls.results), n(sum.calls.errors), n(sum.calls.executions));
    std::printf("poisoned  %llu, of which innocent (chaos had part in it) %llu\n",
                n(sum.calls.poisoned), n(sum.calls.innocent_poisoned));
    const auto& f = sum.faults;
    std::printf("faults    %llu:", n(f.all()));
    for (const auto& [name, count] : fault_names) std::printf(" %s %llu", name, n(f.*count));
    std::printf("\n");
}

bool read_range(const std::string& text, std::uint64_t& first, std::uint64_t& last) {
    unsigned long long from = 0, to = 0;
    char left = 0;
    if (std::sscanf(text.c_str(), "%llu..%llu%c", &from, &to, &left) == 2) {
        first = from;
        last = to;
        return from <= to;
    }
    if (std::sscanf(text.c_str(), "%llu%c", &from, &left) != 1) return false;
    first = last = from;
    return true;
}

// A child's totals, in one line that its parent reads.
void print_for_parent(const totals& t) {
    const auto n = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
    std::printf("totals %llu %llu %llu %f %f", n(t.seeds), n(t.failed), n(t.events), t.simulated_s,
                t.processor_s);
    for (const auto& each : fault_names) std::printf(" %llu", n(t.faults.*each.second));
    for (const auto each : {t.calls.calls, t.calls.results, t.calls.errors, t.calls.executions,
                            t.calls.poisoned, t.calls.innocent_poisoned}) {
        std::printf(" %llu", n(each));
    }
    std::printf("\n");
}

bool read_from_child(const std::string& line, totals& sum) {
    if (!line.starts_with("totals ")) return false;
    std::istringstream in(line.substr(7));
    totals t;
    in >> t.seeds >> t.failed >> t.events >> t.simulated_s >> t.processor_s;
    for (const auto& each : fault_names) in >> t.faults.*each.second;
    in >> t.calls.calls >> t.calls.results >> t.calls.errors >> t.calls.executions >>
        t.calls.poisoned >> t.calls.innocent_poisoned;
    sum.seeds += t.seeds;
    sum.failed += t.failed;
    sum.events += t.events;
    sum.simulated_s += t.simulated_s;
    sum.processor_s += t.processor_s;
    sum.faults.add(t.faults);
    sum.calls.add(t.calls);
    return true;
}

// Each job takes every n-th seed. True if no job died.
bool run_jobs(const std::string& program, std::uint64_t first, std::uint64_t last,
              const options& wanted, totals& sum) {
    std::vector<std::FILE*> children;
    std::string settings;
    for (const auto& each : wanted.settings) settings += " --set " + each;
    // No more jobs than seeds, unless it goes by the time.
    const auto jobs = static_cast<unsigned>(
        wanted.minutes > 0 ? wanted.jobs : std::min<std::uint64_t>(wanted.jobs, last - first + 1));
    for (unsigned job = 0; job < jobs; ++job) {
        const std::string command = "'" + program + "' --child --step " + std::to_string(jobs) +
                                    " --seeds " + std::to_string(first + job) + ".." +
                                    std::to_string(std::max(first + job, last)) + " --minutes " +
                                    std::to_string(wanted.minutes) + " --twice-every " +
                                    std::to_string(wanted.twice_every) + settings;
        children.push_back(::popen(command.c_str(), "r"));
    }
    bool all_well = true;
    for (std::FILE* child : children) {
        if (child == nullptr) return false;
        std::string line;
        for (int c = std::fgetc(child); c != EOF; c = std::fgetc(child)) {
            line += static_cast<char>(c);
            if (c != '\n') continue;
            if (!read_from_child(line, sum)) std::fputs(line.c_str(), stdout);
            line.clear();
        }
        const int status = ::pclose(child);
        all_well = all_well && (status == 0 || status == 256);  // exit status 0 or 1
    }
    return all_well;
}

// --- a smaller run of the same failure ----------------------------------------------------------

std::string command_of(const std::string& program, std::uint64_t seed,
                       const std::vector<std::string>& settings) {
    std::string command = program + " --seed " + std::to_string(seed);
    for (const auto& each : settings) command += " --set " + each;
    return command;
}

// Which invariant fails first: in a process of its own, since it may crash. Empty: none.
std::string failure_of(const std::string& program, std::uint64_t seed,
                       const std::vector<std::string>& settings) {
    std::FILE* child = ::popen(
        (command_of("'" + program + "'", seed, settings) + " --twice-every 0 2>/dev/null").c_str(),
        "r");
    if (child == nullptr) return {};
    std::string first;
    char line[512];
    while (std::fgets(line, sizeof line, child) != nullptr) {
        if (first.empty() && std::string(line).starts_with("    "))
            first = std::string(line).substr(4);
    }
    const int status = ::pclose(child);
    if (!first.empty()) return first.substr(0, first.find(" at "));
    return status == 0 ? "" : "crash";
}

int shrink(const std::string& program, std::uint64_t seed, std::vector<std::string> settings) {
    const std::string wanted = failure_of(program, seed, settings);
    if (wanted.empty()) {
        std::printf("seed %llu does not fail\n", static_cast<unsigned long long>(seed));
        return 0;
    }
    std::printf("seed %llu fails with %s\n", static_cast<unsigned long long>(seed), wanted.c_str());
    for (bool smaller = true; smaller;) {
        smaller = false;
        std::string done = " ";  // what this round has made smaller already
        for (const auto& each : reductions(plan_of(seed, settings))) {
            auto fewer = settings;
            const std::string name = each.substr(0, each.find('=') + 1);
            if (done.find(' ' + name) != std::string::npos) continue;
            std::erase_if(fewer, [&](const auto& old) { return old.starts_with(name); });
            fewer.push_back(each);
            if (failure_of(program, seed, fewer) != wanted) continue;
            settings = std::move(fewer);
            std::printf("    %s\n", each.c_str());
            std::fflush(stdout);
            smaller = true;
            done += name + ' ';
        }
    }
    std::printf("\n%s --trace\n", command_of(program, seed, settings).c_str());
    return 1;
}

}  // namespace

int main(int argc, char** argv) {
    options wanted;
    CLI::App app{
        "Runs the real state machines of workers, managers and parkservers in a simulated world\n"
        "whose faults one seed decides, and checks the history against what libmaus promises.\n"};
    app.footer(
        "Examples:\n"
        "  maus-sim --seeds 1..2000 --jobs 2    many seeds on two cores\n"
        "  maus-sim --seed 730 --trace          what happened in one\n"
        "  maus-sim --seed 730 --shrink         a smaller run of the same failure\n"
        "  maus-sim --minutes 10                as many as that takes, from the first of "
        "--seeds\n\n"
        "Exit status: 0 all is well, 1 some seed failed, 2 the command line is wrong.");
    app.set_version_flag("--version", std::string("maus-sim ") + maus::version);
    app.add_option("--seeds", wanted.seeds, "A..B: the seeds to run")->capture_default_str();
    app.add_option("--seed", wanted.seed, "one seed");
    app.add_flag("--trace", wanted.trace, "print what happens (with --seed)");
    app.add_flag("--shrink", wanted.shrink,
                 "look for a smaller run that fails alike (with --seed)");
    app.add_option("--set", wanted.settings, "NAME=NUMBER: change the plan; --shrink prints such");
    app.add_option("--jobs", wanted.jobs, "processes to run them in")
        ->check(CLI::Range(1, 256))
        ->capture_default_str();
    app.add_option("--minutes", wanted.minutes, "go on for so many minutes of processor time a job")
        ->check(CLI::NonNegativeNumber);
    app.add_option("--twice-every", wanted.twice_every,
                   "run each n-th seed twice and compare the traces' hashes; 0: none")
        ->capture_default_str();
    app.add_flag("--fail-fast", wanted.fail_fast, "stop at the first seed that fails (one job)");
    app.add_option("--step", wanted.step, "run each n-th seed only")
        ->check(CLI::PositiveNumber)
        ->group("");
    app.add_flag("--child", wanted.child, "print totals for a parent")->group("");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& wrong) {
        return app.exit(wrong) == 0 ? 0 : 2;
    }
    std::uint64_t first = 0, last = 0;
    if (wanted.seed) {
        first = last = *wanted.seed;
    } else if (!read_range(wanted.seeds, first, last)) {
        std::fprintf(stderr, "maus-sim: --seeds wants A..B, not %s\n", wanted.seeds.c_str());
        return 2;
    }
    if (wanted.shrink && !wanted.seed) {
        std::fprintf(stderr, "maus-sim: --shrink wants --seed N\n");
        return 2;
    }
    if (wanted.jobs > 1 && (wanted.trace || wanted.fail_fast)) {
        std::fprintf(stderr, "maus-sim: --trace and --fail-fast want one job\n");
        return 2;
    }
    if (last == std::numeric_limits<std::uint64_t>::max()) {
        std::fprintf(stderr, "maus-sim: the last seed must be below %llu\n",
                     static_cast<unsigned long long>(last));
        return 2;
    }
    if (wanted.shrink) return shrink(argv[0], *wanted.seed, wanted.settings);
    for (const int signal : {SIGABRT, SIGSEGV, SIGFPE, SIGXCPU}) std::signal(signal, tell_seed);

    totals sum;
    bool all_well = true;
    if (!wanted.child && !wanted.trace) {
        std::printf("maus-sim: seeds %llu..%llu\n", static_cast<unsigned long long>(first),
                    static_cast<unsigned long long>(last));
        std::fflush(stdout);
    }
    if (wanted.jobs > 1) {
        all_well = run_jobs(argv[0], first, last, wanted, sum);
    } else {
        const double end_s = wanted.minutes * 60;
        for (std::uint64_t seed = first; end_s > 0 ? processor_seconds() < end_s : seed <= last;
             seed += wanted.step) {
            run_one(seed, wanted, sum);
            if (wanted.fail_fast && sum.failed > 0) break;
        }
        sum.processor_s = processor_seconds();
    }
    if (wanted.child) {
        print_for_parent(sum);
    } else {
        print(sum);
    }
    return sum.failed == 0 && all_well ? 0 : 1;
}
