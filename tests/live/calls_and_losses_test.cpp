// What the first Maus did, rows 8 to 13 of the README's table "Coming from Maus": calls, their
// results and errors, and what happens to them when a worker is lost. Rows 1 to 7 are in
// workers_and_leases_test.cpp.
#include <bit>
#include <cmath>
#include <limits>

#include "live/team.hpp"

using namespace live;

namespace {

bool same_bits(double x, double y) {
    return std::bit_cast<std::uint64_t>(x) == std::bit_cast<std::uint64_t>(y);
}

}  // namespace

// --- row 8 --------------------------------------------------------------------------------------

TEST_CASE("a worker is lost: its unfinished calls go to the others", "[row8]") {
    team with(3, GENERATE(transport::tcp, transport::ipc));
    const std::string gate = with.here.file("gate"), begun = with.here.file("begun");
    std::vector<maus::future<int>> calls;
    for (int i = 0; i < 30; ++i) calls.push_back(with.workers.call(zoo::hold, i, gate, begun));
    REQUIRE(eventually([&] { return maus_test::bytes_in(begun) == 3; }));
    with.processes.front().kill();
    // Its place in the queue is kept: the two that live are still at their first ones.
    maus_test::make_file(gate);
    for (int i = 0; i < 30; ++i) CHECK(value_of(calls[static_cast<std::size_t>(i)]) == i);
    CHECK(with.manager.metrics().workers_lost == 1);
    CHECK(with.manager.metrics().reassigned >= 1);
}

TEST_CASE("a lost worker is replaced by one that is free", "[row8]") {
    team with(2);
    auto spare = with.here.worker();
    REQUIRE(comes_to_be(with.here.parkserver(), spare.id, worker_state::available));
    with.processes.front().kill();
    REQUIRE(comes_to_be(with.here.parkserver(), spare.id, worker_state::leased));
    const auto pids = pids_of(with.workers, 2);
    CHECK(pids == std::set{static_cast<std::uint32_t>(with.processes.back().pid()),
                           static_cast<std::uint32_t>(spare.pid())});
}

TEST_CASE("with no worker left, calls wait for the next one", "[row8]") {
    team with(1);
    const std::string gate = with.here.file("gate"), begun = with.here.file("begun");
    std::vector<maus::future<int>> calls;
    for (int i = 0; i < 20; ++i) calls.push_back(with.workers.call(zoo::hold, i, gate, begun));
    REQUIRE(eventually([&] { return maus_test::bytes_in(begun) == 1; }));
    with.processes.front().kill();
    REQUIRE(eventually([&] { return with.workers.size() == 0; }));
    for (const auto& each : calls) CHECK_FALSE(each.ready());
    maus_test::make_file(gate);
    const auto next = with.here.worker();
    for (int i = 0; i < 20; ++i) CHECK(value_of(calls[static_cast<std::size_t>(i)]) == i);
}

TEST_CASE("with no worker left, calls fail after a time that the caller may set", "[row8]") {
    site here;
    maus::manager manager(here.reachable());
    manager.connect_parkserver(here.parkserver());
    auto workers = manager.get_workers({.amount = 1, .no_workers_timeout = 200ms});
    auto before = workers.call(zoo::add, 1, 1);
    CHECK(error_of(std::move(before)).code() == maus::errc::no_workers);
    auto worker = here.worker();
    REQUIRE(workers.wait_for(1, patience));
    CHECK(value_of(workers.call(zoo::add, 1, 1)) == 2);
    auto held = workers.call(zoo::hold, 1, here.file("gate"), "");
    worker.kill();
    CHECK(error_of(std::move(held)).code() == maus::errc::no_workers);
}

// --- row 9 --------------------------------------------------------------------------------------

