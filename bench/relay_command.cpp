#include "bench/commands.hpp"
#include "bench/echo.hpp"

namespace bench {

namespace {
struct relay_choice {
    std::vector<std::string> transports{"tcp"};
    std::vector<std::size_t> windows{1, 16, 100, 1000};
    std::vector<std::size_t> sizes{8, 1 << 10};
    std::vector<std::size_t> workers{1, 2};
    plan how;
};

void run_relay(relay_choice what, const plan& how, report& out) {
    if (how.quick) {
        what.sizes.resize(1);
        what.workers.resize(1);
    }
    for (const auto& transport : what.transports)
        for (const auto workers : what.workers)
            for (const auto size : what.sizes)
                for (const auto window : what.windows)
                    out.add_calls(measure_relay({transport, size, window, workers}, how));
}
}  // namespace

command add_relay(CLI::App& to) {
    auto what = std::make_shared<relay_choice>();
    CLI::App& app = add_benchmark(to, what->how, "relay",
                                  "Echo through the parkserver, beside a raw broker of two ROUTERs",
                                  "  maus-bench relay\n"
                                  "  maus-bench relay --bytes 8 --window 1000 --workers 1");
    app.add_option("--transport", what->transports, "tcp, ipc")
        ->check(CLI::IsMember({"tcp", "ipc"}))
        ->capture_default_str();
    add_numbers(app, "--window", what->windows, "Calls outstanding at a time", 1, 100'000);
    add_numbers(app, "--bytes", what->sizes, "Payload", 0, 1 << 20);
    add_numbers(app, "--workers", what->workers, "Worker processes", 1, 1000);
    return [what] {
        return run_benchmark(what->how, "relay",
                             [&](const plan& now, report& out) { run_relay(*what, now, out); });
    };
}

}  // namespace bench
