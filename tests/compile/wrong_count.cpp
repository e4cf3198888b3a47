// maus: the method has another number of parameters
#include <maus/maus.hpp>
void wrong(const maus::worker_group& workers) {
    (void)workers.call(maus::method<int(int, int)>{"add"}, 1);
}
