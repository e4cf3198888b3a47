// A worker with hooks: a lease is set up before its first call and cleared up after its last one.
// PROTOCOL.md, "Worker" and P-107.
#include "catch.hpp"

#include "maus/core/worker.hpp"
#include "talk.hpp"

using namespace talk;
using core::worker;
using hook_kind = core::lease_hook::kind;
using hooked_state = core::worker::state;
using wire::link_writer;

namespace {

core::worker_config hooked_worker(std::size_t calls_max = limits{}.calls_per_worker_max) {
    core::worker_config made;
    made.id = id<base::worker_id>(11);
    made.incarnation = {1};
    made.type = "t";
    made.signatures = {"f()->void"};
    made.beat = {100, 3};
    made.parkservers = {"tcp://park:1"};
    made.has_hooks = true;
    made.settings.limits.calls_per_worker_max = calls_max;
    return made;
}

/// Its routes: 1 the parkserver, then one for each link.
struct hooked_site {
    worker core;
    core::worker_effects out;
    std::int64_t ms = 0;

    explicit hooked_site(core::worker_config config = hooked_worker())
        : core(std::move(config), at_ms(0)), out(core.config().settings) {
        take();
        core.on(core::up{{1}}, at_ms(ms), out);
        hear(1, wire::registered{id<base::parkserver_id>(1), 5, 10'000, 100});
    }
    lines take() {
        core.advance_to(at_ms(ms), out);
        return take_news(out.net);
    }
    lines pass(std::int64_t to_ms) {
        ms = to_ms;
        return take();
    }
    lines hear(std::uint64_t route, const wire::control& what) {
        core.on(core::received{{route}, wire::encode_control(what)}, at_ms(ms), out);
        return take();
    }
    template <class Write>
    lines hear_link(std::uint64_t route, Write write) {
        core.on(core::received{{route}, link_message(core.config().settings.limits, write)},
                at_ms(ms), out);
        return take();
    }
    lines offer(std::uint64_t sequence) {
        return hear(
            1, wire::assign{
                   {5, sequence}, id<base::token>(1), id<base::manager_id>(21), {"tcp://m:1"}});
    }
    /// Until it is welcomed; the link's route is `route`.
    void link(std::uint64_t sequence, std::uint64_t route) {
        offer(sequence);
        core.on(core::up{{route}}, at_ms(ms), out);
        const auto stamp = static_cast<std::uint64_t>(at_ms(ms).time_since_epoch().count());
        hear_link(route, [&](link_writer& to) {
            wire::welcome say{id<base::manager_id>(21), {1}, 10'000, 100, stamp};
            say.can.features = {std::string(wire::feature_streams)};
            to.say(say);
        });
    }
    hook_kind hook() {
        REQUIRE(out.hook);
        const hook_kind what = out.hook->what;
        CHECK(out.hook->manager == id<base::manager_id>(21));
        CHECK(out.hook->parkserver == "tcp://park:1");
        out.hook.reset();
        return what;
    }
    lines hook_ends(std::optional<std::string> refused = std::nullopt) {
        core.on(core::hook_done{std::move(refused)}, at_ms(ms), out);
        return take();
    }
    lines call(std::uint64_t route, std::uint64_t number) {
        return hear_link(route, [&](link_writer& to) {
            base::buffer nothing;
            to.call({{number}, {1}}, 0, false, nothing);
        });
    }
    lines release(std::uint64_t route) {
        return hear_link(route, [](link_writer& to) {
            to.part(wire::record_type::manager_goodbye, errc::cancelled, "released");
        });
    }
    lines done(std::size_t job, bool returned = false) {
        core::job_done told{out.execute[job].link, out.execute[job].attempt, false,
                            core::job_value{}};
        if (returned) told.outcome = core::job_returned{};
        core.on(std::move(told), at_ms(ms), out);
        return take();
    }
};

}  // namespace

TEST_CASE("worker hooks: what it is called while it is set up waits, and is executed then") {
    hooked_site at;
    at.link(1, 2);
    CHECK(at.hook() == hook_kind::set_up);
    CHECK(at.core.now_in() == hooked_state::preparing);
    CHECK(at.core.startable() == 0);
    CHECK(at.call(2, 77).empty());
    CHECK(at.call(2, 78).empty());
    CHECK(at.out.execute.empty());
    CHECK(at.hook_ends().empty());
    CHECK(at.core.now_in() == hooked_state::serving);
    REQUIRE(at.out.execute.size() == 2);
    CHECK(at.core.startable() == at.out.execute[0].link);
    CHECK(at.done(0) == lines{"2 result 77/1"});
    CHECK(at.done(1) == lines{"2 result 78/1"});
}

TEST_CASE("worker hooks: it is cleared up after its last function, and available only then") {
    hooked_site at;
    at.link(1, 2);
    (void)at.hook();
    at.hook_ends();
    at.call(2, 77);
    CHECK(at.release(2) == lines{"2 close"});
    CHECK_FALSE(at.out.hook);  // a function runs
    CHECK(at.done(0).empty());
    CHECK(at.hook() == hook_kind::clear_up);
    CHECK(at.core.now_in() == hooked_state::draining);
    CHECK(at.offer(2) == lines{"1 refused 5.2"});
    CHECK(at.core.next_deadline() > at_ms(0));  // nothing to do before that has ended
    CHECK(at.hook_ends() == lines{"1 available 5.1"});
    CHECK(at.core.now_in() == hooked_state::free);
    at.link(3, 3);
    CHECK(at.hook() == hook_kind::set_up);
}

TEST_CASE("worker hooks: one that refuses returns what came, says why, and rests ever longer") {
    hooked_site at;
    std::int64_t longest = 0;
    for (std::uint64_t lease = 1; lease <= 4; ++lease) {
        const std::uint64_t route = lease + 1;
        const std::string link = std::to_string(route), number = std::to_string(lease);
        at.link(lease, route);
        CHECK(at.hook() == hook_kind::set_up);
        at.call(route, 77);
        at.out.execute.clear();
        CHECK(at.hook_ends("no licence") ==
              lines{link + " returned 77/1", link + " goodbye cancelled", link + " close"});
        CHECK(at.out.execute.empty());
        CHECK_FALSE(at.out.hook);  // nothing was set up
        CHECK(at.core.now_in() == hooked_state::draining);
        const auto rest = at.core.next_deadline() - at_ms(at.ms);
        const auto least = std::chrono::milliseconds{100 << (lease - 1)};
        CHECK(rest >= least);
        CHECK(rest <= 5 * least);
        longest = at.ms + 5 * least.count();
        CHECK(at.pass(longest) == lines{"1 available 5." + number});
    }
}

TEST_CASE("worker hooks: a lease that ends while it is set up is cleared up, if it was set up") {
    const bool refused = GENERATE(true, false);
    hooked_site at;
    at.link(1, 2);
    (void)at.hook();
    at.call(2, 77);
    CHECK(at.release(2) == lines{"2 close"});
    REQUIRE(at.out.execute.size() == 1);  // to be dropped
    CHECK(at.core.startable() == 0);
    CHECK(at.done(0, true).empty());
    CHECK_FALSE(at.out.hook);
    if (refused) {
        CHECK(at.hook_ends("no") == lines{"1 available 5.1"});
        CHECK_FALSE(at.out.hook);
        return;
    }
    CHECK(at.hook_ends().empty());
    CHECK(at.hook() == hook_kind::clear_up);
    CHECK(at.hook_ends() == lines{"1 available 5.1"});
}

TEST_CASE("worker hooks: a call that is cancelled while it waits is handed on as such") {
    hooked_site at;
    at.link(1, 2);
    (void)at.hook();
    at.call(2, 77);
    at.hear_link(2, [](link_writer& to) {
        to.about(wire::record_type::cancel, {{77}, {1}});
        to.about(wire::record_type::cancel, {{78}, {1}});  // of nothing: bounded by what waits
    });
    CHECK(at.out.cancel.empty());
    at.hook_ends();
    REQUIRE(at.out.cancel.size() == 1);
    CHECK(at.out.cancel[0].call.value == 77);
}

TEST_CASE("worker hooks: a flood of credit while it is set up does not look through what waits") {
    constexpr std::uint64_t many = 1u << 18;
    hooked_site at(hooked_worker(many));
    at.link(1, 2);
    const auto say = [&](std::uint64_t first, std::uint64_t count, auto write) {
        for (std::uint64_t next = first; next < first + count; next += 1024) {
            at.hear_link(2, [&](link_writer& to) {
                for (std::uint64_t i = next; i < next + 1024; ++i)
                    write(to, wire::attempt{{i}, {1}});
            });
        }
    };
    const auto more = [](link_writer& to, wire::attempt of) { to.more(of, 1, 10); };
    say(1, many, [](link_writer& to, wire::attempt of) {
        base::buffer nothing;
        to.call(of, 0, false, nothing);
    });
    say(1, many, more);
    say(1, many, more);
    // Of calls that are not there. Who looks through the others does not end today.
    say(many + 1, 16 * many, more);
    at.hook_ends();
    CHECK(at.out.execute.size() == many);
    REQUIRE(at.out.more.size() == many);
    for (const auto& each : at.out.more) REQUIRE((each.items == 2 && each.bytes == 20));
}

TEST_CASE("worker hooks: who stops is cleared up before its goodbye") {
    hooked_site at;
    at.link(1, 2);
    (void)at.hook();
    at.hook_ends();
    at.call(2, 77);
    at.core.on(core::stop_worker{at_ms(5000)}, at_ms(0), at.out);
    at.take();
    CHECK_FALSE(at.out.hook);
    CHECK(at.done(0) == lines{"2 result 77/1"});
    CHECK(at.hook() == hook_kind::clear_up);
    CHECK(at.core.now_in() == hooked_state::leaving);
    const lines last = at.hook_ends();
    CHECK(std::count(last.begin(), last.end(), "2 goodbye shutdown") == 1);
    CHECK(at.core.now_in() == hooked_state::stopped);
}

TEST_CASE("worker hooks: who stops while it is set up returns what came, and waits for the hook") {
    hooked_site at;
    at.link(1, 2);
    (void)at.hook();
    at.call(2, 77);
    at.core.on(core::stop_worker{at_ms(5000)}, at_ms(0), at.out);
    at.take();
    REQUIRE(at.out.execute.size() == 1);
    CHECK(at.done(0, true) == lines{"2 returned 77/1"});
    CHECK(at.call(2, 78) == lines{"2 returned 78/1"});
    const bool in_time = GENERATE(true, false);
    if (in_time) {
        CHECK(at.hook_ends().empty());
        CHECK(at.hook() == hook_kind::clear_up);
        at.hook_ends();
    } else {
        at.pass(5000);
        CHECK(at.core.now_in() == hooked_state::stopped);
        CHECK(at.hook_ends().empty());  // the rest is its program's
        CHECK_FALSE(at.out.hook);
    }
    CHECK(at.core.now_in() == hooked_state::stopped);
}

TEST_CASE(
    "worker hooks: a registration names the lease while it is set up and while it is cleared up") {
    hooked_site at;
    at.link(1, 2);
    (void)at.hook();
    CHECK(at.hear(1, wire::register_again{}) == lines{"1 register_worker serving 5.1"});
    at.hear(1, wire::registered{id<base::parkserver_id>(1), 5, 10'000, 100});
    at.hook_ends();
    at.release(2);
    (void)at.hook();
    CHECK(at.hear(1, wire::register_again{}) == lines{"1 register_worker"});
}
