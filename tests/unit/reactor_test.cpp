// What a reactor tells the machine that it drives about time.
#include <poll.h>

#include <vector>

#include <zmq.hpp>

#include "catch.hpp"
#include "maus/net/reactor.hpp"
#include "support/wait.hpp"

using namespace maus;

namespace {

/// Notes what it is told.
struct noting final : net::driven {
    void on(net::input, base::instant) override { ++heard; }
    void take_queued(base::instant) override {}
    void step(base::instant now, base::instant time) override { steps.push_back({now, time}); }
    core::outbox& outbox() override { return out_; }
    [[nodiscard]] bool has_queued() const override { return false; }
    [[nodiscard]] base::instant next_deadline() const override { return base::never; }
    [[nodiscard]] bool finished() const override { return false; }

    struct told {
        base::instant now, time;
    };
    std::vector<told> steps;
    int heard = 0;
    const base::settings settings{};

private:
    core::outbox out_{settings};
};

/// A reactor whose first round begins `late` after somebody has begun to speak to it.
std::vector<noting::told> steps_of_one_that_begins(int late_ms) {
    noting machine;
    net::reactor reactor(
        machine.settings, [](log_level, const std::string&) {}, machine);
    const std::string endpoint = reactor.sockets().bind("tcp://127.0.0.1:*");
    zmq::context_t context;
    zmq::socket_t peer(context, zmq::socket_type::dealer);
    peer.set(zmq::sockopt::linger, 0);
    peer.connect(endpoint);
    for (int i = 0; i < 100; ++i) peer.send(zmq::str_buffer("hello"));
    ::poll(nullptr, 0, late_ms);
    const base::instant bound = base::after(net::clock_now(), maus_test::patience);
    while (machine.heard < 100 && net::clock_now() < bound) {
        if (!reactor.cycle()) reactor.sleep(bound);
    }
    REQUIRE(machine.heard == 100);
    return machine.steps;
}

}  // namespace

TEST_CASE("in its first round a reactor's time is not that of the beginning, whatever is unread") {
    const base::instant begun = net::clock_now();
    const base::instant bound = base::after(begun, maus_test::patience);
    // Until there was more to read in the first round: then time stands.
    bool stood = false;
    for (int late_ms = 1; !stood && net::clock_now() < bound; late_ms *= 2) {
        const auto steps = steps_of_one_that_begins(late_ms);
        stood = steps.front().time != steps.front().now;
        for (const auto& each : steps) {
            CHECK(each.time >= begun);
            CHECK(each.time <= each.now);
        }
    }
    CHECK(stood);
}
