// maus: a maus::context& comes before all parameters, and after it a
#include <maus/maus.hpp>
void wrong(maus::worker& worker) {
    worker.expose("f", [](maus::responder<int> answer, maus::context&) { answer(1); });
}
