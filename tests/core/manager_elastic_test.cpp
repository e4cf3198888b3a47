// Elastic requests at a manager: what it tells parkservers, and how it gives workers back
// (PROTOCOL.md, section 5.7).
#include "catch.hpp"

#include "maus/core/manager.hpp"
#include "talk.hpp"

using namespace talk;
using core::manager;

namespace {

// Two parkservers at routes 1 and 2, of which the second may be old; workers on the routes that they
// are given.
struct elastic_office {
    core::manager_config config = its_config();
    manager core{config, at_ms(0)};
    core::manager_effects out{config.settings};
    base::token token;

    static core::manager_config its_config() {
        core::manager_config made;
        made.id = id<base::manager_id>(21);
        made.incarnation = {1};
        made.endpoints = {"tcp://m:1"};
        made.beat = {100, 3};
        return made;
    }
    explicit elastic_office(int parkservers = 1, bool second_is_old = false) {
        core.define({0}, "f()->void");
        for (std::uint8_t each = 1; each <= parkservers; ++each)
            join(each, !(each == 2 && second_is_old));
    }
    void join(std::uint8_t route, bool knows = true) {
        core.on(core::add_parkserver{"tcp://park:" + std::to_string(route)}, at_ms(0), out);
        core.on(core::up{{route}}, at_ms(0), out);
        wire::registered yes{id<base::parkserver_id>(route), 5, 10'000, 100};
        if (knows) yes.can.features = {"elastic"};
        hear(route, yes);
    }
    lines take() {
        core.advance_to(at_ms(0), out);
        for (auto& effect : out.net.effects()) {
            const auto* say = std::get_if<core::send>(&effect);
            if (say == nullptr) continue;
            const auto decoded = wire::decode_control(say->message, limits{});
            const auto* asked = decoded ? std::get_if<wire::request>(&decoded.value()) : nullptr;
            if (asked != nullptr) token = asked->token;
        }
        return take_news(out.net);
    }
    lines hear(std::uint64_t route, const wire::control& what) {
        core.on(core::received{{route}, wire::encode_control(what)}, at_ms(0), out);
        return take();
    }
    lines ask(wire::elastic range) {
        core.on(core::add_request{{1}, "t", 0, {}, range}, at_ms(0), out);
        return take();
    }
    lines greet(std::uint8_t worker, bool direct = false) {
        wire::hello made;
        if (!direct) made.token = token;
        made.worker = id<base::worker_id>(worker);
        made.incarnation = {1};
        if (!direct) made.lease = {5, worker};
        made.type = "t";
        made.signatures = {"f()->void"};
        made.can.features = {"functions"};
        made.interval_ms = 100;
        made.liveness = 3;
        core.on(
            core::received{{worker},
                           link_message(limits{}, [&](wire::link_writer& to) { to.say(made); })},
            at_ms(0), out);
        return take();
    }
    void greet_all(std::initializer_list<std::uint8_t> workers) {
        for (const auto each : workers) greet(each);
    }
    lines call(std::uint64_t ticket) {
        core::submission what;
        what.group = {1};
        what.ticket = ticket;
        core.on(std::move(what), at_ms(0), out);
        return take();
    }
    lines answer(std::uint8_t worker, std::uint64_t call) {
        const auto write = [&](wire::link_writer& to) { to.result({{call}, {1}}, base::buffer{}); };
        core.on(core::received{{worker}, link_message(limits{}, write)}, at_ms(0), out);
        return take();
    }
    /// Its function calls a callable of its caller's, and waits.
    core::called_back ask_caller(std::uint8_t worker, std::uint64_t call) {
        const auto write = [&](wire::link_writer& to) {
            to.carry(wire::record_type::callback, {{call}, {1}}, {1, 0}, base::buffer{});
        };
        core.on(core::received{{worker}, link_message(limits{}, write)}, at_ms(0), out);
        REQUIRE(out.callbacks.size() == 1);
        auto asked = std::move(out.callbacks.front());
        out.callbacks.clear();
        return asked;
    }
    lines share(std::uint8_t parkserver, std::uint32_t workers) {
        return hear(parkserver, wire::fair_share{{1}, workers, {}});
    }
    std::size_t has() const { return core.workers_of({1}); }
};

}  // namespace

TEST_CASE("manager: tells a parkserver that knows it the range, and an older one what comes near") {
    elastic_office at(2, true);
    SECTION("nothing was said: all that are free") {
        CHECK(at.ask({1, 0}) == lines{"1 request 1 of 0 t from 1 to any", "2 request 1 of 0 t"});
    }
    SECTION("else as many as it can't do without") {
        CHECK(at.ask({1, 8}) == lines{"1 request 1 of 1 t from 1 to 8", "2 request 1 of 1 t"});
    }
    SECTION("and a min counts") {
        CHECK(at.ask({3, 0}) == lines{"1 request 1 of 3 t from 3 to any", "2 request 1 of 3 t"});
    }
}

TEST_CASE("manager: an elastic request takes workers up to its max") {
    elastic_office at;
    at.ask({1, 2});
    at.greet_all({11, 12});
    CHECK(at.has() == 2);
    CHECK(at.greet(13) == lines{"13 rejected_by", "13 reject cancelled", "13 close"});
    CHECK(at.has() == 2);
}

TEST_CASE("manager: gives back the newest of the workers that do nothing, at once") {
    elastic_office at;
    at.ask({1, 0});
    at.greet_all({11, 12, 13});
    CHECK(at.share(1, 2) == lines{"13 goodbye cancelled", "13 close"});
    CHECK(at.has() == 2);
    CHECK(at.share(1, 2).empty());
}

TEST_CASE("manager: gives a worker back between calls, and sends it no more meanwhile") {
    elastic_office at;
    at.ask({1, 0});
    at.greet_all({11, 12});
    const lines first = at.call(1), second = at.call(2);
    REQUIRE(first.size() == 1);
    REQUIRE(second.size() == 1);
    REQUIRE(first[0].substr(0, 2) != second[0].substr(0, 2));
    CHECK(at.share(1, 1).empty());
    // All that come now go to the other.
    const std::string kept = "11 call";
    for (std::uint64_t ticket = 3; ticket < 6; ++ticket) {
        for (const auto& line : at.call(ticket)) CHECK(line.starts_with(kept));
    }
    const auto number_of = [&](const std::string& line) {
        return std::stoull(line.substr(line.find("call ") + 5));
    };
    const auto its = number_of(first[0].starts_with("12") ? first[0] : second[0]);
    const lines said = at.answer(12, its);
    CHECK(said == lines{"12 goodbye cancelled", "12 close"});
    CHECK(at.out.done.size() == 1);
    CHECK(at.core.counters().lost == 0);
    CHECK(at.core.calls().reassigned == 0);
}

// maus-sim, seed 10480: when all of them wait for callables at that moment, it is put off and not forgotten.
TEST_CASE("manager: gives a worker back when no call of it waits for a callable any more") {
    elastic_office at;
    at.ask({1, 0});
    at.greet_all({11, 12});
    const auto id_in = [](const lines& said) {
        const std::string& line = said.at(0);
        const auto from = line.rfind(' ') + 1;
        return std::stoull(line.substr(from, line.find('/') - from));
    };
    const auto one = id_in(at.call(1)), other = id_in(at.call(2));
    const auto asked = at.ask_caller(11, one);
    (void)at.ask_caller(12, other);
    CHECK(at.share(1, 1).empty());
    core::answer_callback answer{asked.link, asked.attempt, asked.which, {}, asked.slot, {}};
    at.core.on(std::move(answer), at_ms(0), at.out);
    at.take();
    at.answer(11, one);
    CHECK(at.has() == 1);
}

TEST_CASE("manager: keeps a worker after all if its share grows before it is idle") {
    elastic_office at;
    at.ask({1, 0});
    at.greet_all({11, 12});
    const auto call = at.call(1);
    REQUIRE(at.call(2).size() == 1);
    CHECK(at.share(1, 1).empty());
    CHECK(at.share(1, 0).empty());
    const auto number = std::stoull(call[0].substr(call[0].find("call ") + 5));
    const auto who = static_cast<std::uint8_t>(std::stoi(call[0]));
    CHECK(at.answer(who, number).empty());
    CHECK(at.has() == 2);
    CHECK(at.call(3).size() == 1);
}

TEST_CASE("manager: never gives back below its min, nor who came directly") {
    elastic_office at;
    at.ask({2, 0});
    at.greet_all({11, 12, 13});
    CHECK(at.share(1, 1) == lines{"13 goodbye cancelled", "13 close"});
    CHECK(at.has() == 2);
    elastic_office other;
    other.ask({1, 0});
    other.greet(11);
    other.greet(12, true);
    other.greet(13, true);
    CHECK_FALSE(other.share(1, 1).empty());
    CHECK(other.has() == 2);
}

// maus-sim, seed 132: the manager had a worker that the parkserver held lost.
TEST_CASE("manager: who is brought in the knowledge of a bound is kept") {
    elastic_office at;
    at.ask({1, 0});
    at.greet(11);
    at.hear(1, wire::fair_share{{1}, 1, {5, 11}});
    CHECK(at.greet(12) == lines{"12 welcome"});
    CHECK(at.has() == 2);
    CHECK(at.hear(1, wire::fair_share{{1}, 1, {5, 12}}) ==
          lines{"12 goodbye cancelled", "12 close"});
}

TEST_CASE("manager: who was on its way when a bound was told is given back") {
    elastic_office at;
    at.ask({1, 0});
    at.greet(11);
    at.share(1, 1);
    const lines said = at.greet(12);
    CHECK(said == lines{"12 welcome", "12 goodbye cancelled", "12 close"});
    CHECK(at.has() == 1);
}

TEST_CASE(
    "manager: the least of what several parkservers say counts, and each hears of the others'") {
    elastic_office at(2);
    at.ask({1, 8});
    at.greet_all({11, 12, 13, 14});
    lines said = at.share(1, 3);
    std::erase_if(said, [](const std::string& line) { return !line.starts_with("2 "); });
    REQUIRE(said.size() == 1);
    CHECK(said[0].ends_with("from 1 to 3"));
    CHECK(at.has() == 3);
    said = at.share(2, 2);
    CHECK(at.has() == 2);
    CHECK(std::count_if(said.begin(), said.end(), [](const std::string& line) {
              return line.starts_with("1 request") && line.ends_with("from 1 to 2");
          }) == 1);
    SECTION("a session that ends takes its bound with it") {
        at.core.on(core::down{{2}, "cut"}, at_ms(0), at.out);
        said = at.take();
        CHECK(std::count_if(said.begin(), said.end(), [](const std::string& line) {
                  return line.starts_with("1 request") && line.ends_with("from 1 to 8");
              }) == 1);
    }
}

TEST_CASE(
    "manager: a share of a request that is gone is no violation; of who has no such feature it "
    "is") {
    elastic_office at(2, true);
    at.ask({1, 0});
    CHECK(at.hear(1, wire::fair_share{{9}, 1, {}}).empty());
    CHECK(at.core.counters().violations == 0);
    CHECK(at.share(2, 1).empty());
    CHECK(at.core.counters().violations == 1);
}
