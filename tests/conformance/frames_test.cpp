// Sections 2 to 4: transport, encoding and frames, against live peers.
#include "catch.hpp"

#include <limits>

#include "maus/wire/archive.hpp"
#include "real.hpp"

using namespace spec;

namespace {
/// Every kind of type in the table of section 3, as functions that give back what they are given.
struct echoes {
    struct row {
        std::string signature;
        bytes encoding;
        std::vector<bytes> refused;
    };
    std::vector<row> rows;
    maus::worker worker;
    fake_manager manager;

    template <class T>
    void echo(const std::string& name, const std::string& type, const bytes& encoding,
              const std::vector<bytes>& refused = {}) {
        worker.expose(name, [](T value) { return value; });
        rows.push_back({name + "(" + type + ")->" + type, encoding, refused});
    }
    /// Says hello with the signatures of the table, and answers as the table says.
    void check() {
        worker.connect(manager.workers.endpoint());
        worker.start();
        auto guest = manager.welcome_one();
        REQUIRE(guest.said.signatures.size() == rows.size());
        u64 call = 0;
        for (u16 i = 0; i < rows.size(); ++i) {
            INFO(rows[i].signature);
            CHECK(guest.said.signatures[i] == rows[i].signature);
            guest.link.send(a_call({++call, 1}, i, rows[i].encoding));
            CHECK(hex(payload_of(guest.link.next(r_result))) == hex(rows[i].encoding));
            std::vector<bytes> refused = rows[i].refused;
            refused.push_back(rows[i].encoding + bytes(1, '\0'));
            if (!rows[i].encoding.empty()) {
                refused.push_back(rows[i].encoding.substr(0, rows[i].encoding.size() - 1));
            }
            for (const auto& bad : refused) {
                INFO(hex(bad));
                guest.link.send(a_call({++call, 1}, i, bad));
                CHECK(decoded<fault>(guest.link.next(r_failed).body).error == 10);
            }
        }
    }
};

bytes raw(std::initializer_list<int> values) {
    bytes made;
    for (const int each : values) made += static_cast<char>(each);
    return made;
}

struct point {
    std::int32_t x = 0;
    bool up = false;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(x, up);
    }
};
struct tree {
    std::int32_t value = 0;
    std::vector<tree> children;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(value, children);
    }
};
enum class colour : std::int32_t { red = 0, green = 1 };
}  // namespace

TEST_CASE("P-3: transports are tcp and ipc, never inproc") {
    maus::parkserver_options options;
    options.bind = {"inproc://park"};
    CHECK_THROWS_AS(maus::parkserver(options), maus::error);
    CHECK_THROWS_AS(maus::manager("inproc://manager"), maus::error);
    maus::worker worker;
    CHECK_THROWS_AS(worker.register_parkserver("inproc://park"), maus::error);
    const real_park park;
    fake_manager manager;
    manager.self.endpoints = {"inproc://manager"};
    dealer socket(park.endpoint());
    socket.say(manager.self);
    CHECK(socket.hear_next<rejected>().error == 15);
}

TEST_CASE("P-4: nobody sets a routing id") {
    router park;
    real_worker worker;
    worker.worker.register_parkserver(park.endpoint());
    worker.worker.start();
    maus::manager manager;
    manager.connect_parkserver(park.endpoint());
    for (int i = 0; i < 2; ++i) {
        (void)park.accept().next();
        // What libzmq makes up itself: five bytes, the first 0.
        CHECK(park.name_of_last_accepted().size() == 5);
        CHECK(park.name_of_last_accepted()[0] == '\0');
    }
}

TEST_CASE("P-5: a closed connection ends its session, and nothing of it comes to the next") {
    auto park = std::make_unique<router>();
    const std::string endpoint = park->endpoint();
    maus::manager manager;
    manager.connect_parkserver(endpoint);
    const maus::worker_group workers = manager.get_workers({.amount = 1});
    channel* session = &park->accept();
    (void)session->hear_next<register_manager>();
    session->say(registered{});
    const auto asked = session->hear_next<request>();
    park.reset();
    const maus::worker_group more = manager.get_workers({.amount = 1, .type = "other"});
    park = std::make_unique<router>(endpoint);
    session = &park->accept();
    (void)session->hear_next<register_manager>();  // first of all, whatever was said meanwhile
    session->say(registered{});
    CHECK(session->hear_next<request>().token == asked.token);
    CHECK(session->hear_next<request>().type == "other");
}

