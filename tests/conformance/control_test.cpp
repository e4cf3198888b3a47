// Sections 1 and 5.1 to 5.5 against a live parkserver, by fake workers and managers.
#include "catch.hpp"

#include "real.hpp"

using namespace spec;

namespace {
/// A worker and a manager that have a lease: offered, accepted, granted.
struct leased {
    real_park park;
    fake_worker worker{park.endpoint()};
    fake_manager manager{park.endpoint()};
    request asked = manager.ask_for(1);
    assign offer = worker.park->hear<assign>();
    leased() {
        worker.park->say(accepted{offer.lease});
        REQUIRE(manager.park->hear<granted>().lease == offer.lease);
    }
};

/// A worker that is lost after `timeout` of silence says something else than a ping until three times
/// that has passed. Whether that showed anything: it must never have been silent for so long.
bool stays_by_talking(const real_park& park, std::chrono::milliseconds timeout) {
    using clock = std::chrono::steady_clock;
    fake_worker worker;
    worker.self.interval_ms = static_cast<u32>(timeout.count() / 3);
    worker.self.liveness = 3;
    worker.enroll(park.endpoint());
    const auto begin = clock::now();
    auto said = begin, answered = begin;  // it was read at some time between these
    for (u64 i = 1; answered < begin + 3 * timeout; ++i) {
        const auto before = std::exchange(said, clock::now());
        worker.park->say(accepted{{i, i}});
        const auto answer = worker.park->next();
        answered = clock::now();
        const bool was_silent = answered - before >= timeout;
        if (was_silent) return false;
        REQUIRE(answer[0].starts_with(header(on_control, lease_ended::type_number)));
    }
    CHECK(park.picture_of(worker.self.worker).has_value());
    return true;
}
}  // namespace

TEST_CASE("P-1: what a peer tells replaces what the parkserver thought") {
    leased all;
    CHECK(all.park.picture_of(all.worker.self.worker)->state == is_leased);
    all.worker.park->say(occupied{{99, 1}, fresh_id(), fresh_id()});
    CHECK(all.park.comes_to_see(all.worker.self.worker, is_leased));
    CHECK(all.park.picture_of(all.worker.self.worker)->lease == lease{99, 1});
    all.worker.park->say(available{{99, 1}});
    // Free in its own word, so the old request gets it again, under a new lease.
    CHECK(all.worker.park->hear<assign>().lease != all.offer.lease);
}

TEST_CASE("P-2: two workers may execute one call at a time, and only one answer counts") {
    maus::manager_options options = manager_options();
    options.heartbeat = {50ms, 2};
    managed all(std::move(options));
    fake_worker first, second;
    first.self.interval_ms = 50;  // it goes silent, and is held lost, while its function goes on
    first.self.liveness = 2;
    auto sum = all.add(20, 22);
    first.connect(all.endpoint());
    (void)first.welcomed();
    const record held = first.next_call();
    (void)first.link->next(r_manager_goodbye);
    second.connect(all.endpoint());
    (void)second.welcomed();
    const record again = second.next_call();
    CHECK(attempt_of(again).call == attempt_of(held).call);
    CHECK(attempt_of(again).number > attempt_of(held).number);
    first.answer(held, payload(41));
    second.answer(again, payload(42));
    CHECK(sum.get() == 42);
    CHECK(eventually([&] { return all.manager.metrics().stale_answers == 1; }));
}

TEST_CASE("P-14: a session begins with a registration, and everything else is told to register") {
    const real_park park;
    dealer stranger(park.endpoint());
    const auto told_to_register = [&](const auto& what) {
        stranger.say(what);
        (void)stranger.hear_next<register_again>();
    };
    told_to_register(ping{7});
    told_to_register(goodbye{"bye"});
    told_to_register(accepted{{1, 1}});
    told_to_register(refused{{1, 1}, 13, "no"});
    told_to_register(available{});
    told_to_register(occupied{{1, 1}, fresh_id(), fresh_id()});
    told_to_register(request{});
    told_to_register(cancel{});
    told_to_register(worker_lost{});
    told_to_register(registered{});  // which only parkservers send
    told_to_register(assign{{1, 1}, fresh_id(), fresh_id(), {}});
    stranger.send(relayed({1, 1}, link_message({to_record(r_ping, u64{1})})));
    (void)stranger.hear_next<register_again>();
    stranger.say(register_worker{});
    (void)stranger.hear_next<registered>();
    stranger.say(ping{8});
    CHECK(stranger.hear_next<pong>().stamp == 8);
}

