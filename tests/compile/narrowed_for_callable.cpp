// maus: an argument may lose its value on the way to its parameter
#include <maus/maus.hpp>
void wrong(maus::worker& worker) {
    worker.expose("apply", [](double x, maus::function<int(int)> f) { return f(x); });
}
