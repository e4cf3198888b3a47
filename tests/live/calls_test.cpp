// Calling functions: by method and by name, what is refused before anything is sent, futures,
// events, cancelling, and every option that a call or a request has.
#include <future>
#include <mutex>
#include <thread>

#include "live/team.hpp"
#include "support/shown.hpp"

using namespace live;

namespace {

/// Keeps the only worker busy until it goes out of scope; waits for its end then.
struct busy_worker {
    explicit busy_worker(team& with) : gate(with.here.file("busy-gate")) {
        const std::string begun = with.here.file("busy-begun");
        call = with.workers.call(zoo::hold, 1, gate, begun);
        REQUIRE(eventually([&] { return maus_test::bytes_in(begun) == 1; }));
    }
    ~busy_worker() { maus_test::make_file(gate); }
    std::string gate;
    maus::future<int> call;
};

}  // namespace

// --- by method, by name -------------------------------------------------------------------------

TEST_CASE("functions are called by method and by name", "[calls]") {
    team with(1, GENERATE(transport::tcp, transport::ipc));
    CHECK(value_of(with.workers.call(zoo::add, 1, 2)) == 3);
    CHECK(value_of(with.workers.call<int>("add", 1, 2)) == 3);
    CHECK(value_of(with.workers.call<std::string>("echo", "a literal")) == "a literal");
    CHECK(value_of(with.workers.call<std::string>("echo", std::string_view("a view"))) == "a view");
    CHECK(value_of(with.workers.call(zoo::echo, "converted")) == "converted");
    const std::int64_t wide = 2;
    CHECK(value_of(with.workers.call(zoo::abort_if, wide, -1, "")) == 4);
    with.workers.call<void>("note", with.here.file("noted")).get();
    CHECK(maus_test::bytes_in(with.here.file("noted")) == 1);
}

TEST_CASE("what no worker exposes is refused with both signatures, and nothing is sent",
          "[calls]") {
    team with(1);
    CHECK(value_of(with.workers.call(zoo::add, 0, 0)) == 0);
    // Nothing can be executed while the worker is held; what is refused is refused all the same.
    const busy_worker busy(with);
    const maus::error endless = error_of(with.workers.call<int>(std::string(1 << 20, 'q'), 1));
    CHECK(endless.code() == maus::errc::no_such_function);
    CHECK(std::string_view(endless.what()).size() < 1000);
    const maus::error misspelt = error_of(with.workers.call<int>("ad", 1, 2));
    CHECK(misspelt.code() == maus::errc::no_such_function);
    CHECK(misspelt.function() == "ad");
    CHECK_THAT(misspelt.what(), maus_test::has_text("ad(i32,i32)->i32"));

    const maus::error too_few = error_of(with.workers.call<int>("add", 1));
    CHECK(too_few.code() == maus::errc::signature_mismatch);
    CHECK_THAT(too_few.what(), maus_test::has_text("add(i32)->i32"));
    CHECK_THAT(too_few.what(), maus_test::has_text("add(i32,i32)->i32"));

    const maus::error wrong_type = error_of(with.workers.call<int>("add", 1, 2.0));
    CHECK(wrong_type.code() == maus::errc::signature_mismatch);
    CHECK_THAT(wrong_type.what(), maus_test::has_text("add(i32,f64)->i32"));
    CHECK_THAT(wrong_type.what(), maus_test::has_text("add(i32,i32)->i32"));

    const maus::error wrong_result = error_of(with.workers.call<double>("add", 1, 2));
    CHECK(wrong_result.code() == maus::errc::signature_mismatch);
    CHECK_THAT(wrong_result.what(), maus_test::has_text("add(i32,i32)->f64"));

    constexpr maus::method<long(std::vector<int>)> other_add{"add"};
    const maus::error method = error_of(with.workers.call(other_add, std::vector<int>{1}));
    CHECK(method.code() == maus::errc::signature_mismatch);
    CHECK_THAT(method.what(), maus_test::has_text("add(list<i32>)->i64"));
}

TEST_CASE("a function that only some workers expose is called on those", "[calls]") {
    site here;
    maus::worker special({.heartbeat = calm});
    special.expose("only_here", [](int x) { return x + 1; });
    special.register_parkserver(here.parkserver());
    special.start();
    const auto others = here.workers(2);
    REQUIRE(comes_to_have(here.parkserver(), 3, worker_state::available));
    maus::manager manager(here.reachable());
    manager.connect_parkserver(here.parkserver());
    auto workers = manager.get_workers({.amount = 3});
    REQUIRE(workers.wait_for(3, patience));
    std::vector<maus::future<int>> there, elsewhere;
    for (int i = 0; i < 100; ++i) {
        there.push_back(workers.call<int>("only_here", i));
        elsewhere.push_back(workers.call(zoo::add, i, i));
    }
    for (int i = 0; i < 100; ++i) {
        CHECK(value_of(there[static_cast<std::size_t>(i)]) == i + 1);
        CHECK(value_of(elsewhere[static_cast<std::size_t>(i)]) == 2 * i);
    }
}

