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
// A function may give any number of values, one after the other: it returns a maus::generator (generator.hpp).
//
// Errors: a mistake of the caller throws maus::error (invalid_argument).
//
// Thread-safety: expose, on_lease, on_release, register_parkserver and connect before it runs; stop(), metrics() and id()
// at any time from any thread; process_events() from one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "maus/context.hpp"
#include "maus/future.hpp"
#include "maus/generator.hpp"
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

/// The items that a function gives.
class item_source {
public:
    virtual ~item_source() = default;
    /// Goes on to the next item and encodes it; without `into` it is only passed by. False: there is
    /// none. Throws what the function throws.
    [[nodiscard]] virtual bool next(base::buffer* into) = 0;
};

/// One call, as a handler sees it: answered before the handler returns, or later through defer().
class invocation {
public:
    virtual ~invocation() = default;
    [[nodiscard]] virtual base::buffer& arguments() = 0;
    /// Where the value is to be encoded: an empty buffer. It is the answer unless a fault comes.
    [[nodiscard]] virtual base::buffer& value() = 0;
    virtual void fault(errc code, std::string type, std::string text) = 0;
    [[nodiscard]] virtual std::shared_ptr<reply> defer() = 0;
    [[nodiscard]] virtual maus::context context() = 0;
    /// The answer is these items.
    virtual void give(std::unique_ptr<item_source> items) = 0;
};

using handler = std::function<void(invocation&)>;

template <class T>
struct is_responder : std::false_type {};
template <class R>
struct is_responder<responder<R>> : std::true_type {
    using value_type = R;
};

template <class R>
struct unwrap_future {
    using type = R;
};
template <class R>
struct unwrap_future<future<R>> {
    using type = R;
};

template <class T>
struct unwrap_future<generator<T>> {
    using type = stream<T>;
};

/// The remote signature of a C++ one: without the context, the responder or the future.
template <class R, class... Args>
struct remote_signature {
    static_assert((... && check_parameter<Args>()));
    using type = typename unwrap_future<std::remove_cvref_t<R>>::type(std::remove_cvref_t<Args>...);
};
template <class R, class Answer, class... Args>
requires is_responder<std::remove_cvref_t<Answer>>::value struct remote_signature<R, Answer,
                                                                                  Args...> {
    static_assert(std::is_void_v<R>, "a function that takes a responder returns nothing itself");
    using type = typename is_responder<std::remove_cvref_t<Answer>>::value_type(
        std::remove_cvref_t<Args>...);
};

template <class R, class First, class... Args>
requires std::is_same_v<std::remove_cvref_t<First>, context>
struct remote_signature<R, First, Args...> : remote_signature<R, Args...> {
};

/// Of a function that has just one signature; of others there is none.
template <class F>
struct signature_of {};
template <class F>
requires requires { &F::operator(); }
struct signature_of<F> : signature_of<decltype(&F::operator())> {};
template <class R, class... A>
struct signature_of<R(A...)> : remote_signature<R, A...> {};
template <class R, class... A>
struct signature_of<R (*)(A...)> : remote_signature<R, A...> {};
template <class R, class... A>
struct signature_of<R (*)(A...) noexcept> : remote_signature<R, A...> {};
template <class C, class R, class... A>
struct signature_of<R (C::*)(A...)> : remote_signature<R, A...> {};
template <class C, class R, class... A>
struct signature_of<R (C::*)(A...) const> : remote_signature<R, A...> {};
template <class C, class R, class... A>
struct signature_of<R (C::*)(A...) noexcept> : remote_signature<R, A...> {};
template <class C, class R, class... A>
struct signature_of<R (C::*)(A...) const noexcept> : remote_signature<R, A...> {};

template <class R>
base::buffer encoded(const R& value) {
    base::buffer payload;
    wire::encode(payload, value);
    return payload;
}

/// Starts a coroutine and answers when its future is ready. It may refer to its arguments until then.
template <class R, class F, class Arguments>
void answer_later(invocation& call, F& function, Arguments decoded) {
    auto arguments = std::make_shared<Arguments>(std::move(decoded));
    future<R> pending = std::apply(function, *arguments);
    (void)pending.then([arguments, answer = call.defer()](future<R> ready) {
        try {
            if constexpr (std::is_void_v<R>) {
                ready.get();
                answer->value({});
            } else {
                answer->value(encoded(ready.get()));
            }
        } catch (...) {
            answer->fault(caught());
        }
    });
}

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

/// A generator with what it may refer to.
template <class T, class Arguments>
class generated final : public item_source {
public:
    template <class F>
    generated(F& function, Arguments decoded)
        : arguments_(std::move(decoded)), items_(std::apply(function, arguments_)) {}
    [[nodiscard]] bool next(base::buffer* into) override {
        if (!items_.next()) return false;
        if (into != nullptr) wire::encode<T>(*into, items_.value());
        return true;
    }

private:
    Arguments arguments_;
    generator<T> items_;
};
template <class R, class F, class Arguments>
void give_items(invocation& call, F& function, Arguments decoded) {
    using item = typename wire::streamed<R>::item;
    call.give(std::make_unique<generated<item, Arguments>>(function, std::move(decoded)));
}

template <class Signature>
struct handler_for;

