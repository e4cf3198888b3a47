// One attempt to connect: names, addresses, and why it failed.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "catch.hpp"
#include "maus/net/clock.hpp"
#include "maus/net/hub.hpp"
#include "support/names.hpp"
#include "support/scratch.hpp"
#include "support/wait.hpp"

using maus_test::named;
using maus_test::stuck_name;
using namespace maus;

namespace {

/// A hub that dials.
struct dialer {
    base::settings settings;
    net::hub hub{settings, [](log_level, const std::string&) {}};
    core::outbox out{settings};
    std::uint64_t made = 0;

    base::route open(const std::string& endpoint) {
        const base::route to{++made};
        out.push(core::open{to, endpoint});
        hub.apply(out);
        return to;
    }
    std::vector<net::input> unasked;  // heard and not asked for yet: several may come at once

    /// The next thing that it hears.
    net::input hear() {
        const base::instant end = base::after(net::clock_now(), maus_test::patience);
        while (unasked.empty() && net::clock_now() < end) {
            if (!hub.drain(unasked) && unasked.empty()) hub.wait(end);
        }
        REQUIRE_FALSE(unasked.empty());
        net::input first = std::move(unasked.front());
        unasked.erase(unasked.begin());
        return first;
    }
    /// "up", or why not.
    std::string dial(const std::string& endpoint) {
        const base::route to = open(endpoint);
        const net::input heard = hear();
        if (const auto* up = std::get_if<core::up>(&heard)) {
            CHECK(up->from == to);
            return "up";
        }
        const auto& down = std::get<core::down>(heard);
        CHECK(down.from == to);
        return down.why;
    }
};

/// A hub that others connect to.
struct listener {
    base::settings settings;
    net::hub hub{settings, [](log_level, const std::string&) {}};
    std::string endpoint;
    explicit listener(const std::string& at) : endpoint(hub.bind(at)) {}
    [[nodiscard]] std::string port() const { return endpoint.substr(endpoint.rfind(':')); }
};

/// The system takes connections to it, and nobody says anything.
class silent_listener {
public:
    silent_listener() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof at;
        REQUIRE(::bind(fd_, reinterpret_cast<sockaddr*>(&at), size) == 0);
        REQUIRE(::listen(fd_, 16) == 0);
        ::getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &size);
        endpoint_ = "tcp://127.0.0.1:" + std::to_string(ntohs(at.sin_port));
    }
    ~silent_listener() { ::close(fd_); }
    silent_listener(const silent_listener&) = delete;
    silent_listener& operator=(const silent_listener&) = delete;
    [[nodiscard]] int fd() const { return fd_; }
    [[nodiscard]] const std::string& endpoint() const { return endpoint_; }

private:
    int fd_;
    std::string endpoint_;
};

/// Accepts connections and closes them.
class rude_listener {
public:
    ~rude_listener() {
        ::shutdown(at_.fd(), SHUT_RDWR);
        thread_.join();
    }
    [[nodiscard]] const std::string& endpoint() const { return at_.endpoint(); }
    [[nodiscard]] int taken() const { return taken_; }

private:
    const silent_listener at_;
    std::atomic<int> taken_{0};
    std::thread thread_{[this] {
        for (int peer; (peer = ::accept(at_.fd(), nullptr, nullptr)) >= 0; ::close(peer)) ++taken_;
    }};
};

}  // namespace

TEST_CASE("an attempt to connect ends with why there is no connection (F7)") {
    dialer from;
    const maus_test::scratch_folder folder;
    const named none("nowhere.test");
    const std::string closed = "tcp://127.0.0.1:" + std::to_string(maus_test::free_port());
    CHECK(from.dial(closed) == "connection refused");
    CHECK(from.dial("ipc://" + folder.file("missing")) == "no such file or directory");
    CHECK(from.dial("tcp://nowhere.test:1") == "name not found");
    CHECK(from.dial("tcp://127.0.0.1:99999") ==
          "'99999' is no port; write a number from 1 to 65535");
}

