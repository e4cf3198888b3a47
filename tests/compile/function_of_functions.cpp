// maus: a function that is passed takes no functions itself
#include <maus/maus.hpp>
using unary = maus::function<int(int)>;
void run(const maus::function<int(unary)>&);
inline constexpr maus::method<int(maus::function<int(unary)>)> twice{"twice"};
