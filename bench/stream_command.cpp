#include "bench/commands.hpp"
#include "bench/stream.hpp"

namespace bench {

namespace {
struct stream_choice {
    std::vector<std::string> transports{"tcp"};
    std::vector<std::size_t> sizes{8, 100, 1 << 10, 64 << 10, 1 << 20};
    plan how;
};
}  // namespace

command add_stream(CLI::App& to) {
    auto what = std::make_shared<stream_choice>();
    CLI::App& app =
        add_benchmark(to, what->how, "stream",
                      "Items of one function, read one by one, beside libzmq's PUSH to PULL",
                      "  maus-bench stream\n"
                      "  maus-bench stream --bytes 8 65536 --json stream.json");
    app.add_option("--transport", what->transports, "tcp, ipc")
        ->check(CLI::IsMember({"tcp", "ipc"}))
        ->capture_default_str();
    add_numbers(app, "--bytes", what->sizes, "An item", 8, 32 << 20);
    return [what] {
        return run_benchmark(what->how, "stream", [&](const plan& now, report& out) {
            auto sizes = what->sizes;
            if (now.quick) sizes = {8, 64 << 10};
            for (const auto& transport : what->transports) {
                for (const auto bytes : sizes) out.add(measure_stream({transport, bytes}, now));
            }
        });
    };
}

}  // namespace bench
