// What the first Maus did, rows 1 to 7 of the README's table "Coming from Maus": workers, managers
// and the parkserver between them. Rows 8 to 13 are in calls_and_losses_test.cpp.
#include <signal.h>

#include <algorithm>

#include "live/site.hpp"

using namespace live;

// --- row 1 --------------------------------------------------------------------------------------

TEST_CASE("a worker serves one manager directly, without a parkserver", "[row1]") {
    site here(GENERATE(transport::tcp, transport::ipc));
    maus::manager manager(here.reachable());
    const worker_process worker({}, {"--connect", manager.endpoint()});
    auto workers = manager.get_workers({.amount = 1});
    REQUIRE(workers.wait_for(1, patience));
    CHECK(value_of(workers.call(zoo::add, 19, 23)) == 42);
    CHECK(value_of(workers.call(zoo::pid)) == static_cast<std::uint32_t>(worker.pid()));
}

TEST_CASE("a direct worker that starts before its manager finds it", "[row1]") {
    site here(GENERATE(transport::tcp, transport::ipc));
    maus::manager_options options = here.reachable();
    options.endpoint = here.fixed_place();
    const worker_process worker({}, {"--connect", options.endpoint});
    for (int life = 1; life <= 2; ++life) {
        INFO("the manager's life " << life);
        maus::manager manager(options);
        auto workers = manager.get_workers();
        CHECK(value_of(workers.call(zoo::add, life, 1)) == life + 1);
    }
}

// --- row 2 --------------------------------------------------------------------------------------

TEST_CASE("a worker registers its type and functions with a parkserver", "[row2]") {
    site here(GENERATE(transport::tcp, transport::ipc));
    const worker_process worker = here.worker();
    REQUIRE(comes_to_be(here.parkserver(), worker.id, worker_state::available));
    const auto status = maus::fetch_status(here.parkserver(), 20s);
    REQUIRE(status.workers.size() == 1);
    const auto& entry = status.workers.front();
    CHECK(entry.type == "default");
    CHECK(entry.pid == static_cast<std::uint32_t>(worker.pid()));
    const auto& functions = entry.functions;
    CHECK(std::find(functions.begin(), functions.end(), "add(i32,i32)->i32") != functions.end());
    CHECK(std::find(functions.begin(), functions.end(), "note(str)->void") != functions.end());
}

TEST_CASE("workers of several types live side by side", "[row2]") {
    site here;
    const worker_process plain = here.worker();
    const worker_process red = here.worker({"--type", "red"});
    const worker_process blue = here.worker({"--type", "blue"});
    maus::manager manager(here.reachable());
    manager.connect_parkserver(here.parkserver());
    const auto served_by = [&](const char* type) {
        auto workers = manager.get_workers({.amount = 1, .type = type});
        return value_of(workers.call(zoo::pid));
    };
    CHECK(served_by("blue") == static_cast<std::uint32_t>(blue.pid()));
    CHECK(served_by("default") == static_cast<std::uint32_t>(plain.pid()));
    CHECK(served_by("red") == static_cast<std::uint32_t>(red.pid()));
}

// --- row 3 --------------------------------------------------------------------------------------

TEST_CASE("a request waits until as many workers as it wants are free", "[row3]") {
    site here;
    auto processes = here.workers(2);
    REQUIRE(comes_to_have(here.parkserver(), 2, worker_state::available));
    maus::manager manager(here.reachable());
    manager.connect_parkserver(here.parkserver());
    auto workers = manager.get_workers({.amount = 3});
    REQUIRE(comes_to_have_requests(here.parkserver(), 1));
    // It holds none of the two while it waits for the third.
    REQUIRE(comes_to_have(here.parkserver(), 2, worker_state::available));
    CHECK(workers.size() == 0);
    processes.push_back(here.worker());
    REQUIRE(workers.wait_for(3, patience));
    REQUIRE(comes_to_have(here.parkserver(), 3, worker_state::leased));
    CHECK(pids_of(workers, 3).size() == 3);
}

TEST_CASE("a request without an amount takes all that are free", "[row3]") {
    site here;
    const auto processes = here.workers(3);
    REQUIRE(comes_to_have(here.parkserver(), 3, worker_state::available));
    maus::manager manager(here.reachable());
    manager.connect_parkserver(here.parkserver());
    auto workers = manager.get_workers();
    REQUIRE(workers.wait_for(3, patience));
    CHECK(workers.size() == 3);
}

