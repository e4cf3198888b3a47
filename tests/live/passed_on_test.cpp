// What goes on for a call knows it: coroutines after they have waited, callbacks of then(), and callables. So what
// they call inherits its deadline and its trace.
#include <atomic>
#include <future>
#include <string>

#include "live/site.hpp"
#include "support/gate.hpp"
#include "unit/pending_call.hpp"

using namespace live;
using maus_test::gate;

namespace {

constexpr const char* its_trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// "label attempt trace deadline", as this_call has it here.
std::string known_here() {
    try {
        const maus::context its = maus::this_call::context();
        const bool has_end = maus::this_call::time_left() != std::chrono::nanoseconds::max();
        return std::string(its.label().view()) + ' ' + std::to_string(its.attempt()) + ' ' +
               its.trace().traceparent() + (has_end ? " ends" : "");
    } catch (const maus::error&) {
        return "nothing";
    }
}
const std::string all_of_it = std::string("nightly 1 ") + its_trace + " ends";
/// What an inner call gets: the trace and the deadline.
const std::string what_is_inherited = std::string(" 1 ") + its_trace + " ends";

/// A manager whose program has callables, a worker that calls others, and one that is called by it.
struct two_deep {
    two_deep() {
        inner.expose("told", [] { return known_here(); });
        inner.expose("items", []() -> maus::generator<int> {
            co_yield 1;
            co_yield 2;
        });
    }
    void begin() {
        // Functions of the outer one use the inner ones.
        inners = manager.get_workers({.type = "inner"});
        outers = manager.get_workers({.type = "outer"});
        inner.connect(manager.endpoint(), "inner");
        inner.start();
        outer.connect(manager.endpoint(), "outer");
        outer.start();
    }
    template <class R, class... Args>
    maus::future<R> call(const char* name, const Args&... arguments) const {
        return outers.with({.timeout = 1h, .label = "nightly", .trace = its_trace})
            .call<R>(name, arguments...);
    }
    maus::manager manager{{.endpoint = "tcp://127.0.0.1:*"}};
    maus::worker inner, outer;
    maus::worker_group inners, outers;
};

using told_function = maus::function<std::string(int)>;

}  // namespace

TEST_CASE("a coroutine knows its call after it has waited, and passes deadline and trace on") {
    two_deep with;
    const std::string after = GENERATE("a call", "another coroutine", "an item", "a callback");
    INFO(after);
    const auto told = [&with] { return with.inners.call<std::string>("told"); };
    const auto another = [told]() -> maus::future<std::string> { co_return co_await told(); };
    with.outer.expose("ask", [&, told, another]() -> maus::future<std::string> {
        std::string inherited;
        if (after == "a call") {
            (void)co_await told();
            inherited = co_await told();
        } else if (after == "another coroutine") {
            (void)co_await another();
            inherited = co_await another();
        } else if (after == "an item") {
            auto items = with.inners.call<maus::stream<int>>("items");
            while (co_await items.next()) inherited = co_await told();
        } else {
            inherited = co_await told().then([told](const std::string&) { return told(); });
        }
        co_return known_here() + " | " + inherited;
    });
    with.begin();
    CHECK(value_of(with.call<std::string>("ask")) == all_of_it + " | " + what_is_inherited);
    // Here there is no call, and another that goes on there has its own.
    CHECK(known_here() == "nothing");
    CHECK(value_of(with.outers.call<std::string>("ask")) == " 1  |  1 ");
}

TEST_CASE("a callable knows the call that it came with, and passes deadline and trace on") {
    two_deep with;
    const auto told = [&with] { return with.inners.call<std::string>("told"); };
    with.outer.expose("apply", [](int x, const told_function& f) { return f(x); });
    with.begin();
    const told_function waits([told](int) { return known_here() + " | " + told().get(); });
    CHECK(value_of(with.call<std::string>("apply", 1, waits)) ==
          all_of_it + " | " + what_is_inherited);
    const told_function goes_on([told](int) -> maus::future<std::string> {
        (void)co_await told();
        const std::string inherited = co_await told();
        co_return known_here() + " | " + inherited;
    });
    CHECK(value_of(with.call<std::string>("apply", 1, goes_on)) ==
          all_of_it + " | " + what_is_inherited);
    const told_function takes_context([](maus::context& its, int) {
        return std::string(its.label().view()) + ' ' + its.trace().traceparent();
    });
    CHECK(value_of(with.call<std::string>("apply", 1, takes_context)) ==
          std::string("nightly ") + its_trace);
}

TEST_CASE("a named function knows the call that it is called for") {
    two_deep with;
    const auto told = [&with] { return with.inners.call<std::string>("told"); };
    with.outer.expose("named", [told](int) -> maus::future<std::string> {
        (void)co_await told();
        co_return known_here();
    });
    with.outer.expose("apply", [](int x, told_function f) -> maus::future<std::string> {
        co_return co_await f.async(x);
    });
    with.begin();
    CHECK(value_of(with.call<std::string>("apply", 1, told_function(maus::named("named")))) ==
          all_of_it);
}

TEST_CASE("a callable is asked to stop when its call is settled, and its progress is told") {
    two_deep with;
    with.outer.expose("apply", [](int x, const told_function& f) { return f(x); });
    with.begin();
    gate begun;
    std::promise<bool> stopped;
    std::promise<std::string> heard;
    auto call = with.call<std::string>(
        "apply", 1, told_function([&](int) {
            maus::this_call::progress(0.5, "half");
            const auto token = maus::this_call::stop_token();
            std::promise<void> asked;
            const std::stop_callback tell(token, [&] { asked.set_value(); });
            begun.pass();
            stopped.set_value(asked.get_future().wait_for(patience) == std::future_status::ready);
            return std::string();
        }));
    call.on_progress([&](const maus::progress& told) { heard.set_value(told.text); });
    REQUIRE(begun.wait_for_arrivals(1));
    begun.open();
    auto text = heard.get_future();
    REQUIRE(text.wait_for(patience) == std::future_status::ready);
    CHECK(text.get() == "half");
    call.cancel();
    CHECK(error_of(std::move(call)).code() == maus::errc::cancelled);
    auto was_asked = stopped.get_future();
    REQUIRE(was_asked.wait_for(patience) == std::future_status::ready);
    CHECK(was_asked.get());
}

TEST_CASE(
    "what somebody else waits for goes on for his call, and not for whose function it settles") {
    two_deep with;
    pending_call<int> pending;
    with.outer.expose("settle", [&] { pending.comes(1); });
    with.begin();
    auto known = std::move(pending.future).then([](int) { return known_here(); });
    value_of(with.call<void>("settle"));
    CHECK(value_of(known) == "nothing");
}
