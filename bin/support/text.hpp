// Numbers, times and tables as people read them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace maus::programs {

/// 12345678 -> "12,345,678"
[[nodiscard]] std::string grouped(std::uint64_t number);
/// One digit after the point: 12.34 -> "12.3"
[[nodiscard]] std::string one_digit(double number);
/// "512 B", "12.3 kB", "117.4 MB", "1.2 GB"
[[nodiscard]] std::string bytes_text(std::uint64_t bytes);
/// The two largest units: "0 s", "12 s", "3 min 12 s", "2 h 5 min", "3 d 4 h"
[[nodiscard]] std::string age_text(std::chrono::milliseconds age);
/// What others may have chosen, for people: without control characters but line ends, so that no terminal
/// obeys it, and without what is no UTF-8.
[[nodiscard]] std::string shown_lines(std::string_view text);
/// "1 worker", "2 workers"
[[nodiscard]] std::string counted(std::uint64_t number, const std::string& noun);

/// Rows under a heading, in columns as wide as they must be, two blanks apart.
class table {
public:
    enum class align { left, right };
    struct column {
        std::string title;
        align to = align::left;
    };
    explicit table(std::vector<column> columns) : columns_(std::move(columns)) {}

    /// One cell for each column.
    void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
    /// Each line begins with `indent` blanks. Titles are left out if all are empty.
    [[nodiscard]] std::string text(std::size_t indent = 2) const;

private:
    std::vector<column> columns_;
    std::vector<std::vector<std::string>> rows_;
};

}  // namespace maus::programs
