// maus: a parameter is a value or a const reference
#include <maus/maus.hpp>
void wrong(maus::worker& worker) {
    worker.expose("count", [](maus::context&, std::vector<int>& all) { all.clear(); });
}
