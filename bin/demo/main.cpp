// maus-demo: a real job, and two small programs to be read and copied (example_worker.cpp,
// example_manager.cpp). This file knows the options.

#include <functional>
#include <iostream>

#include <maus/status.hpp>

#include "bin/demo/commands.hpp"
#include "bin/support/program.hpp"

namespace {

namespace programs = maus::programs;
using programs::stop_signals;

constexpr const char* examples =
    "  maus-demo wordcount                           the headers in /usr/include\n"
    "  maus-demo wordcount --workers 3 --kill 1 --check ~/src\n"
    "  maus-demo worker &  maus-demo manager         the small examples; they need "
    "maus-parkserver\n"
    "\n"
    "Exit codes: 0 good, 1 it failed or was stopped, 2 bad usage.";

constexpr const char* wordcount_examples =
    "  maus-demo wordcount /usr/include --top 20\n"
    "  maus-demo wordcount --workers 4 --kill 2 --check\n"
    "  maus-demo wordcount --parkserver tcp://127.0.0.1:8500 ~/src\n"
    "\n"
    "Workers read the files themselves, so they have to be on a machine that has them.";

using body = std::function<int(stop_signals&)>;

CLI::Option* add_endpoint(CLI::App& to, const std::string& name, std::string& into,
                          const std::string& about) {
    return to.add_option(name, into, about)->type_name("ENDPOINT")->check(programs::is_endpoint());
}
CLI::Option* add_type(CLI::App& to, std::string& into, const std::string& about) {
    return to.add_option("--type", into, about)
        ->type_name("TYPE")
        ->check(programs::is_type())
        ->capture_default_str();
}

/// Workers and managers wait for their parkserver as long as it takes, but say so.
void say_if_nobody_is_there(const std::string& parkserver, stop_signals& signals) {
    try {
        demo::ask_who_is_there(parkserver, signals);
    } catch (const maus::error& failed) {
        if (signals.asked()) return;
        std::cerr << "maus-demo: " << failed.what() << "\nmaus-demo: waiting for it\n";
    }
}

void add_wordcount(CLI::App& app, demo::wordcount_options& chosen, body& chosen_body) {
    CLI::App& command = *app.add_subcommand(
        "wordcount", "Counts the words of text files on several worker processes");
    programs::prepare(command, wordcount_examples);
    command.add_option("PATH", chosen.paths, "Files and folders")
        ->type_name("")
        ->default_str(chosen.paths.front());
    auto* workers = command
                        .add_option("-w,--workers", chosen.workers,
                                    "Worker processes that it starts [3; none with --parkserver]")
                        ->type_name("N")
                        ->check(CLI::Range(1, 256));
    auto* parkserver = add_endpoint(command, "-p,--parkserver", chosen.parkserver,
                                    "A parkserver that runs already, and its workers [its own]");
    add_type(command, chosen.type, "Which workers");
    command.add_option("--kill", chosen.kill, "Kills so many of its workers on the way")
        ->type_name("N")
        ->check(CLI::Range(0, 255))
        ->capture_default_str();
    command.add_option("--top", chosen.top, "How many of the most frequent words to show")
        ->type_name("N")
        ->capture_default_str();
    command.add_flag("--check", chosen.check, "Counts again in one process, and compares");
    command.add_flag("--json", chosen.json, "A summary for programs");
    command.callback([&chosen, &chosen_body, workers, parkserver] {
        if (workers->count() == 0 && parkserver->count() == 0) chosen.workers = 3;
        chosen_body = [&chosen](stop_signals& signals) {
            if (chosen.kill > 0 && chosen.kill >= chosen.workers) {
                throw programs::bad_usage("--kill must leave a worker of its own (--workers)");
            }
            return demo::wordcount(chosen, signals);
        };
    });
}

void add_word_worker(CLI::App& app, demo::worker_options& chosen, body& chosen_body) {
    CLI::App& command = *app.add_subcommand("word-worker", "A worker for wordcount --parkserver");
    programs::prepare(command, "  maus-demo word-worker --parkserver tcp://127.0.0.1:8500");
    add_endpoint(command, "-p,--parkserver", chosen.parkserver, "Where it registers")
        ->capture_default_str();
    chosen.type = "words";
    add_type(command, chosen.type, "What it registers as");
    command.callback([&] {
        chosen_body = [&](stop_signals& signals) {
            say_if_nobody_is_there(chosen.parkserver, signals);
            return demo::word_worker(chosen, signals);
        };
    });
}

void add_worker(CLI::App& app, demo::worker_options& chosen, body& chosen_body) {
    CLI::App& command = *app.add_subcommand(
        "worker", "The example worker: add, divide, fib, days_later, warmest, remind");
    programs::prepare(command,
                      "  maus-demo worker\n"
                      "  maus-demo worker --connect tcp://127.0.0.1:8600    for one manager");
    auto* parkserver =
        add_endpoint(command, "-p,--parkserver", chosen.parkserver, "Where it registers")
            ->capture_default_str();
    add_endpoint(command, "--connect", chosen.connect,
                 "The one manager that it serves, instead of a parkserver")
        ->excludes(parkserver);
    add_type(command, chosen.type, "What it registers as");
    command.callback([&] {
        chosen_body = [&](stop_signals& signals) {
            if (chosen.connect.empty()) say_if_nobody_is_there(chosen.parkserver, signals);
            return demo::example_worker(chosen, signals);
        };
    });
}

void add_manager(CLI::App& app, demo::manager_options& chosen, body& chosen_body) {
    CLI::App& command =
        *app.add_subcommand("manager", "The example manager: calls what the worker has");
    programs::prepare(
        command,
        "  maus-demo manager                                  through the parkserver\n"
        "  maus-demo manager --bind tcp://127.0.0.1:8600      for worker --connect");
    add_endpoint(command, "-p,--parkserver", chosen.parkserver,
                 "Where it asks for workers [" + std::string(demo::default_parkserver) +
                     "; none with --bind]");
    command
        .add_option("--bind", chosen.bind, "Where workers connect to it [through the parkserver]")
        ->type_name("ENDPOINT")
        ->check(programs::is_bindable());
    add_type(command, chosen.type, "Which workers");
    command.callback([&] {
        if (chosen.parkserver.empty() && chosen.bind.empty()) {
            chosen.parkserver = demo::default_parkserver;
        }
        chosen_body = [&](stop_signals& signals) {
            if (!chosen.parkserver.empty()) say_if_nobody_is_there(chosen.parkserver, signals);
            return demo::example_manager(chosen, signals);
        };
    });
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("A real job on several processes, and small examples.", "maus-demo");
    programs::prepare(app, examples);
    app.require_subcommand(1);
    demo::wordcount_options wordcount;
    demo::worker_options word_worker, worker;
    demo::manager_options manager;
    body chosen_body;
    add_wordcount(app, wordcount, chosen_body);
    add_worker(app, worker, chosen_body);
    add_manager(app, manager, chosen_body);
    add_word_worker(app, word_worker, chosen_body);
    return programs::run(app, argc, argv, [&] {
        stop_signals signals;
        return chosen_body(signals);
    });
}
