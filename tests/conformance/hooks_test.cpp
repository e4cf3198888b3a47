// P-107: what others see of a worker that sets itself up for a lease, and clears up after it.
#include "catch.hpp"

#include <atomic>

#include "real.hpp"

using namespace spec;

TEST_CASE("P-107: calls wait while a worker is set up, and it goes on to ping") {
    fake_manager manager;
    gate setting_up{patience};
    std::atomic<bool> is_set_up = false;
    real_worker real;
    real.worker.on_lease([&](const maus::lease_info&) {
        setting_up.pass();
        is_set_up = true;
    });
    real.worker.connect(manager.workers.endpoint());
    real.worker.start();
    auto guest = manager.welcome_one(50, 100);
    REQUIRE(setting_up.wait_for_arrivals(1));
    guest.link.send({a_call({1, 1}, f_add, payload(20, 22)), a_call({2, 1}, f_add, payload(1, 1))});
    const std::size_t before = guest.link.pings.size();
    CHECK(guest.link.never(r_result));
    CHECK(eventually([&] {
        (void)guest.link.never(r_result);
        return guest.link.pings.size() >= before + 2;
    }));
    CHECK_FALSE(is_set_up);
    setting_up.open();
    const record first = guest.link.next(r_result);
    CHECK(attempt_of(first) == attempt{1, 1});
    CHECK(payload_of(first) == payload(42));
    CHECK(attempt_of(guest.link.next(r_result)) == attempt{2, 1});
    CHECK(is_set_up);
}

TEST_CASE(
    "P-107: a worker that refuses returns what came, says goodbye with cancelled, and rests") {
    fake_manager manager;
    gate setting_up{patience};
    std::atomic<int> refusals_left = 1;
    real_worker real;
    real.worker.on_lease([&](const maus::lease_info&) {
        setting_up.pass();
        if (refusals_left-- > 0) throw std::runtime_error("no licence is left");
    });
    real.worker.connect(manager.workers.endpoint());
    real.worker.start();
    auto guest = manager.welcome_one();
    REQUIRE(setting_up.wait_for_arrivals(1));
    guest.link.send(a_call({1, 1}, f_add, payload(1, 1)));
    CHECK(guest.link.never(r_result));  // the call has come
    setting_up.open();
    CHECK(attempt_of(guest.link.next(r_returned)) == attempt{1, 1});
    const auto last = decoded<parting>(guest.link.next(r_worker_goodbye).body);
    CHECK(last.error == 6);
    CHECK(last.why == "on_lease threw std::runtime_error: no licence is left");
    CHECK(leaves(guest.through));
    auto again = manager.welcome_one();
    again.link.send(a_call({1, 2}, f_add, payload(20, 22)));
    CHECK(payload_of(again.link.next(r_result)) == payload(42));
}

TEST_CASE("P-107: a worker is available only when it is cleared up") {
    router park;
    fake_manager manager;
    gate clearing{patience};
    real_worker real;
    real.worker.on_release([&](const maus::lease_info&) { clearing.pass(); });
    real.worker.register_parkserver(park.endpoint());
    real.worker.start();
    channel& session = park.accept();
    (void)session.hear<register_worker>();
    session.say(registered{});
    const assign offer{{5, 1}, fresh_id(), manager.self.manager, manager.self.endpoints};
    session.say(offer);
    CHECK(session.hear<accepted>().lease == offer.lease);
    auto guest = manager.welcome_one();
    guest.link.send(a_call({1, 1}, f_add, payload(20, 22)));
    CHECK(payload_of(guest.link.next(r_result)) == payload(42));
    guest.link.send(to_record(r_manager_goodbye, parting{6, "released"}));
    REQUIRE(clearing.wait_for_arrivals(1));
    session.say(assign{{5, 2}, fresh_id(), manager.self.manager, manager.self.endpoints});
    CHECK(session.hears_first(refused::type_number, available::type_number));
    clearing.open();
    CHECK(session.hear<available>().ended == offer.lease);
}

TEST_CASE("P-107: a manager blames no call for a lease that its worker refused") {
    managed all;
    std::vector<maus::future<int>> sums;
    for (int i = 0; i < 3; ++i) {
        sums.push_back(all.workers.with({.max_crashes = 1}).call<int>("add", i, 1));
    }
    fake_worker refuses;
    refuses.connect(all.endpoint());
    (void)refuses.welcomed();
    (void)refuses.next_call();
    refuses.link->send(to_record(r_worker_goodbye, parting{6, "no licence is left"}));
    CHECK(eventually([&] { return all.log.has("no licence is left"); }));
    CHECK(all.manager.metrics().workers_lost == 1);
    fake_worker serves;
    serves.connect(all.endpoint());
    (void)serves.welcomed();
    for (int i = 0; i < 3; ++i) serves.answer(serves.next_call(), payload(i + 1));
    for (int i = 0; i < 3; ++i) {
        REQUIRE(sums[static_cast<std::size_t>(i)].wait_for(patience));
        CHECK(sums[static_cast<std::size_t>(i)].get() == i + 1);
    }
}
