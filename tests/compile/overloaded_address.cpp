// maus: the function has no single signature
#include <maus/maus.hpp>
int twice(int x);
double twice(double x);
void wrong(maus::worker& worker) { worker.expose("twice", &twice); }