TEST_CASE("numbers travel with NaN and infinities", "[row9]") {
    team with(1);
    using limits = std::numeric_limits<double>;
    const std::vector<double> all{0.0,
                                  -0.0,
                                  limits::infinity(),
                                  -limits::infinity(),
                                  limits::quiet_NaN(),
                                  std::bit_cast<double>(0xfff8000000001234u),
                                  limits::denorm_min(),
                                  limits::max(),
                                  limits::lowest(),
                                  0.1};
    for (const double each : all) {
        CHECK(same_bits(value_of(with.workers.call(zoo::same_double, each)), each));
    }
    const auto back = value_of(with.workers.call(zoo::same_doubles, all));
    REQUIRE(back.size() == all.size());
    for (std::size_t i = 0; i < all.size(); ++i) CHECK(same_bits(back[i], all[i]));
}

TEST_CASE("containers, optionals and tuples travel", "[row9]") {
    team with(1);
    const zoo::mixture full{true,
                            std::int8_t{-128},
                            std::numeric_limits<std::uint64_t>::max(),
                            1.5f,
                            std::string("text with \0 and \xff", 17),
                            {"", "one", std::string(100000, 'x')},
                            {{"", {}}, {"primes", {2, 3, 5}}, {"negative", {-1}}},
                            std::nullopt,
                            -5ms};
    CHECK(value_of(with.workers.call(zoo::same_mixture, full)) == full);
    zoo::mixture with_value{};
    std::get<7>(with_value) = 2.5;
    CHECK(value_of(with.workers.call(zoo::same_mixture, with_value)) == with_value);
    CHECK(value_of(with.workers.call(zoo::negate, true)) == false);
    CHECK(value_of(with.workers.call(zoo::negate, false)) == true);
}

TEST_CASE("texts of every size travel", "[row9]") {
    team with(1, GENERATE(transport::tcp, transport::ipc));
    for (const std::size_t size : {0u, 1u, 33u, 255u, 4096u, 32768u, 65537u, 5'000'000u}) {
        std::string text(size, 'a');
        for (std::size_t i = 0; i < size; i += 1 + i / 7) text[i] = static_cast<char>(i);
        CHECK(value_of(with.workers.call(zoo::echo, text)) == text);
    }
}

TEST_CASE("dates travel", "[row9]") {
    team with(1);
    const auto now = std::chrono::system_clock::now();
    CHECK(value_of(with.workers.call(zoo::shift, now, 48h)) == now + 48h);
    const zoo::instant long_ago{-1000000h};
    CHECK(value_of(with.workers.call(zoo::shift, long_ago, -24h)) == long_ago - 24h);
}

TEST_CASE("a user's own type travels", "[row9]") {
    team with(1);
    const zoo::particle muon{"muon", 105.7, {-1, 1}, "electron"};
    zoo::particle expected = muon;
    expected.mass += 0.5;
    CHECK(value_of(with.workers.call(zoo::heavier, muon, 0.5)) == expected);
}

TEST_CASE("a function that gives nothing back is done when it is done", "[row9]") {
    // In the first Maus such a function killed its worker.
    team with(1);
    const std::string file = with.here.file("noted");
    for (std::size_t i = 1; i <= 10; ++i) {
        auto done = with.workers.call(zoo::note, file);
        REQUIRE(done.wait_for(patience));
        done.get();
        CHECK(maus_test::bytes_in(file) == i);
    }
    CHECK(value_of(with.workers.call(zoo::pid)) ==
          static_cast<std::uint32_t>(with.processes.front().pid()));
    CHECK(with.manager.metrics().workers_lost == 0);
}

TEST_CASE("an exception arrives with type, message and function, and hurts nothing else",
          "[row9]") {
    team with(1, GENERATE(transport::tcp, transport::ipc));
    std::vector<maus::future<int>> good, bad;
    for (int i = 0; i < 50; ++i) {
        good.push_back(with.workers.call(zoo::add, i, 100));
        bad.push_back(with.workers.call(zoo::fail, i));
    }
    for (int i = 0; i < 50; ++i) {
        const auto at = static_cast<std::size_t>(i);
        CHECK(value_of(good[at]) == i + 100);
        const maus::error failed = error_of(std::move(bad[at]));
        CHECK(failed.code() == maus::errc::remote_exception);
        CHECK(failed.remote_type() == "std::invalid_argument");
        CHECK(failed.function() == "fail");
        CHECK_THAT(failed.what(), maus_test::has_text("no " + std::to_string(i) + ", please"));
    }
    const maus::error odd = error_of(with.workers.call(zoo::throw_odd));
    CHECK(odd.code() == maus::errc::remote_exception);
    CHECK(odd.remote_type() == "int");
    CHECK(odd.function() == "throw_odd");
    CHECK(value_of(with.workers.call(zoo::pid)) ==
          static_cast<std::uint32_t>(with.processes.front().pid()));
}

