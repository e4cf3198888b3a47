// What a benchmark measures, and how figures of two systems are put side by side.
#pragma once

#include <string>
#include <vector>

namespace bench {

/// One timed stretch of calls.
struct sample {
    double calls_per_s = 0;
    double p50_us = 0;
    double p99_us = 0;
    double cpu_s_per_million = 0;  // of all processes that take part
};

/// Which echo: how large, how many at a time, by how many workers.
struct setting {
    std::size_t bytes = 8;
    std::size_t window = 1;
    std::size_t workers = 1;
};

/// Collects latencies and makes a sample of them.
class stopwatch {
public:
    explicit stopwatch(std::vector<int> other_processes);
    void record(double latency_us) { latencies_us_.push_back(latency_us); }
    [[nodiscard]] double elapsed_s() const;
    [[nodiscard]] sample finish();

private:
    [[nodiscard]] double cpu_s() const;
    std::vector<int> others_;
    std::vector<double> latencies_us_;
    double begun_s_;
    double cpu_begun_s_;
};

[[nodiscard]] double now_s();
[[nodiscard]] double median(std::vector<double> values);

/// One line of the result: ours beside the reference, measured in turn.
struct figure {
    std::string name;    // echo.tcp.8B.w1000.workers1
    std::string metric;  // calls_per_s, p50_us, ...
    double ours = 0;
    double reference = 0;
    double ratio = 0;   // median of the ratios of neighbouring runs
    double spread = 0;  // half the distance between the quartiles of those ratios
    std::string pin;
};
/// Pairs run by run: `ours[i]` was measured right before `reference[i]`.
[[nodiscard]] figure compare(std::string name, std::string metric, const std::vector<double>& ours,
                             const std::vector<double>& reference, std::string pin);

}  // namespace bench
