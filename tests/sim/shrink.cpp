#include "shrink.hpp"

#include <cstdio>

#include "jobs.hpp"
#include "settings.hpp"

namespace maus::sim {

namespace {

// Which invariant fails first, or how the run ends: in a process of its own. Empty: none.
std::string failure_of(const std::string& program, std::uint64_t seed,
                       const std::vector<std::string>& settings) {
    const std::string command = command_of("'" + program + "'", seed, settings);
    std::FILE* child = ::popen((command + " --twice-every 0 2>/dev/null").c_str(), "r");
    if (child == nullptr) return {};
    std::string first;
    char line[512];
    while (std::fgets(line, sizeof line, child) != nullptr) {
        const std::string text = line;
        if (first.empty() && text.starts_with("    ")) first = text.substr(4, text.find('\n') - 4);
    }
    ::pclose(child);
    return first.substr(0, first.find(" at "));
}

}  // namespace

int shrink(const std::string& program, std::uint64_t seed, std::vector<std::string> settings) {
    const std::string wanted = failure_of(program, seed, settings);
    if (wanted.empty()) {
        std::printf("seed %llu does not fail\n", static_cast<unsigned long long>(seed));
        return 0;
    }
    std::printf("seed %llu fails with %s\n", static_cast<unsigned long long>(seed), wanted.c_str());
    for (bool smaller = true; smaller;) {
        smaller = false;
        std::string done = " ";  // what this round has made smaller already
        for (const auto& each : reductions(plan_of(seed, settings))) {
            auto fewer = settings;
            const std::string name = each.substr(0, each.find('=') + 1);
            if (done.find(' ' + name) != std::string::npos) continue;
            std::erase_if(fewer, [&](const auto& old) { return old.starts_with(name); });
            fewer.push_back(each);
            if (failure_of(program, seed, fewer) != wanted) continue;
            settings = std::move(fewer);
            std::printf("    %s\n", each.c_str());
            std::fflush(stdout);
            smaller = true;
            done += name + ' ';
        }
    }
    std::printf("\n%s --trace\n", command_of("maus-sim", seed, settings).c_str());
    return 1;
}

}  // namespace maus::sim
