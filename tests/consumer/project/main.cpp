// A user's program: parkserver, worker and manager in one process, and one call.
#include <maus/maus.hpp>
#include <maus/parkserver.hpp>
#include <maus/version.hpp>

#include <cstdio>
#include <string>

inline constexpr maus::method<int(int, int)> add{"add"};

int main() {
    maus::parkserver park{{.bind = {"tcp://127.0.0.1:*"}}};
    park.start();
    const std::string at = park.endpoint();

    maus::worker worker;
    worker.expose(add, [](int x, int y) { return x + y; });
    worker.register_parkserver(at, "common");
    worker.start();

    maus::manager manager{"tcp://127.0.0.1:*"};
    manager.connect_parkserver(at);
    auto workers = manager.get_workers({.amount = 1, .type = "common"});
    const int sum = workers.call(add, 1, 1).get();
    std::printf("maus %s: 1 + 1 = %d\n", maus::version, sum);
    return sum == 2 ? 0 : 1;
}
