// maus: a function that takes a responder returns nothing itself
#include <maus/maus.hpp>
void wrong(maus::worker& worker) {
    worker.expose("f", [](maus::responder<int>) { return 1; });
}
