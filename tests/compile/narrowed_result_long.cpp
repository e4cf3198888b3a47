// maus: what the function returns may lose its value
#include <maus/maus.hpp>
void wrong(maus::worker& worker) {
    worker.expose(maus::method<int(std::string)>{"f"},
                  [](const std::string& text) { return text.size(); });
}
