// maus: multimap and multiset are not supported: use a map of vectors
#include <maus/maus.hpp>
inline constexpr maus::method<int(std::multimap<int, int>)> f{"f"};