// --- row 10 -------------------------------------------------------------------------------------

TEST_CASE("functions that complete later do not hold their worker up", "[row10]") {
    team with(1);  // with concurrency 1: if they held it, nothing else would run
    const std::string gate = with.here.file("gate");
    std::vector<maus::future<int>> coroutines, responders;
    for (int i = 0; i < 20; ++i) {
        coroutines.push_back(with.workers.call(zoo::later, i, gate));
        responders.push_back(with.workers.call(zoo::answer_later, i, gate));
    }
    CHECK(value_of(with.workers.call(zoo::add, 1, 2)) == 3);
    for (const auto& each : coroutines) CHECK_FALSE(each.ready());
    for (const auto& each : responders) CHECK_FALSE(each.ready());
    maus_test::make_file(gate);
    for (int i = 0; i < 20; ++i) {
        CHECK(value_of(coroutines[static_cast<std::size_t>(i)]) == i + 1);
        CHECK(value_of(responders[static_cast<std::size_t>(i)]) == i + 2);
    }
}

TEST_CASE("functions that would complete later move to another worker if theirs is lost",
          "[row10]") {
    team with(2);
    const std::string gate = with.here.file("gate");
    std::vector<maus::future<int>> calls;
    for (int i = 0; i < 40; ++i) calls.push_back(with.workers.call(zoo::later, i, gate));
    CHECK(value_of(with.workers.call(zoo::add, 1, 2)) == 3);
    with.processes.front().kill();
    maus_test::make_file(gate);
    for (int i = 0; i < 40; ++i) CHECK(value_of(calls[static_cast<std::size_t>(i)]) == i + 1);
}

// --- row 11 -------------------------------------------------------------------------------------

TEST_CASE("calls queue while all workers are busy", "[row11]") {
    team with(2);
    const std::string gate = with.here.file("gate"), begun = with.here.file("begun");
    std::vector<maus::future<int>> busy, queued;
    for (int i = 0; i < 2; ++i) busy.push_back(with.workers.call(zoo::hold, i, gate, begun));
    REQUIRE(eventually([&] { return maus_test::bytes_in(begun) == 2; }));
    for (int i = 0; i < 500; ++i) queued.push_back(with.workers.call(zoo::add, i, i));
    for (const auto& each : queued) CHECK_FALSE(each.ready());
    maus_test::make_file(gate);
    for (int i = 0; i < 500; ++i) CHECK(value_of(queued[static_cast<std::size_t>(i)]) == 2 * i);
    for (int i = 0; i < 2; ++i) CHECK(value_of(busy[static_cast<std::size_t>(i)]) == i);
}

TEST_CASE("calls can be made before the first worker is there", "[row11]") {
    site here(GENERATE(transport::tcp, transport::ipc));
    maus::manager manager(here.reachable());
    manager.connect_parkserver(here.parkserver());
    auto workers = manager.get_workers({.amount = 2});
    std::vector<maus::future<int>> calls;
    for (int i = 0; i < 200; ++i) calls.push_back(workers.call(zoo::add, i, 3));
    auto misspelt = workers.call<int>("ad", 1, 2);
    const auto processes = here.workers(2);
    for (int i = 0; i < 200; ++i) CHECK(value_of(calls[static_cast<std::size_t>(i)]) == i + 3);
    CHECK(error_of(std::move(misspelt)).code() == maus::errc::no_such_function);
}

