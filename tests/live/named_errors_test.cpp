// Every error that has a name (error.hpp), as a program that calls workers meets it.
#include <atomic>
#include <functional>
#include <map>
#include <thread>
#include <zmq.hpp>

#include "live/team.hpp"
#include "support/descriptors.hpp"

using namespace live;
using maus::errc;

namespace {

/// Answers each message with what `says` makes of its bytes, in place of a parkserver.
class stranger {
public:
    explicit stranger(std::function<std::string(std::string)> says)
        : socket_(context_, zmq::socket_type::router), says_(std::move(says)) {
        socket_.set(zmq::sockopt::linger, 0);
        socket_.bind("tcp://127.0.0.1:*");
        endpoint = socket_.get(zmq::sockopt::last_endpoint);
        thread_ = std::thread([this] { serve(); });
    }
    ~stranger() {
        ends_ = true;
        thread_.join();
    }
    std::string endpoint;

private:
    void serve() {
        socket_.set(zmq::sockopt::rcvtimeo, 10);
        while (!ends_) {
            zmq::message_t from, asked;
            if (!socket_.recv(from) || !socket_.recv(asked)) continue;
            socket_.send(from, zmq::send_flags::sndmore);
            socket_.send(zmq::buffer(says_(asked.to_string())), zmq::send_flags::none);
        }
    }
    zmq::context_t context_;
    zmq::socket_t socket_;
    std::function<std::string(std::string)> says_;
    std::atomic<bool> ends_ = false;
    std::thread thread_;
};

template <class Function>
maus::error thrown_by(Function does) {
    try {
        does();
    } catch (const maus::error& failed) {
        return failed;
    }
    FAIL("nothing was thrown");
    throw std::logic_error("not reached");
}

maus::error status_error(std::function<std::string(std::string)> says) {
    const stranger there(std::move(says));
    return thrown_by([&] { (void)maus::fetch_status(there.endpoint, patience); });
}

/// A group that never has a worker.
struct nobody {
    maus::manager manager{"tcp://127.0.0.1:*"};
    maus::worker_group workers;
    explicit nobody(maus::request what = {}) : workers(manager.get_workers(std::move(what))) {}
};

/// A worker that runs a call; then it is killed.
template <class Call>
maus::error of_a_killed_worker(Call call) {
    team with(1);
    const std::string begun = with.here.file("begun");
    auto held = call(with.workers, with.here.file("gate"), begun);
    REQUIRE(eventually([&] { return maus_test::bytes_in(begun) == 1; }));
    with.processes.front().kill();
    return error_of(std::move(held));
}

using cause = maus::error (*)();
/// errc -> what brings it about.
const std::map<errc, cause> causes{
    {errc::poisoned,
     [] {
         team with(1);
         return error_of(with.workers.with({.max_crashes = 1}).call(zoo::abort_if, 3, 3, ""));
     }},
    {errc::maybe_executed,
     [] {
         return of_a_killed_worker([](auto& workers, const auto& gate, const auto& begun) {
             return workers.with({.delivery = maus::delivery::at_most_once})
                 .call(zoo::hold, 1, gate, begun);
         });
     }},
    {errc::deadline_exceeded,
     [] { return error_of(nobody().workers.with({.timeout = 1ms}).call(zoo::add, 1, 2)); }},
    {errc::attempt_timeout,
     [] {
         team with(1);
         return error_of(with.workers.with({.attempt_timeout = 10ms}).call(zoo::hang));
     }},
    {errc::no_workers,
     [] {
         nobody of({.no_workers_timeout = 1ms});
         return error_of(of.workers.call(zoo::add, 1, 2));
     }},
    {errc::cancelled,
     [] {
         nobody of;
         auto call = of.workers.call(zoo::add, 1, 2);
         call.cancel();
         return error_of(std::move(call));
     }},
    {errc::remote_exception, [] { return error_of(team(1).workers.call(zoo::fail, 1)); }},
    {errc::no_such_function, [] { return error_of(team(1).workers.call<int>("absent")); }},
    {errc::signature_mismatch, [] { return error_of(team(1).workers.call<int>("add", 1)); }},
    {errc::bad_arguments,
     [] {
         team with(1);
         const maus::value one = 1, text = "two";
         return error_of(with.workers.call<maus::value>("add", one, text));
     }},
    {errc::bad_result,
     [] {
         maus::worker dynamic({.heartbeat = calm});
         dynamic.expose("name", [](const maus::value&) { return maus::value("a text"); });
         site here;
         dynamic.register_parkserver(here.parkserver());
         dynamic.start();
         maus::manager manager(here.reachable());
         manager.connect_parkserver(here.parkserver());
         return error_of(manager.get_workers({.amount = 1}).call<int>("name", maus::value(1)));
     }},
    {errc::too_large,
     [] {
         maus::manager_options options;
         options.limits.message_bytes_max = 1000;
         maus::manager manager(options);
         return error_of(manager.get_workers().call(zoo::echo, std::string(2000, 'x')));
     }},
    {errc::overloaded,
     [] {
         maus::manager_options options;
         options.limits.calls_max = 1;
         maus::manager manager(options);
         const auto all = manager.get_workers();
         const auto workers = all.with({.when_full = maus::when_full::fail});
         const auto first = workers.call(zoo::add, 1, 2);
         return error_of(workers.call(zoo::add, 1, 2));
     }},
    {errc::protocol_violation,
     [] { return status_error([](const std::string&) { return "HTTP/1.1 400 Bad Request"; }); }},
    {errc::version_mismatch,
     [] {
         return status_error([](std::string asked) {
             asked[3] = 99;  // the version, in a header
             return asked;
         });
     }},
    {errc::shutdown,
     [] {
         nobody of;
         auto call = of.workers.call(zoo::add, 1, 2);
         of.manager.stop();
         return error_of(std::move(call));
     }},
    {errc::invalid_argument,
     [] {
         maus::manager manager;
         return thrown_by([&] { manager.connect_parkserver("localhost"); });
     }},
    {errc::resource_exhausted,
     [] {
         const maus_test::no_more_descriptors none(maus_test::bound_that_leaves_two());
         return thrown_by([] { maus::manager manager("tcp://127.0.0.1:*"); });
     }},
    {errc::unimplemented,
     [] {
         return status_error([](std::string asked) {
             asked[5] = 120;  // the type of a control message
             return asked;
         });
     }},
    {errc::worker_lost,
     [] {
         nobody of;
         const std::string gone = "0123456789abcdef0123456789abcdef";
         return error_of(of.workers.with({.worker = gone}).call(zoo::add, 1, 2));
     }},
    {errc::stream_broken,
     [] {
         team with(1);
         auto items = with.workers.call(zoo::numbers, 10, 1, with.here.file("gate"));
         REQUIRE(items.wait_for(patience));
         REQUIRE(items.read() == 0);
         with.processes.front().kill();
         return thrown_by([&] { (void)items.read(); });
     }},
};

}  // namespace

TEST_CASE("every named error comes about, and says what to do in its text") {
    for (auto code = errc::poisoned; code <= maus::errc_last;
         code = static_cast<errc>(static_cast<int>(code) + 1)) {
        if (code == errc::auth_failed) continue;  // reserved
        const auto found = causes.find(code);
        INFO(to_string(code));
        REQUIRE(found != causes.end());
        const maus::error failed = found->second();
        CHECK(failed.code() == code);
        // More than its name.
        CHECK(std::string_view(failed.what()).size() > to_string(code).size() + 10);
    }
}
