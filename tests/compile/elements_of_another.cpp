// maus: an argument does not convert to its parameter
#include <maus/maus.hpp>
void wrong(const maus::worker_group& workers) {
    (void)workers.call(maus::method<int(std::vector<int>)>{"f"}, std::vector<double>{1.5});
}
