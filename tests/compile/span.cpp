// maus: a std::span owns nothing: use std::vector
#include <maus/maus.hpp>
#include <span>
inline constexpr maus::method<int(std::span<const int>)> f{"f"};