TEST_CASE("calls are spread over all workers", "[row11]") {
    // In the first Maus all asynchronous calls went to the first worker.
    team with(3);
    const std::string gate = with.here.file("gate"), begun = with.here.file("begun");
    std::vector<maus::future<int>> calls;
    for (int i = 0; i < 3; ++i) calls.push_back(with.workers.call(zoo::hold, i, gate, begun));
    // Each worker runs one at a time, so three that run are on three workers.
    REQUIRE(eventually([&] { return maus_test::bytes_in(begun) == 3; }));
    maus_test::make_file(gate);
    for (int i = 0; i < 3; ++i) CHECK(value_of(calls[static_cast<std::size_t>(i)]) == i);
    CHECK(pids_of(with.workers, 3).size() == 3);
}

TEST_CASE("a worker with several threads runs as many functions at a time", "[row11]") {
    team with(1, transport::tcp, {"--concurrency", "4"});
    const std::string gate = with.here.file("gate"), begun = with.here.file("begun");
    std::vector<maus::future<int>> calls;
    for (int i = 0; i < 8; ++i) calls.push_back(with.workers.call(zoo::hold, i, gate, begun));
    REQUIRE(eventually([&] { return maus_test::bytes_in(begun) == 4; }));
    maus_test::make_file(gate);
    for (int i = 0; i < 8; ++i) CHECK(value_of(calls[static_cast<std::size_t>(i)]) == i);
}

// --- row 12 -------------------------------------------------------------------------------------

TEST_CASE("a manager without an address talks to its workers through the parkserver", "[row12]") {
    site here(GENERATE(transport::tcp, transport::ipc));
    auto processes = here.workers(3);
    maus::manager manager(here.relayed());
    manager.connect_parkserver(here.parkserver());
    CHECK(manager.endpoint().empty());
    auto workers = manager.get_workers({.amount = 2});
    REQUIRE(workers.wait_for(2, patience));
    std::vector<maus::future<int>> sums;
    for (int i = 0; i < 500; ++i) sums.push_back(workers.call(zoo::add, i, 7));
    for (int i = 0; i < 500; ++i) CHECK(value_of(sums[static_cast<std::size_t>(i)]) == i + 7);
    const std::string large(1'000'000, 'r');
    CHECK(value_of(workers.call(zoo::echo, large)) == large);
    const maus::error failed = error_of(workers.call(zoo::fail, 3));
    CHECK(failed.code() == maus::errc::remote_exception);
    CHECK(failed.remote_type() == "std::invalid_argument");
    CHECK(error_of(workers.call<int>("add", 1)).code() == maus::errc::signature_mismatch);

    // The same guarantees: a worker is killed and the third one takes its place.
    const std::string gate = here.file("gate"), begun = here.file("begun");
    std::vector<maus::future<int>> held;
    for (int i = 0; i < 20; ++i) held.push_back(workers.call(zoo::hold, i, gate, begun));
    REQUIRE(eventually([&] { return maus_test::bytes_in(begun) == 2; }));
    const auto leased = leases(here.parkserver());
    for (auto& each : processes) {
        if (each.id == leased.begin()->first) each.kill();
    }
    maus_test::make_file(gate);
    for (int i = 0; i < 20; ++i) CHECK(value_of(held[static_cast<std::size_t>(i)]) == i);
    REQUIRE(workers.wait_for(2, patience));
    workers.release();
    REQUIRE(comes_to_have(here.parkserver(), 2, worker_state::available));
}

TEST_CASE("through the parkserver, its loss and return lose no call", "[row12]") {
    site here;
    const std::string place = here.fixed_place();
    parkserver_process park(place);
    const worker_process one({place}), two({place});
    maus::manager manager(here.relayed());
    manager.connect_parkserver(place);
    auto workers = manager.get_workers({.amount = 2});
    REQUIRE(workers.wait_for(2, patience));
    std::vector<maus::future<int>> calls;
    for (int i = 0; i < 300; ++i) calls.push_back(workers.call(zoo::slow, i, 1));
    CHECK(value_of(calls.front()) == 0);
    park.kill();
    park = parkserver_process(place);
    for (int i = 1; i < 300; ++i) CHECK(value_of(calls[static_cast<std::size_t>(i)]) == i);
}

// --- row 13 -------------------------------------------------------------------------------------

