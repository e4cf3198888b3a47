#include "bin/demo/progress.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <iostream>
#include <utility>

#include "bin/support/terminal.hpp"
#include "bin/support/text.hpp"

namespace demo {

using namespace maus::programs;

progress::progress(std::string title, const job& of, bool quiet)
    : title_(std::move(title)),
      job_(of),
      total_(std::max<std::uint64_t>(of.size(), 1)),
      on_(!quiet && is_terminal(STDERR_FILENO)),
      utf8_(shows_utf8()),
      colours_(shows_colours(STDERR_FILENO)) {}

void progress::show(std::uint64_t size_done, const std::string& note) {
    const auto now = clock::now();
    if (!on_ || now < next_) return;
    next_ = now + std::chrono::milliseconds{100};
    const double share =
        std::min(static_cast<double>(size_done) / static_cast<double>(total_), 1.0);
    const double seconds = std::chrono::duration<double>(now - begun_).count();
    const double rate = seconds > 0 ? static_cast<double>(size_done) / seconds : 0;
    std::array<char, 16> percent{};
    std::snprintf(percent.data(), percent.size(), "%3.0f %%", share * 100);
    const std::string left = title_ + "  ";
    const std::string right = std::string("  ") + percent.data() + "  " +
                              job_.size_text(size_done) + " of " + job_.size_text(total_) + "  " +
                              job_.size_text(static_cast<std::uint64_t>(rate)) + "/s  " + note;
    const std::size_t width = columns(STDERR_FILENO) - 1;
    const std::size_t used = left.size() + right.size();
    std::string line = "\r\x1b[K" + left;
    if (used + 8 <= width) {
        line += bar(share, std::min<std::size_t>(width - used, 40)) + right;
    } else {  // a narrow terminal
        line += percent.data();
    }
    std::cerr << line << std::flush;
    drawn_ = true;
}

std::string progress::bar(double share, std::size_t places) const {
    const auto full = static_cast<std::size_t>(share * static_cast<double>(places));
    std::string line = colours_ ? "\x1b[32m" : "";
    for (std::size_t i = 0; i < places; ++i) {
        if (i == full && colours_) line += "\x1b[90m";
        if (utf8_) {
            line += colours_ || i < full ? "━" : " ";
        } else {
            line += i < full ? "=" : "-";
        }
    }
    return line + (colours_ ? "\x1b[0m" : "");
}

void progress::tell(const std::string& line) {
    erase();
    std::cerr << line << std::endl;
    next_ = {};
}

void progress::erase() {
    if (drawn_) std::cerr << "\r\x1b[K" << std::flush;
    drawn_ = false;
}

}  // namespace demo
