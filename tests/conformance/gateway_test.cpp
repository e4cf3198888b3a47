// Section 2.1: peers that come over a WebSocket.
#include "catch.hpp"

#include "real.hpp"
#include "web_peer.hpp"

using namespace spec;

namespace {

/// A parkserver and a gateway to it.
struct door {
    real_park park;
    real_gateway gateway;
    explicit door(maus::web::gateway_options options = {})
        : gateway(park.endpoint(), std::move(options)) {}
    web_peer join(role as) const { return {gateway, as}; }
    /// How a WebSocket ends that says this after its answer.
    int code_after(role as, const frames& message) const {
        web_peer peer = join(as);
        peer.send(message);
        return peer.raw().close_code();
    }
};

/// A worker over a WebSocket, registered.
struct web_worker {
    register_worker self;
    web_peer park;
    explicit web_worker(const real_gateway& at) : park(at, role::worker) {
        park.say(self);
        (void)park.hear<registered>();
    }
    /// Takes the next offer and says hello over the relay, whatever addresses are offered.
    spec::link take_offer() {
        const auto offer = park.hear<assign>();
        park.say(accepted{offer.lease});
        hello say;
        say.worker = self.worker;
        say.token = offer.token;
        say.lease = offer.lease;
        spec::link made(park, offer.lease);
        made.send(to_record(r_hello, say));
        (void)made.next(r_welcome);
        return made;
    }
};

void answer_one(spec::link& link) {
    const record call = link.next(r_call);
    reader arguments(payload_of(call));
    std::int32_t x = 0, y = 0;
    arguments(x, y);
    link.send(with_payload(r_result, attempt_of(call), payload(x + y)));
}

}  // namespace

// --- P-119: one WebSocket is one connection --------------------------------------------------------

TEST_CASE(
    "P-119: a worker over a WebSocket serves managers, relayed whatever their addresses are") {
    for (const std::string endpoint : {"", "tcp://127.0.0.1:*"}) {
        const door at;
        web_worker worker(at.gateway);
        maus::manager_options options;
        options.endpoint = endpoint;
        maus::manager manager(std::move(options));
        manager.connect_parkserver(at.park.endpoint());
        auto workers = manager.get_workers({.amount = 1});
        auto sum = workers.call<int>("add", 20, 22);
        spec::link link = worker.take_offer();
        answer_one(link);
        CHECK(sum.get() == 42);
    }
}

TEST_CASE("P-119: a manager over a WebSocket uses workers, relayed") {
    const door at;
    real_worker worker;
    worker.worker.register_parkserver(at.park.endpoint());
    worker.worker.start();
    web_peer manager = at.join(role::manager);
    manager.say(register_manager{});
    (void)manager.hear<registered>();
    manager.say(request{});
    const auto lease = manager.hear<granted>().lease;
    spec::link link(manager, lease);
    link.is_managers = true;
    const auto said = decoded<hello>(link.next(r_hello).body);
    CHECK(said.lease == lease);
    welcome say;
    say.stamp = said.stamp;
    link.send(to_record(r_welcome, say));
    link.send(a_call({1, 1}, f_add, payload(20, 22)));
    CHECK(payload_of(link.next(r_result)) == payload(42));
}

TEST_CASE("P-119: a session ends with its WebSocket, and calls go to another worker") {
    const door at;
    maus::manager manager;
    manager.connect_parkserver(at.park.endpoint());
    auto workers = manager.get_workers({.amount = 1});
    auto sum = workers.call<int>("add", 20, 22);
    {
        web_worker lost(at.gateway);
        spec::link link = lost.take_offer();
        (void)link.next(r_call);
    }
    CHECK(eventually([&] { return at.park.ask().workers.empty(); }));
    web_worker next(at.gateway);
    spec::link link = next.take_offer();
    answer_one(link);
    CHECK(sum.get() == 42);
}

// --- P-120: the token ------------------------------------------------------------------------------

