// Counters that one thread writes and any thread reads.
//
// Each counter is exact at some moment of the read. What happened before another thread was told of
// it (by a result, say) is counted when that thread reads.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <tuple>

namespace maus::shell {

/// `Metrics` has 64-bit counters and nothing else.
template <class Metrics>
class published {
    static_assert(sizeof(Metrics) % sizeof(std::uint64_t) == 0);
    using numbers = std::array<std::uint64_t, sizeof(Metrics) / sizeof(std::uint64_t)>;

public:
    /// By one thread at a time.
    void set(const Metrics& now) noexcept {
        const auto values = std::bit_cast<numbers>(now);
        for (std::size_t i = 0; i < values.size(); ++i) {
            values_[i].store(values[i], std::memory_order_relaxed);
        }
    }
    [[nodiscard]] Metrics get() const noexcept {
        numbers values{};
        for (std::size_t i = 0; i < values.size(); ++i) {
            values[i] = values_[i].load(std::memory_order_relaxed);
        }
        return std::bit_cast<Metrics>(values);
    }

private:
    std::array<std::atomic<std::uint64_t>, std::tuple_size_v<numbers>> values_{};
};

}  // namespace maus::shell
