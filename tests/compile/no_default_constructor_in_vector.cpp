// maus: a parameter or result needs a default constructor
#include <maus/maus.hpp>
struct point {
    explicit point(int at) : x(at) {}
    int x;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(x);
    }
};
inline constexpr maus::method<int(std::vector<point>)> f{"f"};
