// maus: the function does not take the method's parameters
#include <maus/maus.hpp>
void wrong(maus::worker& worker) {
    worker.expose(maus::method<int(std::string)>{"f"}, [](int x) { return x; });
}
