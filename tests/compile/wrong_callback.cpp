// maus: a callback of then() takes the future's value
#include <maus/maus.hpp>
#include <string>
void wrong(maus::future<int> call) {
    (void)std::move(call).then([](std::string text) { return text; });
}
