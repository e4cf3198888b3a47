// maus: a stream is a result only
#include <maus/maus.hpp>
inline constexpr maus::method<void(maus::stream<int>)> take{"take"};
