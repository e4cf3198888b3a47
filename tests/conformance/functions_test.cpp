// Section 6.3, functions as arguments: real workers by a fake manager, and real managers by fake workers.
#include "catch.hpp"

#include "maus/function.hpp"
#include "real.hpp"

using namespace spec;

namespace {

constexpr u16 reference_functions = 6, tag_nested = 9;
const std::vector<std::string> with_feature = {"functions"}, without;
const std::string apply_signature = "apply(i32,fn<i32(i32)>)->i32";
using unary = maus::function<int(int)>;
constexpr maus::method<int(int, unary)> apply_method{"apply"};
constexpr u8 is_violation = 15, is_too_large = 12;

bytes list_of(const std::vector<std::string>& signatures) {
    return extension(reference_functions, payload(signatures));
}
bytes named(const std::string& name) { return payload(u8{1}, name); }
bytes callable(u32 number) { return payload(u8{2}, number); }
constexpr u8 number_of(maus::errc code) { return static_cast<u8>(code); }

/// A body, and the extensions behind it.
template <class Body>
std::pair<Body, bytes> taken_apart(const bytes& from) {
    reader in(from);
    Body body;
    in(body);
    return {body, from.substr(from.size() - in.left())};
}

/// "twice(i32)->i32" (0) and "apply" (1), served to a fake manager that may have the feature.
struct served_functions {
    log_book log;
    fake_manager manager;
    maus::worker worker;
    std::optional<spec::link> guest;
    hello said;
    bytes behind;  // the hello

    explicit served_functions(std::vector<std::string> features = with_feature)
        : worker(with_log()) {
        worker.expose("apply", [](int x, const unary& f) { return f(x); });
        worker.expose("twice", [](int x) { return 2 * x; });
        worker.connect(manager.workers.endpoint());
        worker.start();
        channel& through = manager.workers.accept();
        guest.emplace(through);
        guest->is_managers = true;
        std::tie(said, behind) = taken_apart<hello>(guest->next(r_hello).body);
        welcome yes;
        yes.manager = manager.self.manager;
        yes.interval_ms = 1000;
        yes.liveness = 100;
        yes.stamp = said.stamp;
        yes.features = std::move(features);
        guest->send(to_record(r_welcome, yes));
    }
    spec::link& link() { return *guest; }
    void call_apply(u64 call, int x, const bytes& reference) {
        link().send(a_call({call, 1}, f_apply, payload(x) + reference));
    }
    u8 error_of_call() { return decoded<fault>(link().next(r_failed).body).error; }
    /// The error by which the link ends after this.
    u8 ends_with(const record& what) {
        link().send(what);
        return decoded<parting>(link().next(r_worker_goodbye).body).error;
    }
    static constexpr u16 f_twice = 0, f_apply = 1;

private:
    maus::worker_options with_log() {
        maus::worker_options options;
        options.log = log.writer();
        return options;
    }
};

struct asked {
    u64 call = 0;
    u32 attempt = 0;
    u32 function = 0;
    u64 callback = 0;
    int argument = 0;
    void fields(auto& io) { io(call, attempt, function, callback, argument); }
};
record answer_to(const asked& what, int value) {
    return {r_callback_result, 0, 0, payload(what.call, what.attempt, what.callback, value), {}};
}
record failure_of(const asked& what, maus::errc code) {
    return {r_callback_failed,
            0,
            0,
            payload(what.call, what.attempt, what.callback, number_of(code), std::string("T"),
                    std::string("no")),
            {}};
}
record question(const attempt& of, u32 function, u64 id, int argument) {
    return {r_callback, 0, 0, payload(of.call, of.number, function, id, argument), {}};
}

/// A fake worker of apply, and the real manager that it has connected to.
struct asking {
    managed all;
    fake_worker worker;

