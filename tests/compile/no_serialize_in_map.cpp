// maus: a parameter or result of this type cannot travel: give the type a cereal serialize()
#include <maus/maus.hpp>
class secret {
    int x = 0;
};
inline constexpr maus::method<std::map<std::string, std::pair<int, secret>>()> f{"f"};
