// The public API without anybody at the other end: what it refuses, and in which words.
#include <maus/maus.hpp>
#include <maus/parkserver.hpp>

#include <filesystem>

#include "catch.hpp"
#include "pending_call.hpp"
#include "support/scratch.hpp"

using namespace std::chrono_literals;

namespace {

template <class Body>
maus::error error_from(Body body) {
    try {
        body();
    } catch (const maus::error& failed) {
        return failed;
    }
    throw std::logic_error("no error");
}

int free_function(int x, const std::string&) noexcept { return x; }

struct heard_reply final : maus::detail::reply {
    void value(maus::base::buffer) override { said += "value;"; }
    using reply::fault;
    void fault(maus::errc code, std::string type, std::string text) override {
        said += std::string(to_string(code)) + ";" + type + ";" + text + ";";
    }
    std::string said;
};

}  // namespace

// --- methods and functions ------------------------------------------------------------------------

TEST_CASE("a method knows its name and signature") {
    constexpr maus::method<int(int, const std::string&)> look{"look"};
    static_assert(look.name() == "look");
    CHECK(look.signature() == "look(i32,str)->i32");
    CHECK(maus::method<void()>("stop").signature() == "stop()->void");
    CHECK(maus::method<std::vector<double>(std::optional<bool>)>("m").signature() ==
          "m(opt<bool>)->list<f64>");
}

TEST_CASE("functions of every kind are exposed by name") {
    maus::worker worker;
    worker.expose("pointer", free_function);
    worker.expose("lambda", [](int x) { return x; });
    worker.expose("mutable", [n = 0]() mutable { return ++n; });
    worker.expose("std_function", std::function<double(double)>([](double x) { return x; }));
    worker.expose("coroutine", [](int x) -> maus::future<int> { co_return x; });
    worker.expose("responder", [](maus::responder<std::string> answer, int) { answer("x"); });
    worker.expose(maus::method<long(short)>("converts"), [](int x) { return x; });
    struct functor {
        bool operator()(char) const noexcept { return true; }
    };
    worker.expose("functor", functor{});
    for (const char* name : {"pointer", "lambda", "mutable", "std_function", "coroutine",
                             "responder", "converts", "functor"}) {
        INFO(name);
        CHECK_THROWS_AS(worker.expose(name, free_function), maus::error);  // it is taken
    }
}

TEST_CASE("what cannot be exposed is refused") {
    maus::limits few;
    few.functions_max = 3;
    maus::worker worker({.limits = few});
    const auto nothing = [] {};
    worker.expose("one", nothing);
    const auto twice = error_from([&] { worker.expose("one", [](int) {}); });
    CHECK(twice.code() == maus::errc::invalid_argument);
    CHECK_THAT(twice.what(), maus_test::has_text("one"));
    for (const char* bad : {"", "a b", "a(", "a)", "tab\t", "line\n", "\x01"}) {
        INFO("name: " << bad);
        CHECK(code_from([&] { worker.expose(bad, nothing); }) == maus::errc::invalid_argument);
    }
    CHECK_THROWS_AS(worker.expose(std::string(129, 'x'), nothing), maus::error);
    CHECK(code_from([&] { worker.expose(std::string("nul\0", 4), nothing); }) ==
          maus::errc::invalid_argument);
    worker.expose(std::string(128, 'x'), nothing);
    worker.expose("three", nothing);
    CHECK(error_from([&] { worker.expose("four", nothing); }).code() == maus::errc::too_large);
}

TEST_CASE("a worker that runs takes nothing new") {
    const maus_test::scratch_folder folder;
    maus::worker worker;
    worker.register_parkserver("ipc://" + folder.file("nobody"));
    worker.start();
    CHECK(code_from([&] { worker.expose("late", [] {}); }) == maus::errc::invalid_argument);
    CHECK(code_from([&] { (void)worker.register_parkserver("tcp://127.0.0.1:1"); }) ==
          maus::errc::invalid_argument);
    CHECK(code_from([&] { (void)worker.connect("tcp://127.0.0.1:1"); }) ==
          maus::errc::invalid_argument);
    CHECK(code_from([&] { (void)worker.start(); }) == maus::errc::invalid_argument);
    CHECK(code_from([&] { (void)worker.run(); }) == maus::errc::invalid_argument);
    CHECK(code_from([&] { (void)worker.fd(); }) == maus::errc::invalid_argument);
    CHECK(code_from([&] { (void)worker.process_events(); }) == maus::errc::invalid_argument);
}

// --- endpoints and types --------------------------------------------------------------------------