TEST_CASE("P-14: a worker and a manager that read register_again register again") {
    router park;
    real_worker worker;
    worker.worker.register_parkserver(park.endpoint());
    worker.worker.start();
    channel& session = park.accept();
    const auto first = session.hear_next<register_worker>();
    session.say(registered{});
    session.say(register_again{});
    CHECK(session.hear<register_worker>().worker == first.worker);

    maus::manager manager;
    manager.connect_parkserver(park.endpoint());
    channel& other = park.accept();
    const auto once = other.hear_next<register_manager>();
    other.say(registered{});
    other.say(register_again{});
    CHECK(other.hear<register_manager>().manager == once.manager);
}

TEST_CASE("P-15: a known id replaces its older session, and an older incarnation is rejected") {
    const real_park park;
    fake_worker first;
    first.self.incarnation = 5;
    first.enroll(park.endpoint());
    fake_worker second;
    second.self = first.self;
    second.enroll(park.endpoint());  // the same incarnation: a reconnection
    CHECK(park.ask().workers.size() == 1);
    first.park->say(ping{1});
    (void)first.park->hear_next<register_again>();

    dealer old(park.endpoint());
    register_worker say = first.self;
    say.incarnation = 4;
    old.say(say);
    CHECK(old.hear_next<rejected>().error == 15);
    second.park->say(ping{2});
    CHECK(second.park->hear_next<pong>().stamp == 2);

    // The old session's end takes nothing from the new one.
    first.park->close();
    second.park->say(ping{3});
    CHECK(second.park->hear_next<pong>().stamp == 3);
    CHECK(park.ask().workers.size() == 1);
}

TEST_CASE("P-15: what was leased under an older incarnation is void") {
    leased all;
    fake_worker& again = all.worker;  // over one connection two lives may follow each other
    again.self.incarnation = 2;
    again.park->say(again.self);
    (void)again.park->hear<registered>();
    CHECK(again.park->hear<assign>().lease != all.offer.lease);  // the request is served anew
    again.park->say(accepted{all.offer.lease});
    CHECK(again.park->hear<lease_ended>().lease == all.offer.lease);

    all.manager.self.incarnation = 2;
    all.manager.park->say(all.manager.self);
    (void)all.manager.park->hear<registered>();
    CHECK(all.park.ask().requests.empty());
}

TEST_CASE("P-78: a newer incarnation is rejected as long as the older one is alive") {
    leased all;
    register_worker worker = all.worker.self;
    register_manager manager = all.manager.self;
    worker.incarnation = manager.incarnation = ~u64{0};
    {
        dealer impostor(all.park.endpoint()), another(all.park.endpoint());
        impostor.say(worker);
        CHECK(impostor.hear_next<rejected>().error == 15);
        another.say(manager);
        CHECK(another.hear_next<rejected>().error == 15);
    }
    all.worker.park->say(ping{1});
    CHECK(all.worker.park->hear<pong>().stamp == 1);
    CHECK(all.park.picture_of(worker.worker)->state == 3);
    CHECK(all.park.ask().requests.size() == 1);

    all.worker.park->close();
    all.manager.park->close();
    CHECK(eventually(
        [&] { return all.park.ask().workers.empty() && all.park.ask().managers.empty(); }));
    dealer restarted(all.park.endpoint()), another(all.park.endpoint());
    restarted.say(worker);
    (void)restarted.hear<registered>();
    another.say(manager);
    (void)another.hear<registered>();
}

TEST_CASE("P-15: a second registration in one session updates it") {
    const real_park park;
    fake_worker worker(park.endpoint());
    worker.self.type = "other";
    worker.self.pid = 4711;
    worker.park->say(worker.self);
    (void)worker.park->hear_next<registered>();
    const auto seen = park.ask();
    REQUIRE(seen.workers.size() == 1);
    CHECK(seen.workers[0].type == "other");
    CHECK(seen.workers[0].pid == 4711);
    fake_manager manager(park.endpoint());
    manager.ask_for(1, "default");
    CHECK(worker.park->never(assign::type_number));
    manager.ask_for(1, "other", 2);
    (void)worker.park->hear<assign>();
}

