#include "bench/figure.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <sstream>

namespace bench {

double now_s() {
    using clock = std::chrono::steady_clock;
    return std::chrono::duration<double>(clock::now().time_since_epoch()).count();
}

namespace {
double quantile(std::vector<double>& values, double q) {
    if (values.empty()) return 0;
    const auto at = static_cast<std::ptrdiff_t>(q * static_cast<double>(values.size() - 1) + 0.5);
    std::nth_element(values.begin(), values.begin() + at, values.end());
    return values[static_cast<std::size_t>(at)];
}

// utime and stime are fields 14 and 15 of /proc/PID/stat (proc(5)); the name before may hold
// blanks.
double cpu_of_process(int pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string line;
    std::getline(file, line);
    const auto behind_name = line.rfind(')');
    if (behind_name == std::string::npos) return 0;
    std::istringstream fields(line.substr(behind_name + 1));
    std::string skipped;
    for (int i = 0; i < 11; ++i) fields >> skipped;
    double user = 0, system = 0;
    fields >> user >> system;
    return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double seconds(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}
}  // namespace

double median(std::vector<double> values) { return quantile(values, 0.5); }

stopwatch::stopwatch(std::vector<int> other_processes)
    : others_(std::move(other_processes)), begun_s_(now_s()), cpu_begun_s_(cpu_s()) {
    latencies_us_.reserve(1u << 20);
}

double stopwatch::elapsed_s() const { return now_s() - begun_s_; }

double stopwatch::cpu_s() const {
    rusage own{};
    getrusage(RUSAGE_SELF, &own);
    double sum = seconds(own.ru_utime) + seconds(own.ru_stime);
    for (const int pid : others_) sum += cpu_of_process(pid);
    return sum;
}

sample stopwatch::finish() {
    const double took = elapsed_s();
    const double cpu = cpu_s() - cpu_begun_s_;
    const auto calls = static_cast<double>(latencies_us_.size());
    sample made;
    made.calls_per_s = calls / took;
    made.p50_us = quantile(latencies_us_, 0.5);
    made.p99_us = quantile(latencies_us_, 0.99);
    made.cpu_s_per_million = calls > 0 ? cpu / calls * 1e6 : 0;
    return made;
}

figure compare(std::string name, std::string metric, const std::vector<double>& ours,
               const std::vector<double>& reference, std::string pin) {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < ours.size(); ++i) ratios.push_back(ours[i] / reference[i]);
    const double low = quantile(ratios, 0.25), high = quantile(ratios, 0.75);
    return {std::move(name), std::move(metric), median(ours),  median(reference),
            median(ratios),  (high - low) / 2,  std::move(pin)};
}

}  // namespace bench
