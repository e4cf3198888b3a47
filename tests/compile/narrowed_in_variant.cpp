// maus: an argument does not convert to its parameter
#include <maus/maus.hpp>
void wrong(const maus::worker_group& workers) {
    (void)workers.call(maus::method<int(std::variant<std::string, unsigned>)>{"f"}, 2.5);
}
