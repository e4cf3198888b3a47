// Section 6, the link, against live workers by a fake manager and against live managers by fake
// workers.
#include "catch.hpp"

#include "maus/this_call.hpp"
#include "real.hpp"
#include "support/shown.hpp"

using namespace spec;

TEST_CASE("P-33: a link begins with hello, and functions are numbered by their place in it") {
    served all;
    CHECK(all.guest.said.token == id{});
    CHECK(all.guest.said.lease == lease{});
    CHECK(all.guest.said.signatures ==
          std::vector<std::string>{"add(i32,i32)->i32", "hold(i32)->i32", "fail(i32)->i32"});
    CHECK(all.add_works(1));

    managed other;
    for (const auto& first : {with_payload(r_result, {1, 1}, payload(1)), to_record(r_ping, u64{1}),
                              to_record(r_welcome, welcome{}), record{99, 0, 0, "", {}}}) {
        dealer socket(other.endpoint());
        spec::link link(socket);
        link.send(first);
        CHECK(decoded<parting>(link.next(r_reject).body).error == 15);
    }
}

TEST_CASE("P-33: a real worker's hello has the token and the lease of its assignment") {
    real_park park;
    fake_manager manager(park.endpoint());
    const request asked = manager.ask_for(1, "special");
    real_worker worker;
    worker.worker.register_parkserver(park.endpoint(), "special");
    worker.worker.start();
    const auto guest = manager.welcome_one();
    CHECK(guest.said.token == asked.token);
    CHECK(guest.said.lease == manager.park->hear<granted>().lease);
    CHECK(guest.said.type == "special");
}

TEST_CASE("P-33: a manager rejects a token that it does not know") {
    managed all;
    fake_worker worker;
    hello say = worker.what_to_say();
    say.token = fresh_id();
    dealer socket(all.endpoint());
    spec::link link(socket);
    link.send(to_record(r_hello, say));
    CHECK(decoded<parting>(link.next(r_reject).body).error == 6);
}

TEST_CASE("P-34: welcome states the larger of both") {
    maus::manager_options options = manager_options();
    options.heartbeat = {200ms, 4};
    managed all(std::move(options));
    struct row {
        u32 interval_ms, liveness, agreed_ms, agreed_liveness;
    };
    for (const auto& each : {row{0, 0, 200, 4}, row{1000, 9, 1000, 9},
                             row{~0u, ~0u, 3'600'000, 100}, row{199, 3, 200, 4}}) {
        fake_worker worker;
        worker.self.interval_ms = each.interval_ms;
        worker.self.liveness = each.liveness;
        worker.connect(all.endpoint());
        const auto answer = worker.welcomed();
        CHECK(answer.interval_ms == each.agreed_ms);
        CHECK(answer.liveness == each.agreed_liveness);
        CHECK(answer.stamp == worker.what_to_say().stamp);
    }
}

TEST_CASE("P-35: a worker pings once an interval") {
    served all({}, 50, 100);
    const auto& stamps =
        all.link().pings;  // by the clock of the worker, which may be late, but not early
    CHECK(eventually([&] { return stamps.size() >= 5 || all.link().receive(0ms); }));
    for (std::size_t i = 1; i < stamps.size(); ++i) {
        CHECK(std::chrono::nanoseconds{stamps[i] - stamps[i - 1]} >= 50ms);
    }
}

TEST_CASE("P-35: without an echo of its stamps the worker's lease runs out") {
    served all({}, 50, 4);
    all.link().answers_pings = false;
    u64 call = 0;
    CHECK(eventually([&] {  // it gives the link up, and comes again
        all.link().send(a_call({++call, 1}, f_add, payload(20, 22)));  // calls are no echo
        return all.manager.workers.somebody_came();
    }));
    (void)all.manager.welcome_one();
    while (all.link().receive(0ms)) {
    }
    CHECK(all.link().pings.size() <= 5);  // one an interval, and none beyond the lease
}

TEST_CASE("P-35: a pong with a stamp that the worker never sent prolongs nothing") {
    for (const u64 stamp : {~u64{0}, u64{1} << 63, (u64{1} << 63) - 1}) {
        INFO(stamp);
        served all({}, 50, 4);
        all.link().answers_pings = false;
        all.link().send(to_record(r_pong, stamp));
        const auto again = all.manager.welcome_one();  // it gave the link up
        CHECK(again.said.worker == all.guest.said.worker);
    }
}

