// maus: an argument may lose its value on the way to its parameter
// g++ only: clang++ 14 cannot read the ranges of libstdc++ 12.
#include <maus/maus.hpp>
auto wrong(const maus::worker_group& workers) {
    std::vector<std::pair<int, double>> pairs;
    for (int sum : workers.map(maus::method<int(int, int)>{"add"}, pairs)) return sum;
    return 0;
}
