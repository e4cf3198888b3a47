// maus: a pointer means nothing in another process
#include <maus/maus.hpp>
inline constexpr maus::method<void(const char*)> print{"print"};
