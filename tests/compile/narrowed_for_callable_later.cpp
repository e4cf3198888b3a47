// maus: an argument may lose its value on the way to its parameter
#include <maus/maus.hpp>
void wrong(maus::worker& worker) {
    worker.expose("apply", [](double x, maus::function<int(int)> f) -> maus::future<int> {
        co_return co_await f.async(x);
    });
}
