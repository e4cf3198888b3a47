// Sections 5.2 to 5.4, requests and leases, against a live parkserver by fake peers; and what real
// workers and managers say, to a fake parkserver.
#include "catch.hpp"

#include "real.hpp"

using namespace spec;

namespace {
lease accept_offer(fake_worker& worker) {
    const auto offer = worker.park->hear<assign>();
    worker.park->say(accepted{offer.lease});
    return offer.lease;
}
}  // namespace

TEST_CASE("P-20: a request stands until it is cancelled, and the same number updates it") {
    const real_park park;
    fake_manager manager(park.endpoint());
    request asked = manager.ask_for(1);
    fake_worker first(park.endpoint());
    const lease one = accept_offer(first);
    CHECK(manager.park->hear<granted>().lease == one);
    asked.amount = 2;  // updated
    manager.park->say(asked);
    fake_worker second(park.endpoint());
    accept_offer(second);
    first.park->say(available{one});  // it is lost: the request still stands
    accept_offer(first);
    manager.park->say(cancel{asked.number});
    CHECK(eventually([&] { return park.ask().requests.empty(); }));
    fake_worker third(park.endpoint());
    CHECK(third.park->never(assign::type_number));
}

TEST_CASE("P-20: the offer carries the request's token") {
    const real_park park;
    fake_manager manager(park.endpoint());
    const request asked = manager.ask_for(1);
    fake_worker worker(park.endpoint());
    const auto offer = worker.park->hear<assign>();
    CHECK(offer.token == asked.token);
    CHECK(offer.manager == manager.self.manager);
    CHECK(offer.endpoints == manager.self.endpoints);
}

TEST_CASE("P-21: a request waits for all of its amount at once; later one lost, one replaced") {
    const real_park park;
    fake_manager manager(park.endpoint());
    manager.ask_for(2);
    fake_worker first(park.endpoint());
    CHECK(first.park->never(assign::type_number));
    fake_worker second(park.endpoint());
    accept_offer(first);
    accept_offer(second);
    second.park->close();
    fake_worker third(park.endpoint());
    accept_offer(third);
}

TEST_CASE("P-21: amount 0 takes all that are free, and that becomes its amount") {
    const real_park park;
    fake_manager manager(park.endpoint());
    fake_worker first(park.endpoint()), second(park.endpoint());
    manager.ask_for(0);
    accept_offer(first);
    accept_offer(second);
    fake_worker third(park.endpoint());
    CHECK(third.park->never(assign::type_number));
    first.park->close();
    accept_offer(third);
}

TEST_CASE("P-22: workers that were found elsewhere count") {
    const real_park park;
    fake_manager manager(park.endpoint());
    fake_worker here(park.endpoint());
    request asked;
    asked.held = {{{99, 1}, fresh_id()}};
    manager.park->say(asked);  // one asked for, one there
    manager.park->sync();
    CHECK(here.park->never(assign::type_number));
    asked.held.clear();
    manager.park->say(asked);
    accept_offer(here);
}

TEST_CASE("P-22: a worker's own word counts more than what a manager holds to be so") {
    const real_park park;
    fake_manager manager(park.endpoint()), other(park.endpoint());
    fake_worker worker(park.endpoint());
    const lease its_own{99, 2};
    worker.park->say(occupied{its_own, other.self.manager, fresh_id()});
    CHECK(park.comes_to_see(worker.self.worker, is_leased));
    other.park->close();  // its manager is lost; whom it serves, it has said
    CHECK(park.comes_to_see(worker.self.worker, is_occupied));
    request asked;
    asked.held = {{{99, 1}, worker.self.worker}};
    manager.park->say(asked);
    manager.park->sync();
    CHECK(worker.park->never(assign::type_number));
    CHECK(park.comes_to_see(worker.self.worker, is_occupied));
}

