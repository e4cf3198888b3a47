// Where the cores' time and randomness come from in a real process.
#pragma once

#include <cstdint>

#include "maus/base/time.hpp"

namespace maus::net {

/// CLOCK_BOOTTIME: monotonic, and goes on while the machine is suspended.
[[nodiscard]] base::instant clock_now();
/// clock_now() for who asks again and again: it is read anew once the processor's own counter has
/// gone on by a microsecond or a few. That counter jumps, one way or the other, where a process was
/// stopped, moved or suspended.
class frequent_clock {
public:
    [[nodiscard]] base::instant now() noexcept {
#if defined(__x86_64__)
        constexpr std::uint64_t ticks_max = 4096;  // 1 us at 4 GHz, 4 us at 1 GHz
        const std::uint64_t ticks = __builtin_ia32_rdtsc();
        if (ticks - read_at_ <= ticks_max) return last_;
        read_at_ = ticks;
#endif
        return last_ = clock_now();
    }

private:
    base::instant last_{};
    std::uint64_t read_at_ = 0;
};
/// Microseconds since 1970: grows over restarts, for epochs and incarnations.
[[nodiscard]] std::uint64_t wall_us();
/// From the kernel.
[[nodiscard]] std::uint64_t random_seed();

}  // namespace maus::net
