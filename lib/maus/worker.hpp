// A worker: exposes functions and serves one manager at a time.
//
//     maus::worker worker;
//     worker.expose("add", [](int x, int y) { return x + y; });
//     worker.register_parkserver("tcp://127.0.0.1:8500");   // or connect("tcp://...") to a manager
//     worker.run_until_signal();                            // until Ctrl-C, or SIGTERM
//
// There are three ways to run it:
//
// - run() or run_until_signal() in this thread, or start() in one of its own. At most `concurrency`
//   functions run at a time, on threads of the worker (not always the same one; run() lends it the
//   calling thread too). Heartbeats go on whatever the functions do.
// - fd() and process_events() in a loop that you have already. Functions run inside process_events().
//   One that takes longer than heartbeat.interval x heartbeat.liveness costs the worker its manager.
//
// An exception in a function goes to the caller and hurts nothing else, be it one of C++ or not. A
// function that ends its thread (pthread_exit) fails in the same way, and another thread is made. A
// function may call stop(); it does not wait then. One that calls exit() ends the process.
//
// Functions run with the signal mask of the thread that made the worker; so do processes that they
// start. Block what you wait for (sigwait, signalfd) before you make it.
//
// A function learns more of its call, tells its progress and is asked to stop through a first parameter
// maus::context& (context.hpp).
//
// What a worker needs for one manager it sets up in on_lease() and takes down in on_release():
//
//     worker.on_lease([&](const maus::lease_info& by) { session = open_session(by.manager); });
//     worker.on_release([&](const maus::lease_info&) { session.close(); });
//
// A function may give any number of values, one after the other: it returns a maus::generator
// (generator.hpp).
//
// Errors: a mistake of the caller throws maus::error (invalid_argument).
//
// Thread-safety: expose, on_lease, on_release, register_parkserver and connect before it runs; stop(),
// metrics() and id() at any time from any thread; process_events() from one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "maus/context.hpp"
#include "maus/function.hpp"
#include "maus/future.hpp"
#include "maus/generator.hpp"
#include "maus/handler.hpp"
#include "maus/method.hpp"
#include "maus/options.hpp"
#include "maus/responder.hpp"
#include "maus/stream.hpp"
#include "maus/this_call.hpp"

namespace maus {

/// Whom a worker serves, as on_lease() and on_release() are told.
struct lease_info {
    std::string manager;  ///< its id, 32 hexadecimal digits
    std::string
        parkserver;  ///< the endpoint of the one that made the lease; empty: none, it came directly
};

/// What has happened so far; each counter only grows.
struct worker_metrics {
    std::uint64_t calls = 0;            ///< received
    std::uint64_t answers = 0;          ///< sent: values, and errors of functions
    std::uint64_t answers_dropped = 0;  ///< ready when their link had ended, and so not sent
    std::uint64_t leases = 0;           ///< managers that were served, one after the other
    std::uint64_t violations = 0;       ///< messages that broke the protocol
};

namespace shell {
class worker_runtime;
}

namespace detail {

/// Whether the lease is welcome.
using lease_hook = std::function<bool(const lease_info&)>;

template <class F>
lease_hook make_lease_hook(F function) {
    static_assert(std::is_invocable_v<F&, const lease_info&>,
                  "maus: a hook takes a const maus::lease_info&");
    return [function = std::move(function)](const lease_info& of) mutable {
        if constexpr (std::is_same_v<std::invoke_result_t<F&, const lease_info&>, bool>) {
            return function(of);
        } else {
            static_assert(std::is_void_v<std::invoke_result_t<F&, const lease_info&>>,
                          "maus: a hook returns nothing, or (on_lease) a bool");
            function(of);
            return true;
        }
    };
}

/// Instead of a type that cannot be deduced: of the name of several functions, or of a template.
struct several_functions {};
template <class Name, class F>
constexpr bool check_single() {
    static_assert(
        !std::is_convertible_v<Name, std::string_view> || !std::is_same_v<F, several_functions>,
        "maus: the function has no single signature (overloads, a template): name one in a lambda, "
        "or give a method: expose(maus::method<int(int)>{\"name\"}, f)");
    return true;
}

}  // namespace detail

/// Serves managers with functions of this program.
class worker {
public:
    /// Throws maus::error (invalid_argument) if concurrency is above limits.concurrency_max.
    explicit worker(worker_options options = {});
    worker(const worker&) = delete;
    worker& operator=(const worker&) = delete;
    /// Stops it and waits for the functions that run, and for coroutines that go on since a callback of
    /// their caller's has been answered or has failed. A coroutine that waits for anything else is not
    /// waited for; what its function has captured lives until it ends. In one of its own
    /// functions (one that calls exit(), where the worker is a static object) it does not wait, and keeps
    /// its memory.
    ~worker();