// --- futures ------------------------------------------------------------------------------------

TEST_CASE("a future can be waited for, with and without a bound", "[calls]") {
    team with(1);
    const std::string gate = with.here.file("gate");
    auto call = with.workers.call(zoo::hold, 5, gate, "");
    CHECK_FALSE(call.ready());
    CHECK_FALSE(call.wait_for(0ms));
    CHECK_FALSE(call.wait_for(10ms));
    maus_test::make_file(gate);
    call.wait();
    CHECK(call.ready());
    CHECK(call.wait_for(0ms));
    CHECK(call.wait_for(std::chrono::hours::max()));
    CHECK_FALSE(with.workers.wait_for(2, 0ms));
    CHECK(with.workers.wait_for(1, std::chrono::years::max()));
    CHECK(call.get() == 5);
    CHECK_FALSE(call.valid());
}

TEST_CASE("then() goes on with values, and errors pass it by", "[calls]") {
    team with(1);
    auto doubled = with.workers.call(zoo::add, 20, 1).then([](int sum) { return 2 * sum; });
    auto text = doubled.then([](int value) { return std::to_string(value); });
    CHECK(value_of(text) == "42");
    std::atomic<bool> called{false};
    auto failed = with.workers.call(zoo::fail, 1).then([&](int) { called = true; });
    CHECK(error_of(std::move(failed)).code() == maus::errc::remote_exception);
    CHECK_FALSE(called);
    auto looked = with.workers.call(zoo::fail, 1).then([](maus::future<int> ready) {
        try {
            return ready.get();
        } catch (const maus::error& why) {
            return why.code() == maus::errc::remote_exception ? -1 : -2;
        }
    });
    CHECK(value_of(looked) == -1);
}

TEST_CASE("a callback may make calls and wait for them", "[calls]") {
    team with(2);
    auto sum = with.workers.call(zoo::add, 1, 2).then([&](int three) {
        return with.workers.call(zoo::add, three, 4).get();
    });
    CHECK(value_of(sum) == 7);
}

namespace {
maus::future<int> fibonacci(const maus::worker_group& workers, int n) {
    int before = 0, now = 1;
    for (int i = 1; i < n; ++i) {
        const int next = co_await workers.call(zoo::add, before, now);
        before = now;
        now = next;
    }
    co_return now;
}
maus::future<std::string> what_failed(const maus::worker_group& workers) {
    try {
        co_await workers.call(zoo::fail, 9);
    } catch (const maus::error& failed) {
        co_return failed.function();
    }
    co_return "nothing";
}
maus::future<void> note_twice(const maus::worker_group& workers, std::string file) {
    co_await workers.call(zoo::note, file);
    co_await workers.call(zoo::note, file);
}
}  // namespace

TEST_CASE("coroutines wait for calls", "[calls]") {
    team with(2, GENERATE(transport::tcp, transport::ipc));
    std::vector<maus::future<int>> all;
    for (int i = 0; i < 20; ++i) all.push_back(fibonacci(with.workers, 20));
    for (auto& each : all) CHECK(value_of(each) == 6765);
    CHECK(value_of(what_failed(with.workers)) == "fail");
    auto noted = note_twice(with.workers, with.here.file("noted"));
    REQUIRE(noted.wait_for(patience));
    noted.get();
    CHECK(maus_test::bytes_in(with.here.file("noted")) == 2);
}

TEST_CASE("a dropped future's call is made all the same", "[calls]") {
    team with(1);
    const std::string file = with.here.file("noted");
    for (int i = 0; i < 100; ++i) (void)with.workers.call(zoo::note, file);
    CHECK(eventually([&] { return maus_test::bytes_in(file) == 100; }));
    CHECK(eventually([&] { return with.manager.metrics().results == 100; }));
}