TEST_CASE("with several parkservers, those that are up are used", "[row13]") {
    site here(GENERATE(transport::tcp, transport::ipc));
    const std::string never_up = here.fixed_place();
    const parkserver_process first(here.fixed_place()), second(here.fixed_place());
    const std::vector<std::string> all{never_up, first.endpoint, second.endpoint};
    const worker_process at_first({never_up, first.endpoint}), at_second({second.endpoint});
    maus::manager manager(here.reachable());
    for (const auto& each : all) manager.connect_parkserver(each);
    // Both are told each request; what both offer beyond it goes back and serves the other.
    auto one = manager.get_workers({.amount = 1});
    auto other = manager.get_workers({.amount = 1});
    REQUIRE(one.wait_for(1, patience));
    REQUIRE(other.wait_for(1, patience));
    const auto pid = value_of(one.call(zoo::pid)), other_pid = value_of(other.call(zoo::pid));
    CHECK(std::set{pid, other_pid} == std::set{static_cast<std::uint32_t>(at_first.pid()),
                                               static_cast<std::uint32_t>(at_second.pid())});
    CHECK(one.size() == 1);
    CHECK(other.size() == 1);
}

TEST_CASE("a worker's own word decides whom it serves", "[row13]") {
    site here;
    const parkserver_process first(here.fixed_place()), second(here.fixed_place());
    const worker_process worker({first.endpoint, second.endpoint});
    maus::manager one(here.reachable()), other(here.reachable());
    one.connect_parkserver(first.endpoint);
    other.connect_parkserver(second.endpoint);
    auto had = one.get_workers({.amount = 1});
    REQUIRE(had.wait_for(1, patience));
    // The second parkserver heard from the worker itself that it is taken.
    REQUIRE(comes_to_be(second.endpoint, worker.id, worker_state::leased));
    CHECK(leases(second.endpoint).at(worker.id) == one.id());
    auto wanted = other.get_workers({.amount = 1});
    auto waiting = wanted.call(zoo::add, 1, 2);
    REQUIRE(comes_to_have_requests(second.endpoint, 1));
    CHECK(value_of(had.call(zoo::add, 3, 4)) == 7);
    CHECK(wanted.size() == 0);
    had.release();
    CHECK(value_of(waiting) == 3);
    REQUIRE(comes_to_be(first.endpoint, worker.id, worker_state::leased));
    CHECK(leases(first.endpoint).at(worker.id) == other.id());
}

TEST_CASE("losing one of several parkservers loses nothing", "[row13]") {
    site here;
    parkserver_process first(here.fixed_place()), second(here.fixed_place());
    const std::vector<std::string> both{first.endpoint, second.endpoint};
    std::vector<worker_process> processes;
    for (int i = 0; i < 3; ++i) processes.emplace_back(both);
    REQUIRE(comes_to_have(first.endpoint, 3, worker_state::available));
    REQUIRE(comes_to_have(second.endpoint, 3, worker_state::available));
    maus::manager manager(here.reachable());
    for (const auto& each : both) manager.connect_parkserver(each);
    auto workers = manager.get_workers({.amount = 2});
    REQUIRE(workers.wait_for(2, patience));
    std::vector<maus::future<int>> calls;
    for (int i = 0; i < 300; ++i) calls.push_back(workers.call(zoo::slow, i, 1));
    parkserver_process& lost = GENERATE(0, 1) == 0 ? first : second;
    parkserver_process& stays = &lost == &first ? second : first;
    lost.kill();
    for (int i = 0; i < 300; ++i) CHECK(value_of(calls[static_cast<std::size_t>(i)]) == i);
    CHECK(manager.metrics().workers_lost == 0);
    // And the other one still finds a replacement.
    const auto leased = leases(stays.endpoint);
    REQUIRE(leased.size() == 2);
    for (auto& each : processes) {
        if (each.id == leased.begin()->first) each.kill();
    }
    REQUIRE(eventually([&] { return manager.metrics().workers_joined == 3; }));
    REQUIRE(workers.wait_for(2, patience));
    CHECK(pids_of(workers, 2).size() == 2);
}