TEST_CASE("P-6: a peer that does not read is held lost, and the others do not notice") {
    maus::parkserver_options options = park_options();
    options.limits.queued_bytes_max = 4096;
    const real_park park(std::move(options));
    fake_worker deaf, good(park.endpoint());
    deaf.self.interval_ms = 3'600'000;
    deaf.self.signatures.assign(40, "");
    for (std::size_t i = 0; i < deaf.self.signatures.size(); ++i) {
        deaf.self.signatures[i] = "f" + std::to_string(i) + bytes(100, 'x') + "()->void";
    }
    deaf.enroll(park.endpoint());
    const frames ask = control(status_query{});
    for (int i = 0; i < 40000; ++i) {  // each answered by some 4 KiB that it never reads
        deaf.park->send(ask);
        if (i % 2000 != 0) continue;
        good.park->say(ping{7});
        CHECK(good.park->hear_next<pong>().stamp == 7);
        if (!park.picture_of(deaf.self.worker)) break;
    }
    CHECK(eventually([&] { return !park.picture_of(deaf.self.worker).has_value(); }));
    CHECK(park.picture_of(good.self.worker).has_value());
}

TEST_CASE("P-7: a message of too many frames is a violation") {
    const real_park park;
    dealer peer(park.endpoint());
    peer.send(frames(68, header(on_control, status_query::type_number)));
    CHECK(peer.hear_next<rejected>().error == 15);
    served all;
    all.link().send(std::vector<record>(66, a_call({1, 1}, f_add, "")));  // 1 frame, no violation
    (void)all.link().next(r_failed);
    all.guest.link.send([] {
        std::vector<record> many;
        for (u64 i = 0; i < 66; ++i) {
            record each{r_call, flag_apart, f_add, encoded(attempt{i, 1}), payload(1, 1)};
            many.push_back(std::move(each));
        }
        return many;
    }());
    CHECK(decoded<parting>(all.link().next(r_worker_goodbye).body).error == 15);
}