TEST_CASE("P-16: the larger of both hold, within the limits") {
    maus::parkserver_options options = park_options();
    options.heartbeat = {200ms, 4};
    const real_park park(std::move(options));
    struct row {
        u32 interval_ms, liveness, agreed_ms, agreed_liveness;
    };
    for (const auto& each : {row{0, 0, 200, 4}, row{1000, 3, 1000, 4}, row{50, 9, 200, 9},
                             row{~0u, ~0u, 3'600'000, 100}, row{3'600'001, 101, 3'600'000, 100}}) {
        fake_worker worker;
        worker.self.interval_ms = each.interval_ms;
        worker.self.liveness = each.liveness;
        const auto answer = worker.enroll(park.endpoint());
        CHECK(answer.interval_ms == each.agreed_ms);
        CHECK(answer.liveness == each.agreed_liveness);
    }
}

TEST_CASE("P-17: a peer pings once an interval, and the pong has the ping's stamp") {
    maus::worker_options options;
    options.heartbeat = {20ms, 100};
    registering all(std::move(options));
    channel& session = all.session;
    session.say(registered{fresh_id(), 1, 50, 100});
    u64 last = 0;  // by the clock of the worker, which may be late, but not early
    for (int i = 0; i < 4; ++i) {
        const u64 stamp = session.hear<ping>().stamp;
        session.say(pong{stamp});
        CHECK(std::chrono::nanoseconds{stamp - std::exchange(last, stamp)} >= 50ms);
    }

    const real_park real;
    fake_worker fake(real.endpoint());
    for (const u64 stamp : {u64{0}, u64{1}, ~u64{0}}) {
        fake.park->say(ping{stamp});
        CHECK(fake.park->hear_next<pong>().stamp == stamp);
    }
}

TEST_CASE("P-18: lost is who is silent, who closes and who says goodbye") {
    const real_park park;
    fake_worker silent, closing(park.endpoint()), leaving(park.endpoint());
    silent.self.interval_ms = 50;
    silent.self.liveness = 2;
    silent.enroll(park.endpoint());
    CHECK(eventually([&] { return park.ask().workers.size() == 2; }));
    closing.park->close();
    CHECK(eventually([&] { return park.ask().workers.size() == 1; }));
    leaving.park->say(goodbye{"enough"});
    CHECK(eventually([&] { return park.ask().workers.empty(); }));
    leaving.park->say(ping{1});
    (void)leaving.park->hear_next<register_again>();
}

TEST_CASE("P-18: a parkserver that stops takes leave of everybody") {
    // A DEALER loses what it has not read when its connection closes, and that follows at once; so a
    // leave-taking may be missed, but not every time.
    bool worker_told = false, manager_told = false;
    for (int life = 0; life < 30 && !(worker_told && manager_told); ++life) {
        real_park park;
        const fake_worker worker(park.endpoint());
        const fake_manager manager(park.endpoint());
        park.park.stop();
        const auto is_told = [](dealer& session) {
            std::optional<frames> said;
            // What is there once the connection is gone is all that comes.
            CHECK(eventually([&] {
                const bool over = !session.is_connected();
                said = session.receive(0ms);
                return said || over;
            }));
            if (!said) return false;
            CHECK_FALSE(decoded<parkserver_goodbye>(said->front().substr(8)).why.empty());
            return static_cast<u8>(said->front()[5]) == parkserver_goodbye::type_number;
        };
        worker_told = is_told(*worker.park) || worker_told;
        manager_told = is_told(*manager.park) || manager_told;
    }
    CHECK(worker_told);
    CHECK(manager_told);
}

TEST_CASE("P-18: anything at all is a sign of life") {
    const real_park park;
    // A test that is not run for that long is silent too, and has shown nothing: once more, slower.
    for (auto timeout = 300ms; !stays_by_talking(park, timeout); timeout *= 2) {
    }
}

TEST_CASE("P-19: peers come back after a delay when the parkserver is lost") {
    auto park = std::make_unique<router>();
    const std::string endpoint = park->endpoint();
    real_worker worker;
    worker.worker.register_parkserver(endpoint);
    worker.worker.start();
    {
        channel& session = park->accept();
        (void)session.hear_next<register_worker>();
        session.say(registered{});
        session.say(parkserver_goodbye{"the parkserver stops"});
    }
    const auto lost = std::chrono::steady_clock::now();
    (void)park->accept().hear_next<register_worker>();
    CHECK(std::chrono::steady_clock::now() - lost >= 90ms);
    park.reset();  // a crash: the connection closes
    park = std::make_unique<router>(endpoint);
    (void)park->accept().hear_next<register_worker>();
}

TEST_CASE("P-19: a parkserver's epoch grows with each of its lives") {
    u64 before = 0;
    for (int life = 0; life < 3; ++life) {
        const real_park park;
        fake_worker worker;
        const auto answer = worker.enroll(park.endpoint());
        CHECK(answer.epoch > before);
        CHECK(park.ask().epoch == answer.epoch);
        before = answer.epoch;
    }
}

