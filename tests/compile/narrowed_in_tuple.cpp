// maus: an argument may lose its value on the way to its parameter
#include <maus/maus.hpp>
void wrong(const maus::worker_group& workers) {
    (void)workers.call(maus::method<int(std::tuple<int, std::optional<int>>)>{"f"},
                       std::tuple(1, 5000000000ll));
}
