// maus: a parameter is a value or a const reference
#include <maus/maus.hpp>
void wrong(maus::worker& worker) {
    worker.expose(maus::method<void(int)>{"count"}, [](int& x) { ++x; });
}
