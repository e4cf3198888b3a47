// Values, dynamic functions and what managers convert (sections 3.1 and 3.2).
#include "catch.hpp"

#include "maus/value.hpp"
#include "real.hpp"

using namespace spec;

namespace {

constexpr u16 dynamic_functions = 10;

bytes list_of(const std::vector<std::string>& signatures) {
    return extension(dynamic_functions, payload(signatures));
}

/// A body, and the extensions behind it.
template <class Body>
std::pair<Body, bytes> taken_apart(const bytes& from) {
    reader in(from);
    Body body;
    in(body);
    return {body, from.substr(from.size() - in.left())};
}

/// A value by hand.
bytes tagged(u8 tag, const bytes& what = {}) { return payload(tag) + what; }
bytes an_i64(u64 number) { return tagged(2, payload(number)); }
bytes a_string(const std::string& text) { return tagged(5, payload(text)); }

/// A real worker with functions of values, that serves a fake manager.
struct with_values {
    fake_manager manager;
    maus::worker worker;
    std::optional<fake_manager::guest> guest;
    hello said;
    bytes behind;  // the hello

    with_values() {
        worker.expose("count", [](maus::arguments given) { return maus::value(given.size()); });
        worker.expose("echo", [](maus::value given) { return given; });
        worker.connect(manager.workers.endpoint());
        worker.start();
        channel& through = manager.workers.accept();
        guest.emplace(fake_manager::guest{through, spec::link(through), {}});
        guest->link.is_managers = true;
        std::tie(said, behind) = taken_apart<hello>(guest->link.next(r_hello).body);
        welcome yes;
        yes.manager = manager.self.manager;
        yes.interval_ms = 1000;
        yes.liveness = 100;
        yes.stamp = said.stamp;
        guest->link.send(to_record(r_welcome, yes));
    }
    record answer_to(u16 function, const bytes& arguments) {
        static u64 calls = 0;
        guest->link.send(a_call({++calls, 1}, function, arguments));
        for (;;) {
            auto got = guest->link.receive(patience);
            if (!got) throw std::runtime_error("no answer to a call");
            if (got->type == r_result || got->type == r_failed) return *std::move(got);
        }
    }
};

/// The error that a real manager rejects this hello with; 0: it is welcome.
u8 greeted(const std::string& manager, const hello& what, const bytes& behind) {
    dealer socket(manager);
    spec::link link(socket);
    record first = to_record(r_hello, what);
    first.body += behind;
    link.send(first);
    const auto answer = link.receive(patience);
    if (!answer) throw std::runtime_error("no answer to a hello");
    return answer->type == r_welcome ? 0 : decoded<parting>(answer->body).error;
}

u8 registers_with(const std::string& parkserver, const register_worker& what, const bytes& behind) {
    dealer peer(parkserver);
    frames message = control(what);
    message[0] += behind;
    peer.send(message);
    const frames got = peer.next();
    if (got[0].starts_with(header(on_control, registered::type_number))) return 0;
    return decoded<rejected>(got[0].substr(8)).error;
}

constexpr u8 no_violation = 0, is_too_large = 12, is_violation = 15;

}  // namespace