    explicit asking(std::vector<std::string> features = with_feature,
                    maus::manager_options options = manager_options())
        : all(std::move(options)) {
        worker.socket = std::make_unique<dealer>(all.endpoint());
        worker.link = std::make_unique<spec::link>(*worker.socket);
        hello who;
        who.signatures = {"add(i32,i32)->i32"};
        who.features = std::move(features);
        record first = to_record(r_hello, who);
        first.body += list_of({apply_signature});
        worker.link->send(first);
        (void)worker.link->next(r_welcome);
    }
    record next_call() { return worker.link->next(r_call); }
    void say(const record& what) { worker.link->send(what); }
    /// The error by which the link ends after this.
    u8 ends_with(const record& what) {
        say(what);
        return decoded<parting>(worker.link->next(r_manager_goodbye).body).error;
    }
};
struct failed_callback {
    u64 call = 0;
    u32 attempt = 0;
    u64 callback = 0;
    u8 error = 0;
    std::string type, text;
    void fields(auto& io) { io(call, attempt, callback, error, type, text); }
};

}  // namespace

TEST_CASE("P-108: functions that take functions are told in an extension, and nowhere else") {
    served_functions all;
    CHECK(all.said.signatures == std::vector<std::string>{"twice(i32)->i32"});
    CHECK(all.behind == list_of({apply_signature}));

    const real_park park;
    const auto registers = [&](std::vector<std::string> listed, const bytes& behind) -> u8 {
        register_worker what;
        what.signatures = std::move(listed);
        dealer peer(park.endpoint());
        frames message = control(what);
        message[0] += behind;
        peer.send(message);
        const frames got = peer.next();
        if (got[0].starts_with(header(on_control, registered::type_number))) return 0;
        return decoded<rejected>(got[0].substr(8)).error;
    };
    CHECK(registers({"f()->void"}, list_of({apply_signature, "g(fn<void()>)->void"})) == 0);
    CHECK(registers({apply_signature}, {}) == is_violation);
    CHECK(registers({}, list_of({"f()->void"})) == is_violation);
    CHECK(registers({}, list_of({"f(list<fn<i32(i32)>>)->void"})) == is_violation);
    CHECK(registers({}, list_of({"f(fn<fn<i32()>(i32)>)->void"})) == is_violation);
    CHECK(registers({}, list_of({"f(i32)->fn<i32(i32)>"})) == is_violation);
    CHECK(registers({}, list_of({"f(fn<i32(void)>)->void"})) == is_violation);
    CHECK(registers({}, list_of(std::vector<std::string>(1025, "f"))) == is_too_large);
}

TEST_CASE("P-108: a reference of a kind that is not known is refused, and so is half a one") {
    served_functions all;
    const bytes bad = GENERATE(payload(u8{0}), payload(u8{3}, std::string("js"), std::string("x")),
                               payload(u8{9}), payload(u8{2}), payload(u8{1}, std::string("a b")),
                               payload(u8{1}, std::string()));
    all.call_apply(1, 5, bad);
    CHECK(all.error_of_call() == number_of(maus::errc::bad_arguments));
}

TEST_CASE("P-108: a worker that has not named the feature is not called by such a signature") {
    asking all(without);
    auto call = all.all.workers.call(apply_method, 5, [](int x) { return x; });
    CHECK(error_of(call) == maus::errc::no_such_function);
}

TEST_CASE("P-109: a worker calls its own function by name, and knows no other") {
    served_functions all(without);
    all.call_apply(1, 5, named("twice"));
    CHECK(payload_of(all.link().next(r_result)) == payload(10));
    all.call_apply(2, 5, named("thrice"));
    const record answer = all.link().next(r_failed);
    CHECK(answer.body.find("no_such_function") != bytes::npos);
}

