// The promise under fire: workers, managers and parkservers are killed, stopped and continued while
// calls run, and every call's value is checked, not only their number.
#include <signal.h>

#include <algorithm>
#include <thread>

#include "live/team.hpp"

using namespace live;

namespace {

std::int64_t square(std::int64_t x) { return x * x; }

/// Calls abort_if for 0 .. count-1, none of which is poison.
std::vector<maus::future<std::int64_t>> innocents(const maus::worker_group& workers, int count) {
    std::vector<maus::future<std::int64_t>> calls;
    for (int i = 0; i < count; ++i) calls.push_back(workers.call(zoo::abort_if, i, -1, ""));
    return calls;
}

void check_squares(std::vector<maus::future<std::int64_t>>& calls) {
    for (std::size_t i = 0; i < calls.size(); ++i) {
        CHECK(value_of(calls[i]) == square(static_cast<std::int64_t>(i)));
    }
}

/// I2: every call that was made has come back.
void check_sums(const maus::manager& manager) {
    const auto metrics = manager.metrics();
    CHECK(metrics.calls == metrics.results + metrics.errors);
    CHECK(metrics.violations == 0);
}

}  // namespace

// --- workers ------------------------------------------------------------------------------------

TEST_CASE("kill -9 of a worker with 1,000 calls outstanding", "[losses]") {
    team with(2, GENERATE(transport::tcp, transport::ipc), {"--concurrency", GENERATE("1", "4")});
    auto calls = innocents(with.workers, 1000);
    CHECK(value_of(calls[10]) == 100);
    calls[10] = with.workers.call(zoo::abort_if, 10, -1, "");
    with.processes.front().kill();
    check_squares(calls);
    CHECK(with.manager.metrics().errors == 0);
    CHECK(eventually([&] { return with.manager.metrics().workers_lost == 1; }));
    check_sums(with.manager);
}

TEST_CASE("kill -9 of a worker that has all of 1,000 calls", "[losses]") {
    site here;
    maus::manager manager(here.reachable());
    manager.connect_parkserver(here.parkserver());
    auto workers = manager.get_workers({.amount = 1});
    const std::string gate = here.file("gate"), begun = here.file("begun");
    auto only = here.worker();
    std::vector<maus::future<int>> calls;
    for (int i = 0; i < 1000; ++i) calls.push_back(workers.call(zoo::hold, i, gate, begun));
    REQUIRE(eventually([&] { return maus_test::bytes_in(begun) == 1; }));
    only.kill();
    maus_test::make_file(gate);
    const auto next = here.worker();
    for (int i = 0; i < 1000; ++i) CHECK(value_of(calls[static_cast<std::size_t>(i)]) == i);
    CHECK(manager.metrics().errors == 0);
    // Only the one that ran was begun twice.
    CHECK(maus_test::bytes_in(begun) == 1001);
    check_sums(manager);
}

TEST_CASE("kill -9 of all workers but one, in turn", "[losses]") {
    team with(4);
    std::vector<maus::future<int>> calls;
    // One and the same call may be running on each of the three that die: it is no poison for that.
    const auto patient = with.workers.with({.max_crashes = 4});
    for (int i = 0; i < 1000; ++i) calls.push_back(patient.call(zoo::slow, i, 1));
    for (std::size_t i = 0; i + 1 < with.processes.size(); ++i) {
        CHECK(value_of(with.workers.call(zoo::add, 1, 1)) == 2);  // a place in the midst of things
        with.processes[i].kill();
    }
    for (int i = 0; i < 1000; ++i) CHECK(value_of(calls[static_cast<std::size_t>(i)]) == i);
    CHECK(with.manager.metrics().errors == 0);
    // The last calls may all be the survivor's, and settle before the news comes.
    CHECK(eventually([&] { return with.manager.metrics().workers_lost == 3; }));
    check_sums(with.manager);
}

TEST_CASE("kill -9 of every worker, again and again, while new ones come", "[losses]") {
    team with(3, GENERATE(transport::tcp, transport::ipc));
    std::vector<maus::future<int>> calls;
    for (int i = 0; i < 1000; ++i) calls.push_back(with.workers.call(zoo::slow, i, 1));
    for (std::size_t i = 0; i < 6; ++i) {
        with.processes[i % 3].kill();
        with.processes[i % 3] = with.here.worker();
    }
    // A call may have had the bad luck to be on a worker each time one was killed.
    std::size_t poisoned = 0;
    for (int i = 0; i < 1000; ++i) {
        auto& call = calls[static_cast<std::size_t>(i)];
        REQUIRE(call.wait_for(patience));
        try {
            const int value = call.get();
            CHECK(value == i);
        } catch (const maus::error& failed) {
            CHECK(failed.code() == maus::errc::poisoned);
            CHECK(failed.attempts().size() == 3);
            ++poisoned;
        }
    }
    CHECK(poisoned <= 2);  // six were killed, and each poisoned call takes three
    check_sums(with.manager);
}

