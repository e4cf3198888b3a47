#include "bench/commands.hpp"
#include "bench/echo.hpp"

namespace bench {

namespace {

struct echo_choice {
    std::vector<std::string> transports{"tcp"};
    std::vector<std::size_t> windows{1, 16, 100, 1000, 10000};
    std::vector<std::size_t> sizes{8, 100, 1 << 10, 64 << 10, 1 << 20};
    std::vector<std::size_t> workers{1, 2};
    std::vector<std::string> payloads;  // none: text, and bytes where they are meant for it
    std::vector<std::string> styles{"get"};
    std::vector<std::size_t> threads{1};
    bool all = false;
    plan how;
};

// What is outstanding at a time is held in memory several times over.
constexpr std::size_t outstanding_bytes_max = 128u << 20;
// Smaller ones are copied anyway.
constexpr std::size_t shared_payload_min = 32 << 10;

std::vector<std::string> payloads_of(const echo_choice& what, std::size_t size) {
    if (!what.payloads.empty()) return what.payloads;
    if (size < shared_payload_min) return {"text"};
    return {"text", "bytes"};
}

std::vector<setting> settings_of(const echo_choice& what) {
    std::vector<setting> made;
    for (const auto& transport : what.transports)
        for (const auto& style : what.styles)
            for (const auto threads : what.threads)
                for (const auto workers : what.workers)
                    for (const auto size : what.sizes)
                        for (const auto& payload : payloads_of(what, size))
                            for (const auto window : what.windows)
                                made.push_back(
                                    {transport, size, window, workers, style, threads, payload});
    return made;
}

void run_echo(echo_choice what, const plan& how, report& out) {
    if (how.quick) {
        what.sizes.resize(1);
        what.workers.resize(1);
    }
    if (what.all) {
        what.transports = {"tcp", "ipc"};
        what.styles = {"get", "then", "coroutine"};
        what.threads = {1, 4};
    }
    std::size_t huge = 0;
    for (const auto& each : settings_of(what)) {
        if (each.threads > 1 && each.style != "get") continue;  // callbacks have their own thread
        if (each.bytes * each.window > outstanding_bytes_max) {
            ++huge;
            continue;
        }
        out.add_calls(measure_echo(each, how, each.window >= 64 && each.bytes <= 1024));
    }
    if (huge > 0) {
        out.remark("left out: " + std::to_string(huge) + " settings with more than " +
                   size_name(outstanding_bytes_max) + " outstanding");
    }
}

}  // namespace

command add_echo(CLI::App& to) {
    auto what = std::make_shared<echo_choice>();
    CLI::App& app = add_benchmark(
        to, what->how, "echo",
        "Calls that return their argument, beside raw libzmq (DEALER to ROUTER)",
        "  maus-bench echo                              every window and payload, over tcp\n"
        "  maus-bench echo --window 1000 --bytes 8 --workers 1 --pin free\n"
        "  maus-bench echo --style then coroutine --bytes 8 --window 100 1000\n"
        "  maus-bench echo --threads 1 4 16 --bytes 8 --window 1000\n"
        "  maus-bench echo --all --json echo.json --plot .  all there is; takes half an hour\n\n"
        "Lines that end in .of64 are beside libzmq with 64 calls in each message: a ceiling.");
    app.add_option("--transport", what->transports, "tcp, ipc")
        ->check(CLI::IsMember({"tcp", "ipc"}))
        ->capture_default_str();
    add_numbers(app, "--window", what->windows, "Calls outstanding at a time", 1, 1'000'000);
    add_numbers(app, "--bytes", what->sizes, "Payload", 0, 32 << 20);
    add_numbers(app, "--workers", what->workers, "Worker processes", 1, 1000);
    app.add_option("--payload", what->payloads,
                   "text: std::string; bytes: maus::bytes, and libzmq does not copy either "
                   "[text; from 32 KiB on, both]")
        ->check(CLI::IsMember({"text", "bytes"}));
    app.add_option("--style", what->styles, "What becomes of futures: get, then, coroutine")
        ->check(CLI::IsMember({"get", "then", "coroutine"}))
        ->capture_default_str();
    add_numbers(app, "--threads", what->threads, "Threads that call, and share the window", 1,
                1000);
    app.add_flag("--all", what->all, "Both transports, all styles, 1 and 4 threads");
    return [what] {
        return run_benchmark(what->how, "echo",
                             [&](const plan& now, report& out) { run_echo(*what, now, out); });
    };
}

}  // namespace bench
