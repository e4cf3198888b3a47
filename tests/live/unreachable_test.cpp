// Peers that cannot be reached, and addresses at which somebody else answers.
#include "live/site.hpp"
#include "support/gate.hpp"
#include "support/log_book.hpp"
#include "support/names.hpp"

using namespace live;
using maus_test::log_book;
using maus_test::named;
using maus_test::stuck_name;

namespace {

/// A worker of this process that exposes add.
struct adder {
    log_book log;
    maus::worker worker;
    explicit adder(maus::worker_options options = {})
        : worker((options.heartbeat = calm, options.log = log.writer(), std::move(options))) {
        worker.expose("add", [](int x, int y) { return x + y; });
    }
};

/// A manager that others are told to reach at another address.
maus::manager advertised_at(const std::string& address) {
    return maus::manager({.endpoint = "tcp://127.0.0.1:*",
                          .advertise = {address},
                          .heartbeat = calm,
                          .limits = {},
                          .log = {},
                          .on_event = {}});
}

std::string closed_port() { return "tcp://127.0.0.1:" + std::to_string(maus_test::free_port()); }

/// What a manager tells of parkservers that it cannot reach.
struct reports {
    log_book log;
    maus::manager_options options() {
        maus::manager_options made;
        made.log = log.writer();
        made.on_event = [this](const maus::event& told) {
            if (told.kind == maus::event_kind::parkserver_unreachable) {
                events_.writer()(maus::log_level::info, told.name + ": " + told.why);
            }
        };
        return made;
    }
    [[nodiscard]] bool come_to_say(const std::string& what) const {
        return eventually([&] { return events_.has(what) && log.has(what); });
    }

private:
    log_book events_;
};

}  // namespace

TEST_CASE("a parkserver whose name takes for ever to be looked up holds nobody up (F2)") {
    site at;
    const stuck_name stuck("stuck.test");
    adder one;
    one.worker.register_parkserver("tcp://stuck.test:8500");
    one.worker.register_parkserver(at.parkserver());
    one.worker.start();
    CHECK(stuck.look_ups() > 0);
    maus::manager manager(at.reachable());
    manager.connect_parkserver("tcp://stuck.test:8500");
    manager.connect_parkserver(at.parkserver());
    auto workers = manager.get_workers({.amount = 1});
    CHECK(value_of(workers.call<int>("add", 1, 2)) == 3);
    CHECK(stuck.look_ups() > 0);  // still under way
}

TEST_CASE("a manager's address that cannot be looked up costs its lease only that address (F44)") {
    site at;
    const stuck_name stuck("stuck.test");
    const named none("nowhere.test");
    adder one;
    one.worker.register_parkserver(at.parkserver());
    one.worker.start();
    for (const char* address : {"tcp://nowhere.test:1", "tcp://stuck.test:1"}) {
        maus::manager manager = advertised_at(address);
        manager.connect_parkserver(at.parkserver());
        auto workers = manager.get_workers({.amount = 1});
        CHECK(value_of(workers.call<int>("add", 1, 2)) == 3);
    }
    CHECK_FALSE(one.log.has("is lost"));
}

TEST_CASE("a parkserver that cannot be reached is told, and named in each error it causes (F7)") {
    const named none("nowhere.test");
    const maus_test::scratch_folder folder;
    const std::string why =
        GENERATE("name not found", "connection refused", "no such file or directory");
    const std::string endpoint = why == "name not found"       ? "tcp://nowhere.test:8500"
                                 : why == "connection refused" ? closed_port()
                                                               : "ipc://" + folder.file("none");
    reports told;
    maus::manager manager(told.options());
    manager.connect_parkserver(endpoint);
    CHECK(told.come_to_say(endpoint + ": " + why));
    const std::string trouble = "the parkserver at " + endpoint + " was never reached: " + why;
    auto workers = manager.get_workers({.amount = 1, .no_workers_timeout = 1ms});
    CHECK_THAT(error_of(workers.call<int>("add", 1, 2)).what(), maus_test::has_text(trouble));
    auto patient = manager.get_workers({.amount = 1});
    auto late = patient.with({.timeout = 1ms}).call<int>("add", 1, 2);
    CHECK_THAT(error_of(std::move(late)).what(), maus_test::has_text(trouble));
    auto released = patient.call<int>("add", 1, 2);
    patient.release();
    CHECK_THAT(error_of(std::move(released)).what(), maus_test::has_text(trouble));

    adder one;
    one.worker.register_parkserver(endpoint);
    one.worker.start();
    CHECK(eventually([&] { return one.log.has(endpoint + ": " + why); }));
}

