// maus: a member function needs its object
#include <maus/maus.hpp>
struct s {
    int g(int x) { return x; }
};
void wrong(maus::worker& worker) { worker.expose(maus::method<int(int)>{"g"}, &s::g); }