TEST_CASE("P-36: a manager loses a worker that is silent, closes or says goodbye") {
    maus::manager_options options = manager_options();
    options.heartbeat = {50ms, 2};
    managed all(std::move(options));
    fake_worker silent, closing, leaving;
    silent.self.interval_ms = 50;
    silent.self.liveness = 2;
    silent.connect(all.endpoint());
    (void)silent.welcomed();
    CHECK(silent.link->next(r_manager_goodbye).type == r_manager_goodbye);
    closing.connect(all.endpoint());
    (void)closing.welcomed();
    CHECK(eventually([&] { return all.workers.size() == 1; }));
    closing.socket->close();
    CHECK(eventually([&] { return all.workers.size() == 0; }));
    leaving.connect(all.endpoint());
    (void)leaving.welcomed();
    CHECK(eventually([&] { return all.workers.size() == 1; }));
    leaving.link->send(to_record(r_worker_goodbye, parting{17, "enough"}));
    CHECK(eventually([&] { return all.workers.size() == 0; }));
}

TEST_CASE("P-37: calls start in their order, as many at a time as the concurrency says") {
    maus::worker_options options;
    options.concurrency = 2;
    served all(std::move(options));
    CHECK(all.guest.said.concurrency == 2);
    std::vector<record> calls;
    for (u64 i = 1; i <= 5; ++i) calls.push_back(a_call({i, 1}, f_hold, payload(int(i))));
    all.link().send(calls);
    REQUIRE(all.worker.held.wait_for_arrivals(2));
    CHECK(all.link().never(r_result));
    CHECK(all.worker.held.arrived() == 2);
    all.worker.held.open();
    std::set<u64> answered;
    for (u64 i = 1; i <= 5; ++i) answered.insert(attempt_of(all.link().next(r_result)).call);
    CHECK(answered == std::set<u64>{1, 2, 3, 4, 5});
    CHECK(all.link().never(r_result));  // each once
}

TEST_CASE("P-38: a call that answers later gives its slot back, and at_most_once says started") {
    fake_manager manager;
    maus::worker worker;
    std::optional<maus::responder<int>> later;
    gate asked{patience};
    worker.expose("later", [&](maus::responder<int> answer) {
        later = answer;
        asked.open();
    });
    worker.expose("add", [](int x, int y) { return x + y; });
    worker.connect(manager.workers.endpoint());
    worker.start();
    auto guest = manager.welcome_one();
    guest.link.send({a_call({1, 1}, 0, ""), a_call({2, 1}, 1, payload(20, 22), flag_at_most_once)});
    CHECK(attempt_of(guest.link.next(r_detached)) == attempt{1, 1});
    CHECK(attempt_of(guest.link.next(r_started)) == attempt{2, 1});
    CHECK(attempt_of(guest.link.next(r_result)) == attempt{2, 1});
    asked.pass();
    (*later)(7);
    const record answer = guest.link.next(r_result);
    CHECK(attempt_of(answer) == attempt{1, 1});
    CHECK(payload_of(answer) == payload(7));
    later.reset();
}

TEST_CASE("P-39: cancel keeps a call from being started, and has no effect when it is too late") {
    served all;
    all.link().send({a_call({1, 1}, f_hold, payload(1)), a_call({2, 1}, f_add, payload(1, 1)),
                     to_record(r_cancel, attempt{2, 1}), to_record(r_cancel, attempt{9, 9})});
    REQUIRE(all.worker.held.wait_for_arrivals(1));
    CHECK(attempt_of(all.link().next(r_returned)) == attempt{2, 1});
    all.link().send(to_record(r_cancel, attempt{1, 1}));
    all.link().send(a_call({3, 1}, f_add, payload(20, 22)));
    all.worker.held.open();
    CHECK(attempt_of(all.link().next(r_result)) == attempt{1, 1});
    CHECK(attempt_of(all.link().next(r_result)) == attempt{3, 1});
}

