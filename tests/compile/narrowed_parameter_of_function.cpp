// maus: a parameter of the method may lose its value on the way to the function's
#include <maus/maus.hpp>
int f(const std::string& text, const std::optional<int>& x);
void wrong(maus::worker& worker) {
    worker.expose(maus::method<int(std::string, std::optional<double>)>{"f"}, f);
}
