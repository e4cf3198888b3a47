#include <algorithm>
#include <iostream>

#include "bench/commands.hpp"
#include "bench/map.hpp"
#include "bench/progress.hpp"
#include "bin/support/program.hpp"

namespace bench {

namespace {
struct map_choice {
    map_setting setting;
    plan how;
};
}  // namespace

command add_map(CLI::App& to) {
    auto what = std::make_shared<map_choice>();
    CLI::App& app = add_benchmark(to, what->how, "map",
                                  "A cheap function over very many inputs; 1 if the manager's "
                                  "memory grows by more than 16 MiB",
                                  "  maus-bench map\n"
                                  "  maus-bench map --inputs 100000000 --unordered");
    for (const auto* each : {"--seconds", "--repeats"}) app.remove_option(app.get_option(each));
    app.add_option("--inputs", what->setting.inputs, "How many")
        ->check(CLI::Range(std::uint64_t{10}, std::uint64_t{10'000'000'000}))
        ->capture_default_str();
    app.add_flag("--unordered", what->setting.unordered, "By map_unordered");
    return [what] {
        bool holds = true;
        const int code = run_benchmark(what->how, "map", [&](const plan& now, report& out) {
            map_setting setting = what->setting;
            if (now.quick) setting.inputs = std::min<std::uint64_t>(setting.inputs, 5000);
            const auto measured = measure_map(setting, now);
            out.add(measured);
            const auto& growth = find(measured, measured.front().name, "growth_mib");
            holds = growth.ours * (1 << 20) <= map_growth_max;
        });
        if (holds) return code;
        progress::clear();
        std::cerr << "maus-bench map: memory grew by more than 16 MiB\n";
        return static_cast<int>(maus::programs::exit_failed);
    };
}

}  // namespace bench
