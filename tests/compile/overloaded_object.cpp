// maus: the function has no single signature
#include <maus/maus.hpp>
struct twice {
    int operator()(int x) const { return 2 * x; }
    double operator()(double x) const { return 2 * x; }
};
void wrong(maus::worker& worker) { worker.expose("twice", twice{}); }