TEST_CASE("P-22: a worker's own word counts, whether it comes first or last") {
    const real_park park;
    fake_manager manager(park.endpoint());
    fake_worker worker(park.endpoint());
    request asked;
    asked.held = {{{99, 1}, worker.self.worker}};
    const occupied elsewhere{{99, 2}, fresh_id(), fresh_id()};
    SECTION("first") {
        worker.park->say(elsewhere);
        CHECK(park.comes_to_see(worker.self.worker, is_leased));
        manager.park->say(asked);
    }
    SECTION("last") {
        manager.park->say(asked);
        manager.park->sync();
        worker.park->say(elsewhere);
    }
    fake_worker next(park.endpoint());
    accept_offer(next);
}

TEST_CASE("P-76: the workers that one manager says it holds are bounded") {
    auto options = park_options();
    options.limits.peers_max = 4;
    const real_park park(std::move(options));
    fake_manager manager(park.endpoint());
    request one, other;
    other.number = 2;
    one.held = {{{99, 1}, fresh_id()}, {{99, 2}, fresh_id()}, {{99, 3}, fresh_id()}};
    other.held = {{{99, 4}, fresh_id()}, {{99, 5}, fresh_id()}};
    manager.park->say(one);
    manager.park->say(other);
    CHECK(manager.park->hear<rejected>().error == 13);
    REQUIRE(park.ask().requests.size() == 1);  // it has no effect
    one.held.pop_back();
    manager.park->say(one);
    manager.park->say(other);
    manager.park->sync();
    CHECK(park.ask().requests.size() == 2);
}

TEST_CASE("P-22: a manager with two parkservers tells both what it has") {
    router one, two;
    maus::manager manager(manager_options());
    manager.connect_parkserver(one.endpoint());
    manager.connect_parkserver(two.endpoint());
    const maus::worker_group workers = manager.get_workers({.amount = 1});
    channel& first = one.accept();
    (void)first.hear<register_manager>();
    first.say(registered{});
    channel& second = two.accept();
    (void)second.hear<register_manager>();
    second.say(registered{});
    const auto asked = first.hear<request>();
    CHECK(second.hear<request>().token == asked.token);

    fake_worker worker;
    hello say = worker.what_to_say();
    say.token = asked.token;
    say.lease = {7, 1};
    dealer socket(manager.endpoint());
    spec::link link(socket);
    link.send(to_record(r_hello, say));
    (void)link.next(r_welcome);
    for (channel* each : {&first, &second}) {
        const auto told = each->hear<request>();
        REQUIRE(told.held.size() == 1);
        CHECK(told.held[0].worker == say.worker);
        CHECK(told.held[0].lease == say.lease);
    }
    link.send(to_record(r_worker_goodbye, parting{17, "enough"}));
    for (channel* each : {&first, &second}) {
        CHECK(each->hear<worker_lost>().worker == say.worker);
        CHECK(each->hear<request>().held.empty());
    }
}

TEST_CASE("P-23: requests of one type are served in order, types do not wait for each other") {
    const real_park park;
    fake_manager first(park.endpoint()), second(park.endpoint());
    const auto greedy = first.ask_for(2);
    first.park->say(ping{1});  // once that is answered, the request has been read before the others
    CHECK(first.park->hear<pong>().stamp == 1);
    second.ask_for(1);
    second.ask_for(1, "other", 2);
    fake_worker one(park.endpoint());
    CHECK(one.park->never(assign::type_number));  // the second request waits behind the first
    fake_worker other;
    other.self.type = "other";
    other.enroll(park.endpoint());
    CHECK(other.park->hear<assign>().manager == second.self.manager);
    fake_worker two(park.endpoint());
    CHECK(one.park->hear<assign>().token == greedy.token);
    CHECK(two.park->hear<assign>().token == greedy.token);
    fake_worker three(park.endpoint());
    CHECK(three.park->hear<assign>().manager == second.self.manager);
}

