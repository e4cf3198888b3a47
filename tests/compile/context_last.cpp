// maus: a maus::context& comes before all parameters, and after it a
#include <maus/maus.hpp>
void wrong(maus::worker& worker) {
    worker.expose("f", [](int x, maus::context&) { return x; });
}
