// Latencies, counted in buckets that are 0.4 % wide: what a run takes to remember them does not
// grow with its calls, so that memory can be measured beside them.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace bench {

class histogram {
public:
    void record(double seconds) {
        const auto ns = static_cast<std::uint64_t>(seconds * 1e9);
        ++counts_[bucket_of(ns)];
        ++count_;
    }
    void add(const histogram& other) {
        for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
        count_ += other.count_;
    }
    [[nodiscard]] std::uint64_t count() const { return count_; }
    /// 0 if nothing was recorded.
    [[nodiscard]] double quantile_us(double q) const {
        const auto wanted = static_cast<std::uint64_t>(q * static_cast<double>(count_));
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < counts_.size(); ++i) {
            seen += counts_[i];
            if (seen > wanted || (seen == count_ && count_ > 0)) return middle_of(i) / 1e3;
        }
        return 0;
    }

private:
    static constexpr unsigned bits = 8;  // buckets an octave: 2^bits
    static std::size_t bucket_of(std::uint64_t ns) {
        if (ns < (1u << bits)) return static_cast<std::size_t>(ns);
        const auto octave = static_cast<unsigned>(std::bit_width(ns)) - bits - 1;
        return (std::size_t{octave} << bits) + static_cast<std::size_t>(ns >> octave);
    }
    static double middle_of(std::size_t bucket) {
        if (bucket < (2u << bits)) return static_cast<double>(bucket);
        const std::size_t octave = (bucket >> bits) - 1;
        const std::size_t place = bucket - (octave << bits);
        return (static_cast<double>(place) + 0.5) * static_cast<double>(std::uint64_t{1} << octave);
    }
    std::vector<std::uint64_t> counts_ = std::vector<std::uint64_t>((64 - bits + 1) << bits);
    std::uint64_t count_ = 0;
};

}  // namespace bench
