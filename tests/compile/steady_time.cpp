// maus: only std::chrono::system_clock means the same in another process
#include <maus/maus.hpp>
inline constexpr maus::method<int(std::vector<std::chrono::steady_clock::time_point>)> f{"f"};
