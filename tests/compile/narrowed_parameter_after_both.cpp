// maus: a parameter of the method may lose its value on the way to the function's
#include <maus/maus.hpp>
void wrong(maus::worker& worker) {
    worker.expose(maus::method<int(double)>{"f"},
                  [](maus::context&, maus::responder<int> answer, float x) { answer(int(x)); });
}
