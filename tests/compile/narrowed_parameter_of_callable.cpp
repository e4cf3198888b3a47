// maus: a parameter of the method may lose its value on the way to the function's
#include <maus/maus.hpp>
void wrong(const maus::worker_group& workers) {
    (void)workers.call(maus::method<int(maus::function<int(int)>)>{"f"}, [](short x) { return x; });
}