TEST_CASE("P-40: what goes wrong with a call has a name") {
    maus::worker_options options;
    options.limits.calls_per_worker_max = 2;
    served all(std::move(options));
    const auto failed = [&](const record& call) {
        all.link().send(call);
        return decoded<fault>(all.link().next(r_failed).body);
    };
    const auto threw = failed(a_call({1, 1}, f_fail, payload(1)));
    CHECK(threw.error == 7);
    CHECK(threw.type == "std::out_of_range");
    CHECK(threw.text == "not there");
    CHECK(failed(a_call({2, 1}, 3, "")).error == 8);
    CHECK(failed(a_call({3, 1}, 65535, "")).error == 8);
    CHECK(failed(a_call({4, 1}, f_add, payload(1))).error == 10);
    all.link().send({a_call({5, 1}, f_hold, payload(1)), a_call({6, 1}, f_hold, payload(1))});
    CHECK(failed(a_call({7, 1}, f_add, payload(1, 1))).error == 13);  // more than it may hold
    all.worker.held.open();
}

TEST_CASE("P-41: only the first answer to the current attempt on its own link counts") {
    managed all;
    fake_worker worker, other;
    worker.connect(all.endpoint());
    (void)worker.welcomed();
    auto sum = all.add(20, 22);
    const record call = worker.next_call();
    const attempt right = attempt_of(call);
    other.connect(all.endpoint());
    (void)other.welcomed();
    other.link->send(with_payload(r_result, right, payload(1)));  // not its link
    const attempt wrong[] = {{right.call, right.number + 1},
                             {right.call, 0},
                             {right.call + 1, right.number},
                             {0, 0},
                             {~u64{0}, ~u32{0}},
                             {right.call ^ u64{1} << 32, 1}};
    for (const auto& each : wrong) worker.link->send(with_payload(r_result, each, payload(2)));
    CHECK(eventually([&] { return all.manager.metrics().stale_answers == 7; }));
    worker.answer(call, payload(42));
    worker.answer(call, payload(43));
    worker.link->send(to_record(r_failed, fault{right, 7, "again", "and again"}));
    CHECK(sum.get() == 42);
    CHECK(eventually([&] { return all.manager.metrics().stale_answers == 9; }));
    CHECK(all.manager.metrics().violations == 0);
    CHECK(all.workers.size() == 2);
}

TEST_CASE("P-42: goodbye gives a worker back, and a worker that leaves returns what it has not") {
    served all;
    all.link().send({a_call({1, 1}, f_hold, payload(1)), a_call({2, 1}, f_add, payload(1, 1))});
    REQUIRE(all.worker.held.wait_for_arrivals(1));
    std::thread stopping([&] { all.worker.worker.stop(); });
    all.link().send(a_call({3, 1}, f_add, payload(1, 1)));  // may cross the goodbye on its way
    all.worker.held.open();
    std::set<u64> answered;
    for (;;) {
        const auto got = all.link().receive(patience);
        REQUIRE(got);
        if (got->type == r_worker_goodbye) {
            CHECK(decoded<parting>(got->body).error == 17);
            break;
        }
        CHECK((got->type == r_result || got->type == r_returned));
        CHECK(answered.insert(attempt_of(*got).call).second);
    }
    CHECK(answered.count(1) + answered.count(2) == 2);
    stopping.join();

    served other;
    other.link().send({a_call({1, 1}, f_hold, payload(1)), a_call({2, 1}, f_hold, payload(1))});
    REQUIRE(other.worker.held.wait_for_arrivals(1));
    other.link().send(to_record(r_manager_goodbye, parting{6, "released"}));
    CHECK(leaves(other.guest.through));
    other.worker.held.open();
    auto again = other.manager.welcome_one();
    CHECK(other.worker.held.arrived() == 1);  // it started nothing more of the old link
    CHECK(again.link.never(r_result));
}

TEST_CASE("P-43: a function can read the fence of its attempt") {
    fake_manager manager;
    maus::worker worker;
    maus_test::shown<maus::fence> fence;
    worker.expose("look", [&] { fence.show(maus::this_call::fence()); });
    worker.connect(manager.workers.endpoint());
    worker.start();
    auto guest = manager.welcome_one();
    for (const attempt& each : {attempt{7, 1}, attempt{7, 2}, attempt{~u64{0}, ~u32{0}}}) {
        guest.link.send(a_call(each, 0, ""));
        CHECK(attempt_of(guest.link.next(r_result)) == each);
        const maus::fence seen = fence.get();
        CHECK(seen.call == each.call);
        CHECK(seen.attempt == each.number);
        CHECK(seen.worker == worker.id());
        CHECK(seen.incarnation == guest.said.incarnation);
        CHECK(seen.lease_epoch == 0);
    }
}