TEST_CASE("P-109: a manager sends such a call only to who exposes that function, too") {
    asking all;
    auto refused = all.all.workers.call(apply_method, 5, maus::named("twice"));
    CHECK(error_of(refused) == maus::errc::no_such_function);
    fake_worker knows;
    knows.socket = std::make_unique<dealer>(all.all.endpoint());
    knows.link = std::make_unique<spec::link>(*knows.socket);
    hello who;
    who.signatures = {"twice(i32)->i32"};
    who.features = with_feature;
    record first = to_record(r_hello, who);
    first.body += list_of({apply_signature});
    knows.link->send(first);
    (void)knows.link->next(r_welcome);
    auto call = all.all.workers.call(apply_method, 5, maus::named("twice"));
    const record came = knows.link->next(r_call);
    CHECK(came.function == 1);
    CHECK(payload_of(came) == payload(5) + named("twice"));
    knows.link->send(with_payload(r_result, attempt_of(came), payload(10)));
    CHECK(call.get() == 10);
}

TEST_CASE("P-110: a worker asks, and takes a result or a failure for an answer, once") {
    served_functions all;
    all.call_apply(1, 5, callable(0));
    const auto first = decoded<asked>(all.link().next(r_callback).body);
    CHECK(first.call == 1);
    CHECK(first.attempt == 1);
    CHECK(first.function == 0);
    CHECK(first.argument == 5);
    all.link().send(answer_to(first, 7));
    CHECK(payload_of(all.link().next(r_result)) == payload(7));
    all.call_apply(2, 6, callable(1));
    const auto second = decoded<asked>(all.link().next(r_callback).body);
    CHECK(second.function == 1);
    CHECK(second.callback != first.callback);
    all.link().send(failure_of(second, maus::errc::remote_exception));
    CHECK(all.link().next(r_failed).body.find("remote_exception: T: no") != bytes::npos);
    // None is due any more.
    CHECK(all.ends_with(answer_to(second, 8)) == is_violation);
}

TEST_CASE("P-110: a worker asks no more at a time than its manager takes") {
    maus::worker many;
    fake_manager other;
    many.expose("both", [](unary f) -> maus::future<int> {
        auto one = f.async(1), two = f.async(2);
        const int first = co_await one;
        co_return first * 10 + co_await two;
    });
    many.connect(other.workers.endpoint());
    many.start();
    channel& through = other.workers.accept();
    spec::link link(through);
    link.is_managers = true;
    const auto [who, behind] = taken_apart<hello>(link.next(r_hello).body);
    welcome yes;
    yes.manager = other.self.manager;
    yes.interval_ms = 1000;
    yes.liveness = 100;
    yes.stamp = who.stamp;
    yes.features = with_feature;
    yes.limits = {{12, 1}};
    link.send(to_record(r_welcome, yes));
    link.send(a_call({1, 1}, 0, callable(0)));
    const auto one = decoded<asked>(link.next(r_callback).body);
    CHECK(link.never(r_callback));
    link.send(answer_to(one, 3));
    const auto two = decoded<asked>(link.next(r_callback).body);
    CHECK(one.argument + two.argument == 3);
    link.send(answer_to(two, 4));
    CHECK(payload_of(link.next(r_result)) == payload(34));
}

TEST_CASE("P-110: without the feature a callback is a violation, at either end") {
    served_functions worker(without);
    CHECK(worker.ends_with(answer_to({1, 1, 0, 1, 0}, 8)) == is_violation);
    asking manager(without);
    CHECK(manager.ends_with(question({1, 1}, 0, 1, 5)) == is_violation);
}

