// maus: this is no function
#include <maus/maus.hpp>
void wrong(maus::worker& worker) { worker.expose("g", 7); }
