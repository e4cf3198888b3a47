#include "bin/demo/words.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <utility>

#include "bin/support/text.hpp"

namespace demo {

namespace {

constexpr std::size_t window_bytes = 1u << 20;
constexpr std::size_t head_bytes = 8000;

enum class letter : std::uint8_t { none, digit, other };

constexpr std::array<letter, 256> letters = [] {
    std::array<letter, 256> table{};
    for (unsigned c = 0; c < 256; ++c) {
        const bool alphabetic = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (alphabetic || c == '_' || c >= 0x80) table[c] = letter::other;
        if (c >= '0' && c <= '9') table[c] = letter::digit;
    }
    return table;
}();
letter letter_of(char c) { return letters[static_cast<unsigned char>(c)]; }

class file {
public:
    explicit file(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
    file(const file&) = delete;
    file& operator=(const file&) = delete;
    ~file() {
        if (fd_ >= 0) ::close(fd_);
    }
    [[nodiscard]] bool good() const { return fd_ >= 0; }

    /// What is there from `offset`, at most `most` bytes; empty at the end or if it fails.
    std::string_view read(std::vector<char>& into, std::uint64_t offset, std::uint64_t most) {
        into.resize(std::max<std::size_t>(into.size(), window_bytes));
        const auto size = std::min<std::uint64_t>(most, into.size());
        ssize_t got;
        do {
            got = ::pread(fd_, into.data(), size, static_cast<off_t>(offset));
        } while (got < 0 && errno == EINTR);
        if (got < 0) fd_ok_ = false;
        return {into.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
    }
    [[nodiscard]] bool failed() const { return !fd_ok_; }

private:
    int fd_;
    bool fd_ok_ = true;
};

/// Finds words in text that comes in parts.
class word_finder {
public:
    word_finder(word_counts& into, bool inside_foreign_word)
        : into_(into), at_(inside_foreign_word ? place::passed_over : place::between) {}

    void feed(std::string_view text) {
        std::size_t i = 0;
        while (i < text.size()) {
            if (at_ == place::between) {
                while (i < text.size() && letter_of(text[i]) == letter::none) ++i;
                if (i == text.size()) return;
                at_ = letter_of(text[i]) == letter::digit ? place::passed_over : place::inside;
            }
            std::size_t end = i;
            while (end < text.size() && letter_of(text[end]) != letter::none) ++end;
            if (at_ == place::inside) take(text.substr(i, end - i), end < text.size());
            if (end < text.size()) at_ = place::between;
            i = end;
        }
    }
    /// The piece is over, but a word that began in it may go on.
    [[nodiscard]] bool inside() const { return at_ == place::inside; }
    void finish() {
        if (inside()) take({}, true);
        at_ = place::between;
    }

private:
    enum class place : std::uint8_t { between, inside, passed_over };

    void take(std::string_view part, bool complete) {
        if (!complete) {
            begun_ += part;
        } else if (begun_.empty()) {
            count(part);
        } else {
            begun_ += part;
            count(begun_);
            begun_.clear();
        }
    }
    void count(std::string_view word) {
        ++into_.total.words;
        const auto known = into_.times.find(word);
        if (known != into_.times.end()) {
            ++known->second;
        } else {
            into_.times.emplace(word, 1);
        }
    }

    word_counts& into_;
    place at_;
    std::string begun_;
};

bool is_binary(file& from, std::vector<char>& buffer) {
    return from.read(buffer, 0, head_bytes).find('\0') != std::string_view::npos;
}

/// True if the byte before the piece belongs to a word, which then is another piece's.
bool begins_inside_word(file& from, const piece& part, std::vector<char>& buffer) {
    if (part.offset == 0) return false;
    const auto before = from.read(buffer, part.offset - 1, 1);
    return !before.empty() && letter_of(before[0]) != letter::none;
}

void count_text(file& from, const piece& part, word_counts& into, std::vector<char>& buffer) {
    word_finder finder(into, begins_inside_word(from, part, buffer));
    const std::uint64_t end = part.offset + part.bytes;
    std::uint64_t at = part.offset;
    while (at < end) {
        const auto text = from.read(buffer, at, end - at);
        if (text.empty()) break;  // it has become shorter
        finder.feed(text);
        into.total.bytes += text.size();
        at += text.size();
    }
    while (finder.inside()) {
        const auto text = from.read(buffer, at, 4096);
        if (text.empty()) break;
        const auto word_end = std::find_if(text.begin(), text.end(),
                                           [](char c) { return letter_of(c) == letter::none; });
        finder.feed(text.substr(0, static_cast<std::size_t>(word_end - text.begin())));
        at += text.size();
        if (word_end != text.end()) break;
    }
    finder.finish();
}

}  // namespace

sums& sums::operator+=(const sums& more) {
    files += more.files;
    binary += more.binary;
    unreadable += more.unreadable;
    bytes += more.bytes;
    words += more.words;
    return *this;
}

void count(const std::vector<piece>& pieces, word_counts& into) {
    std::vector<char> buffer;
    for (const auto& each : pieces) {
        const std::uint64_t file_count = each.offset == 0 ? 1 : 0;
        file from(each.path);
        const bool binary = from.good() && is_binary(from, buffer);
        if (from.good() && !binary && !from.failed()) count_text(from, each, into, buffer);
        if (!from.good() || from.failed()) {
            into.total.unreadable += file_count;
        } else if (binary) {
            into.total.binary += file_count;
        } else {
            into.total.files += file_count;
        }
    }
}

void add(const share_of_work& share, word_counts& into) {
    into.total += share.total;
    for (const auto& [word, times] : share.times) into.times[word] += times;
}

std::vector<std::string> differences(const word_counts& workers, const word_counts& alone) {
    std::vector<std::string> found;
    const auto compare = [&](const std::string& name, std::uint64_t theirs, std::uint64_t ours) {
        if (theirs == ours) return;
        found.push_back(name + ": " + maus::programs::grouped(theirs) + " by the workers, " +
                        maus::programs::grouped(ours) + " alone");
    };
    compare("files", workers.total.files, alone.total.files);
    compare("binary files", workers.total.binary, alone.total.binary);
    compare("unreadable files", workers.total.unreadable, alone.total.unreadable);
    compare("bytes", workers.total.bytes, alone.total.bytes);
    compare("words", workers.total.words, alone.total.words);
    compare("distinct words", workers.times.size(), alone.times.size());
    // In the alphabet's order, and only what differs: there may be very many words.
    std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> words;
    for (const auto& [word, times] : workers.times) {
        const auto other = alone.times.find(word);
        const std::uint64_t ours = other == alone.times.end() ? 0 : other->second;
        if (ours != times) words.emplace(word, std::pair{times, ours});
    }
    for (const auto& [word, times] : alone.times) {
        if (!workers.times.contains(word)) words.emplace(word, std::pair{0u, times});
    }
    for (const auto& [word, times] : words) {
        compare("the word " + word, times.first, times.second);
    }
    return found;
}

}  // namespace demo
