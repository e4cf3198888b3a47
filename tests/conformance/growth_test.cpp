// How version 1 grows (sections 4.1 to 4.3, 5.6 and 15): peers of an earlier and of a later version,
// against the real ones.
#include "catch.hpp"

#include "real.hpp"

using namespace spec;

namespace {

/// One that knows no feature, limit or extension, and one that knows more than anybody.
const bool versions[] = {false, true};
const char* name_of(bool future) { return future ? "from the future" : "from the past"; }

bytes extensions(int count) {
    bytes made;
    for (int i = 0; i < count; ++i) made += extension(40000, "x");
    return made;
}

/// The error of the answer to a registration; 0 if it was accepted.
template <class Registration>
u8 registers(dealer& peer, const Registration& what, const bytes& behind = {}) {
    frames message = control(what);
    message[0] += behind;
    peer.send(message);
    const frames got = peer.next();
    if (got[0].starts_with(header(on_control, registered::type_number))) return 0;
    return decoded<rejected>(got[0].substr(8)).error;
}

/// The error of a real manager's answer to a hello in direct mode; 0 if it was welcome.
u8 greets(const std::string& manager, const hello& what, const bytes& behind = {}) {
    dealer socket(manager);
    spec::link link(socket);
    record first = to_record(r_hello, what);
    first.body += behind;
    link.send(first);
    const auto answer = link.receive(patience);
    if (!answer) throw std::runtime_error("no answer to a hello");
    return answer->type == r_welcome ? 0 : decoded<parting>(answer->body).error;
}

/// A real worker that was told `answer` and then says goodbye for that reason; 0: it goes on.
u8 ends_with(served& all, const record& said) {
    all.link().send(said);
    all.link().send(a_call({99, 1}, f_add, payload(20, 22)));
    for (;;) {
        const auto got = all.link().receive(patience);
        if (!got) throw std::runtime_error("the worker says nothing");
        if (got->type == r_worker_goodbye) return decoded<parting>(got->body).error;
        if (got->type == r_result && attempt_of(*got) == attempt{99, 1}) return 0;
    }
}

}  // namespace

TEST_CASE("P-56: a worker from the past and one from the future serve a real manager") {
    for (const bool future : versions) {
        for (const bool relay : {false, true}) {
            INFO(name_of(future) << (relay ? ", relayed" : ""));
            const real_park park;
            fake_worker worker;
            worker.is_from_the_future = future;
            worker.enroll(park.endpoint());
            maus::manager manager(relay ? maus::manager_options{} : manager_options());
            manager.connect_parkserver(park.endpoint());
            auto workers = manager.get_workers({.amount = 1});
            std::vector<maus::future<int>> sums;
            for (int i = 0; i < 20; ++i) sums.push_back(workers.call<int>("add", i, 1));
            worker.take_offer();
            for (int i = 0; i < 20; ++i) {
                const record call = worker.next_call();
                CHECK(payload_of(call) == payload(i, 1));
                worker.answer(call, payload(i + 1));
            }
            for (int i = 0; i < 20; ++i) CHECK(sums[static_cast<std::size_t>(i)].get() == i + 1);
            CHECK(workers.size() == 1);
            CHECK(park.comes_to_see(worker.self.worker, is_leased));
            if (!future) continue;
            worker.link->send(to_record(r_ping, u64{1}));
            CHECK(worker.link->next(r_manager_unimplemented).body == payload(answered_type));
            worker.park->say(ping{1});
            CHECK(worker.park->hear<parkserver_unimplemented>().type == answered_type);
        }
    }
}

