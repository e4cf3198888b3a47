// Calls for one worker, broadcasts, and second attempts at calls that take long.
#include <algorithm>

#include "live/team.hpp"
#include "support/gate.hpp"

using namespace live;

namespace {
std::vector<std::string> ids_of(const team& with) {
    std::vector<std::string> ids;
    for (const auto& each : with.processes) ids.push_back(each.id);
    std::sort(ids.begin(), ids.end());
    return ids;
}

/// Workers in this process whose function waits, at each as long as its gate is shut.
struct gated_workers {
    static constexpr std::size_t count = 2;
    site here;
    maus_test::gate gates[count]{maus_test::gate{patience}, maus_test::gate{patience}};
    std::atomic<int> begun[count]{}, stopped[count]{};
    std::vector<std::unique_ptr<maus::worker>> all;
    maus::manager manager{here.reachable()};
    maus::worker_group workers;

    gated_workers() {
        for (std::size_t i = 0; i < count; ++i) {
            all.push_back(std::make_unique<maus::worker>(maus::worker_options{.heartbeat = calm}));
            all.back()->expose("which", [this, i](maus::context& call) {
                ++begun[i];
                gates[i].pass();
                if (call.stop_requested()) ++stopped[i];
                return static_cast<int>(i);
            });
            all.back()->register_parkserver(here.parkserver());
            all.back()->start();
        }
        manager.connect_parkserver(here.parkserver());
        workers = manager.get_workers({.amount = count});
        REQUIRE(workers.wait_for(count, patience));
    }
    ~gated_workers() {
        for (auto& each : gates) each.open();
    }
};
}  // namespace

TEST_CASE("a broadcast runs once on each worker, and each says for itself what became of it",
          "[hedge]") {
    team with(3);
    const auto workers = with.workers.workers();
    REQUIRE(workers.size() == 3);
    std::vector<std::string> ids;
    for (const auto& each : workers) ids.push_back(each.text());
    std::sort(ids.begin(), ids.end());
    CHECK(ids == ids_of(with));

    std::set<std::uint32_t> pids;
    for (auto& [worker, result] : with.workers.broadcast(zoo::pid)) pids.insert(value_of(result));
    CHECK(pids.size() == 3);
    auto sums = with.workers.broadcast<int>("add", 20, 22);
    CHECK(sums.size() == 3);
    for (auto& [worker, result] : sums) CHECK(value_of(result) == 42);
}

TEST_CASE("calls for one worker go to that one, and to no other when it is lost", "[hedge]") {
    team with(2);
    const auto workers = with.workers.workers();
    REQUIRE(workers.size() == 2);
    const auto one = with.workers.with({.worker = workers[0]});
    const auto pid = value_of(one.call(zoo::pid));
    for (int i = 0; i < 50; ++i) CHECK(value_of(one.call(zoo::pid)) == pid);
    for (auto& each : with.processes) {
        if (each.id == workers[0].text()) each.kill();
    }
    CHECK(eventually([&] { return with.workers.size() == 1; }));
    CHECK(error_of(one.call(zoo::pid)).code() == maus::errc::worker_lost);
    CHECK(value_of(with.workers.call(zoo::pid)) != pid);
}

TEST_CASE("a call that hangs at one worker is answered by another one", "[hedge]") {
    gated_workers with;
    auto which = with.workers.with({.hedge_after = 1ms}).call<int>("which");
    CHECK(eventually([&] { return with.begun[0] + with.begun[1] == 2; }));
    with.gates[1].open();
    CHECK(value_of(which) == 1);
    CHECK(with.manager.metrics().hedged == 1);
    // The other one is told, and its worker has its slot back.
    with.gates[0].open();
    CHECK(eventually([&] { return with.manager.metrics().stale_answers == 1; }));
    for (auto& [worker, result] : with.workers.broadcast<int>("which")) CHECK(value_of(result) < 2);
}

TEST_CASE("who asks for what cannot be hears so at once", "[hedge]") {
    team with(1);
    const auto code_of = [&](const maus::call_options& options) {
        try {
            (void)with.workers.with(options).call(zoo::pid);
        } catch (const maus::error& refused) {
            return refused.code();
        }
        return maus::errc::unimplemented;
    };
    const auto worker = with.workers.workers().at(0);
    CHECK(code_of({.delivery = maus::delivery::at_most_once, .hedge_after = 1s}) ==
          maus::errc::invalid_argument);
    CHECK(code_of({.worker = worker, .hedge_after = 1s}) == maus::errc::invalid_argument);
    CHECK_THROWS_AS(with.workers.with({.worker = worker}).broadcast(zoo::pid), maus::error);
    CHECK_THROWS_AS(maus::worker_id("nobody"), maus::error);
    CHECK(maus::worker_id(worker.text()) == worker);
    with.workers.release();
    CHECK(with.workers.workers().empty());
    CHECK(with.workers.broadcast(zoo::pid).empty());
    CHECK(error_of(with.workers.with({.worker = worker}).call(zoo::pid)).code() ==
          maus::errc::cancelled);
}
