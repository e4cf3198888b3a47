// maus-bench: how fast calls are, beside what they could be, measured in the same run.
#include <csignal>
#include <iostream>
#include <map>
#include <memory>
#include <optional>

#include "bench/child.hpp"
#include "bench/commands.hpp"
#include "bench/echo.hpp"
#include "bench/machine.hpp"
#include "bench/progress.hpp"
#include "bench/recover.hpp"
#include "bench/sleep.hpp"
#include "bin/support/program.hpp"
#include "bin/support/stop_signals.hpp"

namespace {

const std::map<std::string, void (*)(const bench::words&)> roles = {
    {"maus-client", bench::role_maus_client},
    {"maus-server", bench::role_maus_server},
    {"parkserver", bench::role_parkserver},
    {"zmq-client", bench::role_zmq_client},
    {"zmq-server", bench::role_zmq_server},
    {"zmq-broker", bench::role_zmq_broker},
    {"zmq-broker-server", bench::role_zmq_broker_server},
    {"sleep-maus-client", bench::role_sleep_maus_client},
    {"sleep-maus-server", bench::role_sleep_maus_server},
    {"sleep-zmq-client", bench::role_sleep_zmq_client},
    {"sleep-zmq-server", bench::role_sleep_zmq_server},
    {"recover-server", bench::role_recover_server},
};

// What the processes of a benchmark are; bench/child.hpp starts them.
bench::command add_role(CLI::App& to) {
    auto* app = to.add_subcommand("role", "")->group("");
    auto what = std::make_shared<bench::words>();
    app->add_option("what", *what)->required();
    return [what] {
        const auto role = roles.find(what->front());
        if (role == roles.end()) throw maus::programs::bad_usage("no such role: " + what->front());
        role->second({what->begin() + 1, what->end()});
        return maus::programs::exit_good;
    };
}

// The first signal ends it, with nothing left behind: children die with their parent.
[[noreturn]] void interrupted() {
    bench::progress::clear();
    bench::remove_scratch();
    std::cerr << "maus-bench: interrupted\n";
    std::_Exit(maus::programs::exit_failed);
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);  // a child that ended is told by what write() returns
    CLI::App app{
        "Measures libmaus beside raw libzmq and others in the same run, in turn (A B A B).\n"
        "The ratio is ours over the reference's, the median over neighbouring runs.",
        "maus-bench"};
    maus::programs::prepare(
        app,
        "  maus-bench echo                     calls a second, latencies; about 5 minutes\n"
        "  maus-bench echo --quick             a tiny run, to see that it works\n"
        "  maus-bench echo --help              its options; others have theirs");
    app.require_subcommand(1);
    std::vector<std::pair<CLI::App*, bench::command>> commands;
    const auto add = [&](bench::command (*adder)(CLI::App&)) {
        const auto run = adder(app);
        commands.emplace_back(app.get_subcommands([](CLI::App*) { return true; }).back(), run);
    };
    for (auto* adder : {bench::add_echo, bench::add_relay, bench::add_sleep, bench::add_recover,
                        bench::add_codec, bench::add_targets, add_role}) {
        add(adder);
    }
    return maus::programs::run(app, argc, argv, [&] {
        std::optional<maus::programs::stop_signals> signals;
        std::optional<maus::programs::stop_signals::subscription> stopping;
        if (!app.got_subcommand("role")) {
            signals.emplace();
            stopping.emplace(*signals, interrupted);
        }
        for (const auto& [chosen, run] : commands) {
            if (*chosen) return run();
        }
        return static_cast<int>(maus::programs::exit_usage);
    });
}
