// maus: a std::string_view owns no text: use std::string
#include <maus/maus.hpp>
inline constexpr maus::method<int(std::vector<std::string_view>)> f{"f"};
