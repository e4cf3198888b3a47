// maus: an enum without a fixed underlying type
#include <maus/maus.hpp>
enum colour { red };
inline constexpr maus::method<int(std::set<colour>)> f{"f"};
