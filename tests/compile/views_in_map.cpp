// maus: a std::string_view owns no text: use std::string
#include <maus/maus.hpp>
inline constexpr maus::method<int(std::unordered_map<std::string, std::optional<std::string_view>>)>
    f{"f"};