TEST_CASE("P-120: a good token is answered with its role and the largest message") {
    const door at;
    for (const role as : maus::web::all_roles) {
        web_socket socket(at.gateway.port());
        CHECK(socket.status() == 101);
        socket.send(web_socket::text, at.gateway.greeting(as));
        const auto answer = socket.next();
        REQUIRE(answer);
        CHECK(answer->data ==
              R"({"role":")" + std::string(to_string(as)) + R"(","message_bytes_max":1048576})");
    }
}

TEST_CASE("P-120: without a good token in its first message a WebSocket is closed") {
    const door at;
    const std::string token = at.gateway.token(role::worker);
    const std::string first_messages[] = {
        "",
        "{}",
        token,
        "{\"token\":1}",
        "[\"" + token + "\"]",
        "{\"token\":\"\"}",
        "{\"token\":\"" + token + "0\"}",
        "{\"token\":\"" + token.substr(1) + "\"}",
        "{\"token\":\"" + std::string(32, '0') + "\"}",
        "{\"token\":",
        std::string(1000, '['),
    };
    for (const auto& each : first_messages) {
        web_socket socket(at.gateway.port());
        socket.send(web_socket::text, each);
        INFO(each);
        CHECK(socket.close_code() == 4401);
    }
    web_socket binary(at.gateway.port());
    binary.send(web_socket::binary, at.gateway.greeting(role::worker));
    CHECK(binary.close_code() == 4401);
    web_socket large(at.gateway.port());
    large.send(web_socket::text, at.gateway.greeting(role::worker) + std::string(1024, ' '));
    CHECK(large.close_code() == 1009);
    CHECK(at.park.ask().workers.empty());
}

TEST_CASE("P-120: who shows no token in time is closed") {
    maus::web::gateway_options options;
    options.handshake_max = 100ms;
    const door at(std::move(options));
    web_socket silent(at.gateway.port());
    CHECK(silent.close_code() == 4408);
    web_socket pinging(at.gateway.port());  // this is no message
    pinging.send(web_socket::ping, "there?");
    CHECK(pinging.close_code() == 4408);
    maus_test::raw_connection no_request(at.gateway.port());
    CHECK(no_request.receive().empty());
    CHECK(no_request.has_ended());
    maus_test::raw_connection half(at.gateway.port());
    half.send("GET /maus HTTP/1.1\r\nHost: ");
    CHECK(half.receive().empty());
    CHECK(half.has_ended());
}

// --- P-121: framing --------------------------------------------------------------------------------

