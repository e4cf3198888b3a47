// maus: a std::function cannot travel: use maus::function
#include <maus/maus.hpp>
inline constexpr maus::method<int(std::function<int(int)>)> f{"f"};
