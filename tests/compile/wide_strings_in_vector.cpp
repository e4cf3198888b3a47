// maus: a std::wstring is not the same on every system: use std::string (UTF-8)
#include <maus/maus.hpp>
inline constexpr maus::method<int(std::vector<std::wstring>)> f{"f"};
