// maus: a std::initializer_list owns nothing: use std::vector
#include <maus/maus.hpp>
inline constexpr maus::method<int(std::initializer_list<int>)> f{"f"};
