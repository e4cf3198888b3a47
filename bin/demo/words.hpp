// Counting words: what the worker processes do, and what is sent to and fro for it.
//
// A word is a run of letters, digits, underscores and bytes outside ASCII that does not begin with
// a digit. A file with a zero byte in its first 8,000 is binary and not counted.
//
// Files are read by the workers, so these must see the same files as the manager. Large files are
// cut into pieces; a word belongs to the piece in which it begins, so that no cut is seen in the
// counts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <maus/method.hpp>

#include "bin/demo/job.hpp"

namespace demo {

struct text_hash {
    using is_transparent = void;
    // Not noexcept: libstdc++ then keeps each word's hash instead of making it again and again.
    std::size_t operator()(std::string_view text) const {
        return std::hash<std::string_view>{}(text);
    }
};
using word_map = std::unordered_map<std::string, std::uint64_t, text_hash, std::equal_to<>>;

/// A part of a file.
struct piece {
    std::string path;
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;

    template <class Archive>
    void serialize(Archive& archive) {
        archive(path, offset, bytes);
    }
};

/// Sums of what was found. Files are counted with their first piece.
struct sums {
    std::uint64_t files = 0;
    std::uint64_t binary = 0;
    std::uint64_t unreadable = 0;
    std::uint64_t bytes = 0;
    std::uint64_t words = 0;

    sums& operator+=(const sums& more);
    template <class Archive>
    void serialize(Archive& archive) {
        archive(files, binary, unreadable, bytes, words);
    }
};

/// Everything that was found.
struct word_counts {
    sums total;
    word_map times;
};

/// What one call gives, and who did it. The words as a list: to add them up, nobody needs to look
/// them up here first, as the reader of a map would.
struct share_of_work {
    doer by;
    sums total;
    std::vector<std::pair<std::string, std::uint64_t>> times;

    template <class Archive>
    void serialize(Archive& archive) {
        archive(by, total, times);
    }
};

inline constexpr maus::method<share_of_work(std::vector<piece>)> count_words{"count_words"};

/// Counts them too.
void count(const std::vector<piece>& pieces, word_counts& into);
void add(const share_of_work& share, word_counts& into);
/// A line for each number that differs; none: they are the same.
[[nodiscard]] std::vector<std::string> differences(const word_counts& workers,
                                                   const word_counts& alone);

}  // namespace demo