TEST_CASE("P-24: a worker that its manager lost is offered to nobody until it is available") {
    const real_park park;
    fake_manager manager(park.endpoint()), waiting(park.endpoint());
    const request asked = manager.ask_for(1);
    fake_worker worker(park.endpoint());
    const lease held = accept_offer(worker);
    waiting.ask_for(1);
    manager.park->say(worker_lost{asked.number, held, worker.self.worker});
    CHECK(worker.park->hear<lease_ended>().lease == held);
    CHECK(worker.park->never(assign::type_number));
    CHECK(park.picture_of(worker.self.worker)->state == is_occupied);
    worker.park->say(available{held});
    CHECK(worker.park->hear<assign>().manager == manager.self.manager);  // the older request
}

TEST_CASE("P-30: a registration that names a lease that its manager lost") {
    const real_park park;
    fake_manager manager(park.endpoint());
    const request asked = manager.ask_for(1);
    fake_worker worker(park.endpoint());
    const lease held = accept_offer(worker);
    manager.park->say(worker_lost{asked.number, held, worker.self.worker});
    CHECK(worker.park->hear<lease_ended>().lease == held);
    worker.self.free = false;
    worker.self.serving = {held, manager.self.manager, asked.token};
    worker.enroll(park.endpoint());
    CHECK(park.picture_of(worker.self.worker)->state == is_occupied);
    fake_worker next(park.endpoint());
    accept_offer(next);
}

TEST_CASE("P-25: cancel ends the request, and a lease in use ends when its worker says so") {
    const real_park park;
    fake_manager manager(park.endpoint());
    const request asked = manager.ask_for(1);
    fake_worker worker(park.endpoint());
    const lease held = accept_offer(worker);
    manager.park->say(cancel{asked.number});
    manager.park->sync();
    CHECK(worker.park->silent());
    CHECK(park.picture_of(worker.self.worker)->lease == held);
    worker.park->say(available{held});
    CHECK(park.comes_to_see(worker.self.worker, is_available));
}

TEST_CASE("P-26: no sequence number is used twice, and a refused offer goes to another") {
    const real_park park;
    fake_worker first(park.endpoint());
    fake_manager manager(park.endpoint());
    manager.ask_for(1);
    const auto one = first.park->hear<assign>();
    fake_worker second(park.endpoint());
    first.park->say(refused{one.lease, 13, "busy"});
    const auto two = second.park->hear<assign>();
    CHECK(two.lease.epoch == one.lease.epoch);
    CHECK(two.lease.sequence != one.lease.sequence);
    CHECK(park.comes_to_see(first.self.worker, is_occupied));
}

TEST_CASE("P-26: an offer that is not answered is void, and accepting it is too late") {
    const real_park park;
    fake_worker worker;
    worker.self.interval_ms = 50;
    worker.self.liveness = 4;
    worker.enroll(park.endpoint());
    fake_manager manager(park.endpoint());
    manager.ask_for(1);
    const auto offer = worker.park->hear<assign>();
    for (bool void_now = false; !void_now;) {  // alive, but it does not answer
        worker.park->say(ping{1});
        const frames said = worker.park->next();
        void_now = said[0].starts_with(header(on_control, lease_ended::type_number));
        REQUIRE_FALSE(said[0].starts_with(header(on_control, register_again::type_number)));
    }
    worker.park->say(accepted{offer.lease});
    CHECK(worker.park->hear<lease_ended>().lease == offer.lease);
    CHECK(manager.park->never(granted::type_number));
}

TEST_CASE("P-26: what a worker says of itself before it answers does not void the offer") {
    const real_park park;
    fake_worker worker(park.endpoint());
    fake_manager manager(park.endpoint());
    manager.ask_for(1);
    const auto offer = worker.park->hear<assign>();
    // Of another parkserver's lease, which has come and gone before it read the offer.
    worker.park->say(occupied{{99, 1}, fresh_id(), fresh_id()});
    worker.park->say(available{{99, 1}});
    worker.park->say(accepted{offer.lease});
    CHECK(manager.park->hear<granted>().lease == offer.lease);
    CHECK(worker.park->never(lease_ended::type_number));
    CHECK(park.comes_to_see(worker.self.worker, is_leased));
}

