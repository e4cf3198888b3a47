#include "settings.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace maus::sim {
namespace {

// Rates and shares: a run without is smaller.
struct rate {
    const char* name;
    double plan::*value;
};
constexpr std::array rates = {
    rate{"breaks", &plan::breaks},
    rate{"deaf", &plan::deaf},
    rate{"half_closes", &plan::half_closes},
    rate{"partitions", &plan::partitions},
    rate{"partitions_cut", &plan::partitions_cut},
    rate{"pipe_full", &plan::pipe_full},
    rate{"unknowns", &plan::unknowns},
    rate{"without_notice", &plan::without_notice},
    rate{"spike", &plan::spike},
    rate{"crashes", &plan::crashes},
    rate{"crash_midway", &plan::crash_midway},
    rate{"stops", &plan::stops},
    rate{"pauses", &plan::pauses},
    rate{"park_share", &plan::park_share},
    rate{"stopped_clocks", &plan::stopped_clocks},
    rate{"wall_jumps", &plan::wall_jumps},
    rate{"clock_jumps", &plan::clock_jumps},
    rate{"keep_identity", &plan::keep_identity},
    rate{"babble", &plan::babble},
    rate{"forges", &plan::forges},
    rate{"twins", &plan::twins},
    rate{"returns", &plan::returns},
    rate{"hoards", &plan::hoards},
    rate{"hooks", &plan::hooks},
    rate{"refusals", &plan::refusals},
    rate{"relayed", &plan::relayed},
    rate{"bad_address", &plan::bad_address},
    rate{"all_free", &plan::all_free},
    rate{"elastic", &plan::elastic},
    rate{"changes", &plan::changes},
    rate{"cancels", &plan::cancels},
    rate{"once", &plan::once},
    rate{"with_timeout", &plan::with_timeout},
    rate{"with_attempt_timeout", &plan::with_attempt_timeout},
    rate{"with_no_workers_timeout", &plan::with_no_workers_timeout},
    rate{"asking", &plan::asking},
    rate{"nesting", &plan::nesting},
    rate{"nested_asking", &plan::nested_asking},
    rate{"slow", &plan::slow},
    rate{"hung", &plan::hung},
    rate{"poison", &plan::poison},
    rate{"throwing", &plan::throwing},
    rate{"detached", &plan::detached},
    rate{"absent", &plan::absent},
    rate{"large", &plan::large},
    rate{"hedged", &plan::hedged},
    rate{"addressed", &plan::addressed},
    rate{"streams", &plan::streams},
    rate{"replayable", &plan::replayable},
};

// Numbers: smaller is smaller. Below `least` there is no run; --shrink goes down to `smallest`.
struct number {
    const char* name;
    std::uint32_t plan::*value;
    std::uint32_t least = 1;
    std::uint32_t smallest = 1;
};
constexpr std::array numbers = {
    number{"managers", &plan::managers},
    number{"parkservers", &plan::parkservers, 0},
    number{"workers", &plan::workers, 0},
    number{"direct_workers", &plan::direct_workers, 0},
    number{"types", &plan::types},
    number{"strangers", &plan::strangers, 0, 0},
    number{"requests_max", &plan::requests_max},
    number{"burst_max", &plan::burst_max},
    number{"outstanding_max", &plan::outstanding_max},
    number{"concurrency_max", &plan::concurrency_max},
};

struct span {
    const char* name;
    duration plan::*value;
};
constexpr std::array spans = {
    span{"chaos_ms", &plan::chaos},
    span{"steady_ms", &plan::steady},
};

}  // namespace

namespace {

std::string all_names() {
    std::string names;
    for (const auto& each : spans) names += std::string(names.empty() ? "" : ", ") + each.name;
    for (const auto& each : numbers) names += std::string(", ") + each.name;
    for (const auto& each : rates) names += std::string(", ") + each.name;
    return names;
}

std::string set_one(plan& in, const std::string& setting) {
    const auto equals = setting.find('=');
    double value = 0;
    char left = 0;
    if (equals == std::string::npos ||
        std::sscanf(setting.c_str() + equals + 1, "%lf%c", &value, &left) != 1) {
        return "wants NAME=NUMBER, not " + setting;
    }
    constexpr double most = 1e6;
    if (!(value >= 0 && value <= most)) return "wants a number from 0 to a million: " + setting;
    const std::string name = setting.substr(0, equals);
    for (const auto& each : spans) {
        if (name != each.name) continue;
        in.*each.value = std::chrono::milliseconds{static_cast<std::int64_t>(value)};
        return {};
    }
    for (const auto& each : rates) {
        if (name != each.name) continue;
        in.*each.value = value;
        return {};
    }
    for (const auto& each : numbers) {
        if (name != each.name) continue;
        if (value < each.least || value != std::floor(value)) {
            return "wants a whole number from " + std::to_string(each.least) + " on: " + setting;
        }
        in.*each.value = static_cast<std::uint32_t>(value);
        return {};
    }
    return "knows no " + name + ", but " + all_names();
}

}  // namespace

std::string set(plan& in, const std::vector<std::string>& settings) {
    if (settings.empty()) return {};
    const std::uint32_t workers = in.workers + in.direct_workers;
    for (const auto& each : settings) {
        if (std::string wrong = set_one(in, each); !wrong.empty()) return wrong;
    }
    // As drawn: without a parkserver workers come by themselves, and each type has some.
    if (in.parkservers == 0) in.workers = 0;
    if (in.workers + in.direct_workers == 0) in.direct_workers = std::max(workers, 1u);
    in.types = std::min(in.types, std::max(in.workers, 1u));
    return {};
}

std::vector<std::string> reductions(const plan& of) {
    std::vector<std::string> some;
    for (const auto& each : numbers) {
        for (std::uint32_t less = each.smallest; less < of.*each.value;
             less = std::max(1u, less * 2)) {
            some.push_back(std::string(each.name) + "=" + std::to_string(less));
        }
    }
    using std::chrono::milliseconds;
    const auto now = std::chrono::duration_cast<milliseconds>(of.chaos).count();
    for (const auto share : {8, 4, 2}) {
        if (now / share >= 20) some.push_back("chaos_ms=" + std::to_string(now / share));
    }
    if (of.steady > duration{}) some.push_back("steady_ms=0");
    for (const auto& each : rates) {
        if (of.*each.value > 0) some.push_back(std::string(each.name) + "=0");
    }
    return some;
}

}  // namespace maus::sim
