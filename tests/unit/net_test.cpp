// What the sockets do to the process that they live in.
#include <maus/maus.hpp>

#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "catch.hpp"
#include "maus/net/descriptor.hpp"
#include "support/descriptors.hpp"

namespace {
/// The next number of rand() after one more ROUTER was made.
int number_after_a_router() {
    std::srand(42);
    const maus::manager made("tcp://127.0.0.1:*");
    return std::rand();
}

maus::errc what_a_manager_throws() {
    try {
        const maus::manager made;
    } catch (const maus::error& failed) {
        CHECK_THAT(failed.what(), maus_test::has_text("ulimit -n"));
        return failed.code();
    }
    throw std::logic_error("no error");
}
}  // namespace

TEST_CASE("where the system gives no more, the error says so and can be tried again") {
    // Of now, when nobody else has any: others close theirs when they please, and would leave more.
    const rlim_t few = maus_test::bound_that_leaves_two();
    {
        const maus_test::no_more_descriptors meanwhile(few);
        CHECK(what_a_manager_throws() == maus::errc::resource_exhausted);
    }
    const maus::manager holds_the_context;
    {
        const maus_test::no_more_descriptors meanwhile(few);
        CHECK(what_a_manager_throws() == maus::errc::resource_exhausted);
    }
    const maus::manager works_again;
}

// libzmq makes routing ids from rand(), which it never seeds.
TEST_CASE("the generator of libzmq's routing ids is seeded with the first socket, and then left") {
    std::srand(1);  // as in a process that nobody has seeded
    std::set<int> unseeded;
    for (int i = 0; i < 1000; ++i) unseeded.insert(std::rand());
    std::srand(1);
    const maus::manager first;
    CHECK_FALSE(unseeded.contains(std::rand()));
    // From here on a program that seeds rand() finds the same numbers each time.
    const int expected = number_after_a_router();
    CHECK(number_after_a_router() == expected);
}

namespace {
/// A signal every 250 us, whose handler does nothing but interrupt.
class interruptions {
public:
    interruptions() {
        struct sigaction handler {};
        handler.sa_handler = [](int) {};
        sigaction(SIGALRM, &handler, &before_);
        const itimerval often{{0, 250}, {0, 250}};
        setitimer(ITIMER_REAL, &often, nullptr);
    }
    ~interruptions() {
        const itimerval none{};
        setitimer(ITIMER_REAL, &none, nullptr);
        sigaction(SIGALRM, &before_, nullptr);
    }

private:
    struct sigaction before_ {};
};
}  // namespace

TEST_CASE("signals interrupt nothing while sockets are made and bound") {
    const interruptions meanwhile;
    for (int i = 0; i < 300; ++i) CHECK_NOTHROW(maus::manager("tcp://127.0.0.1:*"));
}

namespace {
/// A TCP connection over loopback.
struct loopback_pair {
    int listening = ::socket(AF_INET, SOCK_STREAM, 0),
        connecting = ::socket(AF_INET, SOCK_STREAM, 0);
    int accepted = -1;
    loopback_pair() {
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof at;
        auto* const any = reinterpret_cast<sockaddr*>(&at);
        REQUIRE(::bind(listening, any, size) == 0);
        REQUIRE(::listen(listening, 1) == 0);
        REQUIRE(::getsockname(listening, any, &size) == 0);
        REQUIRE(::connect(connecting, any, size) == 0);
        accepted = ::accept(listening, nullptr, nullptr);
        REQUIRE(accepted >= 0);
    }
    ~loopback_pair() {
        for (const int each : {listening, connecting, accepted}) ::close(each);
    }
    [[nodiscard]] int receive_buffer() const {
        int bytes = 0;
        socklen_t size = sizeof bytes;
        REQUIRE(::getsockopt(accepted, SOL_SOCKET, SO_RCVBUF, &bytes, &size) == 0);
        return bytes;
    }
};
}  // namespace

TEST_CASE("a stranger's connection takes little, and as much as any other once it is none") {
    const loopback_pair pair;
    const int as_new = pair.receive_buffer();
    const int idle = ::dup(STDOUT_FILENO);
    {
        maus::net::grip grip(idle);
        REQUIRE(grip.take(pair.accepted));
        grip.take_little();
        grip.let_go();
    }
    ::close(idle);
#ifdef SO_BUF_LOCK
    CHECK(pair.receive_buffer() < as_new);
#endif
    maus::net::take_much(pair.accepted);
    CHECK(pair.receive_buffer() >= std::min(as_new, 128 << 10));
}