TEST_CASE("a request without an amount waits for one worker, and takes those that come later",
          "[row3]") {
    site here;
    maus::manager manager(here.reachable());
    manager.connect_parkserver(here.parkserver());
    auto workers = manager.get_workers();
    REQUIRE(comes_to_have_requests(here.parkserver(), 1));
    const worker_process first = here.worker();
    REQUIRE(workers.wait_for(1, patience));
    CHECK(value_of(workers.call(zoo::pid)) == static_cast<std::uint32_t>(first.pid()));
    const worker_process second = here.worker(), third = here.worker();
    REQUIRE(workers.wait_for(3, patience));
    CHECK(pids_of(workers, 3).size() == 3);
}

TEST_CASE("who goes on when there are workers need not wait for them", "[row3]") {
    site here;
    maus::manager manager(here.reachable());
    manager.connect_parkserver(here.parkserver());
    auto workers = manager.get_workers();
    const auto first = workers.ready(), two = workers.ready(2), never = workers.ready(4);
    auto sum = workers.ready(3).then([&] { return workers.call(zoo::add, 20, 22); });
    const auto waits = [&]() -> maus::future<std::size_t> {
        co_await workers.ready(2);
        co_return workers.size();
    };
    auto size = waits();
    CHECK_FALSE(first.ready());
    auto processes = here.workers(1);
    CHECK(first.wait_for(patience));
    CHECK_FALSE(two.ready());
    for (int i = 0; i < 2; ++i) processes.push_back(here.worker());
    CHECK(value_of(sum) == 42);
    CHECK(value_of(size) >= 2);
    CHECK(two.ready());
    CHECK_FALSE(never.ready());
    // At once, if they are there; each call gives another future.
    CHECK(workers.ready(3).ready());
    CHECK(workers.ready(0).ready());
    for (int i = 0; i < 100; ++i) CHECK_FALSE(workers.ready(4).ready());
}

TEST_CASE("who waits for workers hears that they do not come", "[row3]") {
    maus::manager manager;
    auto workers = manager.get_workers();
    auto given_up = workers.ready();
    given_up.cancel();
    CHECK(error_of(std::move(given_up)).code() == maus::errc::cancelled);

    auto released = workers.ready().then([] { return 1; });
    const auto dropped = workers.ready();
    workers.release();
    const auto error = error_of(std::move(released));
    CHECK(error.code() == maus::errc::cancelled);
    CHECK(error.what() == std::string("ready: cancelled: the workers were released"));
    CHECK(error_of(workers.ready()).code() == maus::errc::cancelled);

    auto others = manager.get_workers();
    auto stopped = others.ready();
    manager.stop();
    CHECK(error_of(std::move(stopped)).code() == maus::errc::shutdown);
    CHECK(error_of(others.ready()).code() == maus::errc::shutdown);
    CHECK_THROWS_AS(maus::worker_group{}.ready(), maus::error);
}

TEST_CASE("a request made before the parkserver is up is served when it comes", "[row3]") {
    site here(GENERATE(transport::tcp, transport::ipc));
    const std::string place = here.fixed_place();
    maus::manager manager(here.reachable());
    manager.connect_parkserver(place);
    auto workers = manager.get_workers({.amount = 1});
    auto sum = workers.call(zoo::add, 4, 5);
    const worker_process worker({place});
    const parkserver_process park(place);
    CHECK(value_of(sum) == 9);
}

TEST_CASE("requests that wait are served in order and granted once each", "[row3]") {
    // The first Maus granted satisfied requests again whenever a worker registered.
    site here;
    std::vector<std::unique_ptr<maus::manager>> managers;
    std::vector<maus::worker_group> groups;
    for (std::size_t i = 0; i < 3; ++i) {
        managers.push_back(std::make_unique<maus::manager>(here.reachable()));
        managers.back()->connect_parkserver(here.parkserver());
        groups.push_back(managers.back()->get_workers({.amount = 1}));
        REQUIRE(comes_to_have_requests(here.parkserver(), i + 1));
    }
    std::vector<worker_process> processes;
    for (std::size_t i = 0; i < 3; ++i) {
        processes.push_back(here.worker());
        INFO("the worker that came as number " << i + 1);
        REQUIRE(groups[i].wait_for(1, patience));
        CHECK(value_of(groups[i].call(zoo::pid)) == static_cast<std::uint32_t>(processes[i].pid()));
        for (std::size_t later = i + 1; later < 3; ++later) CHECK(groups[later].size() == 0);
    }
    // One more than anybody wants: it stays free, and nobody has two.
    processes.push_back(here.worker());
    REQUIRE(comes_to_be(here.parkserver(), processes.back().id, worker_state::available));
    REQUIRE(comes_to_have(here.parkserver(), 3, worker_state::leased));
    for (const auto& each : groups) CHECK(each.size() == 1);
}