TEST_CASE("P-44: a large payload is a frame of its own") {
    fake_manager manager;
    maus::worker_options options;
    options.limits.payload_apart_bytes = 1000;
    maus::worker worker(std::move(options));
    worker.expose("echo", [](std::string text) { return text; });
    worker.connect(manager.workers.endpoint());
    worker.start();
    auto guest = manager.welcome_one();
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{995}, std::size_t{996}, std::size_t{1'000'000}}) {
        const bytes text = payload(bytes(size, 'x'));
        guest.link.send(a_call({size + 1, 1}, 0, text));
        const record answer = guest.link.next(r_result);
        CHECK(answer.apart.has_value() == (text.size() >= 1000));
        CHECK(payload_of(answer) == text);
    }
}

TEST_CASE("P-69: who does not connect or does not welcome is given up for the next address") {
    maus::worker_options options;
    options.link_timeout = 100ms;
    registering all(std::move(options));
    channel& session = all.session;
    session.say(registered{});
    router silent;
    fake_manager answers;
    assign offer{{7, 1}, fresh_id(), answers.self.manager, {}};
    offer.endpoints = {"tcp://127.0.0.1:1", silent.endpoint(), answers.workers.endpoint()};
    session.say(offer);
    const auto guest = answers.welcome_one();
    CHECK(guest.said.token == offer.token);
    spec::link not_answered(silent.accept());
    CHECK(decoded<hello>(not_answered.next(r_hello).body).token == offer.token);
}

TEST_CASE("P-69: in direct mode a worker waits for its manager without an end") {
    maus::worker_options options;
    options.link_timeout = 1ms;
    fake_manager manager;
    real_worker worker(std::move(options));
    worker.worker.connect(manager.workers.endpoint());
    worker.worker.start();
    channel& through = manager.workers.accept();
    spec::link link(through);
    const auto said = decoded<hello>(link.next(r_hello).body);
    CHECK_FALSE(manager.workers.somebody_came());  // it does not try again on another connection
    welcome say;
    say.interval_ms = 60'000;
    say.stamp = said.stamp;
    link.send({to_record(r_welcome, say), a_call({1, 1}, f_add, payload(20, 22))});
    CHECK(payload_of(link.next(r_result)) == payload(42));
}

TEST_CASE("P-75: a manager says who it is before it rejects a token that it does not know") {
    managed all;
    fake_worker worker;
    worker.connect(all.endpoint());
    const id manager = worker.welcomed().manager;
    hello stray = worker.what_to_say();
    stray.token = fresh_id();
    dealer socket(all.endpoint());
    spec::link link(socket);
    link.send(to_record(r_hello, stray));
    CHECK(link.next(r_rejected_by).body == encoded(manager));
    CHECK(decoded<parting>(link.next(r_reject).body).error == 6);
}

TEST_CASE(
    "P-75: whoever else answers at an address of a worker's manager costs that address only") {
    registering all;
    channel& session = all.session;
    registered answer;
    answer.interval_ms = 60'000;  // no ping comes in between
    session.say(answer);
    const managed another;
    const real_park a_parkserver;
    router says_not_who;
    fake_manager own;
    assign offer{{7, 1}, fresh_id(), own.self.manager, {}};
    offer.endpoints = {another.endpoint(), a_parkserver.endpoint(), says_not_who.endpoint(),
                       own.workers.endpoint()};
    session.say(offer);
    CHECK(session.hear_next<accepted>().lease == offer.lease);
    spec::link third(says_not_who.accept());
    CHECK(decoded<hello>(third.next(r_hello).body).token == offer.token);
    third.send(to_record(r_reject, parting{6, "no such request"}));

    channel& last = own.workers.accept();
    spec::link link(last);
    CHECK(decoded<hello>(link.next(r_hello).body).token == offer.token);
    // Its own manager's word ends the lease, though the relay is left.
    link.send(
        {to_record(r_rejected_by, own.self.manager), to_record(r_reject, parting{6, "over"})});
    CHECK(session.hear_next<available>().ended == offer.lease);
}

TEST_CASE("P-70: a hello with a lease and without a token is rejected") {
    managed all;
    hello say;
    say.lease = {7, 1};
    dealer socket(all.endpoint());
    spec::link link(socket);
    link.send(to_record(r_hello, say));
    CHECK(decoded<parting>(link.next(r_reject).body).error == 15);
}

