// maus-gateway: the door for WebSocket peers as a program of its own (broker/web/gateway.hpp).

#include <csignal>
#include <iostream>

#include "bin/support/program.hpp"
#include "bin/support/stop_signals.hpp"
#include "broker/daemon/daemon.hpp"
#include "broker/daemon/web_options.hpp"
#include "maus/version.hpp"

namespace {

namespace programs = maus::programs;

constexpr const char* examples =
    "  maus-gateway                                           for browsers on this machine\n"
    "  maus-gateway --parkserver tcp://park:8500 --web *:8501 --web-host maus.example:8501 \\\n"
    "      --web-cert maus.pem --web-key maus.key             for others, with TLS\n"
    "  maus-gateway --web-origin https://maus.example --web-host maus.example\n"
    "                                                         behind a proxy\n"
    "\n"
    "It prints the addresses to open. What follows '#' is a token: whoever has it can join. To "
    "have\n"
    "others, remove the file of --web-tokens. maus-parkserver --web does the same in one process.\n"
    "Exit codes: 0 stopped by a signal, 1 it failed, 2 bad usage.";

struct choices {
    maus::web::gateway_options web;
    programs::log_choices log;
    bool only_addresses = false;
};

int serve(choices& chosen) {
    if (chosen.only_addresses) {
        std::cout << programs::web_addresses_of(chosen.web) << std::endl;
        return programs::exit_good;
    }
    std::signal(SIGPIPE, SIG_IGN);  // stdout and stderr may lose their readers
    programs::stop_signals signals;
    const auto log = chosen.web.log = programs::log_of(chosen.log);
    programs::raise_descriptor_limit(log, "nine for each WebSocket");
    maus::web::gateway door(chosen.web);
    const std::string ready =
        "maus-gateway " + std::string(maus::version) + " ready at " + door.address();
    if (!programs::say_ready(ready + "\n" + programs::web_addresses(door))) {
        return programs::exit_failed;  // told by programs::run
    }
    {
        const auto stopping = signals.on_stop([&] {
            log(maus::log_level::info, "stopping");
            door.stop();
        });
        door.run();
    }
    return programs::exit_good;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Lets browsers and other WebSocket peers reach a parkserver.", "maus-gateway");
    choices chosen;
    programs::prepare(app, examples);
    app.add_option("--parkserver", chosen.web.parkserver, "The parkserver's endpoint")
        ->type_name("ENDPOINT")
        ->check(programs::is_endpoint())
        ->capture_default_str();
    programs::add_web_options(app, chosen.web, nullptr);
    app.add_flag("--addresses", chosen.only_addresses,
                 "Tell what to open in a browser, and end; the gateway may run or not");
    programs::add_log_options(app, chosen.log);
    return programs::run(app, argc, argv, [&] { return serve(chosen); });
}
