#include "bin/support/progress_line.hpp"

#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "bin/support/terminal.hpp"
#include "bin/support/text.hpp"

namespace maus::programs {

std::string progress_text(const std::string& title, double share, std::uint64_t items_done,
                          double items_a_second, std::uint64_t failures, std::size_t width) {
    std::string numbers = "  " + grouped(items_done) + " done  " +
                          grouped(static_cast<std::uint64_t>(items_a_second)) + "/s";
    if (failures != 0) numbers += "  " + grouped(failures) + " failed";
    std::string bar;
    if (share >= 0) {
        constexpr std::size_t places = 20;
        share = std::min(share, 1.0);
        const auto full = static_cast<std::size_t>(share * static_cast<double>(places));
        bar = "  [" + std::string(full, '=') + std::string(places - full, ' ') + "]  " +
              std::to_string(static_cast<int>(share * 100)) + " %";
    }
    std::string line = title + bar + numbers;
    if (line.size() > width) line = title + numbers;
    if (line.size() > width) line.resize(width);
    return line;
}

progress_line::progress_line(std::string title, std::uint64_t bytes_total)
    : title_(std::move(title)), bytes_total_(bytes_total), on_(is_terminal(STDERR_FILENO)) {}

void progress_line::show(std::uint64_t bytes_done, std::uint64_t items_done,
                         std::uint64_t failures) {
    if (!on_) return;
    const auto now = clock::now();
    if (now < next_) return;
    next_ = now + std::chrono::milliseconds{100};
    const double seconds = std::chrono::duration<double>(now - begun_).count();
    const double rate = seconds > 0 ? static_cast<double>(items_done) / seconds : 0;
    const double share = bytes_total_ == 0
                             ? -1
                             : static_cast<double>(bytes_done) / static_cast<double>(bytes_total_);
    std::cerr << "\r\x1b[K"
              << progress_text(title_, share, items_done, rate, failures,
                               columns(STDERR_FILENO) - 1)
              << std::flush;
    drawn_ = true;
}

void progress_line::tell(const std::string& line) {
    erase();
    std::cerr << line << std::endl;
    next_ = {};
}

void progress_line::erase() {
    if (drawn_) std::cerr << "\r\x1b[K" << std::flush;
    drawn_ = false;
}

}  // namespace maus::programs
