// maus: asks a parkserver what it knows, and calls the functions of its workers.

#include <unistd.h>

#include <cstdint>
#include <functional>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "bin/maus/calling.hpp"
#include "bin/maus/show.hpp"
#include "bin/support/duration.hpp"
#include "bin/support/program.hpp"
#include "bin/support/stop_signals.hpp"
#include "bin/support/terminal.hpp"
#include "bin/support/text.hpp"

namespace {

using maus::parkserver_status;
namespace cli = maus::cli;
namespace programs = maus::programs;

constexpr const char* examples =
    "  maus status                                   the parkserver of this machine\n"
    "  maus status --parkserver tcp://park:8500 --watch 2\n"
    "  maus functions --type render\n"
    "  maus status --json | jq '.workers[].host'\n"
    "  maus call add 1 2\n"
    "  maus map resize < in.jsonl > out.jsonl\n"
    "\n"
    "Exit codes: 0 good, 1 nobody answers or another failure, 2 bad usage.";

struct choices {
    std::string parkserver = "tcp://127.0.0.1:8500";
    std::chrono::nanoseconds timeout = std::chrono::seconds{2};
    bool json = false;
    std::chrono::nanoseconds watch{};  ///< none: once
    std::string type;
};

void add_common(CLI::App& to, choices& chosen) {
    to.add_option("-p,--parkserver", chosen.parkserver, "Whom to ask")
        ->type_name("ENDPOINT")
        ->check(programs::is_endpoint())
        ->capture_default_str();
    const programs::bare_unit ms{std::chrono::milliseconds{1}, std::chrono::milliseconds{1},
                                 std::chrono::hours{1}, "1 to 3600000 ms"};
    to.add_option_function<std::string>(
          "--timeout",
          [&chosen, ms](const std::string& text) {
              chosen.timeout = *programs::duration_of(text, ms);
          },
          "How long to wait for the answer: 500ms, 5s; a bare number is of ms")
        ->type_name("TIME")
        ->check(programs::is_duration(ms))
        ->default_str("2s");
    to.add_flag("--json", chosen.json, "As JSON, for programs");
}

parkserver_status fetch(const choices& chosen) {
    return maus::fetch_status(chosen.parkserver, chosen.timeout);
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
    const auto pause = std::chrono::ceil<std::chrono::milliseconds>(chosen.watch);
    for (bool first = true;; first = false) {
        std::optional<parkserver_status> now;
        std::string trouble;
        try {
            now = fetch(chosen);
        } catch (const maus::error& failed) {
            if (first) throw;
            trouble = "maus status: " + programs::shown_lines(failed.what()) + '\n';
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
    if (chosen.watch > chosen.watch.zero()) return watch(chosen);
    show_status(fetch(chosen), chosen, 2);
    return programs::exit_good;
}

void add_calling(CLI::App& to, cli::call_choices& chosen) {
    chosen.parkserver = choices{}.parkserver;
    to.add_option("FUNCTION", chosen.function, "Its name, as `maus functions` shows it")
        ->required()
        ->check([](const std::string& name) {  // without_lists
            return name.starts_with(" -") ? "there is no option" + name : std::string{};
        });
    to.add_option("-p,--parkserver", chosen.parkserver, "Where its workers are registered")
        ->type_name("ENDPOINT")
        ->check(programs::is_endpoint())
        ->capture_default_str();
    to.add_option("--type", chosen.type, "Only workers of this type")
        ->type_name("TYPE")
        ->check(programs::is_type());
    to.add_option_function<std::string>(
          "--timeout",
          [&chosen](const std::string& text) { chosen.timeout = *programs::duration_of(text); },
          "How long a call may take, waiting included; without it as long as it takes")
        ->type_name("TIME")
        ->check(programs::is_duration());
}

void add_call(CLI::App& to, cli::call_choices& chosen) {
    programs::prepare(to,
                      "  maus call add 1 2\n"
                      "  maus call greet '\"Ada\"'                text needs its own quotes\n"
                      "  maus call stats '[1,2,3]' --timeout 2s --json\n"
                      "  maus call thumbnail '{\"$bytes\": \"...base64...\"}'\n"
                      "\n"
                      "Bytes, times and more in JSON: <maus/json.hpp>.");
    add_calling(to, chosen);
    to.add_option("ARG", chosen.words, "Its arguments, as JSON");
    to.add_flag("--json", chosen.json, "The result as JSON on one line, text and null too");
}

void add_map(CLI::App& to, cli::call_choices& chosen) {
    programs::prepare(
        to,
        "  maus map resize < in.jsonl > out.jsonl\n"
        "  maus map add --jobs 8 < pairs.jsonl     [1, 2] on each line\n"
        "  maus map fetch --keep-going --unordered < urls.jsonl\n"
        "  maus map resize --skip $(wc -l < out.jsonl) < in.jsonl >> out.jsonl\n"
        "\n"
        "Each line is JSON: the argument of a function that has one parameter, an array\n"
        "of the arguments of another. Results come in the order of the lines.");
    add_calling(to, chosen);
    to.add_option("--jobs", chosen.jobs, "Calls at a time [as many as the free workers take]")
        ->type_name("NUMBER")
        ->check(CLI::Range(1, 1'000'000, "1 to 1000000"));
    to.add_flag("--unordered", chosen.unordered, "Results in the order in which they come");
    to.add_flag("--keep-going", chosen.keep_going,
                "After a line that fails, too; its result is {\"$error\": ...}");
    // Signed: a negative number would be taken for a large one.
    to.add_option("--skip", chosen.skip, "Lines that are done already")
        ->type_name("NUMBER")
        ->check(CLI::Range(std::int64_t{0}, std::int64_t{1'000'000'000'000'000'000}, "0 or more"));
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

/// A blank before what CLI11 would take for a list of words or for options, and is JSON or is to be told
/// as what is none: an array, a number, -.5, -Infinity. JSON does not mind the blank. Of `maus call`
/// whatever begins with "-" and is none of its options.
std::vector<std::string> without_lists(int argc, char** argv) {
    std::vector<std::string> words(argv, argv + argc);
    const bool is_call = argc > 1 && words[1] == "call";
    for (std::size_t i = 2; i < words.size(); ++i) {
        std::string& each = words[i];
        const bool is_value = words[i - 1] == "--type";  // it is taken as it is
        const char second = each.size() > 1 && each[0] == '-' ? each[1] : '-';
        const bool is_number = (second >= '0' && second <= '9') || second == '.';
        const bool is_no_option = is_call && second != '-' && second != 'p' && second != 'h';
        if (!is_value && (each.starts_with('[') || is_number || is_no_option))
            each.insert(0, 1, ' ');
    }
    return words;
}

}  // namespace

int main(int argc, char** argv) {
    std::vector<std::string> words = without_lists(argc, argv);
    std::vector<char*> pointers;
    for (std::string& each : words) pointers.push_back(each.data());
    pointers.push_back(nullptr);
    argv = pointers.data();

    CLI::App app("Asks a parkserver what it knows, and calls the functions of its workers.",
                 "maus");
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
    const programs::bare_unit s{std::chrono::seconds{1}, std::chrono::milliseconds{100},
                                std::chrono::hours{24}, "0.1 to 86400 s"};
    for_status
        .add_option_function<std::string>(
            "--watch",
            [&chosen, s](const std::string& text) {
                chosen.watch = *programs::duration_of(text, s);
            },
            "Again every so many seconds (or 500ms, 1min), until Ctrl-C")
        ->type_name("SECONDS")
        ->check(programs::is_duration(s));
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

    cli::call_choices calling;
    CLI::App& for_call = *app.add_subcommand("call", "Calls a function once");
    add_call(for_call, calling);
    for_call.callback([&] { body = [&] { return cli::call(calling); }; });

    CLI::App& for_map = *app.add_subcommand("map", "Calls a function for each line of stdin");
    add_map(for_map, calling);
    for_map.callback([&] { body = [&] { return cli::map(calling); }; });

    return programs::run(app, argc, argv, [&] { return body(); });
}
