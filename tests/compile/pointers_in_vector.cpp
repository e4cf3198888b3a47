// maus: a pointer means nothing in another process
#include <maus/maus.hpp>
inline constexpr maus::method<int(std::vector<const char*>)> f{"f"};
