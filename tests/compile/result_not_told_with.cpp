// maus: a call by name needs the type of its result
#include <maus/maus.hpp>
void wrong(const maus::worker_group& workers) {
    const std::string name = "add";
    (void)workers.with({.replayable = true}).call(name, 1, 1);
}
