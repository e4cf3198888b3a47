// Raw ZeroMQ peers that break the protocol: frames, states and ids from shared lists, against a live
// parkserver, manager and worker. After each, a good call works.
#include "catch.hpp"

#include "real.hpp"

using namespace spec;

namespace {

bytes nul(std::size_t count) { return bytes(count, '\0'); }

/// The list "Frames": what no decoder may fall over.
std::vector<frames> bad_frames(u8 channel) {
    const bytes good = channel == on_control ? control(register_worker{}).front()
                                             : link_message({to_record(r_hello, hello{})}).front();
    std::vector<frames> all = {
        {""},
        {"", ""},
        frames(10'000, ""),
        {good, "trailing"},
        {bytes("XAU") + good.substr(3)},
        {good.substr(0, 3) + "\x09" + good.substr(4)},
        {good.substr(0, 4) + "\x09" + good.substr(5)},
        {good.substr(0, 5) + "\x7f" + good.substr(6)},
        {good.substr(0, 6) + "\1" + good.substr(7)},
        {good + nul(1)},
        {good + nul(2 << 20)},
        {header(channel, 1)},
        {good, bytes(100'000, 'x')},
    };
    for (std::size_t length = 1; length < good.size(); length += 3) {
        if (length == 8 && channel == on_link) continue;  // no record at all is no wrong one
        all.push_back({good.substr(0, length)});
    }
    return all;
}

}  // namespace

TEST_CASE("hostile peers: bad frames to a parkserver") {
    const real_park park;
    fake_worker good(park.endpoint());
    for (const auto& message : bad_frames(on_control)) {
        INFO(describe(message));
        dealer stranger(park.endpoint());
        stranger.send(message);
        fake_worker registered_one(park.endpoint());
        registered_one.park->send(message);
        good.park->say(ping{1});
        CHECK(good.park->hear<pong>().stamp == 1);
    }
    fake_manager manager(park.endpoint());
    manager.ask_for(1);
    (void)good.park->hear<assign>();
}

TEST_CASE("hostile peers: bad frames to a manager") {
    managed all;
    fake_worker good;
    good.connect(all.endpoint());
    (void)good.welcomed();
    for (const auto& message : bad_frames(on_link)) {
        INFO(describe(message));
        dealer stranger(all.endpoint());
        stranger.send(message);
        auto sum = all.add(20, 22);
        good.answer(good.next_call(), payload(42));
        CHECK(sum.get() == 42);
    }
    CHECK(all.manager.metrics().violations > 10);
    CHECK(all.workers.size() == 1);
}

TEST_CASE("hostile peers: bad frames to a worker, from its manager and its parkserver") {
    for (const bool from_manager : {true, false}) {
        fake_manager manager;
        registering all;
        channel* session = &all.session;
        session->say(registered{});
        u64 sequence = 0;
        for (const auto& message : bad_frames(from_manager ? on_link : on_control)) {
            INFO(describe(message));
            if (from_manager) {
                session->say(assign{
                    {5, ++sequence}, fresh_id(), manager.self.manager, manager.self.endpoints});
                manager.welcome_one().through.send(message);
                session->say(ping{});  // a parkserver does not say that
                (void)session->hear<available>();
            } else {
                session->send(message);
            }
        }
        session->say(
            assign{{5, ++sequence}, fresh_id(), manager.self.manager, manager.self.endpoints});
        auto guest = manager.welcome_one();
        guest.link.send(a_call({1, 1}, f_add, payload(20, 22)));
        CHECK(payload_of(guest.link.next(r_result)) == payload(42));
    }
}

TEST_CASE("hostile peers: a worker that answers twice, and what it was never asked") {
    managed all;
    fake_worker liar;
    liar.connect(all.endpoint());
    (void)liar.welcomed();
    for (int i = 0; i < 50; ++i) {
        auto sum = all.add(i, 1);
        const record call = liar.next_call();
        const attempt of = attempt_of(call);
        liar.link->send(
            {with_payload(r_result, {of.call + 1, 1}, payload(-1)),
             with_payload(r_result, {of.call, of.number + 1}, payload(-2)),
             with_payload(r_result, of, payload(i + 1)), with_payload(r_result, of, payload(-3)),
             to_record(r_failed, fault{of, 7, "late", "late"}), to_record(r_returned, of)});
        CHECK(sum.get() == i + 1);
    }
    CHECK(eventually([&] { return all.manager.metrics().stale_answers == 250; }));
    CHECK(all.manager.metrics().results == 50);
}

TEST_CASE("hostile peers: a result that is no result of that type is a named error") {
    managed all;
    fake_worker liar;
    liar.connect(all.endpoint());
    (void)liar.welcomed();
    for (const bytes& wrong : {bytes(), payload(u64{1}), bytes("x"), nul(1 << 20)}) {
        auto sum = all.add(1, 1);
        liar.answer(liar.next_call(), wrong);
        CHECK(error_of(sum) == maus::errc::bad_result);
    }
}

TEST_CASE("hostile peers: hello twice, result before hello, a manager's records from a worker") {
    managed all;
    const std::vector<std::vector<record>> rows = {
        {with_payload(r_result, {1, 1}, payload(1))},
        {to_record(r_hello, hello{}), to_record(r_hello, hello{})},
        {to_record(r_hello, hello{}), to_record(r_welcome, welcome{})},
        {to_record(r_hello, hello{}), to_record(r_manager_goodbye, parting{})},
        {to_record(r_hello, hello{}), a_call({1, 1}, 0, "")},
        {to_record(r_ping, u64{1})},
    };
    std::vector<std::unique_ptr<dealer>> sockets;
    for (const auto& records : rows) {
        dealer& socket = *sockets.emplace_back(std::make_unique<dealer>(all.endpoint()));
        spec::link link(socket);
        link.send(records);
        for (;;) {  // a welcome may come first; then it is over
            const auto got = link.receive(patience);
            REQUIRE(got);
            if (got->type == r_welcome || got->type == r_call) continue;
            CHECK((got->type == r_reject || got->type == r_manager_goodbye));
            CHECK(decoded<parting>(got->body).error == 15);
            break;
        }
        link.send(to_record(r_hello, hello{}));  // one connection is one link
    }
    fake_worker good;
    good.connect(all.endpoint());
    (void)good.welcomed();
    auto sum = all.add(20, 22);
    good.answer(good.next_call(), payload(42));
    CHECK(sum.get() == 42);
    for (const auto& each : sockets) CHECK_FALSE(each->receive(0ms));  // the hello had no answer
}

TEST_CASE("hostile peers: ids are used again after a restart") {
    const real_park park;
    fake_manager manager(park.endpoint());
    manager.ask_for(1);
    fake_worker worker(park.endpoint());
    assign offer = worker.park->hear<assign>();
    worker.park->say(accepted{offer.lease});
    for (u64 life = 2; life < 10; ++life) {  // it dies and comes back under its id
        fake_worker again;
        again.self = worker.self;
        again.self.incarnation = life;
        worker.park->close();
        CHECK(eventually([&] { return park.ask().workers.empty(); }));
        again.enroll(park.endpoint());
        const auto next = again.park->hear<assign>();
        CHECK(next.lease != offer.lease);
        offer = next;
        again.park->say(accepted{offer.lease});
        worker = std::move(again);
    }
    CHECK(park.ask().workers.size() == 1);

    managed all;
    fake_worker first, second;
    second.self.worker = first.self.worker;
    first.connect(all.endpoint());
    (void)first.welcomed();
    auto sum = all.add(20, 22);
    const record call = first.next_call();
    second.self.incarnation = 2;
    second.connect(all.endpoint());
    CHECK(decoded<parting>(second.link->next(r_reject).body).error == 15);  // the first is alive
    second.self.incarnation = 1;
    second.connect(all.endpoint());
    (void)second.welcomed();
    first.answer(call, payload(41));  // over the connection that it had before
    second.answer(second.next_call(), payload(42));
    CHECK(sum.get() == 42);
    fake_worker old;
    old.self = first.self;
    old.self.incarnation = 0;
    old.connect(all.endpoint());
    CHECK(decoded<parting>(old.link->next(r_reject).body).error == 15);
    CHECK(all.workers.size() == 1);
}

TEST_CASE("hostile peers: nothing that a peer says makes two lines of one in a log") {
    const std::string evil = "evil\n2030-01-01 all is fine\x1b[2J\x07\xc2\x9b\xff";
    const real_park park;
    fake_worker worker;
    worker.self.host = evil;
    worker.enroll(park.endpoint());
    register_worker bad_type = worker.self;
    bad_type.type = evil;
    dealer stranger(park.endpoint());
    stranger.say(bad_type);
    CHECK(stranger.hear_next<rejected>().error == 15);
    bad_type = worker.self;
    bad_type.signatures = {evil + "()->void"};
    stranger.say(bad_type);
    CHECK(stranger.hear_next<rejected>().error == 15);
    worker.park->say(goodbye{evil});
    CHECK(eventually([&] { return park.ask().workers.empty(); }));

    managed all;
    fake_worker leaving;
    leaving.connect(all.endpoint());
    (void)leaving.welcomed();
    leaving.link->send(to_record(r_worker_goodbye, parting{17, evil}));
    CHECK(eventually([&] { return all.manager.metrics().workers_lost == 1; }));

    registering enlists;
    enlists.session.say(rejected{15, evil});
    real_worker& real = enlists.worker;
    CHECK(eventually([&] { return real.log.has("rejects"); }));

    for (const log_book* book :
         std::initializer_list<const log_book*>{&park.log, &all.log, &real.log}) {
        for (const auto& line : book->lines()) {
            INFO(line);
            for (const char c : line) {
                CHECK((static_cast<unsigned char>(c) >= 0x20 && c != 0x7f));
            }
            CHECK(line.find("\xc2\x9b") == std::string::npos);
        }
    }
}

TEST_CASE(
    "hostile peers: what a stranger does again and again is one line of the log, and their "
    "number") {
    managed all;
    for (int i = 0; i < 6; ++i) {
        dealer stranger(all.endpoint());
        stranger.send({header(on_link, 1) + "x"});
        CHECK(eventually([&] { return all.manager.metrics().violations > std::uint64_t(i); }));
    }
    CHECK(eventually([&] { return all.log.count("a stranger was rejected") == 1; }));
    all.manager.stop();
    CHECK(all.log.count("a stranger was rejected") == 2);
    CHECK(all.log.count("(5 more like this)") == 1);
}

TEST_CASE("hostile peers: a manager that leads its workers nowhere keeps nobody busy") {
    const real_park park;
    maus::worker_options options;
    options.link_timeout = 100ms;
    real_worker worker(std::move(options));
    worker.worker.register_parkserver(park.endpoint());
    worker.worker.start();
    fake_manager trap;
    trap.self.endpoints = {"tcp://nowhere", "tcp://:::", "ipc:///no/such/folder/x"};
    trap.enroll(park.endpoint());
    const auto begin = std::chrono::steady_clock::now();
    trap.ask_for(1);
    int offers = 0;
    while (std::chrono::steady_clock::now() < begin + 500ms) {
        const auto got = trap.park->receive(50ms);
        if (got && got->front().starts_with(header(on_control, granted::type_number))) ++offers;
    }
    CHECK(offers < (std::chrono::steady_clock::now() - begin) / 25ms);
    trap.park->close();
    maus::manager good(manager_options());
    good.connect_parkserver(park.endpoint());
    auto workers = good.get_workers({.amount = 1});
    CHECK(workers.call<int>("add", 20, 22).get() == 42);
}

TEST_CASE("hostile peers: a real worker that leaves does not get its calls again and again") {
    managed all;
    maus::worker_options options;
    options.concurrency = 2;
    real_worker worker(std::move(options));
    worker.worker.connect(all.endpoint());
    worker.worker.start();
    auto held = all.workers.call<int>("hold", 7);
    REQUIRE(worker.held.wait_for_arrivals(1));
    std::thread leaving([&] { worker.worker.stop(); });
    std::vector<maus::future<int>> sums;
    for (int i = 0; i < 50; ++i) {
        sums.push_back(all.add(i, 1));
        (void)sums.back().wait_for(5ms);
    }
    CHECK(all.manager.metrics().reassigned < 10);
    worker.held.open();
    leaving.join();
    CHECK(held.get() == 7);
    real_worker next;
    next.worker.connect(all.endpoint());
    next.worker.start();
    for (int i = 0; i < 50; ++i) CHECK(sums[static_cast<std::size_t>(i)].get() == i + 1);
}
