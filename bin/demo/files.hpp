// Which files there are to count, and how they are shared out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bin/demo/words.hpp"

namespace demo {

/// What one call counts.
using batch = std::vector<piece>;

[[nodiscard]] std::uint64_t bytes_of(const std::vector<piece>& pieces);

/// All regular files under the given files and folders, each once and whole, ordered by path.
/// Symbolic links inside of folders are not followed; folders that may not be read are passed over.
/// Throws programs::failure if a path does not exist or there are no files.
[[nodiscard]] std::vector<piece> list_files(const std::vector<std::string>& paths);

/// In batches of about that many bytes; larger files are cut.
[[nodiscard]] std::vector<batch> in_batches(const std::vector<piece>& files,
                                            std::uint64_t batch_bytes);

}  // namespace demo
