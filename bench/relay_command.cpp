#include "bench/commands.hpp"
#include "bench/echo.hpp"
#include "bench/machine.hpp"
#include "bench/report.hpp"
#include "bin/support/program.hpp"

namespace bench {

namespace {
struct choice {
    std::vector<std::string> transports{"tcp"};
    std::vector<std::size_t> windows{1, 16, 100, 1000};
    std::vector<std::size_t> sizes{8, 1 << 10};
    std::vector<std::size_t> workers{1, 2};
    plan how;
};

int run(choice what) {
    if (what.how.quick) {
        what.how.be_quick();
        what.sizes.resize(1);
        what.workers.resize(1);
    }
    report out(what.how, "relay");
    place(what.how.pin);
    for (const auto& transport : what.transports)
        for (const auto workers : what.workers)
            for (const auto size : what.sizes)
                for (const auto window : what.windows)
                    out.add_calls(measure_relay({transport, size, window, workers}, what.how));
    out.finish();
    return maus::programs::exit_good;
}
}  // namespace

command add_relay(CLI::App& to) {
    auto* app = to.add_subcommand(
        "relay", "Echo through the parkserver, beside a raw broker of two ROUTERs");
    maus::programs::prepare(*app,
                            "  maus-bench relay\n"
                            "  maus-bench relay --bytes 8 --window 1000 --workers 1");
    auto what = std::make_shared<choice>();
    app->add_option("--transport", what->transports, "tcp, ipc")
        ->check(CLI::IsMember({"tcp", "ipc"}))
        ->capture_default_str();
    app->add_option("--window", what->windows, "Calls outstanding at a time")
        ->check(CLI::Range(1, 100'000))
        ->capture_default_str();
    app->add_option("--bytes", what->sizes, "Payload")
        ->check(CLI::Range(0, 1 << 20))
        ->capture_default_str();
    app->add_option("--workers", what->workers, "Worker processes")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    add_options(*app, what->how);
    return [what] { return run(*what); };
}

}  // namespace bench
