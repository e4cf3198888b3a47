// Places that only one test uses: a folder of its own, a port that nobody has, a file whose being
// there lets functions go on, and a file that counts.
#pragma once

#include <cstddef>
#include <string>

namespace maus_test {

/// A folder that goes with the object.
class scratch_folder {
public:
    scratch_folder();
    scratch_folder(const scratch_folder&) = delete;
    scratch_folder& operator=(const scratch_folder&) = delete;
    ~scratch_folder();

    [[nodiscard]] const std::string& path() const { return path_; }
    /// A path in it; the file need not exist.
    [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

private:
    std::string path_;
};

void make_file(const std::string& path);
[[nodiscard]] bool exists(const std::string& path);
/// 0 if there is none.
[[nodiscard]] std::size_t bytes_in(const std::string& path);

/// A TCP port on 127.0.0.1 that was free a moment ago, for programs that are to come back on the
/// same one. Outside of the range from which the system gives out ports by itself.
[[nodiscard]] int free_port();

}  // namespace maus_test
