// Which results may be written next. Pure.
//
// In order: a result waits until those of all lines before it are there. Unordered: none waits.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace maus::cli {

class line_order {
public:
    line_order(std::uint64_t first, bool unordered) : next_(first), unordered_(unordered) {}

    /// The result of a line has come. Gives the texts that may be written now, in their order.
    [[nodiscard]] std::vector<std::string> came(std::uint64_t line, std::string text) {
        std::vector<std::string> ready;
        if (unordered_) {
            ready.push_back(std::move(text));
            return ready;
        }
        waiting_.emplace(line, std::move(text));
        for (auto each = waiting_.begin(); each != waiting_.end() && each->first == next_;
             ++next_) {
            ready.push_back(std::move(each->second));
            each = waiting_.erase(each);
        }
        return ready;
    }

private:
    std::uint64_t next_;
    bool unordered_;
    std::map<std::uint64_t, std::string> waiting_;  // by line
};

}  // namespace maus::cli
