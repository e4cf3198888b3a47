// maus: a maus::function is a parameter: it cannot be a result
#include <maus/maus.hpp>
inline constexpr maus::method<maus::function<int(int)>(int)> adder{"adder"};
