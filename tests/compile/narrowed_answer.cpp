// maus: an answer may lose its value on the way to the responder's
#include <maus/maus.hpp>
void wrong(maus::worker& worker) {
    worker.expose("f", [](maus::responder<int> answer, double x) { answer(x); });
}
