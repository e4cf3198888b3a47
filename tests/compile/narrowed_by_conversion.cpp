// maus: an argument may lose its value on the way to its parameter
#include <maus/maus.hpp>
struct ratio {
    operator double() const { return 0.5; }
};
void wrong(const maus::worker_group& workers) {
    (void)workers.call(maus::method<int(int)>{"f"}, ratio{});
}
