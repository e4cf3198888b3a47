// maus: maus::arguments is all that a function is called with: it has no other parameter
#include <maus/maus.hpp>
inline constexpr maus::method<int(int, maus::arguments)> count{"count"};