TEST_CASE("a call that finds no room is told of a parkserver that was not reached, too (F7)") {
    const std::string endpoint = closed_port();
    reports told;
    maus::manager_options options = told.options();
    options.limits.calls_max = 1;
    maus::manager manager(std::move(options));
    manager.connect_parkserver(endpoint);
    CHECK(told.come_to_say(endpoint + ": connection refused"));
    const std::string trouble =
        "the parkserver at " + endpoint + " was never reached: connection refused";
    auto workers = manager.get_workers({.amount = 1});
    const auto first = workers.call<int>("add", 1, 2);
    const maus::error refused =
        error_of(workers.with({.when_full = maus::when_full::fail}).call<int>("add", 1, 2));
    CHECK(refused.code() == maus::errc::overloaded);
    CHECK_THAT(refused.what(), maus_test::has_text("not settled yet"));
    CHECK_THAT(refused.what(), maus_test::has_text(trouble));
    const maus::error late = error_of(workers.with({.timeout = 1ms}).call<int>("add", 1, 2));
    CHECK(late.code() == maus::errc::deadline_exceeded);
    CHECK_THAT(late.what(), maus_test::has_text(trouble));

    // Who has a worker waits for that one, and not for a parkserver.
    options = told.options();
    options.endpoint = "tcp://127.0.0.1:*";
    options.limits.calls_max = 1;
    maus::manager direct(std::move(options));
    direct.connect_parkserver(endpoint);
    maus_test::gate gate;
    adder one;
    one.worker.expose("wait", [&] { gate.pass(); });
    one.worker.connect(direct.endpoint());
    one.worker.start();
    auto its = direct.get_workers({.amount = 1});
    auto waits = its.call<void>("wait");
    REQUIRE(gate.wait_for_arrivals(1));
    const std::string full =
        error_of(its.with({.when_full = maus::when_full::fail}).call<int>("add", 1, 2)).what();
    CHECK_THAT(full, maus_test::has_text("not settled yet"));
    CHECK_THAT(full, !maus_test::has_text("parkserver"));
    gate.open();
    REQUIRE(waits.wait_for(patience));
}

TEST_CASE("a manager that cannot be reached directly is told (F7)") {
    const std::string endpoint = closed_port();
    adder one;
    one.worker.connect(endpoint);
    one.worker.start();
    CHECK(eventually([&] {
        return one.log.has("cannot reach the manager at " + endpoint + ": connection refused");
    }));
    maus::manager manager(endpoint);
    auto workers = manager.get_workers({.amount = 1});
    CHECK(value_of(workers.call<int>("add", 1, 2)) == 3);
}

TEST_CASE("a manager is not taken for a parkserver, nor a parkserver for a manager (F8)") {
    site at;
    reports told;
    maus::manager manager(told.options());
    maus::manager other("tcp://127.0.0.1:*");
    manager.connect_parkserver(other.endpoint());
    CHECK(told.come_to_say(other.endpoint() + ": this is a manager, not a parkserver"));

    adder registers, connects;
    registers.worker.register_parkserver(other.endpoint());
    registers.worker.start();
    CHECK(eventually([&] {
        return registers.log.has(other.endpoint() + ": this is a manager, not a parkserver");
    }));
    connects.worker.connect(at.parkserver());
    connects.worker.start();
    CHECK(eventually([&] {
        return connects.log.has(at.parkserver() + ": this is a parkserver, not a manager");
    }));
}

TEST_CASE("where somebody else answers at a manager's address, the relay remains (F3, F4)") {
    site at;
    maus::manager other("tcp://127.0.0.1:*");
    const bool is_manager = GENERATE(true, false);
    const std::string wrong = is_manager ? other.endpoint() : at.parkserver();
    adder one;
    one.worker.register_parkserver(at.parkserver());
    one.worker.start();
    maus::manager manager = advertised_at(wrong);
    manager.connect_parkserver(at.parkserver());
    auto workers = manager.get_workers({.amount = 1});
    CHECK(value_of(workers.call<int>("add", 1, 2)) == 3);
    CHECK(one.log.count(wrong + ": this is " + (is_manager ? "another manager" : "a parkserver")) ==
          1);
}
