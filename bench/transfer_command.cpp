#include "bench/commands.hpp"
#include "bench/echo.hpp"

namespace bench {

namespace {
struct transfer_choice {
    std::vector<std::string> transports{"tcp"};
    std::vector<std::size_t> sizes{8};
    std::vector<std::size_t> large{1 << 20, 32 << 20};
    plan how;
};

void run_transfer(transfer_choice what, const plan& how, report& out) {
    if (how.quick) what.large.resize(1);
    for (const auto& transport : what.transports)
        for (const auto size : what.sizes)
            for (const auto large : what.large) {
                setting made{.transport = transport, .bytes = size};
                made.beside = large;
                out.add_calls(measure_transfer(made, how));
            }
}
}  // namespace

command add_transfer(CLI::App& to) {
    auto what = std::make_shared<transfer_choice>();
    CLI::App& app = add_benchmark(
        to, what->how, "transfer",
        "Small echoes, one at a time, while a large one is always on its way on the same link",
        "  maus-bench transfer                    8 B beside 1 MiB and 32 MiB\n"
        "  maus-bench transfer --large 4194304 --bytes 100\n\n"
        "Lines that end in .alone are beside the same calls with nothing large on the link.");
    app.add_option("--transport", what->transports, "tcp, ipc")
        ->check(CLI::IsMember({"tcp", "ipc"}))
        ->capture_default_str();
    add_numbers(app, "--bytes", what->sizes, "Payload of the small calls", 0, 1 << 14);
    add_numbers(app, "--large", what->large, "Payload of the large call", 1 << 16, 60 << 20);
    return [what] {
        return run_benchmark(what->how, "transfer",
                             [&](const plan& now, report& out) { run_transfer(*what, now, out); });
    };
}

}  // namespace bench
