// maus::bytes between a manager and a worker: the values arrive whole, however many are on their
// way, and stay when those who brought them are gone.
#include "live/site.hpp"

using namespace live;

namespace {
maus::bytes filled(std::size_t size, std::size_t fill) {
    return maus::bytes{std::string(size, static_cast<char>('a' + fill % 26))};
}
}  // namespace

TEST_CASE("bytes come and go whole, and outlive their manager and worker", "[calls]") {
    std::vector<maus::bytes> kept;
    const std::size_t size = GENERATE(100u, 10'000u, 1'000'000u);
    {
        site here(GENERATE(transport::tcp, transport::ipc));
        maus::worker worker;
        worker.expose("echo", [](maus::bytes what) { return what; });
        worker.expose("halve", [](maus::bytes what) {
            return maus::bytes{what.view().first(what.size() / 2)};
        });
        worker.expose("size", [](const std::vector<std::uint8_t>& what, int more) {
            return what.size() + static_cast<std::size_t>(more);
        });
        worker.register_parkserver(here.parkserver());
        worker.start();
        maus::manager manager{here.reachable()};
        manager.connect_parkserver(here.parkserver());
        auto workers = manager.get_workers({.amount = 1});

        std::vector<maus::future<maus::bytes>> echoes;
        for (std::size_t i = 0; i < 20; ++i) {
            echoes.push_back(workers.call<maus::bytes>("echo", filled(size, i)));
        }
        for (auto& each : echoes) kept.push_back(value_of(std::move(each)));
        // What came is sent on, to another function and as an argument among others.
        CHECK(value_of(workers.call<maus::bytes>("halve", kept[3])) == filled(size / 2, 3));
        CHECK(value_of(workers.call<std::size_t>("size", kept[3], 2)) == size + 2);
        workers.release();
        worker.stop();
    }
    for (std::size_t i = 0; i < kept.size(); ++i) CHECK(kept[i] == filled(size, i));
}
