// maus: a stream is a result only
#include <maus/maus.hpp>
inline constexpr maus::method<std::vector<maus::stream<int>>()> f{"f"};
