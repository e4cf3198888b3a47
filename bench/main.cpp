// maus-bench: how fast calls are, beside what they could be, measured in the same run.
#include <csignal>
#include <iostream>
#include <map>
#include <stdexcept>

#include "bench/callbacks.hpp"
#include "bench/child.hpp"
#include "bench/commands.hpp"
#include "bench/echo.hpp"
#include "bench/instructions.hpp"
#include "bench/lease.hpp"
#include "bench/machine.hpp"
#include "bench/map.hpp"
#include "bench/progress.hpp"
#include "bench/recover.hpp"
#include "bench/sleep.hpp"
#include "bench/stream.hpp"
#include "bin/support/program.hpp"
#include "bin/support/standard_descriptors.hpp"
#include "bin/support/stop_signals.hpp"
#include "bin/support/text.hpp"

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
    {"stream-maus-reader", bench::role_stream_maus_reader},
    {"stream-maus-giver", bench::role_stream_maus_giver},
    {"stream-zmq-reader", bench::role_stream_zmq_reader},
    {"stream-zmq-giver", bench::role_stream_zmq_giver},
    {"callbacks-manager", bench::role_callbacks_manager},
    {"callbacks-worker", bench::role_callbacks_worker},
    {"map-manager", bench::role_map_manager},
    {"map-worker", bench::role_map_worker},
    {"lease-peers", bench::role_lease_peers},
    {"lease-workers", bench::role_lease_workers},
    {"bare-agency", bench::role_bare_agency},
    {"bare-router", bench::role_bare_router},
};

// What the processes of a benchmark are: `maus-bench role NAME ...`, by bench/child.hpp and nobody
// else, so that no help tells of it.
int run_role(const bench::words& what) {
    try {
        const auto role = roles.find(what.front());
        if (role == roles.end()) throw std::logic_error("no such role");
        role->second({what.begin() + 1, what.end()});
        return maus::programs::exit_good;
    } catch (const std::exception& failed) {
        std::cerr << "maus-bench: " << what.front() << ": "
                  << maus::programs::shown_lines(failed.what()) << '\n';
        return maus::programs::exit_failed;
    }
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
    maus::programs::reserve_standard_descriptors();
    std::signal(SIGPIPE, SIG_IGN);  // a child that ended is told by what write() returns
    if (argc > 2 && std::string_view(argv[1]) == "role") return run_role({argv + 2, argv + argc});
    maus::programs::stop_signals signals;
    const auto stopping = signals.on_stop(interrupted);
    CLI::App app{
        "Measures libmaus beside raw libzmq and others in the same run, in turn (A B A B).\n"
        "The ratio is ours over the reference's, the median over neighbouring runs.",
        "maus-bench"};
    maus::programs::prepare(
        app,
        "  maus-bench targets                  the figures to reach; about 2 minutes\n"
        "  maus-bench echo                     calls a second, latencies; about 5 minutes\n"
        "  maus-bench echo --quick             a tiny run, to see that it works\n"
        "  maus-bench echo --help              its options; others have theirs");
    app.require_subcommand(1);
    std::vector<std::pair<CLI::App*, bench::command>> commands;
    for (auto* add : {bench::add_echo, bench::add_transfer, bench::add_stream, bench::add_callbacks,
                      bench::add_map, bench::add_relay, bench::add_sleep, bench::add_recover,
                      bench::add_lease, bench::add_codec, bench::add_peers, bench::add_languages,
                      bench::add_instructions, bench::add_targets}) {
        const auto run = add(app);
        commands.emplace_back(app.get_subcommands([](CLI::App*) { return true; }).back(), run);
    }
    return maus::programs::run(app, argc, argv, [&] {
        for (const auto& [chosen, run] : commands) {
            if (*chosen) return run();
        }
        return static_cast<int>(maus::programs::exit_usage);
    });
}