TEST_CASE("P-56: a manager from the past and one from the future call a real worker") {
    for (const bool future : versions) {
        INFO(name_of(future));
        const real_park park;
        real_worker worker;
        worker.worker.register_parkserver(park.endpoint());
        worker.worker.start();
        fake_manager manager;
        manager.is_from_the_future = future;
        manager.enroll(park.endpoint());
        manager.ask_for(1);
        auto guest = manager.welcome_one();
        for (u64 i = 1; i <= 20; ++i) {
            guest.link.send(a_call({i, 1}, f_add, payload(static_cast<int>(i), 1)));
            const record answer = guest.link.next(r_result);
            CHECK(attempt_of(answer) == attempt{i, 1});
            CHECK(payload_of(answer) == payload(static_cast<int>(i) + 1));
        }
        CHECK(park.comes_to_see(guest.said.worker, is_leased));
        if (!future) continue;
        guest.link.send(a_call({21, 1}, f_add, payload(1, 1)));
        CHECK(guest.link.next(r_worker_unimplemented).body == payload(answered_type));
        manager.park->say(ping{1});
        CHECK(manager.park->hear<parkserver_unimplemented>().type == answered_type);
    }
}

TEST_CASE("P-56: a parkserver from the past and one from the future bring the real ones together") {
    for (const bool future : versions) {
        INFO(name_of(future));
        router park;
        park.is_from_the_future = future;
        registered yes;
        if (future) tell_future(yes);
        real_worker worker;
        worker.worker.register_parkserver(park.endpoint());
        worker.worker.start();
        channel& to_worker = park.accept();
        const auto enlisted = to_worker.hear<register_worker>();
        to_worker.say(yes);
        maus::manager manager(manager_options());
        manager.connect_parkserver(park.endpoint());
        auto workers = manager.get_workers({.amount = 1});
        channel& to_manager = park.accept();
        const auto calling = to_manager.hear<register_manager>();
        to_manager.say(yes);
        const auto asked = to_manager.hear<request>();
        to_worker.say(assign{{7, 1}, asked.token, calling.manager, calling.endpoints});
        CHECK(to_worker.hear<accepted>().lease == lease{7, 1});
        to_manager.say(granted{asked.number, {7, 1}, enlisted.worker});
        for (int i = 0; i < 20; ++i) CHECK(workers.call<int>("add", i, 1).get() == i + 1);
        if (future) {
            to_worker.say(pong{});
            CHECK(to_worker.hear<unimplemented>().type == answered_type);
            to_manager.say(pong{});
            CHECK(to_manager.hear<unimplemented>().type == answered_type);
        }
        workers.release();
        CHECK(to_worker.hear<available>().ended == lease{7, 1});
    }
}

TEST_CASE("P-57: features are told by both sides, and what is unknown in them is ignored") {
    const real_park park;
    dealer peer(park.endpoint());
    register_worker self;
    self.features = {"b", "a", "b", "nobody has this"};
    CHECK(registers(peer, self) == 0);
    self.features = std::vector<std::string>(64, "same");
    CHECK(registers(peer, self) == 0);
    self.features.push_back("same");
    CHECK(registers(peer, self) == 12);
    for (const auto& [name, error] : std::map<bytes, u8>{
             {"", 15}, {"a\nb", 15}, {"\xff", 15}, {bytes(129, 'n'), 12}, {bytes(128, 'n'), 0}}) {
        INFO(name);
        self.features = {name};
        CHECK(registers(peer, self) == error);
    }
    register_manager manager;
    manager.features = std::vector<std::string>(65, "same");
    CHECK(registers(peer, manager) == 12);

    managed other;
    hello say;
    say.features = {"b", "a", "b"};
    CHECK(greets(other.endpoint(), say) == 0);
    say.features = {""};
    CHECK(greets(other.endpoint(), say) == 15);
    say.features = std::vector<std::string>(65, "same");
    CHECK(greets(other.endpoint(), say) == 12);
}

TEST_CASE("P-58: all tell their limits, by the numbers of section 11") {
    const std::map<u16, u64> defaults = {
        {1, 64u << 20}, {2, 1u << 20}, {3, 66},  {4, 128}, {5, 4096},  {6, 1024},     {7, 16},
        {8, 16384},     {9, 16384},    {10, 64}, {11, 64}, {12, 4096}, {13, 1u << 20}};
    const real_park park;
    dealer peer(park.endpoint());
    peer.say(register_worker{});
    CHECK(peer.hear_next<registered>().limits == defaults);

    served worker;
    CHECK(worker.guest.said.limits == defaults);
    managed all;
    fake_worker fake;
    fake.connect(all.endpoint());
    CHECK(fake.welcomed().limits == defaults);

    router fake_park;
    real_worker one;
    one.worker.register_parkserver(fake_park.endpoint());
    one.worker.start();
    CHECK(fake_park.accept().hear<register_worker>().limits == defaults);
    maus::manager other;
    other.connect_parkserver(fake_park.endpoint());
    CHECK(fake_park.accept().hear<register_manager>().limits == defaults);
}