TEST_CASE("a future outlives its workers and its manager", "[calls]") {
    std::vector<maus::future<int>> calls;
    {
        team with(1);
        const busy_worker busy(with);
        calls.push_back(with.workers.call(zoo::add, 1, 1));
        with.workers.release();
        CHECK(error_of(std::move(calls.back())).code() == maus::errc::cancelled);
        calls.pop_back();
        auto more = with.manager.get_workers({.amount = 9});
        calls.push_back(more.call(zoo::add, 1, 1));
        with.manager.stop();
        calls.push_back(more.call(zoo::add, 1, 1));
    }
    for (auto& each : calls) CHECK(error_of(std::move(each)).code() == maus::errc::shutdown);
}

TEST_CASE("many threads call on the same workers", "[calls]") {
    team with(2, GENERATE(transport::tcp, transport::ipc));
    constexpr int threads = 6, calls_each = 500;
    std::vector<std::thread> all;
    std::atomic<int> wrong{0};
    for (int who = 0; who < threads; ++who) {
        all.emplace_back([&, who] {
            std::vector<maus::future<int>> mine;
            for (int i = 0; i < calls_each; ++i) {
                mine.push_back(with.workers.call(zoo::add, who * calls_each, i));
            }
            for (int i = 0; i < calls_each; ++i) {
                if (mine[static_cast<std::size_t>(i)].get() != who * calls_each + i) ++wrong;
            }
        });
    }
    for (auto& each : all) each.join();
    CHECK(wrong == 0);
    CHECK(with.manager.metrics().results == threads * calls_each);
}

TEST_CASE("many threads ask for workers, call on them and give them back", "[calls]") {
    site here;
    const auto processes = here.workers(3);
    maus::manager manager(here.reachable());
    manager.connect_parkserver(here.parkserver());
    std::vector<std::thread> all;
    std::atomic<int> wrong{0};
    for (int who = 0; who < 4; ++who) {
        all.emplace_back([&, who] {
            for (int i = 0; i < 10; ++i) {
                auto workers = manager.get_workers({.amount = 1});
                if (workers.call(zoo::add, who, i).get() != who + i) ++wrong;
            }
        });
    }
    for (auto& each : all) each.join();
    CHECK(wrong == 0);
    CHECK(comes_to_have(here.parkserver(), 3, worker_state::available));
}

TEST_CASE("workers are released by one thread while others call on them and wait", "[calls]") {
    team with(2);
    std::atomic<int> wrong{0}, made{0};
    std::vector<std::thread> all;
    for (int who = 0; who < 3; ++who) {
        all.emplace_back([&] {
            for (;;) {
                auto call = with.workers.call(zoo::add, 1, 1);
                ++made;
                try {
                    if (call.get() != 2) ++wrong;
                } catch (const maus::error& failed) {
                    if (failed.code() != maus::errc::cancelled) ++wrong;
                    return;
                }
            }
        });
    }
    all.emplace_back([&] {
        if (with.workers.wait_for(3, patience)) ++wrong;
    });
    REQUIRE(eventually([&] { return made > 300; }));
    with.workers.release();
    for (auto& each : all) each.join();
    CHECK(wrong == 0);
    CHECK(with.workers.size() == 0);
}

// --- events -------------------------------------------------------------------------------------

namespace {
class diary {
public:
    [[nodiscard]] std::function<void(const maus::event&)> writer() {
        return [this](const maus::event& news) {
            const std::lock_guard lock(guard_);
            all_.push_back(news);
        };
    }
    [[nodiscard]] std::size_t count(maus::event_kind kind, const std::string& name) const {
        const std::lock_guard lock(guard_);
        std::size_t found = 0;
        for (const auto& each : all_) found += each.kind == kind && each.name == name;
        return found;
    }
    [[nodiscard]] bool comes(maus::event_kind kind, const std::string& name,
                             std::size_t times = 1) const {
        return eventually([&] { return count(kind, name) >= times; }) && count(kind, name) == times;
    }

private:
    mutable std::mutex guard_;
    std::vector<maus::event> all_;
};
}  // namespace

TEST_CASE("a program hears of workers that join, are lost and are released", "[calls]") {
    using kind = maus::event_kind;
    diary heard;
    site here;
    auto processes = here.workers(2);
    auto options = here.reachable();
    options.on_event = heard.writer();
    maus::manager manager(options);
    manager.connect_parkserver(here.parkserver());
    CHECK(heard.comes(kind::parkserver_back, here.parkserver()));
    auto workers = manager.get_workers({.amount = 2});
    for (const auto& each : processes) CHECK(heard.comes(kind::worker_joined, each.id));
    processes[0].kill();
    CHECK(heard.comes(kind::worker_lost, processes[0].id));
    workers.release();
    CHECK(heard.comes(kind::worker_released, processes[1].id));
    CHECK(heard.count(kind::worker_lost, processes[1].id) == 0);
}