TEST_CASE("P-26: a lease that was never made is not accepted") {
    const real_park park;
    fake_worker worker(park.endpoint());
    for (const lease& made_up : {lease{0, 0}, lease{~u64{0}, ~u64{0}}, lease{1, 1}}) {
        worker.park->say(accepted{made_up});
        CHECK(worker.park->hear_next<lease_ended>().lease == made_up);
    }
}

TEST_CASE("P-27: a real worker tells the others that it is occupied, and all when it is free") {
    router one, two;
    fake_manager manager;
    real_worker real;
    real.worker.register_parkserver(one.endpoint());
    real.worker.register_parkserver(two.endpoint());
    real.worker.start();
    channel& first = one.accept();
    const auto self = first.hear<register_worker>();
    CHECK(self.free);
    first.say(registered{});
    channel& second = two.accept();
    (void)second.hear<register_worker>();
    second.say(registered{});

    const assign offer{{5, 1}, fresh_id(), manager.self.manager, manager.self.endpoints};
    first.say(offer);
    CHECK(first.hear<accepted>().lease == offer.lease);
    const auto told = second.hear<occupied>();
    CHECK(told.lease == offer.lease);
    CHECK(told.token == offer.token);
    auto guest = manager.welcome_one();
    guest.link.send(a_call({1, 1}, f_hold, payload(7)));
    REQUIRE(real.held.wait_for_arrivals(1));
    first.say(register_again{});  // it names the lease that it serves
    const auto again = first.hear<register_worker>();
    CHECK_FALSE(again.free);
    REQUIRE(again.serving.has_value());
    CHECK(again.serving->lease == offer.lease);
    first.say(registered{});
    guest.link.send(to_record(r_manager_goodbye, parting{6, "released"}));
    CHECK(leaves(guest.through));
    first.say(assign{{5, 2}, fresh_id(), manager.self.manager, manager.self.endpoints});
    // A function still runs.
    CHECK(first.hears_first(refused::type_number, available::type_number));
    real.held.open();
    CHECK(first.hear<available>().ended == offer.lease);
    CHECK(second.hear<available>().ended == offer.lease);
}

TEST_CASE("P-27: a parkserver offers nothing to a worker that is occupied") {
    const real_park park;
    fake_worker worker(park.endpoint());
    worker.park->say(occupied{{99, 1}, fresh_id(), fresh_id()});
    worker.park->sync();
    fake_manager manager(park.endpoint());
    manager.ask_for(1);
    CHECK(worker.park->never(assign::type_number));
    worker.park->say(available{{99, 1}});
    (void)worker.park->hear<assign>();
}

TEST_CASE("P-28: granted is news, and the hello is what counts") {
    const real_park park;
    maus::manager manager(manager_options());
    manager.connect_parkserver(park.endpoint());
    auto workers = manager.get_workers({.amount = 1});
    fake_worker worker(park.endpoint());
    const auto offer = worker.park->hear<assign>();
    worker.greet(offer);  // before it accepts: the manager's answer does not wait for granted
    (void)worker.welcomed();
    worker.park->say(accepted{offer.lease});
    auto sum = workers.call<int>("add", 20, 22);
    worker.answer(worker.next_call(), payload(42));
    CHECK(sum.get() == 42);
}

