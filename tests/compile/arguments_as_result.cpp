// maus: a result is one value: use maus::value
#include <maus/maus.hpp>
inline constexpr maus::method<maus::arguments(int)> split{"split"};
