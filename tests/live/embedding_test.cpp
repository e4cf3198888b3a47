// Inside other programs: a worker in a loop that is there already (poll, Asio), several of
// everything in one process, and start, stop and destruction at awkward moments.
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#if defined(__SANITIZE_THREAD__)
#define ASIO_DISABLE_FENCED_BLOCK  // ThreadSanitizer knows no fences; one thread needs none
#endif
#include <algorithm>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/post.hpp>
#include <filesystem>
#include <fstream>
#include <future>
#include <list>
#include <mutex>
#include <set>
#include <thread>

#include "live/site.hpp"

using namespace live;

namespace {

/// Functions that such a service may have; `answer` is called from a thread of the test's.
struct service {
    std::mutex guard;
    std::vector<std::pair<maus::responder<int>, int>> waiting;

    void expose_on(maus::worker& worker) {
        worker.expose(zoo::add, [](int x, int y) { return x + y; });
        worker.expose(zoo::fail, [](int x) -> int { throw std::out_of_range(std::to_string(x)); });
        worker.expose(zoo::echo, [](std::string text) { return text; });
        worker.expose("wait", [this](maus::responder<int> answer, int x) {
            const std::lock_guard lock(guard);
            waiting.emplace_back(std::move(answer), x);
        });
    }
    [[nodiscard]] std::size_t count() {
        const std::lock_guard lock(guard);
        return waiting.size();
    }
    void answer_all() {
        const std::lock_guard lock(guard);
        for (auto& [answer, x] : waiting) answer(x + 1);
        waiting.clear();
    }
};

/// The host's loop is a poll() without a timeout: whatever is to be done makes fd() readable.
void serve_with_poll(std::vector<maus::worker*> workers) {
    while (!workers.empty()) {
        std::vector<pollfd> ready;
        for (auto* each : workers) ready.push_back({each->fd(), POLLIN, 0});
        ::poll(ready.data(), ready.size(), -1);
        std::erase_if(workers, [](auto* each) { return !each->process_events(); });
    }
}

/// The same with Asio.
class asio_host {
public:
    asio_host(asio::io_context& io, maus::worker& worker)
        : worker_(worker), readable_(io, worker.fd()) {
        wait();
    }
    ~asio_host() { readable_.release(); }  // the descriptor is the worker's

private:
    void wait() {
        readable_.async_wait(asio::posix::stream_descriptor::wait_read,
                             [this](const std::error_code& failed) {
                                 if (!failed && worker_.process_events()) wait();
                             });
    }
    maus::worker& worker_;
    asio::posix::stream_descriptor readable_;
};

std::set<std::string> threads_that_are_not_libzmqs() {
    std::set<std::string> found;
    for (const auto& each : std::filesystem::directory_iterator("/proc/self/task")) {
        std::ifstream file(each.path() / "comm");
        std::string name;
        std::getline(file, name);
        if (!name.starts_with("ZMQbg")) found.insert(each.path().filename());
    }
    return found;
}

std::size_t open_descriptors() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

void works(const maus::worker_group& workers, service& hosted) {
    std::vector<maus::future<int>> sums;
    for (int i = 0; i < 300; ++i) sums.push_back(workers.call(zoo::add, i, 1));
    for (int i = 0; i < 300; ++i) CHECK(value_of(sums[static_cast<std::size_t>(i)]) == i + 1);
    const std::string large(300'000, 'l');
    CHECK(value_of(workers.call(zoo::echo, large)) == large);
    const maus::error failed = error_of(workers.call(zoo::fail, 12));
    CHECK(failed.remote_type() == "std::out_of_range");
    std::vector<maus::future<int>> later;
    for (int i = 0; i < 20; ++i) later.push_back(workers.call<int>("wait", i));
    REQUIRE(eventually([&] { return hosted.count() == 20; }));
    CHECK(value_of(workers.call(zoo::add, 1, 1)) == 2);
    hosted.answer_all();
    for (int i = 0; i < 20; ++i) CHECK(value_of(later[static_cast<std::size_t>(i)]) == i + 1);
}

template <class Body>
maus::errc thrown_by(Body body) {
    try {
        body();
    } catch (const maus::error& failed) {
        return failed.code();
    }
    throw std::logic_error("no error");
}

}  // namespace

// --- in a loop that is there already ------------------------------------------------------------

TEST_CASE("a worker lives in a loop with poll(), without a thread of its own", "[embedding]") {
    site here(GENERATE(transport::tcp, transport::ipc), quick);
    const std::string place = here.fixed_place();
    auto park = std::make_unique<parkserver_process>(place);
    service hosted;
    maus::worker worker({.heartbeat = quick, .log = log_as("hosted")});
    hosted.expose_on(worker);
    worker.register_parkserver(place);
    maus::manager manager(here.reachable());
    manager.connect_parkserver(place);
    // No thread is new. (One of an earlier test may be on its way out.)
    const auto before = threads_that_are_not_libzmqs();
    (void)worker.fd();
    const auto after = threads_that_are_not_libzmqs();
    CHECK(std::includes(before.begin(), before.end(), after.begin(), after.end()));
    std::thread host([&] { serve_with_poll({&worker}); });
    {
        auto workers = manager.get_workers({.amount = 1});
        works(workers, hosted);
        // Heartbeats go on while nothing else happens.
        const auto begun = status_of(place);
        REQUIRE(begun);
        const auto longer = 2 * quick.interval * quick.liveness;
        REQUIRE(eventually([&] {
            const auto now = status_of(place);
            return now && now->uptime > begun->uptime + longer;
        }));
        CHECK(manager.metrics().workers_lost == 0);
        CHECK(value_of(workers.call(zoo::add, 2, 2)) == 4);
        // Losses: of the parkserver, then of a manager.
        park->kill();
        park = std::make_unique<parkserver_process>(place);
        REQUIRE(comes_to_be(place, worker.id(), worker_state::leased));
        CHECK(value_of(workers.call(zoo::add, 3, 3)) == 6);
    }
    REQUIRE(comes_to_be(place, worker.id(), worker_state::available));
    manager_process busy({place}, {"--endpoint", here.somewhere(), "--calls", "200"}, quick);
    REQUIRE(busy.line_with("calling"));
    busy.kill();
    REQUIRE(comes_to_be(place, worker.id(), worker_state::available));
    auto again = manager.get_workers({.amount = 1});
    works(again, hosted);
    worker.stop();
    host.join();
    REQUIRE(eventually([&] { return again.size() == 0; }));
}

TEST_CASE("all of them speak IPv6", "[embedding]") {
    std::optional<maus::parkserver> park;
    try {
        park.emplace(maus::parkserver_options{.bind = {"tcp://[::1]:*"}});
    } catch (const maus::error& failed) {
        WARN("skipped: needs ::1 on this machine: " << failed.what());
        return;
    }
    CHECK_THAT(park->endpoint(), maus_test::has_text("tcp://[::1]:"));
    park->start();
    maus::worker worker;
    worker.expose("add", [](int x, int y) { return x + y; });
    worker.register_parkserver(park->endpoint());
    worker.start();
    // Both kinds at one time: the manager is reached by IPv6, then it is reached by IPv4.
    for (const char* place : {"tcp://[::1]:*", "tcp://127.0.0.1:*"}) {
        maus::manager manager(place);
        manager.connect_parkserver(park->endpoint());
        auto workers = manager.get_workers({.amount = 1});
        CHECK(value_of(workers.call<int>("add", 1, 2)) == 3);
    }
    CHECK(maus::fetch_status(park->endpoint(), 20s).workers.size() == 1);
    CHECK(park->metrics().relayed == 0);
}

TEST_CASE("a name can be bound and reached", "[embedding]") {
    maus::parkserver park({.bind = {"tcp://localhost:*"}});
    park.start();
    CHECK(maus::fetch_status(park.endpoint(), 20s).workers.empty());
}

TEST_CASE("worker, manager and parkserver count what happens", "[embedding]") {
    site here;
    maus::worker worker;
    worker.expose("add", [](int x, int y) { return x + y; });
    worker.expose("fail", [](int x) -> int { throw std::runtime_error(std::to_string(x)); });
    CHECK(worker.metrics().calls == 0);
    worker.register_parkserver(here.parkserver());
    worker.start();
    maus::manager manager;  // relayed, so that the parkserver has messages to count
    manager.connect_parkserver(here.parkserver());
    {
        auto workers = manager.get_workers({.amount = 1});
        CHECK(value_of(workers.call<int>("add", 1, 2)) == 3);
        CHECK(error_of(workers.call<int>("fail", 4)).code() == maus::errc::remote_exception);
    }
    // What a counter counts may be told to others before the counter is published.
    CHECK(eventually([&] {
        const auto at_worker = worker.metrics();
        return at_worker.calls == 2 && at_worker.answers == 2 && at_worker.leases == 1;
    }));
    CHECK(manager.metrics().calls == 2);
    CHECK(manager.metrics().results == 1);
    CHECK(manager.metrics().errors == 1);
    CHECK(manager.metrics().workers_joined == 1);
    manager.stop();
    worker.stop();
    CHECK(eventually([&] {
        const auto at_park = here.park().metrics();
        return at_park.workers_lost == 1 && at_park.managers_lost == 1;
    }));
    const auto at_park = here.park().metrics();
    CHECK(at_park.registrations == 2);
    CHECK(at_park.grants == 1);
    CHECK(at_park.relayed >= 4);
    CHECK(at_park.violations == 0);
    CHECK(worker.metrics().violations == 0);
    CHECK(worker.metrics().answers_dropped == 0);
}

TEST_CASE("a worker lives in an Asio loop", "[embedding]") {
    site here(transport::tcp, quick);
    service hosted;
    maus::worker worker({.heartbeat = quick, .log = log_as("hosted")});
    hosted.expose_on(worker);
    worker.register_parkserver(here.parkserver());
    asio::io_context io;
    asio_host hosting(io, worker);
    std::thread host([&] { io.run(); });
    maus::manager manager(here.reachable());
    manager.connect_parkserver(here.parkserver());
    auto workers = manager.get_workers({.amount = 1});
    works(workers, hosted);
    workers.release();
    manager_process busy = here.manager({"--calls", "200"});
    REQUIRE(busy.line_with("calling"));
    busy.kill();
    REQUIRE(comes_to_be(here.parkserver(), worker.id(), worker_state::available));
    auto again = manager.get_workers({.amount = 1});
    works(again, hosted);
    // stop() from the loop itself; the loop ends by itself then.
    asio::post(io, [&] { worker.stop(); });
    host.join();
    CHECK_FALSE(worker.process_events());
}

TEST_CASE("a worker in a loop that stops gives back what it has not started", "[embedding]") {
    site here;
    service hosted;
    auto worker = std::make_unique<maus::worker>(maus::worker_options{.heartbeat = calm});
    hosted.expose_on(*worker);
    worker->register_parkserver(here.parkserver());
    std::thread host([&] { serve_with_poll({worker.get()}); });
    maus::manager manager(here.reachable());
    manager.connect_parkserver(here.parkserver());
    auto workers = manager.get_workers({.amount = 1});
    std::vector<maus::future<int>> calls;
    for (int i = 0; i < 2000; ++i) calls.push_back(workers.call(zoo::add, i, 1));
    worker->stop();
    host.join();
    worker.reset();
    const auto next = here.worker();
    for (int i = 0; i < 2000; ++i) CHECK(value_of(calls[static_cast<std::size_t>(i)]) == i + 1);
}

// --- several in one process ---------------------------------------------------------------------

TEST_CASE("several workers and managers live in one process", "[embedding]") {
    site here(GENERATE(transport::tcp, transport::ipc));
    service hosted;
    std::list<maus::worker> threaded, looped;
    for (int i = 0; i < 3; ++i) {
        auto& worker = threaded.emplace_back(maus::worker_options{.heartbeat = calm});
        hosted.expose_on(worker);
        worker.register_parkserver(here.parkserver());
        worker.start();
    }
    std::vector<maus::worker*> in_loop;
    for (int i = 0; i < 2; ++i) {
        auto& worker = looped.emplace_back(maus::worker_options{.heartbeat = calm});
        hosted.expose_on(worker);
        worker.register_parkserver(here.parkserver());
        in_loop.push_back(&worker);
    }
    std::thread host([&] { serve_with_poll(in_loop); });
    REQUIRE(comes_to_have(here.parkserver(), 5, worker_state::available));
    std::list<maus::manager> managers;
    std::vector<maus::worker_group> groups;
    for (std::uint32_t amount : {1u, 2u, 2u}) {
        auto& manager = managers.emplace_back(amount == 1 ? here.relayed() : here.reachable());
        manager.connect_parkserver(here.parkserver());
        groups.push_back(manager.get_workers({.amount = amount}));
    }
    std::vector<maus::future<int>> calls;
    for (int i = 0; i < 300; ++i) {
        calls.push_back(groups[static_cast<std::size_t>(i % 3)].call(zoo::add, i, i));
    }
    for (int i = 0; i < 300; ++i) CHECK(value_of(calls[static_cast<std::size_t>(i)]) == 2 * i);
    CHECK(groups[0].size() == 1);
    CHECK(groups[1].size() == 2);
    CHECK(groups[2].size() == 2);
    for (auto& each : looped) each.stop();
    host.join();
    for (auto& each : threaded) each.stop();
    for (auto& each : groups) CHECK(eventually([&] { return each.size() == 0; }));
}

TEST_CASE("one function calls others, on workers of the same process", "[embedding]") {
    site here;
    maus::worker adder({.heartbeat = calm});
    adder.expose(zoo::add, [](int x, int y) { return x + y; });
    adder.register_parkserver(here.parkserver(), "adder");
    adder.start();
    maus::manager inner(here.reachable());
    inner.connect_parkserver(here.parkserver());
    auto adders = inner.get_workers({.amount = 1, .type = "adder"});
    maus::worker middle({.heartbeat = calm});
    middle.expose("add_three", [&](int x, int y, int z) -> maus::future<int> {
        const int two = co_await adders.call(zoo::add, x, y);
        co_return co_await adders.call(zoo::add, two, z);
    });
    middle.register_parkserver(here.parkserver(), "middle");
    middle.start();
    maus::manager outer(here.reachable());
    outer.connect_parkserver(here.parkserver());
    auto workers = outer.get_workers({.amount = 1, .type = "middle"});
    std::vector<maus::future<int>> calls;
    for (int i = 0; i < 50; ++i) calls.push_back(workers.call<int>("add_three", i, 10, 100));
    for (int i = 0; i < 50; ++i) CHECK(value_of(calls[static_cast<std::size_t>(i)]) == i + 110);
}

TEST_CASE("a parkserver is an object: any port, several addresses, a clear word if one is taken",
          "[embedding]") {
    site here;
    maus_test::scratch_folder folder;
    const std::string path = "ipc://" + folder.file("park");
    maus::parkserver park({.bind = {"tcp://127.0.0.1:*", path}});
    REQUIRE(park.endpoints().size() == 2);
    CHECK(park.endpoint() == park.endpoints()[0]);
    CHECK(park.endpoints()[1] == path);
    park.start();
    const worker_process over_tcp({park.endpoints()[0]}), over_ipc({path});
    REQUIRE(comes_to_have(path, 2, worker_state::available));
    maus::manager manager(here.reachable());
    manager.connect_parkserver(park.endpoint());
    auto workers = manager.get_workers({.amount = 2});
    REQUIRE(workers.wait_for(2, patience));
    for (const auto& taken : park.endpoints()) {
        try {
            const maus::parkserver second({.bind = {taken}});
            FAIL("two parkservers have one address: " << taken);
        } catch (const maus::error& failed) {
            CHECK_THAT(failed.what(), maus_test::has_text(taken));
        }
    }
    CHECK_THROWS_AS(maus::parkserver({.bind = {"nonsense"}}), maus::error);
    CHECK_THROWS_AS(maus::parkserver({.bind = {}}), maus::error);
    park.stop();
    park.stop();
    // Its address is free again for the next, and the peers find that.
    maus::parkserver next({.bind = {park.endpoint()}});
    next.start();
    REQUIRE(comes_to_be(next.endpoint(), over_tcp.id, worker_state::leased));
    CHECK(workers.size() == 2);
}

// --- awkward moments ----------------------------------------------------------------------------

TEST_CASE("nothing that is made and let go of leaves a descriptor behind", "[embedding]") {
    const std::size_t before = open_descriptors();
    for (int i = 0; i < 3; ++i) {
        site here(i % 2 == 0 ? transport::tcp : transport::ipc);
        maus::worker worker({.heartbeat = calm});
        worker.expose(zoo::add, [](int x, int y) { return x + y; });
        worker.register_parkserver(here.parkserver());
        worker.start();
        maus::manager manager(here.reachable());
        manager.connect_parkserver(here.parkserver());
        auto workers = manager.get_workers({.amount = 1});
        CHECK(value_of(workers.call(zoo::add, 1, 1)) == 2);
        const maus::parkserver never_started({.bind = {here.somewhere()}});
        const maus::worker nothing_exposed;
        const maus::manager idle(here.reachable()), without_address;
    }
    CHECK(eventually([&] { return open_descriptors() == before; }));
}

TEST_CASE("a worker is stopped before it starts, twice, or by its own function", "[embedding]") {
    site here;
    {
        maus::worker early;
        early.register_parkserver(here.parkserver());
        early.stop();
        early.start();
        early.stop();
        early.stop();
        CHECK(thrown_by([&] { (void)early.start(); }) == maus::errc::invalid_argument);
    }
    {
        maus::worker unconnected;
        CHECK(thrown_by([&] { (void)unconnected.start(); }) == maus::errc::invalid_argument);
        CHECK(thrown_by([&] { (void)unconnected.fd(); }) == maus::errc::invalid_argument);
    }
    {
        maus::worker ran;
        ran.register_parkserver(here.parkserver());
        std::thread inside([&] { ran.run(); });
        REQUIRE(comes_to_be(here.parkserver(), ran.id(), worker_state::available));
        CHECK(thrown_by([&] { (void)ran.fd(); }) == maus::errc::invalid_argument);
        ran.stop();
        inside.join();
    }
    maus::worker worker({.heartbeat = calm});
    worker.expose("stop", [&] {
        worker.stop();
        return 5;
    });
    worker.register_parkserver(here.parkserver(), "own");
    worker.start();
    maus::manager manager(here.reachable());
    manager.connect_parkserver(here.parkserver());
    auto workers = manager.get_workers({.amount = 1, .type = "own"});
    CHECK(value_of(workers.call<int>("stop")) == 5);
    REQUIRE(eventually([&] { return workers.size() == 0; }));
    worker.stop();
}

TEST_CASE("a manager is stopped by several threads and by its own callbacks at once",
          "[embedding]") {
    site here;
    maus::worker worker({.heartbeat = calm});
    worker.expose(zoo::add, [](int x, int y) { return x + y; });
    worker.register_parkserver(here.parkserver());
    worker.start();
    for (int round = 0; round < 10; ++round) {
        maus::manager* self = nullptr;
        std::promise<void> known;
        const auto is_known = known.get_future().share();
        auto options = here.reachable();
        options.on_event = [&, is_known](const maus::event& news) {
            is_known.wait();
            if (news.kind == maus::event_kind::worker_joined ||
                news.kind == maus::event_kind::worker_released) {
                self->stop();
            }
        };
        maus::manager manager(options);
        self = &manager;
        known.set_value();
        manager.connect_parkserver(here.parkserver());
        auto workers = manager.get_workers({.amount = 1});
        auto stopping = workers.call(zoo::add, 1, 1).then([&](maus::future<int>) { self->stop(); });
        std::thread other([&] {
            (void)workers.wait_for(1, patience);
            manager.stop();
        });
        CHECK(stopping.wait_for(patience));
        other.join();
        manager.stop();
        CHECK(error_of(workers.call(zoo::add, 1, 1)).code() == maus::errc::shutdown);
    }
}

TEST_CASE("a callback destroys its own manager", "[embedding]") {
    site here;
    maus::worker worker({.heartbeat = calm});
    worker.expose(zoo::add, [](int x, int y) { return x + y; });
    worker.register_parkserver(here.parkserver());
    worker.start();
    for (int round = 0; round < 10; ++round) {
        auto manager = std::make_shared<maus::manager>(here.reachable());
        manager->connect_parkserver(here.parkserver());
        auto workers = manager->get_workers({.amount = 1});
        std::promise<void> done;
        workers.call(zoo::add, 1, 1)
            .then([manager, &done](int) mutable {
                manager.reset();
                done.set_value();
            })
            .wait();
        manager.reset();
        CHECK(done.get_future().wait_for(patience) == std::future_status::ready);
    }
}

TEST_CASE("whoever waits for workers is told when the manager stops", "[embedding]") {
    site here;
    maus::manager manager(here.reachable());
    manager.connect_parkserver(here.parkserver());
    auto workers = manager.get_workers({.amount = 1});
    std::thread waiting([&] { CHECK_FALSE(workers.wait_for(1, std::chrono::hours{1})); });
    REQUIRE(comes_to_have_requests(here.parkserver(), 1));
    manager.stop();
    waiting.join();
    auto late = manager.get_workers({.amount = 1});
    CHECK_FALSE(late.wait_for(1, std::chrono::hours{1}));
    CHECK(error_of(late.call(zoo::add, 1, 1)).code() == maus::errc::shutdown);
}
