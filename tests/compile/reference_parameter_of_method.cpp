// maus: a parameter is a value or a const reference
#include <maus/maus.hpp>
inline constexpr maus::method<void(int&)> count{"count"};
