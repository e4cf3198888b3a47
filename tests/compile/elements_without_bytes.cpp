// maus: a container's elements take a byte at least
#include <maus/maus.hpp>
inline constexpr maus::method<int(std::vector<std::monostate>)> f{"f"};