TEST_CASE("P-29: a worker believes its own link more than lease_ended") {
    fake_manager manager;
    registering real;
    channel& session = real.session;
    session.say(registered{});
    // Not yet a link: it ends.
    session.say(assign{{5, 1}, fresh_id(), manager.self.manager, manager.self.endpoints});
    (void)session.hear<accepted>();
    channel& before = manager.workers.accept();
    (void)before.next();  // hello, not answered
    session.say(lease_ended{{5, 1}, "the manager left"});
    CHECK(session.hear<available>().ended == lease{5, 1});
    // A link: it goes on.
    const auto asked = fresh_id();
    session.say(assign{{5, 2}, asked, manager.self.manager, manager.self.endpoints});
    auto guest = manager.welcome_one();
    const auto add_works = [&](u64 call) {
        guest.link.send(a_call({call, 1}, f_add, payload(20, 22)));
        return payload_of(guest.link.next(r_result)) == payload(42);
    };
    CHECK(add_works(1));  // it has read the welcome
    session.say(lease_ended{{5, 2}, "somebody thinks so"});
    const auto goes_on = session.hear<occupied>();
    CHECK(goes_on.lease == lease{5, 2});
    CHECK(goes_on.manager == manager.self.manager);
    CHECK(goes_on.token == asked);
    session.say(assign{{5, 3}, fresh_id(), manager.self.manager, manager.self.endpoints});
    CHECK(session.hears_first(refused::type_number, available::type_number));
    CHECK(add_works(2));
}

TEST_CASE("P-30: a lost manager's leases end, and only its own") {
    const real_park park;
    fake_manager first(park.endpoint()), second(park.endpoint());
    first.ask_for(1);
    fake_worker one(park.endpoint());
    const lease of_first = accept_offer(one);
    second.ask_for(1);
    fake_worker two(park.endpoint());
    accept_offer(two);
    first.park->close();
    CHECK(one.park->hear<lease_ended>().lease == of_first);
    CHECK(two.park->silent());
    CHECK(park.ask().requests.size() == 1);
}

TEST_CASE("P-30: a lease that the parkserver does not know is adopted") {
    const real_park park;  // as after a restart
    fake_manager manager;
    request asked;
    fake_worker serving;
    serving.self.free = false;
    serving.self.serving = serving_now{{1, 17}, manager.self.manager, asked.token};
    serving.enroll(park.endpoint());
    const auto seen = park.picture_of(serving.self.worker);
    REQUIRE(seen.has_value());
    CHECK(seen->state == is_leased);
    CHECK(seen->lease == lease{1, 17});
    manager.enroll(park.endpoint());
    manager.park->say(asked);
    manager.park->sync();
    fake_worker idle(park.endpoint());
    CHECK(idle.park->never(assign::type_number));  // the request is served by the adopted one
    serving.park->close();
    CHECK(manager.park->hear<lease_ended>().lease == lease{1, 17});
    (void)idle.park->hear<assign>();
}

TEST_CASE("P-31: a real worker takes the first of two offers and refuses the second") {
    router one, two;
    fake_manager manager;
    real_worker real;
    real.worker.register_parkserver(one.endpoint());
    real.worker.register_parkserver(two.endpoint());
    real.worker.start();
    channel& first = one.accept();
    (void)first.hear<register_worker>();
    first.say(registered{});
    channel& second = two.accept();
    (void)second.hear<register_worker>();
    second.say(registered{});
    first.say(assign{{5, 1}, fresh_id(), manager.self.manager, manager.self.endpoints});
    (void)first.hear<accepted>();
    second.say(assign{{6, 1}, fresh_id(), manager.self.manager, manager.self.endpoints});
    const auto no = second.hear<refused>();
    CHECK(no.lease == lease{6, 1});
    CHECK(no.error == 13);
}

TEST_CASE("P-31: a manager that has enough workers does not keep the newest") {
    router park;
    maus::manager manager(manager_options());
    manager.connect_parkserver(park.endpoint());
    const maus::worker_group workers = manager.get_workers({.amount = 1});
    channel& session = park.accept();
    (void)session.hear<register_manager>();
    session.say(registered{});
    const auto asked = session.hear<request>();
    std::vector<std::unique_ptr<fake_worker>> come;
    for (u64 i = 0; i < 2; ++i) {
        auto& worker = *come.emplace_back(std::make_unique<fake_worker>());
        assign offer{{5, i + 1}, asked.token, {}, {manager.endpoint()}};
        worker.greet(offer);
        if (i == 0) (void)worker.welcomed();
    }
    CHECK(decoded<parting>(come[1]->link->next(r_reject).body).error == 6);
}

