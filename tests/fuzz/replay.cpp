// Runs a fuzz target once over each file that it is given, without libFuzzer: so that every build
// with sanitizers replays the corpora.
//
//     NAME-replay FILE|FOLDER...
//
// Exit 0: no input did any harm; 2: there was none. A harmful one ends the process; its name is the
// last that was printed.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

std::vector<std::string> files_of(int count, char** names) {
    std::vector<std::string> files;
    for (int i = 1; i < count; ++i) {
        if (std::filesystem::is_regular_file(names[i])) {
            files.emplace_back(names[i]);
            continue;
        }
        if (!std::filesystem::is_directory(names[i])) continue;
        for (const auto& entry : std::filesystem::directory_iterator(names[i])) {
            if (entry.is_regular_file()) files.push_back(entry.path().string());
        }
    }
    std::sort(files.begin(), files.end());
    return files;
}

bool replay(const std::string& name) {
    std::ifstream file(name, std::ios::binary);
    const std::vector<char> raw{std::istreambuf_iterator<char>(file), {}};
    if (!file.is_open()) {
        std::fprintf(stderr, "replay: cannot read %s\n", name.c_str());
        return false;
    }
    std::printf("%s\n", name.c_str());
    std::fflush(stdout);
    const std::vector<std::uint8_t> bytes(raw.begin(), raw.end());
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
    return true;
}

}  // namespace

int main(int count, char** names) {
    const auto files = files_of(count, names);
    if (files.empty()) {
        std::fprintf(stderr, "replay: no input there; give files or folders that hold some\n");
        return 2;
    }
    if (!std::all_of(files.begin(), files.end(), replay)) return 2;
    std::printf("replay: %zu inputs, none does harm\n", files.size());
    return 0;
}
