// Section 7: manager and worker talk through the parkserver.
#include "catch.hpp"

#include "real.hpp"

using namespace spec;

namespace {
/// A manager without endpoints and a worker, both fake, and the lease over which they may talk.
struct relayed_pair {
    real_park park;
    fake_worker worker{park.endpoint()};
    fake_manager manager;
    assign offer;
    relayed_pair() {
        manager.self.endpoints.clear();
        manager.enroll(park.endpoint());
        manager.ask_for(1);
        offer = worker.park->hear<assign>();
        worker.park->say(accepted{offer.lease});
        REQUIRE(manager.park->hear<granted>().lease == offer.lease);
    }
};
}  // namespace

TEST_CASE("P-45: a manager without endpoints is relayed, frames unchanged, both ways") {
    relayed_pair all;
    CHECK(all.offer.endpoints.empty());
    const frames inside[] = {{"x"}, {"", bytes(100'000, '\1')}, link_message({}), frames(66, "y")};
    for (const auto& each : inside) {
        const frames message = relayed(all.offer.lease, each);
        all.worker.park->send(message);
        CHECK(all.manager.park->next() == message);
        all.manager.park->send(message);
        CHECK(all.worker.park->next() == message);
    }
}

TEST_CASE("P-45: only the ends of a lease may use it") {
    relayed_pair all;
    fake_worker stranger(all.park.endpoint());
    const frames inside = link_message({to_record(r_ping, u64{1})});
    stranger.park->send(relayed(all.offer.lease, inside));
    CHECK(stranger.park->hear_next<lease_ended>().lease == all.offer.lease);
    all.worker.park->send(relayed({9, 9}, inside));
    CHECK(all.worker.park->hear_next<lease_ended>().lease == lease{9, 9});
    CHECK(all.manager.park->silent());
    all.worker.park->say(available{all.offer.lease});  // the lease is over
    all.manager.park->send(relayed(all.offer.lease, inside));
    CHECK(all.manager.park->hear<lease_ended>().lease == all.offer.lease);
}

TEST_CASE("P-45: real manager and worker call each other through the parkserver") {
    const real_park park;
    real_worker worker;
    worker.worker.register_parkserver(park.endpoint());
    worker.worker.start();
    maus::manager manager;
    manager.connect_parkserver(park.endpoint());
    auto workers = manager.get_workers({.amount = 1});
    CHECK(workers.call<int>("add", 20, 22).get() == 42);
    auto threw = workers.call<int>("fail", 1);
    CHECK(error_of(threw) == maus::errc::remote_exception);
}

TEST_CASE("P-45: a worker that reaches no address of its manager falls back to the relay") {
    const real_park park;
    maus::worker_options options;
    options.link_timeout = 100ms;
    real_worker worker(std::move(options));
    worker.worker.register_parkserver(park.endpoint());
    worker.worker.start();
    const std::string no_name(64, 'x');  // too long for a label of a name
    for (const auto& unreachable : {std::string("tcp://127.0.0.1:1"), "tcp://" + no_name + ":1"}) {
        maus::manager_options behind = manager_options();
        behind.advertise = {unreachable};
        maus::manager manager(std::move(behind));
        manager.connect_parkserver(park.endpoint());
        auto workers = manager.get_workers({.amount = 1});
        auto sum = workers.call<int>("add", 20, 22);
        CHECK(error_of(sum) == std::nullopt);
    }
}

TEST_CASE("P-46: a relayed link ends with lease_ended, and with the parkserver") {
    auto park = std::make_unique<router>();
    const std::string endpoint = park->endpoint();
    maus::manager manager;
    manager.connect_parkserver(endpoint);
    auto workers = manager.get_workers({.amount = 1});
    channel* session = &park->accept();
    const auto serve = [&](u64 sequence) {
        (void)session->hear<register_manager>();
        session->say(registered{});
        const auto asked = session->hear<request>();
        hello say;
        say.token = asked.token;
        say.lease = {7, sequence};
        spec::link link(*session, say.lease);
        link.send(to_record(r_hello, say));
        (void)link.next(r_welcome);
        return link;
    };
    spec::link link = serve(1);
    auto sum = workers.call<int>("add", 20, 22);
    (void)link.next(r_call);
    session->say(lease_ended{{7, 1}, "the worker left"});
    CHECK(eventually([&] { return workers.size() == 0; }));

    session->say(register_again{});
    link = serve(2);
    (void)link.next(r_call);
    park.reset();
    CHECK(eventually([&] { return workers.size() == 0; }));
    park = std::make_unique<router>(endpoint);
    session = &park->accept();
    link = serve(3);
    const record call = link.next(r_call);
    CHECK(attempt_of(call).number == 3);
    link.send(with_payload(r_result, attempt_of(call), payload(42)));
    CHECK(sum.get() == 42);
}

TEST_CASE("P-81: a relayed frame larger than its receiver allows ends the lease alone") {
    real_park park;
    fake_worker worker{park.endpoint()};
    fake_manager manager;
    manager.self.endpoints.clear();
    manager.self.limits = {{1, 1000}};
    manager.enroll(park.endpoint());
    manager.ask_for(1);
    const auto offer = worker.park->hear<assign>();
    worker.park->say(accepted{offer.lease});
    (void)manager.park->hear<granted>();
    worker.park->send(relayed(offer.lease, {header(on_link), bytes(1000, 'x')}));
    CHECK(manager.park->next().size() == 3);
    worker.park->send(relayed(offer.lease, {header(on_link), bytes(1001, 'x')}));
    CHECK(worker.park->hear<rejected>().error == 12);
    CHECK(worker.park->hear<lease_ended>().lease == offer.lease);
    CHECK(manager.park->hear<lease_ended>().lease == offer.lease);
    manager.park->say(ping{7});
    CHECK(manager.park->hear<pong>().stamp == 7);
}

TEST_CASE("P-74: the parkserver passes on what stands behind the lease, and frames of any kind") {
    relayed_pair all;
    frames message = relayed(all.offer.lease, {header(on_control, 250, 9) + "?", "", "x"});
    for (const bytes& behind :
         {extension(40000, "inside"), bytes("no extension"), bytes(5000, '\0')}) {
        message[0] = header(on_relay) + encoded(all.offer.lease) + behind;
        all.worker.park->send(message);
        CHECK(all.manager.park->next() == message);
        all.manager.park->send(message);
        CHECK(all.worker.park->next() == message);
    }
    message[0].resize(23);
    all.worker.park->send(message);
    CHECK(all.worker.park->hear_next<rejected>().error == 15);
}

TEST_CASE("P-74: a relayed message has a frame more than frames_max") {
    relayed_pair all;
    const frames most = relayed(all.offer.lease, frames(66, "y"));
    REQUIRE(most.size() == 67);
    all.worker.park->send(most);
    CHECK(all.manager.park->next() == most);
    all.worker.park->send(relayed(all.offer.lease, frames(67, "y")));
    CHECK(all.worker.park->hear_next<rejected>().error == 15);
    CHECK(all.manager.park->silent());
}
