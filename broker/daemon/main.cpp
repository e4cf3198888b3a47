// maus-parkserver: the parkserver as a program. Options, signals and log lines; what it does stands
// in <maus/parkserver.hpp>.

#include <csignal>
#include <optional>

#include "bin/support/duration.hpp"
#include "bin/support/program.hpp"
#include "bin/support/stop_signals.hpp"
#include "broker/daemon/daemon.hpp"
#ifdef MAUS_WEB
#include "broker/daemon/web_options.hpp"
#endif
#include "maus/parkserver.hpp"
#include "maus/version.hpp"

namespace {

using maus::log_level;
namespace programs = maus::programs;

constexpr const char* examples =
    "  maus-parkserver                                        for this machine only\n"
    "  maus-parkserver --bind tcp://*:8500                    for everybody who reaches it\n"
    "  maus-parkserver --bind tcp://127.0.0.1:8500 --bind ipc:///run/maus/park\n"
#ifdef MAUS_WEB
    "  maus-parkserver --web 127.0.0.1:8501                   for browsers, too\n"
#endif
    "\n"
    "Workers and managers are told its endpoint; `maus status` shows who is there. There is no\n"
    "authentication: who reaches the port is trusted. (WebSockets need a token.)\n"
    "Exit codes: 0 stopped by a signal, 1 it failed, 2 bad usage.";

struct choices {
    maus::parkserver_options park;
    programs::log_choices log;
#ifdef MAUS_WEB
    maus::web::gateway_options web;
    bool with_web = false;
#endif
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
    programs::add_log_options(app, chosen.log);
}

std::string joined(const std::vector<std::string>& texts) {
    std::string all;
    for (const auto& each : texts) all += (all.empty() ? "" : ", ") + each;
    return all;
}

int serve(choices& chosen) {
    std::signal(SIGPIPE, SIG_IGN);  // stdout and stderr may lose their readers
    programs::stop_signals signals;
    const auto log = chosen.park.log = programs::log_of(chosen.log);
    programs::raise_descriptor_limit(log, "one for each worker and manager");
    maus::parkserver park(chosen.park);
    std::string ready =
        "maus-parkserver " + std::string(maus::version) + " ready at " + joined(park.endpoints());
#ifdef MAUS_WEB
    std::optional<maus::web::gateway> door;
    if (chosen.with_web) {
        chosen.web.parkserver = park.endpoint();
        chosen.web.log = log;
        door.emplace(chosen.web);
        door->start();
        ready += "\n" + programs::web_addresses(*door);
    }
#endif
    if (!programs::say_ready(ready)) return programs::exit_failed;  // told by programs::run
    {
        const auto stopping = signals.on_stop([&] {
            log(log_level::info, "stopping");
#ifdef MAUS_WEB
            if (door) door->stop();
#endif
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
#ifdef MAUS_WEB
    programs::add_web_options(app, chosen.web, &chosen.with_web);
#endif
    return programs::run(app, argc, argv, [&] { return serve(chosen); });
}