TEST_CASE("a worker that is stopped past its lease and continues hurts nothing", "[losses]") {
    team with(2, GENERATE(transport::tcp, transport::ipc), {}, {}, quick);
    const std::string gate = with.here.file("gate"), begun = with.here.file("begun");
    std::vector<maus::future<int>> calls;
    for (int i = 0; i < 100; ++i) calls.push_back(with.workers.call(zoo::hold, i, gate, begun));
    REQUIRE(eventually([&] { return maus_test::bytes_in(begun) == 2; }));
    auto& zombie = with.processes.front();
    zombie.signal(SIGSTOP);
    REQUIRE(eventually([&] { return with.manager.metrics().workers_lost >= 1; }));
    maus_test::make_file(gate);
    for (int i = 0; i < 100; ++i) CHECK(value_of(calls[static_cast<std::size_t>(i)]) == i);
    // Those that waited at the zombie are done. When it goes on it starts none of them: what is
    // begun is each call once, and those that ran on a worker when that was held lost once more.
    const auto begun_before = maus_test::bytes_in(begun);
    CHECK(begun_before >= 101);
    zombie.signal(SIGCONT);
    REQUIRE(with.workers.wait_for(2, patience));
    CHECK(pids_of(with.workers, 2).contains(static_cast<std::uint32_t>(zombie.pid())));
    CHECK(maus_test::bytes_in(begun) == begun_before);
    CHECK(with.manager.metrics().results == with.manager.metrics().calls);
    check_sums(with.manager);
}

TEST_CASE("the second attempt at a call is newer, and the first one's answer does not count",
          "[losses]") {
    team with(2, transport::tcp, {}, {}, quick);
    const std::string gate = with.here.file("gate");
    auto call = with.workers.call(zoo::attempt, gate);
    auto other = with.workers.call(zoo::attempt, gate);
    // Each worker has one of the two.
    REQUIRE(eventually([&] { return with.manager.metrics().calls == 2; }));
    with.processes.front().signal(SIGSTOP);
    REQUIRE(eventually([&] { return with.manager.metrics().workers_lost >= 1; }));
    maus_test::make_file(gate);
    std::vector<std::uint32_t> attempts{value_of(call), value_of(other)};
    std::sort(attempts.begin(), attempts.end());
    CHECK(attempts.back() >= 2);
    with.processes.front().signal(SIGCONT);
    REQUIRE(with.workers.wait_for(2, patience));
    CHECK(with.manager.metrics().results == 2);
}

TEST_CASE("a function that hangs is ended by its attempt_timeout", "[losses]") {
    team with(2, GENERATE(transport::tcp, transport::ipc));
    auto hung = with.workers.with({.attempt_timeout = 200ms}).call(zoo::hang);
    auto calls = innocents(with.workers, 200);
    const maus::error failed = error_of(std::move(hung));
    CHECK(failed.code() == maus::errc::attempt_timeout);
    CHECK(failed.function() == "hang");
    // What waited behind it went elsewhere.
    check_squares(calls);
    CHECK(with.workers.size() == 1);
    check_sums(with.manager);
}

TEST_CASE("a worker that is asked to stop answers what runs and gives the rest back", "[losses]") {
    team with(2, GENERATE(transport::tcp, transport::ipc));
    const std::string gate = with.here.file("gate"), begun = with.here.file("begun");
    std::vector<maus::future<int>> calls;
    for (int i = 0; i < 100; ++i) calls.push_back(with.workers.call(zoo::hold, i, gate, begun));
    REQUIRE(eventually([&] { return maus_test::bytes_in(begun) == 2; }));
    with.processes.front().signal(SIGTERM);
    maus_test::make_file(gate);
    for (int i = 0; i < 100; ++i) CHECK(value_of(calls[static_cast<std::size_t>(i)]) == i);
    CHECK(with.processes.front().wait() == 0);
    CHECK(maus_test::bytes_in(begun) == 100);  // each was begun once
}

// --- poison -------------------------------------------------------------------------------------