TEST_CASE("P-79: a hello without a token, or that is rejected, ends no link") {
    managed all;
    fake_worker worker;
    worker.connect(all.endpoint());
    (void)worker.welcomed();
    hello say = worker.what_to_say();
    say.token = fresh_id();  // of no request
    say.incarnation = ~u64{0};
    dealer socket(all.endpoint());
    spec::link link(socket);
    link.send(to_record(r_hello, say));
    CHECK(decoded<parting>(link.next(r_reject).body).error == 6);
    auto sum = all.add(20, 22);
    worker.answer(worker.next_call(), payload(42));
    CHECK(sum.get() == 42);
}

TEST_CASE("P-79: a hello without a token does not take the place of a worker that has one") {
    maus::manager manager(manager_options());
    router park;
    manager.connect_parkserver(park.endpoint());
    auto workers = manager.get_workers({.amount = 1});
    channel& session = park.accept();
    const auto registration = session.hear<register_manager>();
    session.say(registered{});
    fake_worker worker;
    hello say = worker.what_to_say();
    say.token = session.hear<request>().token;
    say.lease = {7, 1};
    dealer good(registration.endpoints.at(0)), bad(registration.endpoints.at(0));
    spec::link link(good), other(bad);
    link.send(to_record(r_hello, say));
    (void)link.next(r_welcome);
    say.token = {};
    say.lease = {};
    say.incarnation = ~u64{0};
    other.send(to_record(r_hello, say));
    CHECK(decoded<parting>(other.next(r_reject).body).error == 15);
    auto sum = workers.call<int>("add", 20, 22);
    link.send(with_payload(r_result, attempt_of(link.next(r_call)), payload(42)));
    CHECK(sum.get() == 42);
}

TEST_CASE("P-80: a text longer than text_bytes_max ends its link as too_large") {
    const std::string longer(16385, 'x');
    managed all;
    for (const int kind : {0, 1, 2}) {
        INFO(kind);
        fake_worker worker;
        worker.connect(all.endpoint());
        (void)worker.welcomed();
        auto sum = all.add(1, 1);
        const attempt of = attempt_of(worker.next_call());
        const fault failed{of, 7, kind == 0 ? longer : "", kind == 1 ? longer : ""};
        worker.link->send(kind == 2 ? to_record(r_worker_goodbye, parting{17, longer})
                                    : to_record(r_failed, failed));
        CHECK(decoded<parting>(worker.link->next(r_manager_goodbye).body).error == 12);
    }
}

TEST_CASE("P-71: a worker pings right after welcome, and the manager answers") {
    served all({}, 3'600'000, 2);  // the next one would come in an hour
    all.link().send(a_call({1, 1}, f_add, payload(1, 1)));
    (void)all.link().next(r_result);
    CHECK(all.link().pings.size() == 1);

    managed other;
    fake_worker worker;
    worker.connect(other.endpoint());
    (void)worker.welcomed();
    worker.link->send(to_record(r_ping, u64{9}));
    CHECK(decoded<ping>(worker.link->next(r_pong).body).stamp == 9);
}

TEST_CASE("P-72: credit is the manager's; a worker takes calls_per_worker_max, whatever it runs") {
    maus::worker_options options;
    options.limits.calls_per_worker_max = 100;
    served all(std::move(options));
    std::vector<record> calls;
    for (u64 call = 1; call <= 101; ++call) calls.push_back(a_call({call, 1}, f_hold, payload(7)));
    all.link().send(calls);
    const auto no = decoded<fault>(all.link().next(r_failed).body);
    CHECK(no.of == attempt{101, 1});
    CHECK(no.error == 13);
    all.worker.held.open();
    for (u64 call = 1; call <= 100; ++call) {
        CHECK(attempt_of(all.link().next(r_result)) == attempt{call, 1});
    }
}

TEST_CASE("P-73: an attempt that is sent twice is executed and answered twice") {
    served all;
    all.link().send({a_call({1, 1}, f_add, payload(1, 1)), a_call({1, 1}, f_add, payload(1, 1))});
    for (int i = 0; i < 2; ++i) {
        const record answer = all.link().next(r_result);
        CHECK(attempt_of(answer) == attempt{1, 1});
        CHECK(payload_of(answer) == payload(2));
    }
}
