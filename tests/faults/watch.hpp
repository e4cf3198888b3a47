// Watches processes for growth: memory over time, descriptors at rest.
//
// Connections come and go with the faults, so a line through the number of descriptors says nothing over
// some minutes. But who comes to rest has as many as it had at rest before, to the last one.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace faults {

[[nodiscard]] std::size_t descriptors_of(pid_t pid);
/// Resident memory.
[[nodiscard]] std::size_t bytes_of(pid_t pid);

/// The most resident memory that a process had since forget_peak.
[[nodiscard]] std::size_t peak_of(pid_t pid);
void forget_peak(pid_t pid);

class watch {
public:
    /// It is at rest: has what it shall have again.
    void begin(const std::string& name, pid_t pid);
    /// What it has at that time.
    void look(const std::string& name, pid_t pid, double seconds);
    /// It is another process now.
    void begin_again(const std::string& name) { all_.erase(name); }
    /// Waits until all of them have as few descriptors as at rest. What is wrong with those that don't.
    [[nodiscard]] std::vector<std::string> wait_for_rest(
        const std::vector<std::pair<std::string, pid_t>>& some);
    /// Prints what was seen. False: the memory of some grew, from that time on.
    [[nodiscard]] bool report(double since_seconds) const;

private:
    struct sample {
        double seconds = 0;
        double bytes = 0;
    };
    /// What the line of least squares grows by over the samples' time.
    struct growth {
        double first_to_last = 0;
        double mean = 0;
    };
    struct process {
        std::vector<sample> samples;
        std::size_t before = 0, after = 0, most = 0;  // descriptors
    };
    [[nodiscard]] static growth growth_of(const std::vector<sample>& all);

    std::map<std::string, process> all_;
};

}  // namespace faults
