#include "jobs.hpp"

#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>

#include "settings.hpp"

namespace maus::sim {

namespace {

constexpr const char* work_done = "done\n";  // a job's last word

// A machine that goes round in circles within one step has no further event, so that the clockwork's
// bound on events does not end it. A timer, since RLIMIT_CPU counts ticks: on a busy machine they are
// many seconds off.
void bound_seed(double seconds) {
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
    const double whole = std::floor(seconds);
    bound.it_value.tv_sec = static_cast<time_t>(whole);
    bound.it_value.tv_nsec = static_cast<long>((seconds - whole) * 1e9);
    ::timer_settime(timer, 0, &bound, nullptr);
}

report run_one(std::uint64_t seed, const work& what) {
    bound_seed(what.seed_seconds);
    const plan how = plan_of(seed, what.settings);
    report made = run(how, what.trace);
    const bool twice = what.twice_every != 0 && seed % what.twice_every == 0;
    if (twice && run(how, false).hash != made.hash) {
        made.failures.push_back("two runs of one seed differ");
    }
    return made;
}

void tell_failures(const report& made) {
    if (made.failures.empty()) return;
    std::printf("seed %llu FAILED\n", static_cast<unsigned long long>(made.seed));
    constexpr std::size_t shown = 5;
    for (std::size_t i = 0; i < made.failures.size() && i < shown; ++i) {
        std::printf("    %s\n", made.failures[i].c_str());
    }
    if (made.failures.size() > shown) {
        std::printf("    and %zu more\n", made.failures.size() - shown);
    }
    std::fflush(stdout);
}

std::string with_settings(std::string command, const std::vector<std::string>& settings) {
    for (const auto& each : settings) command += " --set " + each;
    return command;
}

std::string job_of(const std::string& program, const work& what) {
    std::string command = "exec '" + program + "' --child --seeds " + std::to_string(what.first) +
                          ".." + std::to_string(std::max(what.first, what.last)) + " --step " +
                          std::to_string(what.step) + " --minutes " + std::to_string(what.minutes) +
                          " --seed-seconds " + std::to_string(what.seed_seconds) +
                          " --twice-every " + std::to_string(what.twice_every);
    if (what.trace) command += " --trace";
    if (what.fail_fast) command += " --fail-fast";
    return with_settings(std::move(command), what.settings);
}

// Adds up what a job says and passes the rest on. True: it did all its work.
bool listen(std::FILE* job, const std::function<void(const totals&)>& came_to) {
    bool done = false;
    std::string line;
    for (int c = std::fgetc(job); c != EOF; c = std::fgetc(job)) {
        line += static_cast<char>(c);
        if (c != '\n') continue;
        totals some;
        if (add_line(line, some)) {
            came_to(some);
        } else if (line == work_done) {
            done = true;
        } else {
            std::fputs(line.c_str(), stdout);
            std::fflush(stdout);
        }
        line.clear();
    }
    std::fputs(line.c_str(), stdout);
    return done;
}

// What a process died of, by its wait status; `seconds` is what its seeds may take.
std::string end_of(int status, double seconds) {
    if (!WIFSIGNALED(status)) {
        return "crash: its process ended with " + std::to_string(WEXITSTATUS(status));
    }
    const int signal = WTERMSIG(status);
    if (signal == SIGXCPU) {
        char text[80];
        std::snprintf(text, sizeof text, "loop: %g s of processor time are not enough", seconds);
        return text;
    }
    return "crash: signal " + std::to_string(signal) + ", " + ::strsignal(signal);
}

double seconds_of(int whom) {
    rusage used{};
    ::getrusage(whom, &used);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

}  // namespace

double processor_seconds() { return seconds_of(RUSAGE_SELF); }
double processor_seconds_apart() { return seconds_of(RUSAGE_CHILDREN); }

plan plan_of(std::uint64_t seed, const std::vector<std::string>& settings) {
    plan how = draw(seed);
    const std::string wrong = set(how, settings);
    if (wrong.empty()) return how;
    std::fprintf(stderr, "maus-sim: --set %s\n", wrong.c_str());
    std::exit(2);
}

std::string command_of(const std::string& program, std::uint64_t seed,
                       const std::vector<std::string>& settings) {
    return with_settings(program + " --seed " + std::to_string(seed), settings);
}

totals run_here(const work& what) {
    if (what.trace) std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);  // a crash takes no line with it
    totals sum;
    const double end_s = what.minutes * 60;
    for (std::uint64_t seed = what.first;
         end_s > 0 ? processor_seconds() < end_s : seed <= what.last; seed += what.step) {
        const report made = run_one(seed, what);
        totals one;
        one.add(made);
        sum.add(one);
        if (what.trace) {
            std::printf("seed %llu: trace hash %016llx\n", static_cast<unsigned long long>(seed),
                        static_cast<unsigned long long>(made.hash));
        }
        tell_failures(made);
        if (what.tell) {
            std::puts(to_line(one).c_str());
            std::fflush(stdout);
        }
        if (what.fail_fast && sum.failed > 0) break;
    }
    if (what.tell) std::fputs(work_done, stdout);
    return sum;
}

bool run_apart(const std::string& program, const work& what, totals& sum) {
    constexpr double seconds_min = 0.001;  // no time: no bound
    work left = what;
    while (what.minutes > 0 || left.first <= left.last) {
        const double seconds = what.minutes * 60 - processor_seconds_apart();
        if (what.minutes > 0 && seconds < seconds_min) break;
        if (what.minutes > 0) left.minutes = seconds / 60;
        std::FILE* job = ::popen((job_of(program, left) + " --here").c_str(), "r");
        if (job == nullptr) return false;
        const bool done = listen(job, [&](const totals& one) {
            sum.add(one);
            left.first += what.step;
        });
        const int status = ::pclose(job);
        if (done) break;
        if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGINT || WTERMSIG(status) == SIGTERM))
            return false;
        ++sum.seeds;
        ++sum.failed;
        std::printf("seed %llu FAILED\n    %s\n    %s --trace\n",
                    static_cast<unsigned long long>(left.first),
                    end_of(status, what.seed_seconds).c_str(),
                    command_of("maus-sim", left.first, what.settings).c_str());
        std::fflush(stdout);
        if (what.fail_fast) break;
        left.first += what.step;
    }
    if (what.tell) std::printf("%s\n%s", to_line(sum).c_str(), work_done);
    return true;
}

bool run_jobs(const std::string& program, const work& what, unsigned jobs, totals& sum) {
    std::vector<std::FILE*> under_way;
    work share = what;
    // No more jobs than seeds, unless it goes by the time.
    share.step =
        what.minutes > 0 ? jobs : std::min<std::uint64_t>(jobs, what.last - what.first + 1);
    for (std::uint64_t job = 0; job < share.step; ++job) {
        share.first = what.first + job;
        under_way.push_back(::popen(job_of(program, share).c_str(), "r"));
    }
    bool all_well = true;
    for (std::FILE* job : under_way) {
        if (job == nullptr) return false;
        const bool done = listen(job, [&](const totals& some) { sum.add(some); });
        ::pclose(job);
        all_well = all_well && done;
    }
    return all_well;
}

}  // namespace maus::sim
