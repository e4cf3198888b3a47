// Plays the dialogues in tests/dialogues/*.txt and compares what is said with what is written.
//
//   MAUS_REWRITE=1 dialogue-tests      writes what is said into the files; look at the difference
#include "catch.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "stage.hpp"

namespace {

/// The dialogue as it is now said: the same text, with what follows each ---- replaced.
std::string replayed(std::istream& in) {
    dialogue::stage stage;
    std::string text, said;
    bool in_answer = false;
    for (std::string line; std::getline(in, line);) {
        if (in_answer) {
            in_answer = !line.empty();
            if (in_answer) continue;
            text += "\n";
            continue;
        }
        text += line + "\n";
        if (line == "----") {
            text += said;
            said.clear();
            in_answer = true;
        } else if (!line.empty() && line[0] != '#') {
            try {
                said += stage.play(line);
            } catch (const std::exception& wrong) {
                said += "cannot: " + std::string(wrong.what()) + "\n";
            }
        }
    }
    return text;
}

std::string text_of(const std::filesystem::path& path) {
    std::ifstream in(path);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

}  // namespace

TEST_CASE("every dialogue is said as it is written") {
    std::vector<std::filesystem::path> files;
    for (const auto& each : std::filesystem::directory_iterator(MAUS_DIALOGUES_DIR)) {
        if (each.path().extension() == ".txt") files.push_back(each.path());
    }
    std::sort(files.begin(), files.end());
    REQUIRE(files.size() >= 35);
    const bool rewrite = std::getenv("MAUS_REWRITE") != nullptr;
    for (const auto& file : files) {
        INFO(file.filename().string());
        const std::string written = text_of(file);
        std::istringstream in(written);
        const std::string said = replayed(in);
        if (rewrite && said != written) std::ofstream(file) << said;
        if (!rewrite) CHECK(said == written);
    }
}

TEST_CASE("what maus-sim found is a dialogue that names the seed") {
    const std::filesystem::path folder = MAUS_DIALOGUES_DIR;
    std::ifstream finds(folder / "../sim/regressions.txt");
    std::size_t found = 0;
    for (std::string line; std::getline(finds, line);) {
        std::istringstream words(line);
        std::string seed, commit, dialogue;
        const bool is_find = !line.empty() && std::isdigit(static_cast<unsigned char>(line[0]));
        if (!is_find || !(words >> seed >> commit)) continue;
        INFO(line);
        CHECK(words >> dialogue);
        const std::string text = text_of(folder / dialogue);
        const std::string first = text.substr(0, text.find('\n'));
        CHECK((first.find(" " + seed + ":") != first.npos ||
               first.find(" " + seed + ",") != first.npos ||
               first.find(" " + seed + " ") != first.npos));
        ++found;
    }
    CHECK(found >= 10);
}
