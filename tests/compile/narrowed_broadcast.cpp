// maus: an argument may lose its value on the way to its parameter
#include <maus/maus.hpp>
void wrong(const maus::worker_group& workers) {
    (void)workers.broadcast(maus::method<int(int)>{"f"}, 1.5);
}
