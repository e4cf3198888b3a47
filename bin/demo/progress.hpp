// A bar on a terminal; elsewhere nothing but the messages.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "bin/demo/job.hpp"

namespace demo {

/// Draws on stderr. Erases the bar when it is destroyed.
class progress {
public:
    /// `quiet`: no bar, whatever stderr is.
    progress(std::string title, const job& of, bool quiet);
    progress(const progress&) = delete;
    progress& operator=(const progress&) = delete;
    ~progress() { erase(); }

    /// May be called often; draws ten times a second at most. `note` stands behind the numbers.
    void show(std::uint64_t size_done, const std::string& note);
    /// A line above the bar.
    void tell(const std::string& line);

private:
    using clock = std::chrono::steady_clock;

    void erase();
    [[nodiscard]] std::string bar(double share, std::size_t places) const;

    std::string title_;
    const job& job_;
    std::uint64_t total_;
    bool on_;
    bool drawn_ = false;
    bool utf8_;
    bool colours_;
    clock::time_point begun_ = clock::now();
    clock::time_point next_ = begun_;
};

}  // namespace demo
