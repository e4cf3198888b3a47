// maus: a maus::function is a parameter itself, not a part of one
#include <maus/maus.hpp>
inline constexpr maus::method<int(std::vector<maus::function<int(int)>>)> f{"f"};
