// maus: an argument may lose its value on the way to its parameter
#include <maus/maus.hpp>
enum colour : int { big = 1000 };
void wrong(const maus::worker_group& workers) {
    (void)workers.call(maus::method<int(signed char)>{"f"}, big);
}