TEST_CASE("a connection that is accepted and closed is one failed attempt (F9)") {
    dialer from;
    const rude_listener to;
    CHECK(from.dial(to.endpoint()) == "it takes connections and closes them");
    // Another hub's attempt comes in later than any that the first one would make by itself.
    CHECK(from.dial(to.endpoint()) == "it takes connections and closes them");
    CHECK(to.taken() == 2);
}

TEST_CASE("a hub sleeps while an attempt to connect is under way") {
    dialer from;
    const silent_listener to;
    (void)from.open(to.endpoint());
    std::vector<net::input> inputs;
    const base::instant end = base::after(net::clock_now(), std::chrono::milliseconds{300});
    int waits = 0;
    for (; inputs.empty() && net::clock_now() < end; ++waits) {
        if (!from.hub.drain(inputs)) from.hub.wait(end);
    }
    CHECK(waits < 50);
}

TEST_CASE("all addresses of a name are tried, in order") {
    dialer from;
    const listener to("tcp://127.0.0.1:*");
    const named several("several.test", {"::1", "127.0.0.2", "127.0.0.1"});
    CHECK(from.dial("tcp://several.test" + to.port()) == "up");
    const named others("others.test", {"::1", "127.0.0.2"});
    CHECK(from.dial("tcp://others.test" + to.port()) == "connection refused");
}

TEST_CASE("a name is looked up anew at each attempt (F2)") {
    dialer from;
    const listener to("tcp://127.0.0.1:*");
    {
        const named before("moves.test", {"127.0.0.2"});
        CHECK(from.dial("tcp://moves.test" + to.port()) == "connection refused");
    }
    const named after("moves.test", {"127.0.0.1"});
    CHECK(from.dial("tcp://moves.test" + to.port()) == "up");
}

TEST_CASE("a look-up that does not end holds nobody up, and has a bound (F2)") {
    dialer from;
    const listener to("tcp://127.0.0.1:*");
    const stuck_name stuck("stuck.test");
    const base::route waits = from.open("tcp://stuck.test:1");
    CHECK(stuck.look_ups() == 1);
    CHECK(from.dial(to.endpoint) == "up");
    const named other("other.test", {"127.0.0.1"});
    CHECK(from.dial("tcp://other.test" + to.port()) == "up");
    // Tried again and again, it still takes one thread.
    (void)from.open("tcp://stuck.test:1");
    CHECK(stuck.look_ups() == 1);
    const net::input heard = from.hear();
    CHECK(std::get<core::down>(heard).from == waits);
    CHECK(std::get<core::down>(heard).why == "looking its name up takes too long");
}

TEST_CASE("whoever closes during a look-up hears nothing more of it") {
    dialer from;
    const listener to("tcp://127.0.0.1:*");
    {
        const stuck_name stuck("stuck.test");
        const base::route given_up = from.open("tcp://stuck.test:1");
        CHECK(stuck.look_ups() == 1);
        from.out.push(core::close{given_up});
        from.hub.apply(from.out);
        CHECK(from.dial(to.endpoint) == "up");
        // A hub goes while its look-up is under way.
        dialer gone;
        (void)gone.open("tcp://stuck.test:1");
    }
    CHECK(from.dial(to.endpoint) == "up");
}

TEST_CASE("IPv6 addresses are connected to (F6)") {
    std::optional<listener> to;
    try {
        to.emplace("tcp://[::1]:*");
    } catch (const error& none) {
        WARN("skipped: this machine does not speak IPv6: " << none.what());
        return;
    }
    dialer from;
    CHECK(from.dial("tcp://[::1]" + to->port()) == "up");
    const named six("six.test", {"::1"});
    CHECK(from.dial("tcp://six.test" + to->port()) == "up");
    const listener local("tcp://localhost:*");
    CHECK(from.dial("tcp://localhost" + local.port()) == "up");
}