TEST_CASE("P-58: at most 64 limits, and unknown numbers are skipped") {
    const real_park park;
    dealer peer(park.endpoint());
    register_worker self;
    for (u16 number = 1000; self.limits.size() < 64; ++number) self.limits[number] = number;
    CHECK(registers(peer, self) == 0);
    self.limits[5000] = 1;
    CHECK(registers(peer, self) == 12);
    managed all;
    hello say;
    say.limits = self.limits;
    CHECK(greets(all.endpoint(), say) == 12);
}

TEST_CASE("P-58: no result is larger than its manager allows, and texts are cut for it") {
    maus::worker worker;
    worker.expose(
        "blob", [](std::int32_t size) { return std::string(static_cast<std::size_t>(size), 'x'); });
    worker.expose("fail", [](std::int32_t size) -> std::int32_t {
        throw std::runtime_error(std::string(static_cast<std::size_t>(size), 'x'));
    });
    fake_manager manager;
    manager.self.limits = {{1, 2000}, {8, 3000}};
    worker.connect(manager.workers.endpoint());
    worker.start();
    auto guest = manager.welcome_one();
    guest.link.send(a_call({1, 1}, 0, payload(1996)));
    CHECK(payload_of(guest.link.next(r_result)).size() == 2000);
    guest.link.send(a_call({2, 1}, 0, payload(1997)));
    const auto no = decoded<fault>(guest.link.next(r_failed).body);
    CHECK(no.error == 12);
    CHECK(no.text == "the result has 2001 bytes, more than the manager's message_bytes_max, 2000");
    guest.link.send(a_call({3, 1}, 1, payload(5000)));
    CHECK(decoded<fault>(guest.link.next(r_failed).body).text == bytes(3000, 'x'));
}

TEST_CASE("P-58: no call is larger than its worker allows") {
    managed all;
    fake_worker small;
    small.self.signatures = {"length(str)->u32"};
    small.self.limits = {{1, 1000}};
    small.connect(all.endpoint());
    (void)small.welcomed();
    auto fits = all.workers.call<std::uint32_t>("length", std::string(996, 'x'));
    small.answer(small.next_call(), payload(u32{996}));
    CHECK(fits.get() == 996);
    auto does_not = all.workers.call<std::uint32_t>("length", std::string(997, 'x'));
    CHECK_THROWS_WITH(does_not.get(), maus_test::has_text("1001 bytes") &&
                                          maus_test::has_text("message_bytes_max, 1000"));

    fake_worker large;  // now one of the group takes it
    large.self.signatures = small.self.signatures;
    large.connect(all.endpoint());
    (void)large.welcomed();
    REQUIRE(eventually([&] { return all.workers.size() == 2; }));
    auto other = all.workers.call<std::uint32_t>("length", std::string(997, 'x'));
    large.answer(large.next_call(), payload(u32{997}));
    CHECK(other.get() == 997);
}