TEST_CASE("what cannot be bound is refused with a reason") {
    const auto why = [](const std::string& endpoint) {
        const auto failed = error_from([&] { const maus::manager made(endpoint); });
        CHECK(failed.code() == maus::errc::invalid_argument);
        return std::string(failed.what());
    };
    CHECK_THAT(why("nonsense"), maus_test::has_text("cannot bind nonsense"));
    CHECK_THAT(why("tcp://127.0.0.1"), maus_test::has_text("cannot bind"));
    CHECK_THAT(why("tcp://192.0.2.1:9"), maus_test::has_text("cannot bind"));
    CHECK_THAT(why("ipc:///nonexistent/folder/x"), maus_test::has_text("cannot bind"));
    CHECK_THAT(why("ipc:///tmp/" + std::string(120, 'x')), maus_test::has_text("107"));
    const maus_test::scratch_folder folder;
    const std::string precious = folder.file("precious");
    maus_test::make_file(precious);
    CHECK_THAT(why("ipc://" + precious), maus_test::has_text("no socket"));
    CHECK(std::filesystem::is_regular_file(precious));
    const maus::manager first("tcp://127.0.0.1:*");
    CHECK_THAT(first.endpoint(), maus_test::has_text("tcp://127.0.0.1:"));
    CHECK_THAT(why(first.endpoint()), maus_test::has_text("taken"));
}

TEST_CASE("types that are no names are refused") {
    maus::worker worker;
    const maus_test::scratch_folder folder;
    const std::string park = "ipc://" + folder.file("nobody");
    maus::manager manager;
    for (const std::string& bad : {std::string(), std::string("a\nb"), std::string(129, 'x')}) {
        CHECK(code_from([&] { worker.register_parkserver(park, bad); }) ==
              maus::errc::invalid_argument);
        CHECK(code_from([&] { (void)manager.get_workers({.type = bad}); }) ==
              maus::errc::invalid_argument);
    }
}

TEST_CASE("a status that nobody gives is an error that says what to do") {
    const maus_test::scratch_folder folder;
    const auto failed =
        error_from([&] { (void)maus::fetch_status("ipc://" + folder.file("nobody"), 50ms); });
    CHECK(failed.code() == maus::errc::deadline_exceeded);
    CHECK_THAT(failed.what(), maus_test::has_text("maus-parkserver"));
}

TEST_CASE("who asks for a status may change its mind") {
    const maus_test::scratch_folder folder;
    std::stop_source changed;
    changed.request_stop();
    const auto failed = error_from([&] {
        (void)maus::fetch_status("ipc://" + folder.file("nobody"), 1h, changed.get_token());
    });
    CHECK(failed.code() == maus::errc::cancelled);
}

TEST_CASE("a worker that is to run more at a time than its limit is not made") {
    maus::worker_options options;
    options.concurrency = 4'000'000'000;
    CHECK(error_from([&] { const maus::worker made(options); }).code() ==
          maus::errc::invalid_argument);
}

// --- groups of workers ----------------------------------------------------------------------------

TEST_CASE("workers that refer to nothing say so") {
    maus::worker_group none;
    CHECK(none.size() == 0);
    CHECK_FALSE(none.wait_for(1, 1h));
    CHECK(code_from([&] { (void)none.call<int>("add", 1, 2); }) == maus::errc::invalid_argument);
    none.release();
    maus::manager manager;
    auto some = manager.get_workers();
    auto moved = std::move(some);
    auto call = moved.call<int>("add", 1, 2);
    CHECK_FALSE(call.ready());
    moved = maus::worker_group();
    CHECK_THROWS_AS(call.get(), maus::error);
    CHECK(code_from([&] { (void)moved.call<int>("add", 1, 2); }) == maus::errc::invalid_argument);
}

TEST_CASE("amount, min and max that contradict each other are the caller's mistake") {
    maus::manager manager;
    const auto says = [&](const maus::request& wanted) {
        const auto failed = error_from([&] { (void)manager.get_workers(wanted); });
        CHECK(failed.code() == maus::errc::invalid_argument);
        return std::string(failed.what());
    };
    CHECK_THAT(says({.amount = 2, .max = 3}), maus_test::has_text("but not both"));
    CHECK_THAT(says({.amount = 2, .min = 2}), maus_test::has_text("but not both"));
    CHECK_THAT(says({.min = 0}), maus_test::has_text("at least 1"));
    CHECK_THAT(says({.min = 3, .max = 2}), maus_test::has_text("max is 2, less than min"));
    for (const maus::request& good :
         {maus::request{}, maus::request{.min = 2}, maus::request{.min = 2, .max = 2},
          maus::request{.amount = 1}})
        CHECK_NOTHROW((void)manager.get_workers(good));
}

