// maus: what the function returns may lose its value
#include <maus/maus.hpp>
void wrong(maus::worker& worker) {
    worker.expose(maus::method<int(int)>{"half"}, [](int x) { return x / 2.0; });
}
