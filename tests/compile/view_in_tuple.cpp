// maus: a std::string_view owns no text: use std::string
#include <maus/maus.hpp>
inline constexpr maus::method<std::tuple<int, std::string_view>()> f{"f"};
