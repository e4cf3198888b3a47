// maus: an argument may lose its value on the way to its parameter
#include <maus/maus.hpp>
void wrong(const maus::worker_group& workers) {
    (void)workers.call(maus::method<int(std::optional<int>)>{"f"}, std::optional<long>(1));
}
