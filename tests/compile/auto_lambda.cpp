// maus: the function has no single signature
#include <maus/maus.hpp>
void wrong(maus::worker& worker) {
    worker.expose("twice", [](auto x) { return x + x; });
}