TEST_CASE("a program hears of a parkserver that is lost and back", "[calls]") {
    using kind = maus::event_kind;
    diary heard;
    site here(GENERATE(transport::tcp, transport::ipc));
    const std::string place = here.fixed_place();
    auto options = here.reachable();
    options.on_event = heard.writer();
    maus::manager manager(options);
    manager.connect_parkserver(place);
    parkserver_process park(place);
    CHECK(heard.comes(kind::parkserver_back, place));
    park.kill();
    CHECK(heard.comes(kind::parkserver_lost, place));
    park = parkserver_process(place);
    CHECK(heard.comes(kind::parkserver_back, place, 2));
    CHECK(park.terminate() == 0);  // a clean stop is noticed as well
    CHECK(heard.comes(kind::parkserver_lost, place, 2));
}

TEST_CASE("an event's callback may use the manager", "[calls]") {
    site here;
    std::atomic<int> sum{0};
    maus::manager* self = nullptr;
    maus::worker_group workers;
    std::mutex guard;
    auto options = here.reachable();
    options.on_event = [&](const maus::event& news) {
        if (news.kind != maus::event_kind::worker_joined) return;
        const std::lock_guard lock(guard);
        sum = workers.call(zoo::add, 40, 2).get();
        (void)self->metrics();
    };
    maus::manager manager(options);
    {
        const std::lock_guard lock(guard);
        self = &manager;
        workers = manager.get_workers({.amount = 1});
    }
    manager.connect_parkserver(here.parkserver());
    const auto worker = here.worker();
    CHECK(eventually([&] { return sum == 42; }));
    manager.stop();  // before what the callback refers to goes
}

// --- cancel and options -------------------------------------------------------------------------

TEST_CASE("a call that waits is cancelled and never executed", "[calls]") {
    team with(1, GENERATE(transport::tcp, transport::ipc));
    const std::string file = with.here.file("noted");
    {
        busy_worker busy(with);
        std::vector<maus::future<void>> calls;
        for (int i = 0; i < 50; ++i) calls.push_back(with.workers.call(zoo::note, file));
        // Not the first: it waits at the worker, which may start it before it hears of the cancel.
        for (std::size_t i = 1; i < calls.size(); i += 2) calls[i].cancel();
        for (std::size_t i = 1; i < calls.size(); i += 2) {
            CHECK(error_of(std::move(calls[i])).code() == maus::errc::cancelled);
        }
        maus_test::make_file(busy.gate);
        CHECK(value_of(busy.call) == 1);
        for (std::size_t i = 0; i < calls.size(); i += 2) {
            REQUIRE(calls[i].wait_for(patience));
            calls[i].get();
        }
    }
    CHECK(maus_test::bytes_in(file) == 25);
}

TEST_CASE("a call that runs is cancelled for its caller; its late answer does not count",
          "[calls]") {
    team with(1);
    busy_worker busy(with);
    busy.call.cancel();
    CHECK(error_of(std::move(busy.call)).code() == maus::errc::cancelled);
    maus_test::make_file(busy.gate);
    CHECK(value_of(with.workers.call(zoo::add, 1, 1)) == 2);
    CHECK(with.manager.metrics().stale_answers == 1);
    auto done = with.workers.call(zoo::add, 1, 1);
    done.wait();
    done.cancel();  // too late, and without effect
    CHECK(done.get() == 2);
}

TEST_CASE("a call settles by its deadline, wherever it is", "[calls]") {
    team with(1);
    const busy_worker busy(with);
    const auto hasty = with.workers.with({.timeout = 100ms});
    const maus::error waiting = error_of(hasty.call(zoo::add, 1, 1));
    CHECK(waiting.code() == maus::errc::deadline_exceeded);
    CHECK(waiting.function() == "add");
    auto nobody = with.manager.get_workers({.type = "nobody", .calls = {.timeout = 100ms}});
    CHECK(error_of(nobody.call(zoo::add, 1, 1)).code() == maus::errc::deadline_exceeded);
    CHECK(error_of(with.workers.with({.timeout = 0ms}).call(zoo::add, 1, 1)).code() ==
          maus::errc::deadline_exceeded);
    CHECK(error_of(with.workers.with({.timeout = -1s}).call(zoo::add, 1, 1)).code() ==
          maus::errc::deadline_exceeded);
}

