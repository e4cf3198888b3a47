// maus: a std::string_view owns no text: use std::string
#include <maus/maus.hpp>
void wrong(maus::worker& worker) {
    worker.expose("length", [](std::string_view text) { return static_cast<int>(text.size()); });
}
