// Bytes that are no ZMTP, or hostile ZMTP, to the ports of a live parkserver and a live manager, and
// from the ports that a live worker and a live manager connect to. After each, a good call works.
#include "catch.hpp"

#include "raw_tcp.hpp"
#include "real.hpp"

using namespace spec;

namespace {

/// A parkserver, a worker and a manager that know each other.
struct trio {
    real_park park;
    real_worker worker;
    maus::manager manager{manager_options()};
    maus::worker_group workers;
    trio() {
        worker.worker.register_parkserver(park.endpoint());
        worker.worker.start();
        manager.connect_parkserver(park.endpoint());
        workers = manager.get_workers({.amount = 1});
        check_good_call();
    }
    void check_good_call() {
        auto sum = workers.call<int>("add", 20, 22);
        REQUIRE(sum.wait_for(patience));
        CHECK(sum.get() == 42);
        dealer status(park.endpoint());
        status.say(status_query{});
        (void)status.hear_next<spec::status>();
    }
    [[nodiscard]] std::vector<std::string> ports() const {
        return {park.endpoint(), manager.endpoint()};
    }
};

std::string tls_hello() {
    return std::string("\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x03", 11) + std::string(36, 'r');
}

}  // namespace

TEST_CASE("hostile ZMTP: foreign greetings, and none") {
    trio all;
    const std::pair<const char*, std::string> rows[] = {
        {"nothing", ""},
        {"HTTP", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"},
        {"TLS", tls_hello()},
        {"zeros", std::string(100, '\0')},
        {"ones", std::string(100, '\xff')},
        {"ZMTP 1.0", std::string("\1\0", 2)},
        {"ZMTP 2.0", std::string("\xff\0\0\0\0\0\0\0\1\x7f\1\5\0\0", 14)},
        {"ZMTP 99", raw_tcp::greeting(99)},
        {"ZMTP 0", raw_tcp::greeting(0)},
        {"an unknown mechanism", raw_tcp::greeting(3, "NOTHING")},
        {"PLAIN", raw_tcp::greeting(3, "PLAIN")},
        {"CURVE", raw_tcp::greeting(3, "CURVE") + raw_tcp::frame(std::string(200, 'x'), 4)},
        {"half a greeting", raw_tcp::greeting().substr(0, 30)},
        {"data instead of READY", raw_tcp::greeting() + raw_tcp::frame("data")},
        {"an empty command", raw_tcp::greeting() + raw_tcp::frame("", 4)},
        {"an unknown command", raw_tcp::greeting() + raw_tcp::frame("\4WHAT", 4)},
        {"a READY that lies about lengths",
         raw_tcp::greeting() + raw_tcp::frame(std::string("\5READY\x0bSocket-Type\xff\xff\xff\xff"
                                                          "DEALER",
                                                          28),
                                              4)},
        {"another socket type", raw_tcp::greeting() + raw_tcp::ready("PUB")},
        {"no such socket type", raw_tcp::greeting() + raw_tcp::ready("TEAPOT")},
        {"a gigantic command", raw_tcp::greeting() + raw_tcp::long_header(1ull << 62, 4)},
        {"READY twice", raw_tcp::greeting() + raw_tcp::ready() + raw_tcp::ready()},
        {"ERROR", raw_tcp::greeting() + raw_tcp::frame("\5ERROR\3bad", 4)},
    };
    for (const auto& [what, bytes] : rows) {
        INFO(what);
        for (const auto& port : all.ports()) {
            raw_tcp stranger(port);
            stranger.say(bytes);
            raw_tcp another(port);
            another.say(bytes);  // and this one leaves at once
        }
        all.check_good_call();
    }
}

TEST_CASE("hostile ZMTP: a good peer, byte by byte") {
    trio all;
    for (const auto& port : all.ports()) {
        raw_tcp slow(port);
        const auto say = [&](const std::string& bytes) {
            for (const char each : bytes) REQUIRE(slow.write(std::string(1, each)));
        };
        say(raw_tcp::greeting());
        CHECK(slow.read(64).size() == 64);
        say(raw_tcp::ready());
        const std::string head = slow.read(2);
        REQUIRE(head.size() == 2);
        (void)slow.read(static_cast<unsigned char>(head[1]));
        say(raw_tcp::frame(header(on_control, status_query::type_number)));
        // Both answer, in their way: status, or reject, since a manager takes no control messages.
        CHECK(slow.read(10).size() == 10);
    }
    all.check_good_call();
}

TEST_CASE("hostile ZMTP: frames that claim more than they may hold close their connection") {
    trio all;
    for (const auto& port : all.ports()) {
        for (const std::uint64_t size : {1ull << 30, 1ull << 40, 1ull << 62, ~0ull}) {
            raw_tcp liar(port);
            REQUIRE(liar.shake_hands());
            REQUIRE(liar.write(raw_tcp::long_header(size)));
            CHECK(liar.is_closed());
        }
    }
    all.check_good_call();
}

TEST_CASE("hostile ZMTP: half-open connections cost nobody anything") {
    trio all;
    std::vector<raw_tcp> silent;
    for (int i = 0; i < 200; ++i) {
        for (const auto& port : all.ports()) silent.emplace_back(port);
    }
    all.check_good_call();
    for (auto& each : silent) each.write(raw_tcp::greeting().substr(0, 11));
    all.check_good_call();
    CHECK(silent.front().is_closed());  // libzmq's handshake interval is 2 s here
    CHECK(silent.back().is_closed());
    all.check_good_call();
}

TEST_CASE("hostile ZMTP: a message without end grows, but nobody else waits for it") {
    trio all;
    for (const auto& port : all.ports()) {
        raw_tcp endless(port);
        REQUIRE(endless.shake_hands());
        std::string many;
        for (int i = 0; i < 1000; ++i) many += raw_tcp::frame(std::string(64, 'x'), 1);
        for (int i = 0; i < 20; ++i) REQUIRE(endless.write(many));
        all.check_good_call();
    }
    all.check_good_call();
}

TEST_CASE("hostile ZMTP: a message is cut in the middle, and its connection with it") {
    trio all;
    for (const auto& port : all.ports()) {
        for (int i = 0; i < 20; ++i) {
            raw_tcp broken(port);
            REQUIRE(broken.shake_hands());
            broken.write(raw_tcp::frame(header(on_link), 1));
            broken.write(raw_tcp::long_header(1000) + "only this");
        }
        all.check_good_call();
    }
}

TEST_CASE("hostile ZMTP: who a worker and a manager connect to speaks something else") {
    const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(listener, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0);
    REQUIRE(::listen(listener, 100) == 0);
    socklen_t size = sizeof at;
    ::getsockname(listener, reinterpret_cast<sockaddr*>(&at), &size);
    const std::string wrong = "tcp://127.0.0.1:" + std::to_string(ntohs(at.sin_port));

    const real_park park;
    real_worker worker;
    worker.worker.register_parkserver(wrong);
    worker.worker.register_parkserver(park.endpoint());
    worker.worker.start();
    maus::manager manager(manager_options());
    manager.connect_parkserver(wrong);
    manager.connect_parkserver(park.endpoint());
    auto workers = manager.get_workers({.amount = 1});
    int served = 0;
    for (const std::string& bytes :
         {std::string("HTTP/1.1 400 Bad Request\r\n\r\n"), std::string("\x15\x03\x01\0\2\2\x28", 7),
          std::string(), raw_tcp::greeting(99), raw_tcp::greeting() + raw_tcp::frame("x"),
          raw_tcp::greeting() + raw_tcp::ready("ROUTER") + raw_tcp::long_header(1ull << 62)}) {
        pollfd item{listener, POLLIN, 0};
        REQUIRE(::poll(&item, 1, static_cast<int>(patience.count())) == 1);
        const int peer = ::accept(listener, nullptr, nullptr);
        raw_tcp speaking(peer);
        speaking.say(bytes);
        if (++served % 2 == 0) ::shutdown(peer, SHUT_WR);
        auto sum = workers.call<int>("add", 20, 22);
        REQUIRE(sum.wait_for(patience));
        CHECK(sum.get() == 42);
    }
    ::close(listener);
}
