// maus-parkserver: the parkserver as a program. Options, signals and log lines; what it does stands
// in <maus/parkserver.hpp>.

#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <iostream>

#include "bin/support/duration.hpp"
#include "bin/support/log_lines.hpp"
#include "bin/support/program.hpp"
#include "bin/support/stop_signals.hpp"
#include "bin/support/terminal.hpp"
#include "maus/parkserver.hpp"
#include "maus/version.hpp"

namespace {

using maus::log_level;
namespace programs = maus::programs;

constexpr const char* examples =
    "  maus-parkserver                                        for this machine only\n"
    "  maus-parkserver --bind tcp://*:8500                    for everybody who reaches it\n"
    "  maus-parkserver --bind tcp://127.0.0.1:8500 --bind ipc:///run/maus/park\n"
    "\n"
    "Workers and managers are told its endpoint; `maus status` shows who is there. There is no\n"
    "authentication: who reaches the port is trusted.\n"
    "Exit codes: 0 stopped by a signal, 1 it failed, 2 bad usage.";

struct choices {
    maus::parkserver_options park;
    std::string least = "info";
    std::string format = "text";
};

void add_options(CLI::App& app, choices& chosen) {
    auto& park = chosen.park;
    app.add_option("--bind", park.bind, "Where to be reached; may be given several times")
        ->type_name("ENDPOINT")
        ->check(programs::is_bindable())
        ->allow_extra_args(false)
        ->default_str(park.bind.front());
    const programs::bare_unit ms{std::chrono::milliseconds{1}, std::chrono::milliseconds{10},
                                 std::chrono::hours{1}, "10 to 3600000 ms"};
    app.add_option_function<std::string>(
           "--heartbeat",
           [&park, ms](const std::string& text) {
               park.heartbeat.interval =
                   std::chrono::ceil<std::chrono::milliseconds>(*programs::duration_of(text, ms));
           },
           "Shortest heartbeat it agrees to, in ms (or 2s); who asks for a slower one gets it")
        ->type_name("MS")
        ->check(programs::is_duration(ms))
        ->default_str(std::to_string(park.heartbeat.interval.count()));
    app.add_option("--liveness", park.heartbeat.liveness,
                   "Heartbeats missed until somebody is taken for lost, at least")
        ->type_name("N")
        ->check(CLI::Range(2, 100, "2 to 100"))
        ->capture_default_str();
    app.add_option("--max-peers", park.limits.peers_max, "Workers and managers it accepts")
        ->type_name("N")
        ->check(CLI::Range(1, 10'000'000, "1 to 10000000"))
        ->capture_default_str();
    app.add_option("--max-message", park.limits.message_bytes_max, "Largest frame that it relays")
        ->type_name("SIZE")
        ->transform(CLI::AsSizeValue(true))
        ->check(CLI::Range(65'536L, 2'000'000'000L, "64KiB to 2GB"))
        ->default_str("64MiB");
    app.add_option("--log-level", chosen.least,
                   "What to tell on stderr: debug, info, warning, error, off")
        ->type_name("LEVEL")
        ->check(CLI::IsMember({"debug", "info", "warning", "error", "off"}).description(""))
        ->capture_default_str();
    app.add_option("--log-format", chosen.format,
                   "text, or json: an object a line, with time, level and text")
        ->type_name("FORMAT")
        ->check(CLI::IsMember({"text", "json"}).description(""))
        ->capture_default_str();
}

log_level level_of(const std::string& name) {
    for (const auto each :
         {log_level::debug, log_level::info, log_level::warning, log_level::error}) {
        if (name == to_string(each)) return each;
    }
    return log_level::off;
}

/// One descriptor a peer: takes what the system allows, and says so if that is little.
void raise_descriptor_limit(const maus::log_function& log) {
    constexpr rlim_t few = 4096;
    rlimit files{};
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
    if (files.rlim_cur < files.rlim_max) {
        const rlim_t before = files.rlim_cur;
        files.rlim_cur = files.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &files) != 0) files.rlim_cur = before;
    }
    if (files.rlim_cur < few) {
        log(log_level::warning,
            "only " + std::to_string(files.rlim_cur) +
                " files may be open, about one for each worker and manager; raise it with "
                "`ulimit -n` or LimitNOFILE=");
    }
}

std::string joined(const std::vector<std::string>& texts) {
    std::string all;
    for (const auto& each : texts) all += (all.empty() ? "" : ", ") + each;
    return all;
}

maus::log_function log_of(const choices& chosen) {
    return programs::log_lines(level_of(chosen.least), chosen.format == "json"
                                                           ? programs::log_format::json
                                                           : programs::log_format::text);
}

/// Whoever started us may wait for this line. If he went, others need us all the same; but if it
/// cannot be written, nobody would know where we are, and false is returned.
bool say_ready(const maus::parkserver& park) {
    std::cout << "maus-parkserver " << maus::version << " ready at " << joined(park.endpoints())
              << std::endl;
    if (!std::cout && programs::reader_went(STDOUT_FILENO)) std::cout.clear();
    return std::cout.good();
}

int serve(choices& chosen) {
    std::signal(SIGPIPE, SIG_IGN);  // stdout and stderr may lose their readers
    programs::stop_signals signals;
    const auto log = chosen.park.log = log_of(chosen);
    raise_descriptor_limit(log);
    maus::parkserver park(chosen.park);
    if (!say_ready(park)) return programs::exit_failed;  // told by programs::run
    {
        const auto stopping = signals.on_stop([&] {
            log(log_level::info, "stopping");
            park.stop();
        });
        park.run();
    }
    return programs::exit_good;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Brings workers and managers together.", "maus-parkserver");
    choices chosen;
    programs::prepare(app, examples);
    add_options(app, chosen);
    return programs::run(app, argc, argv, [&] { return serve(chosen); });
}
