// maus: a path is text of one system: use std::string
#include <filesystem>
#include <maus/maus.hpp>
inline constexpr maus::method<void(std::filesystem::path)> remove_file{"remove_file"};
