// maus: long double and wchar_t have another width elsewhere
#include <maus/maus.hpp>
inline constexpr maus::method<int(std::array<long double, 2>)> f{"f"};