TEST_CASE("P-77: who asks for a large status again and again is answered each time") {
    const real_park park;
    fake_worker large;
    large.self.signatures.clear();
    for (int i = 0; i < 800; ++i) {
        large.self.signatures.push_back("f" + std::to_string(i) + bytes(100, 'x') + "()->void");
    }
    large.enroll(park.endpoint());
    dealer asking(park.endpoint());
    constexpr int times = 50;
    for (int i = 0; i < times; ++i) asking.say(status_query{});
    int told = 0;
    for (int i = 0; i < times; ++i) {
        const frames answer = asking.next();
        REQUIRE(answer.size() == 1);
        if (answer[0].starts_with(header(on_control, status::type_number))) {
            ++told;
        } else {
            REQUIRE(answer[0].starts_with(header(on_control, rejected::type_number)));
            CHECK(decoded<rejected>(answer[0].substr(8)).error == 13);
        }
    }
    CHECK(told > 0);
}

TEST_CASE("P-87: a status comes in pages to who asks for them") {
    const real_park park;
    std::set<id> there;
    std::vector<std::unique_ptr<fake_worker>> workers;
    for (int i = 0; i < 4; ++i) {
        workers.push_back(std::make_unique<fake_worker>());
        workers.back()->self.signatures.clear();
        for (int n = 0; n < 500; ++n) {
            workers.back()->self.signatures.push_back("f" + std::to_string(n) + bytes(50, 'x') +
                                                      "()->void");
        }
        workers.back()->enroll(park.endpoint());
        there.insert(workers.back()->self.worker);
    }
    dealer asking(park.endpoint());
    constexpr u16 page = 1;
    std::set<id> seen;
    bytes begin;
    for (int pages = 1;; ++pages) {
        asking.send({header(on_control, status_query::type_number) + extension(page, begin)});
        const frames answer = asking.next();
        REQUIRE(answer.size() == 1);
        reader from(answer[0].substr(8));
        status told;
        from(told);
        for (const auto& each : told.workers) CHECK(seen.insert(each.worker).second);
        const bytes extensions = answer[0].substr(answer[0].size() - from.left());
        if (extensions.empty()) {
            CHECK(pages == 4);
            break;
        }
        REQUIRE(extensions.size() > 6);
        begin = extensions.substr(6);
        REQUIRE(extensions == extension(page, begin));
    }
    CHECK(seen == there);
    asking.send({header(on_control, status_query::type_number) + extension(page, "nowhere")});
    CHECK(asking.hear_next<rejected>().error == 15);
}

TEST_CASE("P-32: status is answered without registration, and shows who is there") {
    leased all;
    fake_worker idle(all.park.endpoint());
    const status seen = all.park.ask();
    CHECK(!seen.version.empty());
    REQUIRE(seen.workers.size() == 2);
    for (const auto& each : seen.workers) {
        CHECK(each.type == "default");
        CHECK(each.signatures == std::vector<std::string>{"add(i32,i32)->i32"});
        CHECK(each.host == "fake");
        const bool serves = each.worker == all.worker.self.worker;
        CHECK(each.state == (serves ? is_leased : is_available));
        CHECK(each.lease == (serves ? all.offer.lease : lease{}));
        CHECK(each.manager == (serves ? all.manager.self.manager : id{}));
    }
    REQUIRE(seen.managers.size() == 1);
    CHECK(seen.managers[0].manager == all.manager.self.manager);
    CHECK(seen.managers[0].endpoints == all.manager.self.endpoints);
    REQUIRE(seen.requests.size() == 1);
    CHECK(seen.requests[0].number == all.asked.number);
    CHECK(seen.requests[0].amount == 1);
    CHECK(seen.requests[0].serving == 1);
}

TEST_CASE("P-32: a request for all that are free shows amount 0, and what it has") {
    const real_park park;
    const fake_worker one(park.endpoint()), two(park.endpoint());
    fake_manager manager(park.endpoint());
    manager.ask_for(0);
    for (const fake_worker* each : {&one, &two}) {
        each->park->say(accepted{each->park->hear<assign>().lease});
    }
    CHECK(eventually([&] {
        const auto shown = park.ask().requests.at(0);
        return shown.amount == 0 && shown.serving == 2;
    }));
}

