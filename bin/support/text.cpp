#include "bin/support/text.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include <maus/wire/message.hpp>

namespace maus::programs {

namespace {
/// How many places it takes: UTF-8's further bytes take none.
std::size_t width(const std::string& text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned>(c) & 0xC0) != 0x80;
    }));
}
}  // namespace

std::string grouped(std::uint64_t number) {
    std::string digits = std::to_string(number);
    for (std::size_t i = digits.size(); i > 3;) digits.insert(i -= 3, ",");
    return digits;
}

std::string one_digit(double number) {
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%.1f", number);
    return text.data();
}

std::string bytes_text(std::uint64_t bytes) {
    if (bytes < 1000) return std::to_string(bytes) + " B";
    auto amount = static_cast<double>(bytes);
    const char* const units[] = {"kB", "MB", "GB", "TB"};
    std::size_t unit = 0;
    amount /= 1000;
    while (amount >= 999.95 && unit < 3) {
        amount /= 1000;
        ++unit;
    }
    return one_digit(amount) + " " + units[unit];
}

std::string age_text(std::chrono::milliseconds age) {
    const auto seconds = std::max<std::int64_t>(age.count() / 1000, 0);
    const std::pair<std::int64_t, const char*> units[] = {
        {86400, " d"}, {3600, " h"}, {60, " min"}, {1, " s"}};
    for (std::size_t i = 0; i + 1 < std::size(units); ++i) {
        const auto [size, name] = units[i];
        if (seconds < size) continue;
        const auto [next_size, next_name] = units[i + 1];
        const auto rest = seconds % size / next_size;
        return std::to_string(seconds / size) + name +
               (rest == 0 ? "" : " " + std::to_string(rest) + next_name);
    }
    return std::to_string(seconds) + " s";
}

std::string shown_lines(std::string_view text) {
    std::string all;
    for (;;) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        all += wire::printable(text.substr(0, end), text.size() + 1);
        if (end == text.size()) return all;
        all += '\n';
        text.remove_prefix(end + 1);
    }
}

std::string counted(std::uint64_t number, const std::string& noun) {
    return grouped(number) + " " + noun + (number == 1 ? "" : "s");
}

std::string table::text(std::size_t indent) const {
    std::vector<std::size_t> widths;
    std::vector<std::string> titles;
    for (const auto& each : columns_) titles.push_back(each.title);
    for (std::size_t i = 0; i < titles.size(); ++i) {
        widths.push_back(width(titles[i]));
        for (const auto& row : rows_) widths[i] = std::max(widths[i], width(row[i]));
    }
    std::string all;
    const auto add_line = [&](const std::vector<std::string>& row) {
        std::string line(indent, ' ');
        for (std::size_t i = 0; i < row.size(); ++i) {
            const std::string blanks(widths[i] - width(row[i]), ' ');
            line += columns_[i].to == align::left ? row[i] + blanks : blanks + row[i];
            line += "  ";
        }
        line.erase(line.find_last_not_of(' ') + 1);
        all += line + '\n';
    };
    const bool titled = std::any_of(titles.begin(), titles.end(),
                                    [](const std::string& each) { return !each.empty(); });
    if (titled) add_line(titles);
    for (const auto& row : rows_) add_line(row);
    return all;
}

}  // namespace maus::programs
