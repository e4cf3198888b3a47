// maus: a call by name needs the type of its result
#include <maus/maus.hpp>
int wrong(const maus::worker_group& workers) { return workers.call("add", 1, 1).get(); }
