// maus: what the function returns may lose its value
#include <maus/maus.hpp>
void wrong(maus::worker& worker) {
    worker.expose(maus::method<int()>{"f"}, []() -> maus::future<double> { co_return 0.5; });
}