TEST_CASE("P-121: frames travel unchanged, both ways") {
    const door at;
    web_worker worker(at.gateway);
    fake_manager manager;
    manager.self.endpoints.clear();
    manager.enroll(at.park.endpoint());
    manager.ask_for(1);
    const auto offer = worker.park.hear<assign>();
    worker.park.say(accepted{offer.lease});
    (void)manager.park->hear<granted>();
    const frames inside[] = {{"x"}, {"", bytes(100'000, '\1')}, link_message({}), frames(66, "y")};
    for (const auto& each : inside) {
        const frames message = relayed(offer.lease, each);
        worker.park.send(message);
        CHECK(manager.park->next() == message);
        manager.park->send(message);
        CHECK(worker.park.next() == message);
    }
}

TEST_CASE("P-121: a message may come in fragments, with pings between them") {
    const door at;
    web_peer peer = at.join(role::observer);
    const bytes message = packed(control(status_query{}));
    peer.raw().send_frame(web_socket::binary, message.substr(0, 3));
    peer.raw().send_frame(0x80 | web_socket::ping, "there?");
    peer.raw().send_frame(0, message.substr(3, 2));
    peer.raw().send_frame(0x80, message.substr(5));
    const auto pong = peer.raw().next();
    REQUIRE(pong);
    CHECK(pong->opcode == web_socket::pong);
    CHECK(pong->data == "there?");
    CHECK(peer.hear_next<status>().workers.empty());
}

TEST_CASE("P-121: whoever frames wrongly is closed") {
    const door at;
    const bytes good = packed(control(ping{1}));
    const bytes wrong[] = {"",
                           "x",
                           good + "x",
                           good.substr(0, good.size() - 1),
                           bytes("\xff\xff\xff\xff", 4) + good,
                           packed(frames(68, "x")),
                           packed({"MAU"}),
                           packed({"what is this"}),
                           packed({"", good}),
                           packed({header(on_control, 10, 2) + bytes(8, '\0')})};
    for (const auto& each : wrong) {
        web_peer peer = at.join(role::worker);
        peer.raw().send(web_socket::binary, each);
        INFO(hex(each));
        CHECK(peer.raw().close_code() == 4400);
    }
    web_peer text = at.join(role::worker);
    text.raw().send(web_socket::text, at.gateway.greeting(role::worker));
    CHECK(text.raw().close_code() == 4400);
    CHECK(at.code_after(role::worker, link_message({})) == 4400);
}

TEST_CASE("P-121: what is no WebSocket frame ends the connection, and nothing else") {
    const door at;
    web_peer good = at.join(role::observer);
    const auto ends = [&](auto say) {
        web_peer peer = at.join(role::worker);
        say(peer.raw());
        const int code = peer.raw().close_code();
        CHECK((code == 1002 || code == 1007 || code == 0));
    };
    ends([](web_socket& to) { to.send_frame(0x82, "unmasked", false); });
    ends([](web_socket& to) { to.send_frame(0xC2, "compressed"); });
    ends([](web_socket& to) { to.send_frame(0x83, "no such opcode"); });
    ends([](web_socket& to) { to.send_frame(0x80, "continues nothing"); });
    ends([](web_socket& to) { to.send_frame(0x89, std::string(126, 'x')); });
    ends([](web_socket& to) { to.send_frame(0x81, "\xff\xfe"); });
    ends([](web_socket& to) { to.send_raw(std::string(100, '\xff')); });
    good.say(status_query{});
    CHECK(good.hear_next<status>().workers.empty());
}

// --- P-122: roles ----------------------------------------------------------------------------------

TEST_CASE("P-122: each role may say what the table says") {
    const door at;
    const frames all[] = {control(register_worker{}),
                          control(register_manager{}),
                          control(request{}),
                          control(cancel{}),
                          control(accepted{}),
                          control(refused{}),
                          control(available{}),
                          control(occupied{}),
                          control(worker_lost{}),
                          control(ping{}),
                          control(goodbye{}),
                          control(status_query{}),
                          control(spec::unimplemented{})};
    const std::string allowed[] = {"1000111101101", "0111000011111", "0000000001111"};
    for (const role as : maus::web::all_roles) {
        for (std::size_t i = 0; i < std::size(all); ++i) {
            INFO(to_string(as) << " says " << i + 1);
            web_peer peer = at.join(as);
            peer.send(all[i]);
            if (allowed[static_cast<std::size_t>(as)][i] == '0') {
                CHECK(peer.raw().close_code() == 4403);
                continue;
            }
            peer.say(ping{77});
            const auto is_answer = [](const frames& got) {
                return got[0].starts_with(header(on_control, register_again::type_number)) ||
                       got[0].starts_with(header(on_control, pong::type_number));
            };
            frames got = peer.next();
            while (!is_answer(got)) got = peer.next();
            // It came: nobody minded.
        }
        const frames relay = relayed({1, 1}, link_message({to_record(r_ping, u64{1})}));
        if (as == role::observer) CHECK(at.code_after(as, relay) == 4403);
        if (as != role::observer) {
            web_peer peer = at.join(as);
            peer.send(relay);
            (void)peer.hear_next<register_again>();
        }
        for (const u8 type : {u8{65}, u8{67}, u8{70}, u8{75}}) {  // a parkserver's own
            CHECK(at.code_after(as, {header(on_control, type)}) == 4403);
        }
    }
}

TEST_CASE(
    "P-122: a manager with endpoints is closed: no worker shall connect where a page wants it") {
    const door at;
    register_manager with_address;
    with_address.endpoints = {"tcp://127.0.0.1:22"};
    CHECK(at.code_after(role::manager, control(with_address)) == 4403);
    CHECK(at.park.ask().managers.empty());
}

TEST_CASE("P-122: a message of a later version's type is answered, or skipped") {
    const door at;
    web_worker worker(at.gateway);
    worker.park.send({header(on_control, 61) + "what comes"});
    CHECK(worker.park.hear_next<parkserver_unimplemented>().type == 61);
    worker.park.send({header(on_control, 201) + "what comes"});
    CHECK(worker.park.silent());
}

// --- P-123: sizes ----------------------------------------------------------------------------------

TEST_CASE("P-123: a message that is larger than was told closes its WebSocket") {
    maus::web::gateway_options options;
    options.message_bytes_max = 131072;
    const door at(std::move(options));
    web_worker worker(at.gateway);
    const frames fits = relayed({1, 1}, {bytes(131072 - 24 - 8, 'x')});
    REQUIRE(packed(fits).size() == 131072);
    worker.park.send(fits);
    CHECK(worker.park.hear<lease_ended>().lease == lease{1, 1});
    worker.park.send(relayed({1, 1}, {bytes(131072 - 24 - 8 + 1, 'x')}));
    CHECK(worker.park.raw().close_code() == 1009);
    // Also if its length was never told.
    web_worker other(at.gateway);
    other.park.raw().send_frame(web_socket::binary, bytes(100'000, 'x'));
    other.park.raw().send_frame(0, bytes(100'000, 'x'));
    CHECK(other.park.raw().close_code() == 1009);
}

TEST_CASE("P-123: the limit that a peer announces holds for what it is sent") {
    const door at;
    web_peer park = at.join(role::worker);
    register_worker self;
    self.limits = {{1, 1048576 - 65536}};
    park.say(self);
    (void)park.hear<registered>();
    maus::manager manager;
    manager.connect_parkserver(at.park.endpoint());
    auto workers = manager.get_workers({.amount = 1});
    const auto offer = park.hear<assign>();
    park.say(accepted{offer.lease});
    hello say;
    say.worker = self.worker;
    say.token = offer.token;
    say.lease = offer.lease;
    say.signatures = {"size(str)->u64"};
    say.limits = self.limits;
    spec::link link(park, offer.lease);
    link.send(to_record(r_hello, say));
    (void)link.next(r_welcome);
    const std::string fits(1048576 - 65536 - 100, 'x'), does_not(1048576, 'x');
    auto good = workers.call<std::uint64_t>("size", fits);
    const record call = link.next(r_call);
    CHECK(payload_of(call) == payload(fits));
    link.send(with_payload(r_result, attempt_of(call), payload(u64{1})));
    CHECK(good.get() == 1);
    CHECK_THROWS_AS(workers.call<std::uint64_t>("size", does_not).get(), maus::error);
}

// --- P-124: who may come -----------------------------------------------------------------------------

TEST_CASE("P-124: a page of another origin opens no WebSocket, and one without an Origin may") {
    maus::web::gateway_options options;
    options.origins = {"https://maus.example"};
    const door at(std::move(options));
    const std::string port = std::to_string(at.gateway.port());
    const auto status_of = [&](const std::string& origin) {
        return web_socket(at.gateway.port(), {"", origin}).status();
    };
    for (const std::string good : {"", "http://127.0.0.1:PORT", "http://localhost:PORT",
                                   "http://[::1]:PORT", "https://maus.example"}) {
        std::string origin = good;
        if (const auto at_port = good.find("PORT"); at_port != good.npos)
            origin.replace(at_port, 4, port);
        CHECK(status_of(origin) == 101);
    }
    for (const std::string& wrong :
         {std::string("http://evil.example"), std::string("null"), "https://127.0.0.1:" + port,
          "http://127.0.0.1:" + port + ".evil.example", std::string("http://127.0.0.1"),
          std::string("http://maus.example"), std::string("https://maus.example:8501")}) {
        INFO(wrong);
        CHECK(status_of(wrong) == 403);
    }
    CHECK(at.gateway.log.count("refused a WebSocket from the Origin 'http://evil.example'") == 1);
}

TEST_CASE("P-124: whoever calls the gateway by another name gets nothing, also no page") {
    maus::web::gateway_options options;
    options.hosts = {"maus.example"};
    const door at(std::move(options));
    const std::string port = std::to_string(at.gateway.port());
    const auto page_of = [&](const std::string& host, const std::string& lines = "") {
        return http_get(at.gateway.port(), "/", host, lines).status;
    };
    for (const std::string& good :
         {"127.0.0.1:" + port, "localhost:" + port, std::string("maus.example")}) {
        CHECK(page_of(good) == 404);  // there are no pages here
        CHECK(web_socket(at.gateway.port(), {good}).status() == 101);
    }
    for (const std::string& wrong : {"evil.example:" + port, std::string("evil.example"),
                                     std::string("127.0.0.1"), "maus.example:" + port}) {
        INFO(wrong);
        CHECK(page_of(wrong) == 403);
        CHECK(web_socket(at.gateway.port(), {wrong}).status() == 403);
    }
    // A page that came by that name comes from it.
    CHECK(web_socket(at.gateway.port(), {"maus.example", "http://maus.example"}).status() == 101);
    CHECK(page_of("") == 403);
    CHECK(page_of("127.0.0.1:" + port, "Host: evil.example\r\n") == 403);
}

// --- P-125: backpressure -----------------------------------------------------------------------------

TEST_CASE("P-125: a peer that takes nothing is closed, and the others are served meanwhile") {
    maus::web::gateway_options options;
    options.stall_max = 200ms;
    const door at(std::move(options));
    web_socket slow = at.gateway.join(role::manager, {"", "", "/maus", 4096});
    const bytes question = packed(control(status_query{}));
    web_peer other = at.join(role::observer);
    // Each answer is longer than its question, so it fills up what the system has for it.
    bool ended = false;
    CHECK(eventually([&] {
        for (int i = 0; i < 1000 && !ended; ++i)
            ended = !slow.send(web_socket::binary, question, 1ms);
        other.say(status_query{});
        (void)other.hear_next<status>();
        return at.gateway.log.has("a WebSocket peer is closed: it does not take what it is sent");
    }));
}

// --- P-126: the end ----------------------------------------------------------------------------------

TEST_CASE(
    "P-126: when the parkserver is lost the WebSockets are closed, and peers may come again") {
    auto park = std::make_unique<real_park>();
    const std::string endpoint = park->endpoint();
    const real_gateway gateway(endpoint);
    web_worker worker(gateway);
    park.reset();
    CHECK(worker.park.raw().close_code() == 4503);
    web_socket early(gateway.port());
    early.send(web_socket::text, gateway.greeting(role::worker));
    CHECK(early.close_code() == 4503);
    maus::parkserver_options options;
    options.bind = {endpoint};
    park = std::make_unique<real_park>(std::move(options));
    const web_worker again(gateway);
    CHECK(park->ask().workers.size() == 1);
}

TEST_CASE("P-126: a gateway that stops says so") {
    door at;
    web_worker worker(at.gateway);
    web_socket greeting(at.gateway.port());
    at.gateway.itself().stop();
    CHECK(worker.park.raw().close_code() == 1001);
    CHECK(greeting.close_code() == 1001);
}

TEST_CASE("P-126: what a peer said last is heard, though it closes at once") {
    const door at;
    {
        web_worker worker(at.gateway);
        worker.park.say(goodbye{"the page is closed"});
        worker.park.raw().send(web_socket::close, bytes("\x03\xe8", 2));
        CHECK(worker.park.raw().close_code() == 1000);
    }
    CHECK(eventually([&] { return at.park.log.has("left: goodbye: the page is closed"); }));
}
