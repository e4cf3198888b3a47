// maus: what the function returns does not convert
#include <maus/maus.hpp>
void wrong(maus::worker& worker) {
    worker.expose(maus::method<maus::stream<int>()>{"f"},
                  []() -> maus::generator<std::string> { co_return; });
}
