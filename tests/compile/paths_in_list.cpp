// maus: a path is text of one system: use std::string
#include <filesystem>
#include <maus/maus.hpp>
inline constexpr maus::method<int(std::list<std::filesystem::path>)> f{"f"};
