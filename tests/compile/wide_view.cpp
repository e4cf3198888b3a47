// maus: a std::wstring_view owns no text and is not the same on every system: use std::string (UTF-8)
#include <maus/maus.hpp>
inline constexpr maus::method<int(std::wstring_view)> f{"f"};
