#include "bin/demo/files.hpp"

#include <algorithm>
#include <filesystem>

#include "bin/support/program.hpp"

namespace demo {

namespace fs = std::filesystem;
using maus::programs::failure;

namespace {

constexpr std::size_t files_in_batch_max = 500;

void add_file(std::vector<piece>& to, const fs::path& path) {
    std::error_code trouble;
    const auto bytes = fs::file_size(path, trouble);
    // One that has gone, or whose size is a secret, is tried by a worker and told as unreadable.
    to.push_back({path.string(), 0, trouble ? 0 : bytes});
}

void add_folder(std::vector<piece>& to, const fs::path& folder) {
    std::error_code trouble;
    fs::recursive_directory_iterator each(folder, fs::directory_options::skip_permission_denied,
                                          trouble);
    if (trouble) throw failure("cannot read " + folder.string() + ": " + trouble.message());
    while (each != fs::recursive_directory_iterator{}) {
        std::error_code unknown;
        if (each->is_regular_file(unknown) && !each->is_symlink(unknown)) {
            add_file(to, each->path());
        }
        each.increment(trouble);
        if (trouble) throw failure("cannot read " + folder.string() + ": " + trouble.message());
    }
}

}  // namespace

std::uint64_t bytes_of(const std::vector<piece>& pieces) {
    std::uint64_t bytes = 0;
    for (const auto& each : pieces) bytes += each.bytes;
    return bytes;
}

std::vector<piece> list_files(const std::vector<std::string>& paths) {
    std::vector<piece> files;
    for (const auto& each : paths) {
        std::error_code trouble;
        // Whole paths: the workers may have been started in another folder.
        const fs::path path = fs::canonical(each, trouble);
        if (trouble) throw failure("cannot find " + each + ": " + trouble.message());
        if (fs::is_directory(path)) {
            add_folder(files, path);
        } else if (fs::is_regular_file(path)) {
            add_file(files, path);
        } else {
            throw failure(each + " is neither a file nor a folder");
        }
    }
    const auto path_of = [](const piece& each) -> const std::string& { return each.path; };
    std::ranges::sort(files, {}, path_of);
    const auto doubled = std::ranges::unique(files, {}, path_of);
    files.erase(doubled.begin(), doubled.end());
    if (files.empty()) {
        throw failure("there are no files under " + paths.front() +
                      (paths.size() > 1 ? " and the others" : "") +
                      "; name a folder that has some");
    }
    return files;
}

std::vector<batch> in_batches(const std::vector<piece>& files, std::uint64_t batch_bytes) {
    std::vector<batch> batches;
    batch current;
    std::uint64_t bytes = 0;
    const auto close = [&] {
        if (current.empty()) return;
        batches.push_back(std::move(current));
        current.clear();
        bytes = 0;
    };
    for (const auto& whole : files) {
        std::uint64_t offset = 0;
        do {
            const auto size = std::min(whole.bytes - offset, batch_bytes);
            if (bytes + size > batch_bytes || current.size() >= files_in_batch_max) close();
            current.push_back({whole.path, offset, size});
            bytes += size;
            offset += size;
        } while (offset < whole.bytes);
    }
    close();
    return batches;
}

}  // namespace demo
