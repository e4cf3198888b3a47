// Every file of tests/golden is read, and what was read is written again: the same bytes.
#include "golden.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "catch.hpp"

namespace golden {

std::vector<item> items() {
    std::vector<item> all;
    add_values(all);
    add_messages(all);
    std::sort(all.begin(), all.end(),
              [](const item& one, const item& other) { return one.path < other.path; });
    return all;
}

std::string to_text(const item& of) {
    constexpr char digits[] = "0123456789abcdef";
    constexpr std::size_t bytes_a_line = 16;
    std::string text = "# " + of.comment + "\n";
    for (std::size_t frame = 0; frame < of.bytes.size(); ++frame) {
        if (frame != 0) text += "frame\n";
        const std::string& bytes = of.bytes[frame];
        for (std::size_t at = 0; at < bytes.size(); ++at) {
            const auto byte = static_cast<unsigned char>(bytes[at]);
            const bool ends = at + 1 == bytes.size() || at % bytes_a_line == bytes_a_line - 1;
            text += digits[byte >> 4];
            text += digits[byte & 15];
            text += ends ? '\n' : ' ';
        }
    }
    return text;
}

frames from_text(const std::string& text) {
    frames made(1);
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line.substr(0, line.find('#')));
        for (std::string word; words >> word;) {
            if (word == "frame") {
                made.emplace_back();
            } else {
                made.back() += static_cast<char>(std::stoi(word, nullptr, 16));
            }
        }
    }
    return made;
}

}  // namespace golden

namespace {

const std::filesystem::path folder = MAUS_SOURCE_DIR "/tests/golden";

std::filesystem::path file_of(const golden::item& item) { return folder / (item.path + ".hex"); }

std::string text_of(const std::filesystem::path& path) {
    std::ifstream in(path);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

}  // namespace

TEST_CASE("golden: what is encoded now has the bytes of its file, and they decode to the same") {
    for (const auto& item : golden::items()) {
        INFO(item.path);
        REQUIRE(std::filesystem::exists(file_of(item)));  // see tests/golden/README.md
        const auto stored = golden::from_text(text_of(file_of(item)));
        CHECK(golden::to_text({item.path, item.comment, stored, {}}) == golden::to_text(item));
        const auto again = item.again(stored);
        CHECK(golden::to_text({item.path, item.comment, again, {}}) == golden::to_text(item));
    }
}

TEST_CASE("golden: each file is read by a test") {
    std::set<std::string> known;
    for (const auto& item : golden::items()) known.insert(file_of(item).string());
    std::size_t files = 0;
    for (const auto& each : std::filesystem::recursive_directory_iterator(folder)) {
        if (each.path().extension() != ".hex") continue;
        ++files;
        INFO(each.path());
        CHECK(known.contains(each.path().string()));
    }
    CHECK(files == known.size());
}

TEST_CASE("golden: files that are missing are made", "[.golden-write]") {
    for (const auto& item : golden::items()) {
        const auto path = file_of(item);
        if (std::filesystem::exists(path)) continue;  // what is there is never changed
        std::filesystem::create_directories(path.parent_path());
        std::ofstream(path) << golden::to_text(item);
        CHECK(text_of(path) == golden::to_text(item));
    }
}