TEST_CASE("P-8: every type has the bytes and the name of the table, and nothing else decodes") {
    echoes all;
    const double nan = std::numeric_limits<double>::quiet_NaN();
    bytes nan_bytes(8, '\0');
    std::memcpy(nan_bytes.data(), &nan, 8);
    all.echo<bool>("b", "bool", raw({1}), {raw({2}), raw({255})});
    all.echo<std::int8_t>("i8", "i8", raw({-1}));
    all.echo<std::uint16_t>("u16", "u16", raw({0x34, 0x12}));
    all.echo<std::int32_t>("i32", "i32", raw({-2, -1, -1, -1}));
    all.echo<std::uint64_t>("u64", "u64", raw({8, 7, 6, 5, 4, 3, 2, 1}));
    all.echo<float>("f32", "f32", raw({0, 0, -64, 0x3f}));
    all.echo<double>("f64", "f64", nan_bytes);
    all.echo<colour>("e", "enum<i32>", raw({1, 0, 0, 0}), {raw({7, 7})});
    all.echo<std::string>("s", "str", raw({2, 0, 0, 0, 'h', -1}), {raw({3, 0, 0, 0, 'h', 'i'})});
    all.echo<std::vector<std::int16_t>>("v", "list<i16>", raw({2, 0, 0, 0, 1, 0, 2, 0}),
                                        {raw({-1, -1, -1, -1, 0, 0}), raw({3, 0, 0, 0, 1, 0, 2})});
    all.echo<std::array<std::int8_t, 3>>("a", "array<i8,3>", raw({1, 2, 3}));
    all.echo<std::map<std::int8_t, bool>>("m", "map<i8,bool>", raw({2, 0, 0, 0, 1, 1, 2, 0}),
                                          {raw({2, 0, 0, 0, 1, 1, 1, 0})});
    all.echo<std::map<double, bool>>("n", "map<f64,bool>", raw({0, 0, 0, 0}),
                                     {raw({1, 0, 0, 0}) + nan_bytes + raw({1})});
    all.echo<std::set<std::int8_t>>("t", "set<i8>", raw({1, 0, 0, 0, 5}),
                                    {raw({2, 0, 0, 0, 5, 5})});
    all.echo<std::optional<std::int8_t>>("o", "opt<i8>", raw({1, 9}), {raw({2, 9}), raw({0, 9})});
    all.echo<std::bitset<9>>("bits", "array<u8,2>", raw({-1, 1}), {raw({-1, 2})});
    all.echo<std::complex<double>>("c", "tuple<f64,f64>", nan_bytes + nan_bytes);
    all.echo<std::tuple<std::int8_t, bool>>("tu", "tuple<i8,bool>", raw({1, 0}));
    all.echo<std::variant<std::int8_t, bool>>("va", "variant<i8,bool>", raw({1, 1}),
                                              {raw({2, 1}), raw({255, 1})});
    all.echo<std::variant<std::monostate, bool>>("un", "variant<unit,bool>", raw({0}));
    all.echo<std::chrono::milliseconds>("d", "dur<i64,1/1000>", raw({1, 0, 0, 0, 0, 0, 0, 0}));
    all.echo<std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds>>(
        "ti", "time<i64,1/1000000000>", raw({1, 0, 0, 0, 0, 0, 0, 0}));
    all.echo<point>("r", "{i32,bool}", raw({1, 0, 0, 0, 1}), {raw({1, 0, 0, 0, 2})});
    const bytes leaf = raw({1, 0, 0, 0, 0, 0, 0, 0}), inner = raw({1, 0, 0, 0, 1, 0, 0, 0});
    bytes deep;
    for (int i = 0; i < 70; ++i) deep += inner;
    all.echo<tree>("tree", "{i32,list<^1>}", inner + leaf, {deep + leaf});
    all.check();
}

TEST_CASE("P-9: a signature has the notation of the table, and bad ones are rejected") {
    const real_park park;
    const auto answer = [&](const std::string& signature) -> unsigned {
        register_worker say;
        say.signatures = {signature};
        dealer socket(park.endpoint());
        socket.say(say);
        const frames got = socket.next();
        if (got[0].starts_with(header(on_control, registered::type_number))) return 0;
        return decoded<rejected>(got[0].substr(8)).error;
    };
    for (const char* good :
         {"f()->void", "add(i32,i32)->i32", "t({i32,list<^1>})->opt<dur<i64,1/1000>>",
          "\xC3\xBC"
          "ber(str)->map<str,list<f64>>",
          "f({u32,str})->variant<unit,array<u8,2>>"}) {
        INFO(good);
        CHECK(answer(good) == 0);
    }
    for (const char* bad : {"", "f", "f(", "f()", "f()->", "f()->i32 ", "()->void", "a b()->void",
                            "a\nb()->void", "a\x1b[31mb()->void", "f(void)->void", "f(i32,)->void",
                            "f(^1)->void", "f(I32)->i32", "f()->i32,i32", "f\xFF()->void",
                            "a\xE2\x80\xAE"
                            "b()->void",
                            "f)()->void"}) {
        INFO(bad);
        CHECK(answer(bad) == 15);
    }
    CHECK(answer(bytes(128, 'n') + "()->void") == 0);
    CHECK(answer(bytes(129, 'n') + "()->void") == 12);
    CHECK(answer("f(" + bytes(5000, 'a') + ")->void") == 12);
    CHECK(answer(std::string("a\0b()->void", 11)) == 15);
}

TEST_CASE("P-10: a control message is one frame") {
    const real_park park;
    dealer peer(park.endpoint());
    frames two = control(register_worker{});
    two.push_back("");
    peer.send(two);
    CHECK(peer.hear_next<rejected>().error == 15);
    peer.say(register_worker{});
    (void)peer.hear_next<registered>();
}