TEST_CASE("a group gives back the options that it was made with, all of them") {
    std::stop_source family;
    maus::call_options given;
    given.delivery = maus::delivery::at_most_once;
    given.when_full = maus::when_full::fail;
    given.max_crashes = 7;
    given.timeout = 1h;
    given.attempt_timeout = 2h;
    given.priority = maus::priority::high;
    given.replayable = true;
    given.label = "nightly";
    given.trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    given.stop = family.get_token();
    given.worker = "0123456789abcdef0123456789abcdef";
    given.hedge_after = 3h;
    maus::manager manager;
    const auto workers = manager.get_workers({.calls = given});
    // As many names as there are fields: with one more this does not compile.
    const auto [delivery, when_full, max_crashes, timeout, attempt_timeout, priority, replayable,
                label, trace, stop, worker, hedge_after] = workers.options();
    CHECK(delivery == given.delivery);
    CHECK(when_full == given.when_full);
    CHECK(max_crashes == given.max_crashes);
    CHECK(timeout == given.timeout);
    CHECK(attempt_timeout == given.attempt_timeout);
    CHECK(priority == given.priority);
    CHECK(replayable);
    CHECK(label.view() == "nightly");
    CHECK(trace == given.trace);
    CHECK(stop == given.stop);
    CHECK(worker == given.worker);
    CHECK(hedge_after == given.hedge_after);
    const auto none = manager.get_workers().options();
    CHECK(none.timeout == std::chrono::nanoseconds::max());
    CHECK(none.worker.empty());
    CHECK_FALSE(none.stop.stop_possible());
}

TEST_CASE("a released group takes no calls and waits for nobody") {
    maus::manager manager;
    auto workers = manager.get_workers({.amount = 1});
    workers.release();
    workers.release();
    CHECK(error_from([&] { workers.call<int>("add", 1, 2).get(); }).code() ==
          maus::errc::cancelled);
    CHECK_FALSE(workers.wait_for(1, 1h));
    CHECK_FALSE(workers.wait_for(0, 1h));
}

TEST_CASE("a manager without anybody keeps its calls until it goes") {
    maus::future<int> call;
    {
        maus::manager manager;
        CHECK(manager.id().size() == 32);
        CHECK(manager.endpoint().empty());
        auto workers = manager.get_workers();
        call = workers.call<int>("add", 1, 2);
        CHECK_FALSE(call.wait_for(10ms));
        manager.stop();
        CHECK(manager.metrics().calls == 1);
        CHECK(manager.metrics().errors == 1);
    }
    CHECK(error_from([&] { call.get(); }).code() == maus::errc::shutdown);
}

// --- the rest -------------------------------------------------------------------------------------

TEST_CASE("a responder answers, or fails, and all its copies speak for one call") {
    const auto heard = std::make_shared<heard_reply>();
    const maus::responder<int> answer(heard);
    answer(1);
    answer.fail("no more");
    answer.fail(std::make_exception_ptr(std::overflow_error("too much")));
    answer.fail(std::make_exception_ptr(7));
    CHECK(heard->said ==
          "value;remote_exception;std::runtime_error;no more;"
          "remote_exception;std::overflow_error;too much;"
          "remote_exception;int;an exception that is no std::exception;");
    heard->said.clear();
    const maus::responder<void> done(heard);
    done();
    done.fail("never");
    CHECK(heard->said == "value;remote_exception;std::runtime_error;never;");
}

TEST_CASE("outside of a function there is no fence") {
    CHECK(code_from([&] { (void)maus::this_call::fence(); }) == maus::errc::invalid_argument);
}

TEST_CASE("every error has a name and a sentence") {
    std::set<std::string> names, sentences;
    for (auto code = static_cast<int>(maus::errc_first); code <= static_cast<int>(maus::errc_last);
         ++code) {
        names.emplace(to_string(static_cast<maus::errc>(code)));
        sentences.emplace(describe(static_cast<maus::errc>(code)));
    }
    CHECK(names.size() == 22);
    CHECK(sentences.size() == 22);
    CHECK_FALSE(sentences.contains(""));
    CHECK_FALSE(names.contains("unknown"));
    CHECK(names.contains("maybe_executed"));
}

TEST_CASE("a worker's id is 32 hexadecimal digits, there and back") {
    const std::string text = "00112233445566778899aabbccddeeff";
    const maus::worker_id read(text);
    CHECK(read.text() == text);
    CHECK(read.bytes()[1] == 0x11);
    CHECK_FALSE(read.empty());
    CHECK(maus::worker_id{}.empty());
    CHECK(std::hash<maus::worker_id>{}(read) != std::hash<maus::worker_id>{}(maus::worker_id{}));
    for (const char* wrong :
         {"", "00112233", "00112233445566778899aabbccddeef", "00112233445566778899aabbccddeefff",
          "00112233445566778899AABBCCDDEEFF", "0011223344556677 899aabbccddeeff"}) {
        INFO(wrong);
        CHECK(code_from([&] { (void)maus::worker_id(wrong); }) == maus::errc::invalid_argument);
    }
}

TEST_CASE("only what time may mend is worth another try") {
    using maus::errc;
    const std::set<errc> worth{errc::deadline_exceeded, errc::no_workers, errc::overloaded,
                               errc::resource_exhausted};
    for (auto code = static_cast<int>(maus::errc_first); code <= static_cast<int>(maus::errc_last);
         ++code) {
        const maus::error thrown(static_cast<errc>(code), "");
        INFO(to_string(thrown.code()));
        CHECK(thrown.retryable() == worth.contains(thrown.code()));
    }
    static_assert(maus::retryable(errc::overloaded) && !maus::retryable(errc::poisoned));
}