TEST_CASE("a poison call among 1,000 innocent ones is poisoned after three attempts", "[losses]") {
    team with(6, GENERATE(transport::tcp, transport::ipc));
    const std::string tally = with.here.file("tally");
    std::vector<maus::future<std::int64_t>> calls = innocents(with.workers, 500);
    auto poison = with.workers.call(zoo::abort_if, 666, 666, tally);
    for (int i = 500; i < 1000; ++i) {
        calls.push_back(with.workers.call(zoo::abort_if, i, -1, ""));
    }
    const maus::error failed = error_of(std::move(poison));
    CHECK(failed.code() == maus::errc::poisoned);
    CHECK(failed.function() == "abort_if");
    REQUIRE(failed.attempts().size() == 3);
    std::set<std::string> victims;
    for (const auto& each : failed.attempts()) {
        victims.insert(each.worker);
        CHECK(each.after > 0ns);
        CHECK_FALSE(each.why.empty());
    }
    CHECK(victims.size() == 3);
    for (const auto& each : with.processes) {
        if (victims.contains(each.id)) victims.erase(each.id);
    }
    CHECK(victims.empty());
    check_squares(calls);
    // The first death may be blamed on the call before it, whose answer was lost with the worker;
    // from then on it runs alone, and nobody else is blamed.
    const std::size_t starts = maus_test::bytes_in(tally);
    CHECK(starts >= 3);
    CHECK(starts <= 4);
    CHECK(eventually([&] { return with.workers.size() == 6 - starts; }));
    CHECK(with.manager.metrics().errors == 1);
    check_sums(with.manager);
}

TEST_CASE("a poison call with at_most_once is maybe_executed, and kills one worker", "[losses]") {
    team with(3, GENERATE(transport::tcp, transport::ipc));
    const std::string tally = with.here.file("tally");
    std::vector<maus::future<std::int64_t>> calls = innocents(with.workers, 500);
    auto poison = with.workers.with({.delivery = maus::delivery::at_most_once})
                      .call(zoo::abort_if, 666, 666, tally);
    for (int i = 500; i < 1000; ++i) {
        calls.push_back(with.workers.call(zoo::abort_if, i, -1, ""));
    }
    const maus::error failed = error_of(std::move(poison));
    CHECK(failed.code() == maus::errc::maybe_executed);
    CHECK(failed.attempts().size() == 1);
    check_squares(calls);
    CHECK(maus_test::bytes_in(tally) == 1);
    CHECK(eventually([&] { return with.workers.size() == 2; }));
    check_sums(with.manager);
}

TEST_CASE("the start cap is the caller's to choose", "[losses]") {
    team with(3);
    const std::string tally = with.here.file("tally");
    auto poison = with.workers.with({.max_crashes = 1}).call(zoo::abort_if, 666, 666, tally);
    const maus::error failed = error_of(std::move(poison));
    CHECK(failed.code() == maus::errc::poisoned);
    CHECK(failed.attempts().size() == 1);
    CHECK(maus_test::bytes_in(tally) == 1);
}

TEST_CASE("at_most_once calls on a worker that dies: each is executed once at most", "[losses]") {
    team with(2);
    const std::string tally = with.here.file("tally");
    const auto once = with.workers.with({.delivery = maus::delivery::at_most_once});
    std::vector<maus::future<std::int64_t>> calls;
    for (int i = 0; i < 500; ++i) calls.push_back(once.call(zoo::abort_if, i, -1, tally));
    CHECK(value_of(calls[0]) == 0);
    with.processes.front().kill();
    std::size_t values = 1, unknown = 0;
    for (std::size_t i = 1; i < calls.size(); ++i) {
        REQUIRE(calls[i].wait_for(patience));
        try {
            const std::int64_t value = calls[i].get();
            CHECK(value == square(static_cast<std::int64_t>(i)));
            ++values;
        } catch (const maus::error& failed) {
            CHECK(failed.code() == maus::errc::maybe_executed);
            ++unknown;
        }
    }
    const auto executed = maus_test::bytes_in(tally);
    CHECK(executed >= values);
    CHECK(executed <= values + unknown);
    check_sums(with.manager);
}

// --- managers and parkservers -------------------------------------------------------------------

TEST_CASE("kill -9 of a manager in mid-burst frees its workers for the next", "[losses]") {
    site here(GENERATE(transport::tcp, transport::ipc));
    const auto processes = here.workers(3);
    for (int life = 0; life < 3; ++life) {
        manager_process busy = here.manager({"--amount", "3", "--calls", "1000"});
        REQUIRE(busy.line_with("calling"));
        busy.kill();
    }
    maus::manager manager(here.reachable());
    manager.connect_parkserver(here.parkserver());
    auto workers = manager.get_workers({.amount = 3});
    auto calls = innocents(workers, 300);
    check_squares(calls);
    CHECK(pids_of(workers, 3).size() == 3);
    CHECK(manager.metrics().stale_answers == 0);
}