TEST_CASE("a request for many is not overtaken by a request for few", "[row3]") {
    site here;
    maus::manager first(here.reachable()), second(here.reachable());
    first.connect_parkserver(here.parkserver());
    second.connect_parkserver(here.parkserver());
    auto many = first.get_workers({.amount = 2});
    REQUIRE(comes_to_have_requests(here.parkserver(), 1));
    auto few = second.get_workers({.amount = 1});
    REQUIRE(comes_to_have_requests(here.parkserver(), 2));
    std::vector<worker_process> processes;
    processes.push_back(here.worker());
    REQUIRE(comes_to_be(here.parkserver(), processes.back().id, worker_state::available));
    CHECK(few.size() == 0);
    processes.push_back(here.worker());
    REQUIRE(many.wait_for(2, patience));
    CHECK(few.size() == 0);
    processes.push_back(here.worker());
    REQUIRE(few.wait_for(1, patience));
    CHECK(many.size() == 2);
}

// --- row 4 --------------------------------------------------------------------------------------

TEST_CASE("a leased worker is marked and talks to its manager without the parkserver", "[row4]") {
    site here(GENERATE(transport::tcp, transport::ipc));
    parkserver_process park(here.fixed_place());
    const worker_process worker({park.endpoint});
    maus::manager manager(here.reachable());
    manager.connect_parkserver(park.endpoint);
    auto workers = manager.get_workers({.amount = 1});
    REQUIRE(workers.wait_for(1, patience));
    REQUIRE(comes_to_be(park.endpoint, worker.id, worker_state::leased));
    CHECK(leases(park.endpoint).at(worker.id) == manager.id());
    park.signal(SIGSTOP);  // if calls went through it, none would come back
    for (int i = 0; i < 100; ++i) CHECK(value_of(workers.call(zoo::add, i, i)) == 2 * i);
    park.signal(SIGCONT);
}

// --- row 5 --------------------------------------------------------------------------------------

namespace {

// One manager goes, by `how`; its two workers, and only they, are free again for another manager.
void loses_one_manager(const maus::heartbeat_options& beat, void (*how)(manager_process&)) {
    site here(transport::tcp, beat);
    const auto processes = here.workers(3);
    REQUIRE(comes_to_have(here.parkserver(), 3, worker_state::available));
    manager_process going = here.manager({"--amount", "2", "--calls", "20"});
    REQUIRE(going.line_with("calling"));
    manager_process staying = here.manager({"--amount", "1", "--calls", "20"});
    REQUIRE(staying.line_with("calling"));
    REQUIRE(comes_to_have(here.parkserver(), 3, worker_state::leased));
    const auto before = leases(here.parkserver());
    const auto kept = std::find_if(before.begin(), before.end(),
                                   [&](const auto& each) { return each.second == staying.id; });
    REQUIRE(kept != before.end());

    how(going);
    // A worker may see its lease run out before the parkserver misses the manager, and be offered
    // to it once more.
    REQUIRE(comes_to_forget_manager(here.parkserver(), going.id));
    REQUIRE(comes_to_have(here.parkserver(), 2, worker_state::available));
    // The first Maus freed every worker, here also the one that serves the other manager.
    CHECK(leases(here.parkserver()) == std::map<std::string, std::string>{*kept});

    maus::manager next(here.reachable());
    next.connect_parkserver(here.parkserver());
    auto workers = next.get_workers({.amount = 2});
    REQUIRE(workers.wait_for(2, patience));
    CHECK(pids_of(workers, 2).size() == 2);
    CHECK(leases(here.parkserver()).at(kept->first) == staying.id);
    CHECK(staying.terminate() == 0);  // all its results were right
}

}  // namespace