template <class R, class... Args>
struct handler_for<R(Args...)> {
    template <class F>
    static handler make(F function) {
        if constexpr (is_takable<F>()) {
            return handle(std::move(function));
        } else {
            static_assert(is_takable<F>(),
                          "maus: the function does not take the method's parameters");
        }
    }

private:
    /// What a function takes before the parameters.
    enum class front : std::uint8_t { nothing, responder, context, both, wrong };

    // One after the other: a lambda with auto parameters is looked into only if it has to be.
    template <class F>
    static constexpr front front_of() {
        if constexpr (std::is_invocable_v<F&, maus::responder<R>, Args...>) {
            return front::responder;
        } else if constexpr (std::is_invocable_v<F&, Args...>) {
            return front::nothing;
        } else if constexpr (std::is_invocable_v<F&, maus::context&, maus::responder<R>, Args...>) {
            return front::both;
        } else if constexpr (std::is_invocable_v<F&, maus::context&, Args...>) {
            return front::context;
        } else {
            return front::wrong;
        }
    }
    template <class F>
    static constexpr bool is_takable() {
        return front_of<F>() != front::wrong;
    }
    template <class F>
    static constexpr bool answers_itself = front_of<F>() == front::responder
                                           || front_of<F>() == front::both;
    template <class F>
    static auto returned_by() {
        if constexpr (front_of<F>() == front::context) {
            return std::type_identity<std::invoke_result_t<F&, maus::context&, Args...>>{};
        } else {
            return std::type_identity<std::invoke_result_t<F&, Args...>>{};
        }
    }
    template <class F>
    static constexpr bool gives_result() {
        if constexpr (answers_itself<F>) {
            return true;
        } else {
            using returned = typename decltype(returned_by<F>())::type;
            return check_returned<R, typename unwrap_future<returned>::type>();
        }
    }

    template <class F>
    static handler handle(F function) {
        static_assert(gives_result<F>());
        return [function = std::move(function)](invocation& call) mutable {
            std::tuple<Args...> arguments{};
            auto wrong = std::apply(
                [&call](Args&... each) { return wire::decode_into(call.arguments(), each...); },
                arguments);
            if (wrong) return call.fault(errc::bad_arguments, {}, std::move(wrong->message));
            if constexpr (front_of<F>() == front::nothing) {
                run(call, function, std::move(arguments));
            } else if constexpr (front_of<F>() == front::context) {
                with_context(call, function, std::move(arguments));
            } else if constexpr (front_of<F>() == front::responder) {
                std::apply(function, std::tuple_cat(std::make_tuple(responder<R>(call.defer())),
                                                    std::move(arguments)));
            } else {
                maus::context its = call.context();
                const auto bound = [&](auto&&... each) {
                    function(its, responder<R>(call.defer()),
                             std::forward<decltype(each)>(each)...);
                };
                std::apply(bound, std::move(arguments));
            }
        };
    }
    template <class F>
    static void run(invocation& call, F& function, std::tuple<Args...>&& arguments) {
        if constexpr (is_future<std::invoke_result_t<F&, Args...>>::value) {
            answer_later<R>(call, function, std::move(arguments));
        } else if constexpr (wire::streamed<R>::value) {
            give_items<R>(call, function, std::move(arguments));
        } else if constexpr (std::is_void_v<R>) {
            std::apply(function, std::move(arguments));
        } else {
            wire::encode<R>(call.value(), std::apply(function, std::move(arguments)));
        }
    }
    template <class F>
    static void with_context(invocation& call, F& function, std::tuple<Args...>&& arguments) {
        if constexpr (is_future<typename decltype(returned_by<F>())::type>::value) {
            answer_later<R>(call, function,
                            std::tuple_cat(std::make_tuple(call.context()), std::move(arguments)));
        } else if constexpr (wire::streamed<R>::value) {
            give_items<R>(call, function,
                          std::tuple_cat(std::make_tuple(call.context()), std::move(arguments)));
        } else {
            maus::context its = call.context();
            auto bound = [&](Args... each) { return function(its, std::forward<Args>(each)...); };
            run(call, bound, std::move(arguments));
        }
    }
};

}  // namespace detail

/// Serves managers with functions of this program.
class worker {
public:
    /// Throws maus::error (invalid_argument) if concurrency is above limits.concurrency_max.
    explicit worker(worker_options options = {});
    worker(const worker&) = delete;
    worker& operator=(const worker&) = delete;
    /// Stops it and waits for the functions that run. In one of its own functions (one that calls
    /// exit(), where the worker is a static object) it does not wait, and keeps its memory.
    ~worker();

    /// Exposes a function under a method's name and signature. `function` may be anything that can
    /// be called with its parameters. It is called on several threads at a time if concurrency is
    /// more than 1. Throws maus::error: invalid_argument if the worker runs already, or the name is
    /// taken or bad; too_large if it is too long, or there are functions_max functions.
    template <class R, class... Args, class F>
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
    /// Takes down what on_lease() has set up: called once for each lease that on_lease() did not
    /// refuse (without an on_lease(): for each lease), whatever ended it: a release, a loss, or
    /// stop(). All functions of the lease have ended then, except detached ones (those that answer by
    /// a responder or a future, later); the worker is offered to nobody before it returns. Its link is
    /// gone already, unless the worker stops. Runs and throws as on_lease() does; what it throws
    /// itself is logged.
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
