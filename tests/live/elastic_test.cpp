// Elastic requests with real processes: fair shares, an exact request between them, and growing back.
#include <atomic>
#include <thread>

#include "live/site.hpp"

using namespace live;

namespace {

struct elastic_program {
    maus::manager manager;
    maus::worker_group workers;
    elastic_program(site& here, const maus::request& wanted) : manager(here.reachable()) {
        manager.connect_parkserver(here.parkserver());
        workers = manager.get_workers(wanted);
    }
    [[nodiscard]] bool comes_to_have(std::size_t count) const {
        return eventually([&] { return workers.size() == count; });
    }
};

/// Calls all the time, and counts what comes back.
struct steady_caller {
    explicit steady_caller(const maus::worker_group& on)
        : thread([this, &on](const std::stop_token& stop) {
              for (int i = 0; !stop.stop_requested(); ++i, ++made) {
                  if (on.call(zoo::add, i, 1).get() == i + 1) ++right;
              }
          }) {}
    std::atomic<int> made = 0, right = 0;
    std::jthread thread;
};

}  // namespace

TEST_CASE("two elastic managers share ten workers, serve an exact request, and grow back") {
    site here;
    const auto processes = here.workers(10);
    REQUIRE(comes_to_have(here.parkserver(), 10, worker_state::available));
    const elastic_program one(here, {});
    REQUIRE(one.comes_to_have(10));
    steady_caller first(one.workers);
    const elastic_program two(here, {.min = 1, .max = 8});
    REQUIRE((one.comes_to_have(5) && two.comes_to_have(5)));
    steady_caller second(two.workers);
    {
        const elastic_program exact(here, {.amount = 4});
        REQUIRE(exact.comes_to_have(4));
        CHECK(pids_of(exact.workers, 4).size() == 4);
        CHECK((one.comes_to_have(3) && two.comes_to_have(3)));
    }
    REQUIRE((one.comes_to_have(5) && two.comes_to_have(5)));
    for (steady_caller* each : {&first, &second}) {
        each->thread.request_stop();
        each->thread.join();
        CHECK(each->made > 0);
        CHECK(each->right == each->made);
    }
    // Nothing was lost for a worker that moved.
    for (const auto* each : {&one, &two}) {
        CHECK(each->manager.metrics().workers_lost == 0);
        CHECK(each->manager.metrics().reassigned == 0);
        CHECK(each->manager.metrics().stale_answers == 0);
    }
}

TEST_CASE("a status tells why a request waits, and how elastic ones stand") {
    site here;
    const auto processes = here.workers(2);
    const elastic_program one(here, {.min = 1, .max = 8});
    REQUIRE(one.comes_to_have(2));
    const elastic_program waits(here, {.amount = 4});
    REQUIRE(comes_to_have_requests(here.parkserver(), 2));
    const auto now = maus::fetch_status(here.parkserver(), patience);
    for (const auto& each : now.requests) {
        const bool is_elastic = each.manager == one.manager.id();
        CHECK(each.min == (is_elastic ? 1 : 0));
        CHECK(each.max == (is_elastic ? 8 : 0));
        CHECK(each.share == (is_elastic ? 2 : 0));
    }
}