TEST_CASE("P-66: a request keeps its type and its token") {
    const real_park park;
    fake_manager manager(park.endpoint());
    const request stands = manager.ask_for(1);
    request changed = stands;
    changed.type = "other";
    manager.park->say(changed);
    CHECK(manager.park->hear_next<rejected>().error == 15);
    changed = stands;
    changed.token = fresh_id();
    manager.park->say(changed);
    CHECK(manager.park->hear_next<rejected>().error == 15);
    changed = stands;
    changed.number = 2;  // another request with that token
    manager.park->say(changed);
    CHECK(manager.park->hear_next<rejected>().error == 15);
    const fake_worker worker(park.endpoint());
    CHECK(worker.park->hear<assign>().token == stands.token);
}

TEST_CASE("P-67: lease_ended may follow cancel, when the worker is free again") {
    const real_park park;
    fake_worker worker(park.endpoint());
    fake_manager manager(park.endpoint());
    manager.ask_for(1);
    const auto offer = worker.park->hear<assign>();
    worker.park->say(accepted{offer.lease});
    (void)manager.park->hear_next<granted>();
    manager.park->say(cancel{1});
    manager.park->say(ping{1});
    CHECK(manager.park->hear_next<pong>().stamp == 1);  // nothing yet
    worker.park->say(available{offer.lease});
    CHECK(manager.park->hear_next<lease_ended>().lease == offer.lease);
}

TEST_CASE("P-67: a real manager ignores lease_ended of a lease that it does not have") {
    router park;
    maus::manager manager;
    manager.connect_parkserver(park.endpoint());
    channel& session = park.accept();
    session.say(registered{});
    session.say(lease_ended{{9, 9}, "of nobody"});
    const auto workers = manager.get_workers({.amount = 1});
    CHECK(session.hear<request>().amount == 1);  // the session goes on
    CHECK(manager.metrics().workers_lost == 0);
}

TEST_CASE("P-68: a request keeps its place if its manager comes again before it was lost") {
    const real_park park;
    fake_manager first(park.endpoint()), second(park.endpoint());
    const request older = first.ask_for(1);
    first.park->say(ping{1});
    (void)first.park->hear<pong>();
    const request younger = second.ask_for(1);
    second.park->say(ping{1});
    (void)second.park->hear<pong>();

    const auto old_connection = std::move(first.park);  // it still stands
    first.enroll(park.endpoint());
    first.park->say(older);
    first.park->say(ping{2});
    (void)first.park->hear<pong>();
    const fake_worker one(park.endpoint());
    CHECK(one.park->hear<assign>().token == older.token);
    const fake_worker two(park.endpoint());
    CHECK(two.park->hear<assign>().token == younger.token);
}

TEST_CASE("P-68: a request whose manager was lost stands at the end when it is said again") {
    const real_park park;
    fake_manager first(park.endpoint()), second(park.endpoint());
    const request older = first.ask_for(1);
    first.park->say(ping{1});
    (void)first.park->hear<pong>();
    const request younger = second.ask_for(1);
    second.park->say(ping{1});
    (void)second.park->hear<pong>();

    first.park->say(goodbye{"for a moment"});
    REQUIRE(eventually([&] { return park.ask().managers.size() == 1; }));
    first.enroll(park.endpoint());
    first.park->say(older);
    first.park->say(ping{2});
    (void)first.park->hear<pong>();
    const fake_worker one(park.endpoint());
    CHECK(one.park->hear<assign>().token == younger.token);
    const fake_worker two(park.endpoint());
    CHECK(two.park->hear<assign>().token == older.token);
}
