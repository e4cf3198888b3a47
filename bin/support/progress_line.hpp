// One line on a terminal that tells how far something is; elsewhere nothing but the messages.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace maus::programs {

/// Draws on stderr, ten times a second at most. Erases what it drew when it is destroyed.
class progress_line {
public:
    /// `bytes_total`: 0 if it is not known.
    progress_line(std::string title, std::uint64_t bytes_total);
    progress_line(const progress_line&) = delete;
    progress_line& operator=(const progress_line&) = delete;
    ~progress_line() { erase(); }

    void show(std::uint64_t bytes_done, std::uint64_t items_done, std::uint64_t failures);
    /// A line above it.
    void tell(const std::string& line);
    void erase();

private:
    using clock = std::chrono::steady_clock;

    std::string title_;
    std::uint64_t bytes_total_;
    bool on_;
    bool drawn_ = false;
    clock::time_point begun_ = clock::now();
    clock::time_point next_ = begun_;
};

/// "map add  [=====     ]  50 %  1,234 done  56/s  2 failed", as wide as `width` at most.
[[nodiscard]] std::string progress_text(const std::string& title, double share,
                                        std::uint64_t items_done, double items_a_second,
                                        std::uint64_t failures, std::size_t width);

}  // namespace maus::programs