TEST_CASE("P-54: whose connection closes is noticed at once, also where a descriptor comes again") {
    const real_park park;
    const fake_worker stays(park.endpoint());
    for (int i = 0; i < 20; ++i) {
        fake_worker goes;
        goes.self.interval_ms = 3'600'000;  // silence would be noticed in weeks
        goes.enroll(park.endpoint());
        REQUIRE(park.picture_of(goes.self.worker));
        goes.park->close();
        CHECK(eventually([&] { return !park.picture_of(goes.self.worker); }));
    }
    CHECK(park.picture_of(stays.self.worker));
}

TEST_CASE("P-55: the first that is said on a new connection is a registration") {
    auto park = std::make_unique<router>();
    const std::string endpoint = park->endpoint();
    real_worker worker;
    worker.worker.register_parkserver(endpoint);
    worker.worker.start();
    for (int life = 0; life < 3; ++life) {
        channel& session = park->accept();
        CHECK(session.hear_next<register_worker>().type == "default");
        session.say(registered{});
        park.reset();
        park = std::make_unique<router>(endpoint);
    }
}

TEST_CASE("P-64: a violation does not end a registered session") {
    const real_park park;
    fake_worker worker(park.endpoint());
    fake_manager manager(park.endpoint());
    for (dealer* each : {worker.park.get(), manager.park.get()}) {
        const frames wrong[] = {control(pong{1}),
                                {header(on_control, ping::type_number)},
                                {header(on_link)},
                                {header(on_control, ping::type_number, 9)}};
        for (const auto& message : wrong) {
            INFO(describe(message));
            each->send(message);
            (void)each->hear_next<rejected>();
            each->say(ping{7});
            CHECK(each->hear_next<pong>().stamp == 7);
        }
        register_worker nobody;
        nobody.worker = id{};
        each->say(nobody);  // a registration that is rejected leaves the one before
        (void)each->hear_next<rejected>();
        each->say(ping{8});
        CHECK(each->hear_next<pong>().stamp == 8);
    }
    fake_worker other;
    other.self.incarnation = 5;
    other.enroll(park.endpoint());
    register_worker older = other.self;  // rejected, too, and of another worker
    older.incarnation = 4;
    worker.park->say(older);
    (void)worker.park->hear_next<rejected>();
    CHECK(park.picture_of(worker.self.worker));
    other.park->say(goodbye{"bye"});
    manager.ask_for(1);
    (void)worker.park->hear<assign>();
}

TEST_CASE("P-64: a registered manager goes on after a rejection, a worker connects anew") {
    router park;
    maus::manager manager;
    manager.connect_parkserver(park.endpoint());
    channel& to_manager = park.accept();
    to_manager.say(registered{});
    to_manager.say(rejected{15, "no"});
    auto workers = manager.get_workers({.amount = 1});
    (void)to_manager.hear<request>();

    real_worker worker;
    worker.worker.register_parkserver(park.endpoint());
    worker.worker.start();
    channel& to_worker = park.accept();
    const auto first = to_worker.hear<register_worker>();
    to_worker.say(registered{});
    to_worker.say(rejected{15, "no"});
    CHECK(park.accept().hear<register_worker>().worker == first.worker);
}

TEST_CASE("P-65: free with serving and a signature twice are rejected, concurrency 0 counts as 1") {
    const real_park park;
    fake_worker worker;
    worker.self.concurrency = 0;
    worker.enroll(park.endpoint());
    CHECK(park.picture_of(worker.self.worker)->concurrency == 1);

    register_worker wrong;
    wrong.serving = serving_now{{1, 1}, fresh_id(), fresh_id()};
    dealer peer(park.endpoint());
    peer.say(wrong);
    CHECK(peer.hear_next<rejected>().error == 15);
    wrong.serving.reset();
    wrong.signatures = {"f()->void", "g()->void", "f()->void"};
    peer.say(wrong);
    CHECK(peer.hear_next<rejected>().error == 15);
    wrong.signatures = {"f()->void", "f(i32)->void"};  // one name, two functions
    peer.say(wrong);
    (void)peer.hear_next<registered>();

    managed all;
    hello say;
    say.signatures = {"f()->void", "f()->void"};
    dealer socket(all.endpoint());
    spec::link link(socket);
    link.send(to_record(r_hello, say));
    CHECK(decoded<parting>(link.next(r_reject).body).error == 15);
    fake_worker idle;
    idle.self.concurrency = 0;
    idle.connect(all.endpoint());
    (void)idle.welcomed();
    auto sum = all.add(20, 22);
    idle.answer(idle.next_call(), payload(42));
    CHECK(sum.get() == 42);
}