TEST_CASE("P-59: a body may end with extensions, which are skipped") {
    const real_park park;
    dealer peer(park.endpoint());
    const bytes good[] = {{},
                          extension(1, ""),
                          extension(0, "a") + extension(0, "b"),
                          extensions(64),
                          extension(65535, bytes(100'000, 'x'))};
    for (const auto& each : good) {
        INFO(each.size());
        CHECK(registers(peer, register_worker{}, each) == 0);
        CHECK(registers(peer, register_manager{}, each) == 0);
        for (frames message : {control(ping{7}), control(status_query{})}) {
            message[0] += each;
            peer.send(message);
            CHECK_FALSE(peer.next()[0].starts_with(header(on_control, rejected::type_number)));
        }
    }
    const bytes whole = extension(40000, "inside");
    for (std::size_t length = 1; length < whole.size(); ++length) {
        INFO(length);
        CHECK(registers(peer, register_worker{}, whole.substr(0, length)) == 15);
    }
    CHECK(registers(peer, register_worker{}, extensions(65)) == 12);
    CHECK(registers(peer, register_worker{}, extension(1, bytes(1 << 20, 'x'))) == 12);

    managed all;
    CHECK(greets(all.endpoint(), hello{}, extensions(64)) == 0);
    CHECK(greets(all.endpoint(), hello{}, extensions(65)) == 12);
    CHECK(greets(all.endpoint(), hello{}, whole.substr(0, 7)) == 15);
}

TEST_CASE("P-60: a call and a result may have extensions before their payload") {
    served all;
    const bytes some = extension(1, "a") + extension(40000, bytes(1000, 'x'));
    for (const bytes& each : {bytes(), some, extensions(64)}) {
        all.link().send(with_extensions(a_call({1, 1}, f_add, payload(20, 22)), each));
        CHECK(payload_of(all.link().next(r_result)) == payload(42));
        record apart = with_extensions(a_call({2, 1}, f_add, {}, flag_apart), each);
        apart.apart = payload(20, 22);
        all.link().send(apart);
        CHECK(payload_of(all.link().next(r_result)) == payload(42));
    }
    managed other;
    fake_worker worker;
    worker.connect(other.endpoint());
    for (const bool apart : {false, true}) {
        auto sum = other.add(20, 22);
        const record call = worker.next_call();
        record answer = with_extensions(
            with_payload(r_result, attempt_of(call), apart ? bytes() : payload(42)), some);
        if (apart) {
            answer.flags |= flag_apart;
            answer.apart = payload(42);
        }
        worker.link->send(answer);
        CHECK(sum.get() == 42);
    }
}

TEST_CASE("P-60: extensions that do not fit into their call end the link") {
    const record good = with_extensions(a_call({1, 1}, f_add, {}), extension(40000, "inside"));
    for (std::size_t length = 12; length < good.body.size(); ++length) {
        INFO(length);
        served all;
        record cut = good;
        cut.body.resize(length);
        CHECK(ends_with(all, cut) == 15);
    }
    served all;
    CHECK(ends_with(all, with_extensions(a_call({1, 1}, f_add, {}), extensions(65))) == 12);
}

TEST_CASE("P-61: flags that never change the layout are ignored, the others are not") {
    served all;
    CHECK(ends_with(all, a_call({1, 1}, f_add, payload(1, 1), 0xF0)) == 0);
    CHECK(ends_with(all, {r_cancel, 0xF0, 0, encoded(attempt{1, 1}), {}}) == 0);
    const record wrong[] = {
        a_call({1, 1}, f_add, payload(1, 1), 8),
        {r_cancel, flag_at_most_once, 0, encoded(attempt{1, 1}), {}},
        {r_cancel, flag_extended, 0, encoded(attempt{1, 1}), {}},
        {r_cancel, 8, 0, encoded(attempt{1, 1}), {}},
        {r_cancel, flag_apart, 0, encoded(attempt{1, 1}), bytes("x")},
    };
    for (const auto& each : wrong) {
        INFO(int{each.type} << " " << int{each.flags});
        served other;
        CHECK(ends_with(other, each) == 15);
    }
    managed manager;
    fake_worker worker;
    worker.connect(manager.endpoint());
    auto sum = manager.add(20, 22);
    record answer = with_payload(r_result, attempt_of(worker.next_call()), payload(42));
    answer.flags = 0xF0;
    worker.link->send(answer);
    CHECK(sum.get() == 42);
    answer.flags = flag_at_most_once;
    worker.link->send(answer);
    CHECK(decoded<parting>(worker.link->next(r_manager_goodbye).body).error == 15);
}

TEST_CASE("P-62: an unknown control message is answered or skipped, and its session goes on") {
    const real_park park;
    dealer peer(park.endpoint());
    const auto is_answered = [&] {
        for (const u8 type : {u8{0}, u8{14}, u8{64}, u8{76}, u8{127}}) {
            peer.send({header(on_control, type) + "anything"});
            CHECK(peer.hear_next<parkserver_unimplemented>().type == type);
        }
        for (const u8 type : {u8{128}, u8{200}, u8{255}}) {
            peer.send({header(on_control, type) + "anything"});
        }
    };
    is_answered();      // before it is registered
    peer.say(pong{1});  // known, and not for a parkserver
    (void)peer.hear_next<register_again>();
    peer.say(register_worker{});
    (void)peer.hear_next<registered>();
    is_answered();
    peer.say(pong{1});
    CHECK(peer.hear_next<rejected>().error == 15);
    peer.say(ping{7});
    CHECK(peer.hear_next<pong>().stamp == 7);  // nothing else came, and it is registered
}

TEST_CASE("P-62: a real worker and manager answer or skip unknown messages of a parkserver") {
    router park;
    real_worker worker;
    worker.worker.register_parkserver(park.endpoint());
    worker.worker.start();
    channel& to_worker = park.accept();
    maus::manager manager;
    manager.connect_parkserver(park.endpoint());
    channel& to_manager = park.accept();
    for (channel* each : {&to_worker, &to_manager}) {
        each->say(registered{});
        each->send({header(on_control, 255) + "anything"});
        each->send({header(on_control, 127)});
        CHECK(each->hear<unimplemented>().type == 127);
        each->send({header(on_control, 14)});
        CHECK(each->hear<unimplemented>().type == 14);
    }
}

TEST_CASE("P-62: an unknown record is answered or skipped with its frame, and its link goes on") {
    const record skipped{200, 0x0F, 300, "anything", bytes("its frame")};
    const record answered{100, 0x0F, 300, "anything", bytes("its frame")};
    served all;
    all.link().send({skipped, answered, skipped, a_call({1, 1}, f_add, payload(1, 1))});
    CHECK(all.link().next(r_worker_unimplemented).body == payload(u8{100}));
    CHECK(payload_of(all.link().next(r_result)) == payload(2));
    CHECK(all.add_works(2));

    managed other;
    dealer socket(other.endpoint());
    spec::link link(socket);
    link.send(skipped);
    link.send({skipped, to_record(r_hello, hello{}), answered, skipped});
    CHECK(link.next(r_welcome).flags == 0);
    CHECK(link.next(r_manager_unimplemented).body == payload(u8{100}));
    auto sum = other.add(20, 22);
    const record call = link.next(r_call);
    link.send({answered, with_payload(r_result, attempt_of(call), payload(42))});
    CHECK(sum.get() == 42);

    dealer early(other.endpoint());  // what is answered may not come before hello
    spec::link refused(early);
    refused.send(answered);
    CHECK(decoded<parting>(refused.next(r_reject).body).error == 15);
}

TEST_CASE("P-63: unimplemented is never answered") {
    const real_park park;
    dealer peer(park.endpoint());
    peer.say(unimplemented{50});
    peer.say(register_worker{});
    (void)peer.hear_next<registered>();
    peer.say(unimplemented{50});
    peer.say(unimplemented{51});
    peer.say(ping{7});
    CHECK(peer.hear_next<pong>().stamp == 7);

    served all;
    all.link().send(to_record(r_manager_unimplemented, parkserver_unimplemented{50}));
    CHECK(all.add_works(1));
    CHECK(eventually([&] { return all.worker.log.has("does not know record 50"); }));
    managed other;
    fake_worker worker;
    worker.connect(other.endpoint());
    worker.link->send(to_record(r_worker_unimplemented, unimplemented{50}));
    auto sum = other.add(20, 22);
    worker.answer(worker.next_call(), payload(42));
    CHECK(sum.get() == 42);
    // A manager logs on its callback thread.
    CHECK(eventually([&] { return other.log.has("does not know record 50"); }));
}