TEST_CASE("P-11: a link message has any number of records, and payload frames in their order") {
    served all;
    std::vector<record> records;
    for (u64 i = 1; i <= 40; ++i) {
        record each = a_call({i, 1}, f_add, payload(static_cast<int>(i), 1));
        if (i % 3 == 0) {
            each.flags = flag_apart;
            each.apart = payload(static_cast<int>(i), 1);
            each.body = encoded(attempt{i, 1});
        }
        records.push_back(std::move(each));
    }
    all.link().send(records);
    for (u64 i = 1; i <= 40; ++i) {
        const record answer = all.link().next(r_result);
        CHECK(attempt_of(answer) == attempt{i, 1});
        CHECK(payload_of(answer) == payload(static_cast<int>(i) + 1));
    }
}

TEST_CASE("P-11: flags that a record cannot have, and frames without a record, end the link") {
    const std::vector<frames> wrong = {
        link_message({{r_call, 8, f_add, encoded(attempt{1, 1}), {}}}),
        link_message({{r_cancel, 1, 0, encoded(attempt{1, 1}), bytes("x")}}),
        link_message({{r_cancel, 0, 9, encoded(attempt{1, 1}), {}}}),
        {link_message({{r_call, flag_apart, f_add, encoded(attempt{1, 1}), bytes()}})[0]},
        {header(on_link), "left over"},
        {header(on_link) + bytes(7, '\0')},
        {header(on_link) + raw({-1, -1, -1, 127, r_call, 0, 0, 0})},
    };
    for (const auto& message : wrong) {
        INFO(describe(message));
        served all;
        all.guest.through.send(message);
        CHECK(decoded<parting>(all.link().next(r_worker_goodbye).body).error == 15);
        (void)all.manager.welcome_one();  // and it comes again
    }
}

TEST_CASE("P-12: a relay message is a header, a lease and the frames of a link message") {
    const real_park park;
    maus::manager manager;  // no endpoint
    manager.connect_parkserver(park.endpoint());
    const maus::worker_group workers = manager.get_workers({.amount = 1});
    fake_worker worker(park.endpoint());
    const auto offer = worker.take_offer();
    const frames got = worker.park->next();
    REQUIRE(got.size() == 2);
    CHECK(hex(got[0]) == hex(header(on_relay) + encoded(offer.lease)));
    CHECK(got[0].size() == 24);
    CHECK(read_link_message({got[1]}).front().type == r_welcome);
}

TEST_CASE("P-13: a wrong magic is dropped, another version and all else is answered") {
    const real_park park;
    dealer peer(park.endpoint());
    for (const bytes& foreign : {bytes(), bytes("GET / HTTP/1.1"), bytes("MAX\1\1\1\0\0", 8),
                                 bytes("MA"), bytes(1000, '\0')}) {
        peer.send({foreign});
        peer.say(status_query{});
        (void)peer.hear_next<status>();  // and nothing before
    }
    for (const u8 version : {u8{0}, u8{2}, u8{255}}) {
        peer.send({header(on_control, 1, version)});
        const auto no = peer.hear_next<rejected>();
        CHECK(no.error == 16);
        CHECK_THAT(no.why, maus_test::has_text("1"));
    }
    for (const bytes& wrong :
         {header(0), header(4), header(on_control, 1), header(on_link), header(on_relay),
          bytes("MAU\1", 4), bytes("MAU\1\1\14\0\1", 8), bytes("MAU\1\3\1\0\0", 8)}) {
        INFO(hex(wrong));
        peer.send({wrong});
        const frames got = peer.next();
        const bool unregistered = got[0].starts_with(header(on_control, 66));
        if (!unregistered) CHECK(decoded<rejected>(got[0].substr(8)).error == 15);
    }
    peer.say(register_worker{});
    (void)peer.hear_next<registered>();
}

TEST_CASE("P-13: on a link another version is answered by reject, or by goodbye") {
    managed all;
    dealer stranger(all.endpoint());
    stranger.send({header(on_link, 0, 2)});
    const frames got = stranger.next();
    const auto no = read_link_message(got).front();
    CHECK(no.type == r_reject);
    CHECK(decoded<parting>(no.body).error == 16);

    served other;
    other.guest.through.send({header(on_link, 0, 2)});
    CHECK(decoded<parting>(other.link().next(r_worker_goodbye).body).error == 16);
}