TEST_CASE("P-96: a value has its type with it, one encoding, and hostile ones are refused") {
    with_values all;
    REQUIRE(all.said.signatures == std::vector<std::string>{"echo(any)->any"});
    const bytes i64_min = payload(u64{1} << 63);
    const bytes good[] = {
        tagged(0),
        tagged(1, payload(u8{1})),
        tagged(2, i64_min),
        tagged(3, payload(~u64{0})),
        tagged(4, payload(u64{0x7FF8000000000001})),  // a NaN
        a_string("x"),
        tagged(6, payload(std::string("\0\xff", 2))),
        tagged(7, payload(u32{2}) + tagged(0) + an_i64(1)),
        tagged(8, payload(u32{2}) + payload(std::string("b")) + tagged(0) +
                      payload(std::string("a")) + an_i64(1)),
        tagged(9, payload(u64{0}, u32{999'999'999})),
        tagged(10, payload(std::string("^a"), std::string("i"))),
        tagged(11, payload(std::string("E"), std::string("no"))),
    };
    for (const bytes& each : good) {
        INFO(describe({each}));
        const record answer = all.answer_to(0, each);
        REQUIRE(answer.type == r_result);
        CHECK(payload_of(answer) == each);
    }
    bytes deep;
    for (int i = 0; i < 65; ++i) deep += tagged(7, payload(u32{1}));
    const bytes bad[] = {
        tagged(12),
        tagged(1, payload(u8{2})),
        tagged(3, payload(u64{5})),
        tagged(7, payload(~u32{0})),
        tagged(8, payload(u32{2}) + payload(std::string("a")) + tagged(0) +
                      payload(std::string("a")) + tagged(0)),
        tagged(9, payload(u64{0}, u32{1'000'000'000})),
        tagged(0) + tagged(0),
        deep + tagged(0),
    };
    for (const bytes& each : bad) {
        INFO(describe({each}).substr(0, 200));
        const record answer = all.answer_to(0, each);
        REQUIRE(answer.type == r_failed);
        CHECK(decoded<fault>(answer.body).error == 10);  // bad_arguments
    }
}

TEST_CASE("P-97: a worker tells its dynamic functions in an extension, behind the others") {
    with_values all;
    CHECK(all.said.signatures == std::vector<std::string>{"echo(any)->any"});
    CHECK(all.behind == list_of({"count(...)->any"}));
    const record three = all.answer_to(1, an_i64(1) + a_string("two") + tagged(0));
    CHECK(payload_of(three) == an_i64(3));
    CHECK(payload_of(all.answer_to(1, {})) == an_i64(0));

    router park;
    maus::worker enlists;
    enlists.expose("count", [](maus::arguments given) { return maus::value(given.size()); });
    enlists.register_parkserver(park.endpoint());
    enlists.start();
    const frames first = park.accept().next();
    const auto [registration, behind] = taken_apart<register_worker>(first[0].substr(8));
    CHECK(registration.signatures.empty());
    CHECK(behind == list_of({"count(...)->any"}));
}

TEST_CASE("P-97: parkserver and manager take them from there, and from nowhere else") {
    const real_park park;
    register_worker one;
    one.signatures = {"add(i32,i32)->i32"};
    CHECK(registers_with(park.endpoint(), one, list_of({"count(...)->any"})) == no_violation);
    CHECK(registers_with(park.endpoint(), one, list_of({"sub(i32,i32)->i32"})) == is_violation);
    CHECK(registers_with(park.endpoint(), one, list_of({"f(...)->any", "f(...)->any"})) ==
          is_violation);
    CHECK(registers_with(park.endpoint(), one, extension(dynamic_functions, "\x01")) ==
          is_violation);
    CHECK(registers_with(park.endpoint(), one, list_of(std::vector<std::string>(1024, "f"))) ==
          is_too_large);
    one.signatures = {"count(...)->any"};
    CHECK(registers_with(park.endpoint(), one, {}) == is_violation);

    managed all;
    hello who;
    CHECK(greeted(all.endpoint(), who, list_of({"sub(i32,i32)->i32"})) == is_violation);
    who.signatures = {"count(...)->any"};
    CHECK(greeted(all.endpoint(), who, {}) == is_violation);
    who.signatures = {"add(i32,i32)->i32"};
    CHECK(greeted(all.endpoint(), who, list_of({"count(...)->any"})) == no_violation);
}

TEST_CASE("P-98: what a manager calls and gets is as the worker's signature says") {
    managed all;
    dealer socket(all.endpoint());
    spec::link link(socket);
    hello who;
    who.signatures = {"add(i32,i32)->i32", "size(list<u8>)->u64"};
    record first = to_record(r_hello, who);
    first.body += list_of({"count(...)->any"});
    link.send(first);
    (void)link.next(r_welcome);
    const auto next_call = [&](u16 function, const bytes& arguments, const bytes& result) {
        const record call = link.next(r_call);
        CHECK(call.function == function);
        CHECK(payload_of(call) == arguments);
        link.send(with_payload(r_result, attempt_of(call), result));
    };
    auto sum = all.workers.call<maus::value>("add", maus::arguments{20, 22.0});
    next_call(0, payload(20, 22), payload(42));
    CHECK(sum.get() == maus::value(42));
    auto size = all.workers.call<maus::value>("size", maus::value(maus::value::bytes{1, 2}));
    next_call(1, payload(std::string("\1\2")), payload(u64{2}));
    CHECK(size.get() == maus::value(2));
    auto count = all.workers.call<int>("count", 1, "two");
    next_call(2, an_i64(1) + a_string("two"), an_i64(2));
    CHECK(count.get() == 2);

    // Nothing of these is sent: the next call that comes is the last one.
    const auto code_of = [](auto call) {
        try {
            (void)call.get();
            return maus::errc{};
        } catch (const maus::error& why) {
            return why.code();
        }
    };
    CHECK(code_of(all.workers.call<maus::value>("add", maus::arguments{1})) ==
          maus::errc::signature_mismatch);
    CHECK(code_of(all.workers.call<maus::value>("add", maus::arguments{1, 0.5})) ==
          maus::errc::bad_arguments);
    CHECK(code_of(all.workers.call<int>("add", 1, 2.0)) == maus::errc::signature_mismatch);
    auto unfit = all.workers.call<int>("count");
    next_call(2, {}, a_string("no number"));
    CHECK(code_of(std::move(unfit)) == maus::errc::bad_result);
}
