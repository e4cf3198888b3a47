#include "watch.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "support/wait.hpp"

namespace faults {

namespace {

/// A process's memory must not grow by more.
constexpr double bytes_tolerance = 4.0 * (1 << 20);
constexpr double share_tolerance = 0.05;

}  // namespace

std::size_t descriptors_of(pid_t pid) {
    std::error_code gone;
    const std::filesystem::directory_iterator all("/proc/" + std::to_string(pid) + "/fd", gone);
    return gone ? 0 : static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

std::size_t bytes_of(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/statm");
    std::size_t all = 0, resident = 0;
    file >> all >> resident;
    return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

std::size_t peak_of(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/status");
    std::size_t kib = 0;
    for (std::string word; file >> word;) {
        if (word == "VmHWM:") file >> kib;
    }
    return kib << 10;
}

void forget_peak(pid_t pid) { std::ofstream("/proc/" + std::to_string(pid) + "/clear_refs") << 5; }

void watch::begin(const std::string& name, pid_t pid) { all_[name].before = descriptors_of(pid); }

void watch::look(const std::string& name, pid_t pid, double seconds) {
    process& who = all_[name];
    who.samples.push_back({seconds, static_cast<double>(bytes_of(pid))});
    who.most = std::max(who.most, descriptors_of(pid));
}

std::vector<std::string> watch::wait_for_rest(
    const std::vector<std::pair<std::string, pid_t>>& some) {
    (void)maus_test::eventually([&] {
        return std::all_of(some.begin(), some.end(), [&](const auto& each) {
            return descriptors_of(each.second) <= all_[each.first].before;
        });
    });
    std::vector<std::string> wrong;
    for (const auto& [name, pid] : some) {
        process& who = all_[name];
        who.after = descriptors_of(pid);
        if (who.after <= who.before) continue;
        wrong.push_back("I7: " + name + " had " + std::to_string(who.before) +
                        " descriptors, and now has " + std::to_string(who.after));
    }
    return wrong;
}

watch::growth watch::growth_of(const std::vector<sample>& all) {
    double time = 0, value = 0;
    for (const auto& each : all) {
        time += each.seconds;
        value += each.bytes;
    }
    const auto count = static_cast<double>(all.size());
    time /= count;
    value /= count;
    double up = 0, across = 0;
    for (const auto& each : all) {
        up += (each.seconds - time) * (each.bytes - value);
        across += (each.seconds - time) * (each.seconds - time);
    }
    const double slope = across > 0 ? up / across : 0;
    return {slope * (all.back().seconds - all.front().seconds), value};
}

bool watch::report(double since_seconds) const {
    bool none_grows = true;
    for (const auto& [name, who] : all_) {
        std::vector<sample> late;
        std::copy_if(who.samples.begin(), who.samples.end(), std::back_inserter(late),
                     [&](const sample& each) { return each.seconds >= since_seconds; });
        if (late.size() < 3) continue;
        const auto bytes = growth_of(late);
        const bool grows = bytes.first_to_last > bytes_tolerance + share_tolerance * bytes.mean;
        none_grows = none_grows && !grows;
        std::printf("  %-14s %6.1f MiB %+6.2f MiB; descriptors: %zu at most", name.c_str(),
                    bytes.mean / (1 << 20), bytes.first_to_last / (1 << 20), who.most);
        if (who.before != 0) std::printf(", %zu at rest before, %zu after", who.before, who.after);
        std::printf("%s\n", grows ? "  GROWS" : "");
    }
    std::printf("  tolerance: %.0f MiB + %.0f %%\n", bytes_tolerance / (1 << 20),
                share_tolerance * 100);
    return none_grows;
}

}  // namespace faults
