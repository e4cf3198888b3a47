// What an object of the library logs, for tests to look into.
#pragma once

#include <algorithm>
#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "maus/options.hpp"

namespace maus_test {

class log_book {
public:
    maus::log_function writer() {
        return [this](maus::log_level, std::string_view text) {
            const std::lock_guard lock(guard_);
            lines_.emplace_back(text);
        };
    }
    [[nodiscard]] bool has(const std::string& part) const {
        const std::lock_guard lock(guard_);
        for (const auto& line : lines_) {
            if (line.find(part) != std::string::npos) return true;
        }
        return false;
    }
    [[nodiscard]] std::size_t count(const std::string& part) const {
        const std::lock_guard lock(guard_);
        return static_cast<std::size_t>(std::count_if(
            lines_.begin(), lines_.end(),
            [&](const std::string& line) { return line.find(part) != std::string::npos; }));
    }
    [[nodiscard]] std::vector<std::string> lines() const {
        const std::lock_guard lock(guard_);
        return lines_;
    }

private:
    mutable std::mutex guard_;
    std::vector<std::string> lines_;
};

}  // namespace maus_test