TEST_CASE("kill -9 of the parkserver with requests waiting: they are served when it is back",
          "[losses]") {
    site here(GENERATE(transport::tcp, transport::ipc));
    const std::string place = here.fixed_place();
    parkserver_process park(place);
    maus::manager first(here.reachable()), second(here.reachable());
    first.connect_parkserver(place);
    second.connect_parkserver(place);
    auto one = first.get_workers({.amount = 1});
    REQUIRE(comes_to_have_requests(place, 1));
    auto two = second.get_workers({.amount = 2});
    REQUIRE(comes_to_have_requests(place, 2));
    auto first_call = one.call(zoo::add, 1, 10), second_call = two.call(zoo::add, 2, 20);
    const worker_process worker({place});
    CHECK(value_of(first_call) == 11);
    park.kill();
    const worker_process more({place}), even_more({place});
    park = parkserver_process(place);
    CHECK(value_of(second_call) == 22);
    REQUIRE(comes_to_have(place, 3, worker_state::leased));
    // Leased is what the parkserver says; a moment later the workers have said hello as well.
    CHECK(one.wait_for(1, patience));
    CHECK(two.wait_for(2, patience));
}

TEST_CASE("kill -9 of the parkserver in mid-lease: calls on live links never notice", "[losses]") {
    site here(GENERATE(transport::tcp, transport::ipc));
    const std::string place = here.fixed_place();
    parkserver_process park(place);
    const worker_process first({place}), second({place});
    maus::manager manager(here.reachable());
    manager.connect_parkserver(place);
    auto workers = manager.get_workers({.amount = 2});
    REQUIRE(workers.wait_for(2, patience));
    for (int life = 0; life < 3; ++life) {
        std::vector<maus::future<int>> calls;
        for (int i = 0; i < 200; ++i) calls.push_back(workers.call(zoo::slow, i, 1));
        park.kill();
        for (int i = 0; i < 100; ++i) CHECK(value_of(calls[static_cast<std::size_t>(i)]) == i);
        park = parkserver_process(place);
        for (int i = 100; i < 200; ++i) CHECK(value_of(calls[static_cast<std::size_t>(i)]) == i);
        REQUIRE(comes_to_have(place, 2, worker_state::leased));
    }
    CHECK(manager.metrics().workers_lost == 0);
    CHECK(manager.metrics().workers_joined == 2);
    check_sums(manager);
}

TEST_CASE("a worker dies while the parkserver is away: the request gets another when it is back",
          "[losses]") {
    site here;
    const std::string place = here.fixed_place();
    parkserver_process park(place);
    worker_process first({place});
    maus::manager manager(here.reachable());
    manager.connect_parkserver(place);
    auto workers = manager.get_workers({.amount = 1});
    REQUIRE(workers.wait_for(1, patience));
    park.kill();
    first.kill();
    auto call = workers.call(zoo::add, 2, 3);
    const worker_process second({place});
    park = parkserver_process(place);
    CHECK(value_of(call) == 5);
}

TEST_CASE("a parkserver that is stopped for a while and continues loses nobody's calls",
          "[losses]") {
    site here(transport::tcp, quick);
    parkserver_process park(here.fixed_place());
    const worker_process first({park.endpoint}, {}, quick), second({park.endpoint}, {}, quick);
    std::atomic<int> lost{0}, back{0};
    auto options = here.reachable();
    options.on_event = [&](const maus::event& news) {
        lost += news.kind == maus::event_kind::parkserver_lost;
        back += news.kind == maus::event_kind::parkserver_back;
    };
    maus::manager manager(options);
    manager.connect_parkserver(park.endpoint);
    auto workers = manager.get_workers({.amount = 2});
    REQUIRE(workers.wait_for(2, patience));
    park.signal(SIGSTOP);
    REQUIRE(eventually([&] { return lost >= 1; }));
    auto calls = innocents(workers, 300);
    check_squares(calls);
    park.signal(SIGCONT);
    REQUIRE(eventually([&] { return back >= 2; }));
    REQUIRE(comes_to_have(park.endpoint, 2, worker_state::leased));
    workers.release();
    auto again = manager.get_workers({.amount = 2});
    REQUIRE(again.wait_for(2, patience));
}
