#include "bench/callbacks.hpp"
#include "bench/commands.hpp"

namespace bench {

namespace {
struct callbacks_choice {
    std::vector<std::string> transports{"tcp"};
    std::vector<std::size_t> windows{1, 16, 1000};
    plan how;
};
}  // namespace

command add_callbacks(CLI::App& to) {
    auto what = std::make_shared<callbacks_choice>();
    CLI::App& app = add_benchmark(
        to, what->how, "callbacks",
        "A worker's function calls a callable of its manager's, beside ordinary calls",
        "  maus-bench callbacks\n"
        "  maus-bench callbacks --window 1000 --json callbacks.json");
    app.add_option("--transport", what->transports, "tcp, ipc")
        ->check(CLI::IsMember({"tcp", "ipc"}))
        ->capture_default_str();
    // No more than limits::callbacks_max.
    add_numbers(app, "--window", what->windows, "Outstanding at a time", 1, 4096);
    return [what] {
        return run_benchmark(what->how, "callbacks", [&](const plan& now, report& out) {
            for (const auto& transport : what->transports) {
                for (const auto window : what->windows) {
                    out.add(measure_callbacks({transport, window}, now));
                }
            }
        });
    };
}

}  // namespace bench
