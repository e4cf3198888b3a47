// maus: an argument does not convert to its parameter
#include <maus/maus.hpp>
enum class colour : int { red };
void wrong(const maus::worker_group& workers) {
    (void)workers.call(maus::method<int(colour)>{"f"}, 1);
}
