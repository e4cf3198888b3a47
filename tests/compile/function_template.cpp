// maus: the function has no single signature
#include <maus/maus.hpp>
template <class T>
T twice(T x) {
    return x + x;
}
void wrong(maus::worker& worker) { worker.expose("twice", twice); }
