// maus: a pointer means nothing in another process
#include <maus/maus.hpp>
inline constexpr maus::method<int(std::optional<std::unique_ptr<int>>)> f{"f"};
