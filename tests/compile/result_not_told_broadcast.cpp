// maus: a call by name needs the type of its result
#include <maus/maus.hpp>
void wrong(const maus::worker_group& workers) {
    for (auto& each : workers.broadcast("reload", 7)) each.result.wait();
}
