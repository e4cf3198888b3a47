// maus: asks a parkserver what it knows.

#include <unistd.h>

#include <functional>
#include <iostream>
#include <optional>

#include "bin/maus/show.hpp"
#include "bin/support/program.hpp"
#include "bin/support/stop_signals.hpp"
#include "bin/support/terminal.hpp"

namespace {

using maus::parkserver_status;
namespace cli = maus::cli;
namespace programs = maus::programs;

constexpr const char* examples =
    "  maus status                                   the parkserver of this machine\n"
    "  maus status --parkserver tcp://park:8500 --watch 2\n"
    "  maus functions --type render\n"
    "  maus status --json | jq '.workers[].host'\n"
    "\n"
    "Exit codes: 0 good, 1 nobody answers or another failure, 2 bad usage.";

struct choices {
    std::string parkserver = "tcp://127.0.0.1:8500";
    long timeout_ms = 2000;
    bool json = false;
    double watch_s = 0;
    std::string type;
};

void add_common(CLI::App& to, choices& chosen) {
    to.add_option("-p,--parkserver", chosen.parkserver, "Whom to ask")
        ->type_name("ENDPOINT")
        ->check(programs::is_endpoint())
        ->capture_default_str();
    to.add_option("--timeout", chosen.timeout_ms, "How long to wait for the answer")
        ->type_name("MS")
        ->check(CLI::Range(1L, 3'600'000L, "1 to 3600000"))
        ->capture_default_str();
    to.add_flag("--json", chosen.json, "As JSON, for programs");
}

parkserver_status fetch(const choices& chosen) {
    return maus::fetch_status(chosen.parkserver, std::chrono::milliseconds{chosen.timeout_ms});
}

void show_status(const parkserver_status& now, const choices& chosen, int indent) {
    if (chosen.json) {
        cli::write_status_json(std::cout, now, chosen.parkserver, indent);
    } else {
        std::cout << cli::status_text(now, chosen.parkserver);
    }
}

/// Until a signal comes. A parkserver that does not answer is told and asked again.
int watch(const choices& chosen) {
    programs::stop_signals signals;
    // Nothing has to be put in order, and an answer may take a while.
    const auto stopping = signals.on_stop([] { _exit(programs::exit_good); });
    const bool redraw = !chosen.json && programs::is_terminal(STDOUT_FILENO);
    const auto pause = std::chrono::milliseconds{static_cast<long>(chosen.watch_s * 1000)};
    for (bool first = true;; first = false) {
        std::optional<parkserver_status> now;
        std::string trouble;
        try {
            now = fetch(chosen);
        } catch (const maus::error& failed) {
            if (first) throw;
            trouble = std::string("maus status: ") + failed.what() + '\n';
        }
        if (redraw) {
            std::cout << "\x1b[H\x1b[2J" << trouble;
        } else {
            std::cerr << trouble;
            std::cout << (first || chosen.json ? "" : "\n");
        }
        if (now) show_status(*now, chosen, -1);
        std::cout << std::flush;
        if (!redraw && !std::cout) return programs::exit_failed;  // told by programs::run
        (void)signals.wait_for(pause);
    }
}

int status(const choices& chosen) {
    if (chosen.watch_s > 0) return watch(chosen);
    show_status(fetch(chosen), chosen, 2);
    return programs::exit_good;
}

int functions(const choices& chosen) {
    const auto now = fetch(chosen);
    if (chosen.json) {
        cli::write_functions_json(std::cout, now, chosen.type);
    } else {
        std::cout << cli::functions_text(now, chosen.parkserver, chosen.type);
    }
    return programs::exit_good;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Asks a parkserver what it knows.", "maus");
    choices chosen;
    std::function<int()> body;
    programs::prepare(app, examples);
    app.require_subcommand(1);

    CLI::App& for_status = *app.add_subcommand(
        "status", "Workers, managers, waiting requests and leases of a parkserver");
    programs::prepare(for_status,
                      "  maus status\n"
                      "  maus status --watch 1                 like top; Ctrl-C ends it\n"
                      "  maus status --json --watch 10         one line of JSON every 10 s");
    add_common(for_status, chosen);
    for_status.add_option("--watch", chosen.watch_s, "Again every so many seconds, until Ctrl-C")
        ->type_name("SECONDS")
        ->check(CLI::Range(0.1, 86'400.0, "0.1 to 86400"));
    for_status.callback([&] { body = [&] { return status(chosen); }; });

    CLI::App& for_functions = *app.add_subcommand(
        "functions", "The functions that workers expose, with their full signatures");
    programs::prepare(for_functions,
                      "  maus functions\n"
                      "  maus functions --type render --json");
    add_common(for_functions, chosen);
    for_functions.add_option("--type", chosen.type, "Of workers of this type only")
        ->type_name("TYPE");
    for_functions.callback([&] { body = [&] { return functions(chosen); }; });

    return programs::run(app, argc, argv, [&] { return body(); });
}