    /// Exposes a function under a method's name and signature. `function` may be anything that can
    /// be called with its parameters. It is called on several threads at a time if concurrency is
    /// more than 1. Throws maus::error: invalid_argument if the worker runs already, or the name is
    /// taken or bad; too_large if it is too long, or there are functions_max functions.
    // Of an overloaded function it is the one of that very signature: F cannot be deduced then.
    template <class R, class... Args, class F = R (*)(Args...)>
    void expose(const method<R(Args...)>& as, F function) {
        add(as.signature(),
            detail::handler_for<R(std::remove_cvref_t<Args>...)>::make(std::move(function)));
    }
    /// The same, by name; the signature is that of the function, which therefore cannot be a
    /// template or a lambda with auto parameters.
    template <class F>
    void expose(std::string_view name, F function) {
        using its = detail::signature_of<std::remove_cvref_t<F>>;
        if constexpr (std::is_member_function_pointer_v<F>) {
            static_assert(
                !std::is_member_function_pointer_v<F>,
                "maus: a member function needs its object: expose a lambda that calls it");
        } else if constexpr (!std::is_class_v<F> && !std::is_pointer_v<F>) {
            static_assert(std::is_class_v<F>, "maus: this is no function");
        } else if constexpr (!requires { typename its::type; }) {
            static_assert(
                requires { typename its::type; },
                "maus: the function has no single signature (a lambda with auto parameters, "
                "a template, overloads): give the types, or a method: "
                "expose(maus::method<int(int)>{\"name\"}, f)");
        } else {
            using signature = typename its::type;
            static_assert(check_signature(static_cast<signature*>(nullptr)));
            add(signature_text(name, static_cast<signature*>(nullptr)),
                detail::handler_for<signature>::make(std::move(function)));
        }
    }

    // Of the name of several functions, or of a template, no F can be deduced: this one says so.
    template <class Name, class F = detail::several_functions,
              bool = detail::check_single<const Name&, F>()>
    requires std::is_same_v<F, detail::several_functions>
    void expose(const Name& name, F function) = delete;

    /// Sets up what the worker needs to serve a manager: `function(const maus::lease_info&)` is called
    /// when a manager has taken the worker, before the first call of that lease. Calls that come
    /// meanwhile wait; heartbeats go on. It may refuse, by an exception or by returning false: then the
    /// manager is told why, no call was started, and the worker rests before it is free again: 0.1 to
    /// 0.5 s, and longer each time, up to 5 s, until a lease is not refused. It runs on a thread that
    /// runs functions, and nothing else runs meanwhile. The time that it takes counts towards
    /// call_options::attempt_timeout and timeout. Throws maus::error (invalid_argument) if the worker
    /// runs already. One function; the last one given counts.
    template <class F>
    void on_lease(F function) {
        set_on_lease(detail::make_lease_hook(std::move(function)));
    }
    /// Takes down what on_lease() has set up. Called once for each lease that on_lease() did not refuse
    /// (without an on_lease(): for each lease), whatever ended it: a release, a loss, or stop(). All
    /// functions of the lease have ended then, except detached ones: those that answer later by a
    /// responder or a future, and generators that wait for their reader. The worker is offered to
    /// nobody before this returns. The lease's link is gone already, unless the worker stops. Runs and
    /// throws as on_lease() does; what it throws itself is logged.
    template <class F>
    void on_release(F function) {
        set_on_release(detail::make_lease_hook(std::move(function)));
    }

    /// Registers with a parkserver whenever it is up. May be called for several. Throws maus::error
    /// (invalid_argument) if that is no endpoint to connect to, the type is no name, or it runs.
    void register_parkserver(std::string endpoint, std::string type = "default");
    /// Serves the one manager at this endpoint, without a parkserver, whenever it is up. It takes
    /// part in that manager's requests of `type`. Throws as register_parkserver() does.
    void connect(std::string endpoint, std::string type = "default");

    /// Runs until stop() is called. Throws maus::error: invalid_argument if it knows nobody to serve
    /// or runs already, resource_exhausted if the system allows no thread. With fewer threads than
    /// `concurrency` it logs a warning and goes on.
    void run();
    /// The same until SIGINT (Ctrl-C) or SIGTERM comes, which are as a call of stop(): calls that run
    /// are answered, the others go to other workers. A second signal ends the process at once. Any
    /// number of workers may do this at a time, each in a thread; the signals stop them all.
    void run_until_signal();
    /// run() in a thread of its own.
    void start();
    /// Gives back the calls that are not started, answers those that run (within stop_timeout), says
    /// goodbye to everybody. Waits for that and for functions that run, unless it is called on one
    /// of the worker's own threads. Idempotent.
    void stop();

    /// For a loop that you have: readable (level-triggered) whenever process_events() has something
    /// to do, heartbeats included.
    [[nodiscard]] int fd();
    /// Does what there is to do, functions included, and returns after some 10 ms at most if no
    /// function takes longer. False once it has stopped.
    bool process_events();

    /// From any thread.
    [[nodiscard]] worker_metrics metrics() const;
    /// 32 hexadecimal digits, as `maus status` shows them.
    [[nodiscard]] std::string id() const;

private:
    template <class R, class... Args>
    static constexpr bool check_signature(R (*)(Args...)) {
        return (... && detail::check_travels<Args>()) && detail::check_travels<R>() &&
               detail::check_dynamic<R, Args...>();
    }
    template <class R, class... Args>
    static std::string signature_text(std::string_view name, R (*)(Args...)) {
        return wire::signature<R, Args...>(name);
    }
    void add(std::string signature, detail::handler handler);
    void set_on_lease(detail::lease_hook hook);
    void set_on_release(detail::lease_hook hook);

    std::unique_ptr<shell::worker_runtime> runtime_;
};

}  // namespace maus
