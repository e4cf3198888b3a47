// maus: a std::string_view owns no text: use std::string
#include <maus/maus.hpp>
void wrong(const maus::worker_group& workers) {
    (void)workers.call<int>("f", std::vector<std::string_view>{"text"});
}
