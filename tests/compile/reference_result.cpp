// maus: a method's result is a value
#include <maus/maus.hpp>
inline constexpr maus::method<int&()> count{"count"};