TEST_CASE("P-110: a manager answers each callback: with what its callable says, or why not") {
    maus::manager_options options = manager_options();
    options.limits.callbacks_max = 1;
    asking all(with_feature, options);
    gate held{patience};
    auto call = all.all.workers.call(apply_method, 5, [&](int x) {
        if (x == 9) held.pass();
        if (x == 1) throw std::out_of_range("one");
        return x + 1;
    });
    const attempt its = attempt_of(all.next_call());
    all.say(question(its, 0, 77, 5));
    CHECK(all.worker.link->next(r_callback_result).body ==
          payload(its.call, its.number, u64{77}, 6));
    const auto fails = [&](const record& what) {
        all.say(what);
        return decoded<failed_callback>(all.worker.link->next(r_callback_failed).body);
    };
    const auto threw = fails(question(its, 0, 78, 1));
    CHECK(threw.callback == 78);
    CHECK(threw.error == number_of(maus::errc::remote_exception));
    CHECK(threw.type == "std::out_of_range");
    CHECK(threw.text == "one");
    CHECK(fails(question(its, 3, 79, 1)).error == number_of(maus::errc::bad_arguments));
    record cut = question(its, 0, 80, 1);
    cut.body.pop_back();
    CHECK(fails(cut).error == number_of(maus::errc::bad_arguments));
    CHECK(fails(question({its.call + 1, 1}, 0, 81, 1)).error == number_of(maus::errc::cancelled));
    all.say(question(its, 0, 82, 9));
    const auto full = fails(question(its, 0, 83, 2));
    CHECK(full.callback == 83);
    CHECK(full.error == number_of(maus::errc::overloaded));
    held.open();
    CHECK(all.worker.link->next(r_callback_result).body ==
          payload(its.call, its.number, u64{82}, 10));
    all.say(with_payload(r_result, its, payload(1)));
    CHECK(call.get() == 1);
    CHECK(fails(question(its, 0, 84, 1)).error == number_of(maus::errc::cancelled));
    CHECK(all.ends_with({r_callback, 0, 0, payload(its.call, its.number, u32{0}), {}}) ==
          is_violation);
}

TEST_CASE("P-111: while a function waits for its caller, its worker runs another") {
    served_functions all;
    all.call_apply(1, 5, callable(0));
    const auto waits = decoded<asked>(all.link().next(r_callback).body);
    all.link().send(a_call({2, 1}, served_functions::f_twice, payload(4)));
    const record answer = all.link().next(r_result);
    CHECK(attempt_of(answer).call == 2);
    all.link().send(answer_to(waits, 7));
    CHECK(attempt_of(all.link().next(r_result)).call == 1);
}

TEST_CASE("P-111: while a call waits for its callable, its worker is sent another") {
    asking all;
    gate held{patience};
    auto outer = all.all.workers.call(apply_method, 1, [&](int x) {
        held.pass();
        return x;
    });
    const attempt its = attempt_of(all.next_call());
    // As many as it is given, before it has answered any.
    std::vector<maus::future<int>> more;
    more.push_back(all.all.add(1, 2));
    more.push_back(all.all.add(1, 2));
    const record waits = all.next_call();
    CHECK(all.worker.link->never(r_call));
    all.say(question(its, 0, 1, 5));
    const record in_its_place = all.next_call();
    held.open();
    (void)all.worker.link->next(r_callback_result);
    for (const record& each : {waits, in_its_place}) {
        all.say(with_payload(r_result, attempt_of(each), payload(3)));
    }
    all.say(with_payload(r_result, its, payload(1)));
    CHECK(outer.get() == 1);
    for (auto& each : more) CHECK(each.get() == 3);
}

TEST_CASE("P-111: the time of an attempt stands still while it waits for its callable") {
    asking all;
    gate held{patience};
    auto call = all.all.workers.with({.attempt_timeout = std::chrono::milliseconds{300}})
                    .call(apply_method, 1, [&](int x) {
                        held.pass();
                        return x;
                    });
    const attempt its = attempt_of(all.next_call());
    all.say(question(its, 0, 1, 5));
    // One whose time has passed meanwhile settles another call, which was made later.
    auto later =
        all.all.workers.with({.timeout = std::chrono::milliseconds{600}}).call<int>("add", 1, 2);
    (void)all.next_call();
    CHECK(error_of(later) == maus::errc::deadline_exceeded);
    CHECK(!call.ready());
    held.open();
    (void)all.worker.link->next(r_callback_result);
    CHECK(error_of(call) == maus::errc::attempt_timeout);
}

