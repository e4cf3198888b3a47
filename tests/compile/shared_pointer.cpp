// maus: a pointer means nothing in another process
#include <maus/maus.hpp>
inline constexpr maus::method<std::shared_ptr<int>(int)> f{"f"};
