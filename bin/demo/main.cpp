// maus-demo: jobs to try, and two small programs to be read and copied (examples/). This file knows
// the options.

#include <functional>

#include "bin/demo/commands.hpp"
#include "bin/demo/examples/example.hpp"
#include "bin/demo/integral.hpp"
#include "bin/demo/primes.hpp"
#include "bin/support/log_lines.hpp"
#include "bin/support/program.hpp"

namespace {

namespace programs = maus::programs;
using programs::stop_signals;

constexpr const char* examples =
    "  maus-demo picture --workers 3 --kill 1 --check    spread over 3 processes, and over 1\n"
    "  maus-demo wordcount ~/src\n"
    "  maus-demo primes --to 1000000000                  streams of primes\n"
    "  maus-demo integrate --curve bell                  functions as arguments\n"
    "  maus-demo worker &  maus-demo manager             the small examples; they need "
    "maus-parkserver\n"
    "\n"
    "Exit codes: 0 good, 1 it failed or was stopped, 2 bad usage.";

constexpr const char* picture_examples =
    "  maus-demo picture --workers 2 --check             how much faster are 2 than 1?\n"
    "  maus-demo picture --width 4000 --output set.pgm\n"
    "  maus-demo picture --parkserver tcp://127.0.0.1:8500    with the job-workers there";

constexpr const char* wordcount_examples =
    "  maus-demo wordcount /usr/include --top 20\n"
    "  maus-demo wordcount --workers 4 --kill 2 --check\n"
    "  maus-demo wordcount --parkserver tcp://127.0.0.1:8500 ~/src\n"
    "\n"
    "Workers read the files themselves, so they have to be on a machine that has them.";

constexpr const char* primes_examples =
    "  maus-demo primes --to 1000000000\n"
    "  maus-demo primes --workers 3 --kill 1 --check     a stream goes on without a gap\n"
    "\n"
    "Each call gives a stream of the primes of its range; they are added up as they come.";

constexpr const char* integrate_examples =
    "  maus-demo integrate                               4 / (1 + x^2) from 0 to 1: pi\n"
    "  maus-demo integrate --curve bell --parabolas 50 --check\n"
    "  maus-demo integrate --by-name                     a function that the workers have\n"
    "\n"
    "The function is passed as an argument. It is a lambda here, which the workers call for each "
    "value "
    "that\nthey need; by name it is their own, and nothing is asked.";

using body = std::function<int(stop_signals&)>;

CLI::Option* add_parkservers(CLI::App& to, std::vector<std::string>& into,
                             const std::string& about) {
    return to.add_option("-p,--parkserver", into, about + "; may be given several times")
        ->type_name("ENDPOINT")
        ->allow_extra_args(false)
        ->check(programs::is_endpoint());
}
CLI::Option* add_type(CLI::App& to, std::string& into, const std::string& about) {
    return to.add_option("--type", into, about)
        ->type_name("TYPE")
        ->check(programs::is_type())
        ->capture_default_str();
}

/// What the jobs have in common. `job` does it.
void add_job(CLI::App& command, demo::job_options& chosen, body& chosen_body,
             std::function<int(stop_signals&)> job) {
    chosen.command = command.get_name();
    auto* workers = command
                        .add_option("-w,--workers", chosen.workers,
                                    "Worker processes that it starts [3; none with --parkserver]")
                        ->type_name("N")
                        ->check(CLI::Range(1, 256));
    auto* parkserver = add_parkservers(command, chosen.parkservers,
                                       "A parkserver that runs already, and its workers [its own]");
    add_type(command, chosen.type, "Which workers");
    command.add_option("--kill", chosen.kill, "Kills so many of its workers on the way")
        ->type_name("N")
        ->check(CLI::Range(0, 255))
        ->capture_default_str();
    command.add_flag("--check", chosen.check,
                     "Does it again in one process, compares, and tells how much faster it was");
    command.add_flag("--json", chosen.json, "A summary for programs");
    command.callback([&chosen, &chosen_body, job = std::move(job), workers, parkserver] {
        if (workers->count() == 0 && parkserver->count() == 0) chosen.workers = 3;
        chosen_body = [&chosen, job](stop_signals& signals) {
            if (chosen.kill > 0 && chosen.kill >= chosen.workers) {
                throw programs::bad_usage("--kill must leave a worker of its own (--workers)");
            }
            return job(signals);
        };
    });
}

void add_picture(CLI::App& app, demo::picture_options& chosen, body& chosen_body) {
    CLI::App& command =
        *app.add_subcommand("picture", "Draws the Mandelbrot set on several worker processes");
    programs::prepare(command, picture_examples);
    add_job(command, chosen, chosen_body,
            [&chosen](stop_signals& signals) { return demo::picture(chosen, signals); });
    command.add_option("--width", chosen.width, "Pixels from left to right")
        ->type_name("N")
        ->check(CLI::Range(64, 20'000))
        ->capture_default_str();
    command.add_option("-o,--output", chosen.output, "Where to write the picture, as PGM")
        ->type_name("FILE");
}

void add_wordcount(CLI::App& app, demo::wordcount_options& chosen, body& chosen_body) {
    CLI::App& command = *app.add_subcommand(
        "wordcount", "Counts the words of text files on several worker processes");
    programs::prepare(command, wordcount_examples);
    command.add_option("PATH", chosen.paths, "Files and folders")
        ->type_name("")
        ->default_str(chosen.paths.front());
    add_job(command, chosen, chosen_body,
            [&chosen](stop_signals& signals) { return demo::wordcount(chosen, signals); });
    command.add_option("--top", chosen.top, "How many of the most frequent words to show")
        ->type_name("N")
        ->capture_default_str();
}

void add_primes(CLI::App& app, demo::primes_options& chosen, body& chosen_body) {
    CLI::App& command = *app.add_subcommand("primes", "Finds primes on several worker processes");
    programs::prepare(command, primes_examples);
    add_job(command, chosen, chosen_body,
            [&chosen](stop_signals& signals) { return demo::primes(chosen, signals); });
    command.add_option("--to", chosen.to, "Primes that are less than this")
        ->type_name("N")
        ->check(CLI::Range(std::uint64_t{10}, demo::number_max))
        ->capture_default_str();
}

void add_integrate(CLI::App& app, demo::integrate_options& chosen, body& chosen_body) {
    CLI::App& command = *app.add_subcommand(
        "integrate", "Passes a function to several worker processes, which integrate it");
    programs::prepare(command, integrate_examples);
    add_job(command, chosen, chosen_body,
            [&chosen](stop_signals& signals) { return demo::integrate(chosen, signals); });
    std::vector<std::string> names;
    for (const auto& each : demo::curves()) names.push_back(each.name);
    command.add_option("--curve", chosen.curve, "Which function")
        ->type_name("NAME")
        ->check(CLI::IsMember(names))
        ->capture_default_str();
    command.add_option("--parabolas", chosen.parabolas, "In each of 64 parts of the x axis")
        ->type_name("N")
        ->check(CLI::Range(1u, demo::parabolas_max))
        ->capture_default_str();
    command.add_flag("--by-name", chosen.by_name, "Passes the name of a function of the workers'");
}

void add_job_worker(CLI::App& app, demo::worker_options& chosen, body& chosen_body) {
    CLI::App& command = *app.add_subcommand("job-worker", "A worker for the jobs above");
    command.alias("word-worker");
    programs::prepare(command, "  maus-demo job-worker --parkserver tcp://127.0.0.1:8500");
    add_parkservers(command, chosen.parkservers, "Where it registers")
        ->default_str(demo::default_parkserver);
    add_type(command, chosen.type, "What it registers as");
    command.callback([&] {
        chosen_body = [&](stop_signals& signals) {
            demo::say_if_nobody_is_there(chosen.parkservers, signals);
            return demo::job_worker(chosen, signals);
        };
    });
}

/// One of the examples, which know nothing of our signals.
int run_example(int (*example)(const example::place&, const std::stop_token&),
                const example::place& meet, stop_signals& signals) {
    demo::say_if_nobody_is_there(meet.parkservers, signals);
    std::stop_source stop;
    const auto stopping = signals.on_stop([&] { stop.request_stop(); });
    return example(meet, stop.get_token());
}

void add_worker(CLI::App& app, example::place& chosen, body& chosen_body) {
    CLI::App& command = *app.add_subcommand(
        "worker", "The example worker: add, divide, fib, days_later, warmest, remind");
    programs::prepare(command,
                      "  maus-demo worker\n"
                      "  maus-demo worker --connect tcp://127.0.0.1:8600    for one manager");
    auto* parkservers = add_parkservers(command, chosen.parkservers, "Where it registers")
                            ->default_str(demo::default_parkserver);
    command
        .add_option("--connect", chosen.manager,
                    "The one manager that it serves, instead of a parkserver")
        ->type_name("ENDPOINT")
        ->check(programs::is_endpoint())
        ->excludes(parkservers);
    add_type(command, chosen.type, "What it registers as");
    command.callback([&] {
        if (!chosen.manager.empty()) chosen.parkservers.clear();
        chosen_body = [&](stop_signals& signals) {
            chosen.log = programs::log_lines(maus::log_level::info);
            return run_example(example::run_worker, chosen, signals);
        };
    });
}

void add_manager(CLI::App& app, example::place& chosen, body& chosen_body) {
    CLI::App& command =
        *app.add_subcommand("manager", "The example manager: calls what the worker has");
    programs::prepare(
        command,
        "  maus-demo manager                                  through the parkserver\n"
        "  maus-demo manager --bind tcp://127.0.0.1:8600      for worker --connect");
    auto* parkservers =
        add_parkservers(command, chosen.parkservers,
                        "Where it asks for workers [" + std::string(demo::default_parkserver) +
                            "; none with --bind]");
    command
        .add_option("--bind", chosen.manager,
                    "Where workers connect to it [through the parkserver]")
        ->type_name("ENDPOINT")
        ->check(programs::is_bindable());
    add_type(command, chosen.type, "Which workers");
    command.callback([&chosen, &chosen_body, parkservers] {
        if (!chosen.manager.empty() && parkservers->count() == 0) chosen.parkservers.clear();
        chosen_body = [&](stop_signals& signals) {
            chosen.log = programs::log_lines(maus::log_level::warning);
            return run_example(example::run_manager, chosen, signals);
        };
    });
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Jobs on several processes, and small examples.", "maus-demo");
    programs::prepare(app, examples);
    app.require_subcommand(1);
    demo::picture_options picture;
    demo::wordcount_options wordcount;
    demo::primes_options primes;
    demo::integrate_options integrate;
    demo::worker_options job_worker;
    example::place worker, manager;
    body chosen_body;
    add_picture(app, picture, chosen_body);
    add_wordcount(app, wordcount, chosen_body);
    add_primes(app, primes, chosen_body);
    add_integrate(app, integrate, chosen_body);
    add_job_worker(app, job_worker, chosen_body);
    add_worker(app, worker, chosen_body);
    add_manager(app, manager, chosen_body);
    return programs::run(app, argc, argv, [&] {
        stop_signals signals;
        return chosen_body(signals);
    });
}