TEST_CASE("P-117: a call that a callable makes and waits for says so, and no other does") {
    asking all;
    auto outer = all.all.workers.call(
        apply_method, 1, [&](int x) { return all.all.workers.call<int>("add", x, 1).get(); });
    const record first = all.next_call();
    CHECK((first.flags & flag_extended) == 0);
    all.say(question(attempt_of(first), 0, 1, 5));
    const record nested = all.next_call();
    CHECK((nested.flags & flag_extended) != 0);
    CHECK(nested.body.find(extension(tag_nested, {})) != bytes::npos);
    all.say(with_payload(r_result, attempt_of(nested), payload(6)));
    (void)all.worker.link->next(r_callback_result);
    all.say(with_payload(r_result, attempt_of(first), payload(7)));
    CHECK(outer.get() == 7);
}

TEST_CASE(
    "P-117: nested calls have room of their own at a worker, and do not stand in line to ask") {
    maus::worker_options few;
    few.limits.calls_per_worker_max = 1;
    maus::worker worker(few);
    worker.expose("apply", [](int x, const unary& f) { return f(x); });
    fake_manager manager;
    worker.connect(manager.workers.endpoint());
    worker.start();
    spec::link link(manager.workers.accept());
    link.is_managers = true;
    welcome yes;
    yes.manager = manager.self.manager;
    yes.interval_ms = 1000;
    yes.liveness = 100;
    yes.stamp = taken_apart<hello>(link.next(r_hello).body).first.stamp;
    yes.features = with_feature;
    yes.limits = {{12, 1}};  // callbacks_max
    link.send(to_record(r_welcome, yes));
    const auto apply = [](u64 call, int x) {
        return a_call({call, 1}, 0, payload(x) + callable(0));
    };
    link.send(apply(1, 5));
    const auto outer = decoded<asked>(link.next(r_callback).body);
    link.send(apply(2, 6));
    const record refused = link.next(r_failed);
    CHECK(attempt_of(refused).call == 2);
    CHECK(decoded<fault>(refused.body).error == number_of(maus::errc::overloaded));
    link.send(with_extensions(apply(3, 7), extension(tag_nested, {})));
    const record in_vain = link.next(r_failed);  // its callback finds no room
    CHECK(attempt_of(in_vain).call == 3);
    const auto why = decoded<fault>(in_vain.body);
    CHECK(why.text.find("callbacks_max") != std::string::npos);
    link.send(answer_to(outer, 8));
    CHECK(attempt_of(link.next(r_result)).call == 1);
}

TEST_CASE("P-112: what a callable is asked for again it sees by the attempt's number") {
    asking all;
    std::vector<std::uint32_t> attempts;
    auto call = all.all.workers.call(apply_method, 1, [&](maus::context& of, int x) {
        attempts.push_back(of.attempt());
        return x;
    });
    const attempt first = attempt_of(all.next_call());
    all.say(question(first, 0, 1, 5));
    (void)all.worker.link->next(r_callback_result);
    all.worker.socket->close();
    fake_worker again;
    again.socket = std::make_unique<dealer>(all.all.endpoint());
    again.link = std::make_unique<spec::link>(*again.socket);
    hello who;
    who.features = with_feature;
    record greets = to_record(r_hello, who);
    greets.body += list_of({apply_signature});
    again.link->send(greets);
    (void)again.link->next(r_welcome);
    const attempt second = attempt_of(again.link->next(r_call));
    again.link->send(question(second, 0, 1, 6));
    (void)again.link->next(r_callback_result);
    again.link->send(with_payload(r_result, second, payload(1)));
    CHECK(call.get() == 1);
    CHECK(attempts == std::vector<std::uint32_t>{1, 2});
}