TEST_CASE("a manager stops: its workers, and only they, are free again", "[row5]") {
    loses_one_manager(calm, [](manager_process& going) { CHECK(going.terminate() == 0); });
}

TEST_CASE("a manager is killed: its workers, and only they, are free again", "[row5]") {
    loses_one_manager(calm, [](manager_process& going) { going.kill(); });
}

TEST_CASE("a manager goes silent: its workers, and only they, are free again", "[row5]") {
    loses_one_manager(quick, [](manager_process& going) { going.signal(SIGSTOP); });
}

// --- row 6 --------------------------------------------------------------------------------------

TEST_CASE("workers that are given back serve the next manager", "[row6]") {
    site here(GENERATE(transport::tcp, transport::ipc));
    const auto processes = here.workers(2);
    maus::manager first(here.reachable()), second(here.reachable());
    first.connect_parkserver(here.parkserver());
    second.connect_parkserver(here.parkserver());
    auto had = first.get_workers({.amount = 2});
    REQUIRE(had.wait_for(2, patience));
    auto wanted = second.get_workers({.amount = 2});
    REQUIRE(comes_to_have_requests(here.parkserver(), 2));
    const auto before = pids_of(had, 2);
    CHECK(wanted.size() == 0);
    had.release();
    REQUIRE(wanted.wait_for(2, patience));
    CHECK(pids_of(wanted, 2) == before);
}

TEST_CASE("a group of workers that goes out of scope gives them back", "[row6]") {
    site here;
    const worker_process worker = here.worker();
    maus::manager manager(here.reachable());
    manager.connect_parkserver(here.parkserver());
    for (int i = 0; i < 5; ++i) {
        auto workers = manager.get_workers({.amount = 1});
        CHECK(value_of(workers.call(zoo::add, i, 1)) == i + 1);
    }
    REQUIRE(comes_to_be(here.parkserver(), worker.id, worker_state::available));
}

// --- row 7 --------------------------------------------------------------------------------------

TEST_CASE("managers and workers join at any time", "[row7]") {
    site here;
    std::vector<worker_process> processes;
    std::vector<std::unique_ptr<maus::manager>> managers;
    std::vector<maus::worker_group> groups;
    for (int i = 0; i < 4; ++i) {
        // By turns the worker comes first, or the manager.
        if (i % 2 == 0) processes.push_back(here.worker());
        managers.push_back(std::make_unique<maus::manager>(here.reachable()));
        managers.back()->connect_parkserver(here.parkserver());
        groups.push_back(managers.back()->get_workers({.amount = 1}));
        if (i % 2 != 0) processes.push_back(here.worker());
        for (auto& each : groups) CHECK(value_of(each.call(zoo::add, i, 7)) == i + 7);
    }
}

TEST_CASE("a parkserver that is killed and comes back finds its workers and leases again",
          "[row7]") {
    site here(GENERATE(transport::tcp, transport::ipc));
    const std::string place = here.fixed_place();
    parkserver_process park(place);
    const worker_process busy({place}), idle({place});
    maus::manager manager(here.reachable());
    manager.connect_parkserver(place);
    auto workers = manager.get_workers({.amount = 1});
    REQUIRE(workers.wait_for(1, patience));
    const std::string leased = leases(place).begin()->first;
    const std::string gate = here.file("gate");
    auto held = workers.call(zoo::hold, 11, gate, "");

    park.kill();
    auto made_while_down = workers.call(zoo::add, 20, 2);
    parkserver_process again(place);
    REQUIRE(comes_to_be(place, leased, worker_state::leased));
    REQUIRE(comes_to_have(place, 1, worker_state::available));
    CHECK(leases(place) == std::map<std::string, std::string>{{leased, manager.id()}});

    maus_test::make_file(gate);
    CHECK(value_of(held) == 11);
    CHECK(value_of(made_while_down) == 22);
    CHECK(manager.metrics().workers_lost == 0);
    CHECK(manager.metrics().workers_joined == 1);
    // What it found again is of use: the lease ends, and both workers can be had.
    workers.release();
    auto both = manager.get_workers({.amount = 2});
    REQUIRE(both.wait_for(2, patience));
}
