// maus: what the function returns may lose its value
#include <maus/maus.hpp>
void wrong(const maus::worker_group& workers) {
    (void)workers.call(maus::method<int(maus::function<int(int)>)>{"f"},
                       [](int x) { return x / 2.0; });
}
