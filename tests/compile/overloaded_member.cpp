// maus: the function has no single signature
#include <maus/maus.hpp>
struct s {
    int g(int x) { return x; }
    int g(long x) { return int(x); }
};
void wrong(maus::worker& worker) { worker.expose("g", &s::g); }
