#include "bin/support/log_lines.hpp"

#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <iostream>

namespace maus::programs {

namespace {
std::string time_stamp() {
    using namespace std::chrono;
    const auto now = system_clock::now();
    const std::time_t seconds = system_clock::to_time_t(now);
    const auto ms = duration_cast<milliseconds>(now.time_since_epoch()).count() % 1000;
    std::tm parts{};
    localtime_r(&seconds, &parts);
    std::array<char, 40> text{};
    const std::size_t length = std::strftime(text.data(), text.size(), "%F %T", &parts);
    std::snprintf(text.data() + length, text.size() - length, ".%03d", static_cast<int>(ms));
    return text.data();
}
}  // namespace

log_function log_lines(log_level least) {
    return [least](log_level level, std::string_view text) {
        if (level < least) return;
        std::string line = time_stamp() + " ";
        line += to_string(level);
        line.resize(std::max<std::size_t>(line.size(), 32), ' ');
        line += text;
        line += '\n';
        std::cerr << line;  // in one piece, and so never mixed with another thread's
    };
}

}  // namespace maus::programs
