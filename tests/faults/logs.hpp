// What the logs of a row's processes say, when all have ended: nothing that no log of ours would say
// (I9 of the promise: nothing aborts, the reason is logged).
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace faults {

/// The log of one process, or of several lives of one.
class log_book {
public:
    explicit log_book(const std::string& file);

    /// Lines that are none of a log's (what libzmq, a sanitizer or the shell say before an end), have
    /// control characters, or lack a reason where there has to be one.
    [[nodiscard]] const std::vector<std::string>& odd() const { return odd_; }
    /// What is told as a warning or as an error, but for losses: that somebody is lost is the row's
    /// doing, if the reason is one that its faults can have.
    [[nodiscard]] const std::vector<std::string>& complaints() const { return complaints_; }
    /// Whether a line has this part.
    [[nodiscard]] bool has(const std::string& part) const;
    /// How many workers or parkservers it says to have lost.
    [[nodiscard]] std::size_t losses() const { return losses_; }
    /// How many workers.
    [[nodiscard]] std::size_t workers_lost() const { return workers_lost_; }

private:
    void read(const std::string& line);

    std::vector<std::string> lines_, odd_, complaints_;
    std::size_t losses_ = 0;
    std::size_t workers_lost_ = 0;
};

}  // namespace faults
