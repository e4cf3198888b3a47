// maus: what the function returns may lose its value
#include <maus/maus.hpp>
void wrong(maus::worker& worker) {
    worker.expose(maus::method<std::optional<int>()>{"f"}, [] { return std::optional(0.5); });
}