TEST_CASE("an attempt's time does not run while it waits behind others", "[calls]") {
    team with(1);
    busy_worker busy(with);
    auto behind = with.workers.with({.attempt_timeout = 20s}).call(zoo::add, 1, 1);
    CHECK_FALSE(behind.wait_for(100ms));
    maus_test::make_file(busy.gate);
    CHECK(value_of(behind) == 2);
}

TEST_CASE("a full group blocks its callers or fails their calls", "[calls]") {
    maus::limits few;
    few.calls_max = 10;
    team with(1, transport::tcp, {}, few);
    auto busy = std::make_unique<busy_worker>(with);
    std::vector<maus::future<int>> calls;
    for (int i = 1; i < 10; ++i) calls.push_back(with.workers.call(zoo::add, i, i));
    const auto or_fail = with.workers.with({.when_full = maus::when_full::fail});
    const maus::error full = error_of(or_fail.call(zoo::add, 1, 1));
    CHECK(full.code() == maus::errc::overloaded);
    CHECK(full.function() == "add");
    std::atomic<bool> came_through{false};
    maus::future<int> blocked;
    std::thread caller([&] {
        blocked = with.workers.call(zoo::add, 50, 50);
        came_through = true;
    });
    CHECK(error_of(or_fail.call(zoo::add, 1, 1)).code() == maus::errc::overloaded);
    CHECK_FALSE(came_through);
    busy.reset();
    caller.join();
    CHECK(value_of(blocked) == 100);
    for (int i = 1; i < 10; ++i) CHECK(value_of(calls[static_cast<std::size_t>(i) - 1]) == 2 * i);
}

TEST_CASE("a caller that is blocked goes on when the workers are released or the manager stops",
          "[calls]") {
    maus::limits one;
    one.calls_max = 1;
    team with(1, transport::tcp, {}, one);
    const bool by_stop = GENERATE(true, false);
    const busy_worker busy(with);
    std::vector<std::future<std::optional<maus::errc>>> callers;
    for (int i = 0; i < 3; ++i) {
        callers.push_back(std::async(std::launch::async, [&]() -> std::optional<maus::errc> {
            try {
                with.workers.call(zoo::add, 1, 1).get();
                return std::nullopt;
            } catch (const maus::error& failed) {
                return failed.code();
            }
        }));
    }
    if (by_stop) {
        with.manager.stop();
    } else {
        with.workers.release();
    }
    for (auto& each : callers) {
        CHECK(each.get() == (by_stop ? maus::errc::shutdown : maus::errc::cancelled));
    }
}

TEST_CASE("what is too large is refused by name, on either side, and hurts nothing else",
          "[calls]") {
    maus::limits small;
    small.message_bytes_max = 100'000;
    team with(1, GENERATE(transport::tcp, transport::ipc), {}, small);
    CHECK(error_of(with.workers.call(zoo::echo, std::string(100'001, 'x'))).code() ==
          maus::errc::too_large);
    CHECK(value_of(with.workers.call(zoo::echo, std::string(90'000, 'x'))).size() == 90'000);

    // A worker in this process with the same small limit, and a result above it.
    maus::worker worker({.heartbeat = calm, .limits = small});
    worker.expose("much", [](std::uint32_t size) { return std::string(size, 'y'); });
    worker.register_parkserver(with.here.parkserver(), "small");
    worker.start();
    auto workers = with.manager.get_workers({.amount = 1, .type = "small"});
    CHECK(value_of(workers.call<std::string>("much", 90'000u)).size() == 90'000);
    CHECK(error_of(workers.call<std::string>("much", 200'000u)).code() == maus::errc::too_large);
    CHECK(value_of(workers.call<std::string>("much", 10u)) == "yyyyyyyyyy");
    CHECK(with.manager.metrics().workers_lost == 0);
}

TEST_CASE("a function reads its fence", "[calls]") {
    site here;
    maus_test::shown<maus::fence> fence;
    maus::worker worker({.heartbeat = calm});
    worker.expose("look", [&] { fence.show(maus::this_call::fence()); });
    worker.register_parkserver(here.parkserver());
    worker.start();
    maus::manager manager(here.reachable());
    manager.connect_parkserver(here.parkserver());
    auto workers = manager.get_workers({.amount = 1});
    auto looked = workers.call<void>("look");
    REQUIRE(looked.wait_for(patience));
    looked.get();
    const maus::fence seen = fence.get();
    CHECK(seen.manager == manager.id());
    CHECK(seen.worker == worker.id());
    CHECK(seen.attempt == 1);
    CHECK(seen.lease_epoch != 0);
    CHECK(seen.lease_sequence != 0);
}
