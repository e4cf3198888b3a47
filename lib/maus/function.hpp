// A function as an argument of a call.
//
//     worker.expose("apply", [](int x, maus::function<int(int)> f) { return f(x) + f(x + 1); });
//     worker.expose("twice", [](int x) { return 2 * x; });
//
//     inline constexpr maus::method<int(int, maus::function<int(int)>)> apply{"apply"};
//     workers.call(apply, 5, maus::named("twice"));              // a function of the worker: 22
//     workers.call(apply, 5, [&](int x) { return x + added; });  // one of the caller's
//
// The caller passes the name of another function that the same worker exposes, a text that the worker runs
// (script.hpp), or any callable of its own: anything that could be exposed, so it may take a maus::context& first, a responder, or return a
// maus::future. The worker's function may call it any number of times, from any thread, until its own
// call ends.
//
// - A callable of the caller's runs in the caller's process, on the manager's executor for callables
//   (manager_options::run_callable), perhaps several times at once. What it throws is thrown where it was
//   called, as an error with the code remote_exception. If the worker is lost and the call runs again,
//   the callable may run again too: context::attempt() counts.
//   None is begun once the call is settled. One that runs at that moment (the call was cancelled, its time
//   was up, or its worker was lost) may end after get() has returned: what it refers to has to live so long.
// - f(x) waits. Its worker may run another call in the meantime, so a callable may call the same workers
//   and wait for them. Functions that wait so are bounded (limits::detached_per_slot_max for each that
//   runs at a time); one more fails with overloaded. So does one that a function of such a nested call
//   makes when limits::callbacks_max are not answered: others may be waiting for it.
// - f.async(x) gives a future. co_await it in a function that returns a maus::future: then nothing waits.
//   What goes on after it does so one at a time in each worker; while one of them waits, another goes on.
// - A named function runs at once, on the thread that calls it.
// - A script runs in a process beside its worker, one at a time. f(x) waits for it as for a callable.
// - Waiting for a callable counts for no attempt_timeout. f.with(2s)(x) gives it a deadline of its own;
//   the deadline of the call holds anyway.
//
// Errors of f(x) and of its future: what the function threw (remote_exception); deadline_exceeded;
// overloaded; too_large; cancelled, if nobody waits for the call any more or the manager is gone;
// shutdown, if the worker has stopped. To call one that was not received with a call is an
// invalid_argument.
//
// A maus::function is a parameter itself, never a part of one, and never a result. In a signature it is
// fn<R(A,B)>. Copies are cheap and call the same.
//
// Thread-safety: as of a std::shared_ptr; what it calls may be called by several threads at once.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "maus/call_state.hpp"
#include "maus/error.hpp"
#include "maus/future.hpp"
#include "maus/handler.hpp"
#include "maus/script.hpp"
#include "maus/time_span.hpp"
#include "maus/wire/signature.hpp"

namespace maus {

/// As an argument: the function that the workers expose under this name. Workers that expose none of the
/// parameter's signature get no such call; if no worker does, it fails with no_such_function.
struct named {
    explicit named(std::string its_name) : name(std::move(its_name)) {}
    std::string name;
};

namespace detail {

/// How a function stands among arguments (PROTOCOL.md, section 6.3). The numbers are those of the
/// encoding.
struct reference {
    enum class kind_of : std::uint8_t { none = 0, named = 1, callable = 2, script = 4 };
    kind_of kind = kind_of::none;
    std::string name;
    std::uint32_t number = 0;
    base::script_id script{};
};
void save_reference(wire::output_archive& out, const reference& saved);
void load_reference(wire::input_archive& in, reference& loaded);

/// What calls the functions that came with one call.
class function_calls {
public:
    virtual ~function_calls() = default;
    /// `call` has the arguments, is not shared yet, and is settled in any case. `signature`: of `to`,
    /// unless that is a callable.
    virtual void call(const reference& to, const std::string& signature, state_base& call,
                      std::chrono::nanoseconds timeout) = 0;
    /// Before a call for which this thread will wait. Throws maus::error (overloaded) if too many wait
    /// already: else the callable would run for nobody.
    virtual void check_wait(const reference& to) = 0;
};

/// The functions among the arguments of one call, as its caller keeps them.
struct call_functions {
    std::vector<std::shared_ptr<const handler>> callables;  // by their numbers
    std::vector<std::string> needed;                        // as core::dispatcher::define() has it
    std::shared_ptr<script_list> scripts;                   // mostly none
    /// Scripts are needed, and this is one of them.
    void add(const std::shared_ptr<const script_source>& script);
    std::atomic<bool> closed{false};  // the call is settled: none is begun any more

    /// What callables may know of the call. Before it is submitted, when its options are final.
    void belong_to(state_base& call);
    base::instant deadline = base::never;
    call_label label;
    trace_context trace;

    /// Of callables: asked to stop when the call is settled.
    [[nodiscard]] std::stop_token stop_token();
    void progressed(progress how_far);
    /// By the owner, before it settles the call.
    void close();

private:
    std::mutex guard_;
    state_base* call_ = nullptr;             // none: it is settled
    std::optional<std::stop_source> stops_;  // none: nobody has asked
};

template <class T>
void encode_argument(state_base&, wire::output_archive& out, const T& argument) {
    if constexpr (is_function<T>::value) {
        static_assert(!sizeof(T), "maus: a function that is passed takes no functions itself");
    }
    wire::codec<T>::save(out, argument);
}
template <class Signature>
void encode_argument(state_base& call, wire::output_archive& out,
                     const function<Signature>& argument) {
    argument.pass(call, out);
}
/// Into the call's arguments; it keeps the functions among them.
template <class... Args>
void encode_arguments(state_base& call, const Args&... arguments) {
    if constexpr ((... || is_function<Args>::value)) {
        wire::output_archive out{call.arguments()};
        (encode_argument(call, out, arguments), ...);
    } else {
        wire::encode(call.arguments(), arguments...);
    }
}

/// Whether an F can be called as one of these.
template <class F, class R, class... Args>
concept callable_as = std::is_invocable_v<F&, Args...> ||
    std::is_invocable_v<F&, context&, Args...> || std::is_invocable_v<F&, responder<R>, Args...> ||
    std::is_invocable_v<F&, context&, responder<R>, Args...>;

}  // namespace detail

template <class R, class... Args>
class function<R(Args...)> {
    static_assert((... && detail::check_parameter<Args>()));
    static_assert(detail::check_travels<std::remove_cvref_t<R>>());
    static_assert(!wire::streamed<std::remove_cvref_t<R>>::value,
                  "maus: a function that is passed gives one result, not a stream");
    static_assert(!(... || detail::is_function<std::remove_cvref_t<Args>>::value),
                  "maus: a function that is passed takes no functions itself");

public:
    /// Refers to nothing. To pass or call it is a mistake (invalid_argument).
    function() = default;
    /// A function that the workers expose.
    function(named other) {
        to_.kind = detail::reference::kind_of::named;
        to_.name = std::move(other.name);
    }
    /// Source code, for workers that run it (script.hpp).
    function(script source) : source_(source.source()) {
        to_.kind = detail::reference::kind_of::script;
        to_.script = source_->id;
    }
    /// A callable of the caller's.
    template <class F>
    requires(!std::is_same_v<F, function> && !std::is_same_v<F, named> &&
             !std::is_same_v<F, script> && detail::callable_as<F, R, Args...>) function(F callable)
        : callable_(std::make_shared<const detail::handler>(
              detail::handler_for<R(std::remove_cvref_t<Args>...)>::make(std::move(callable)))) {
        to_.kind = detail::reference::kind_of::callable;
    }

    /// Whether it refers to something.
    explicit operator bool() const noexcept { return to_.kind != detail::reference::kind_of::none; }
    /// Calls it and waits.
    R operator()(const std::remove_cvref_t<Args>&... arguments) const {
        if (calls_) calls_->check_wait(to_);
        return async(arguments...).get();
    }
    template <class... Given>
    requires(sizeof...(Given) == sizeof...(Args)) R operator()(Given&&... given) const {
        static_assert((... && detail::check_argument<std::remove_cvref_t<Args>, Given&&>()));
        return (*this)(static_cast<const std::remove_cvref_t<Args>&>(given)...);
    }
    /// Calls it and does not wait.
    template <class... Given>
    requires(sizeof...(Given) == sizeof...(Args))
        [[nodiscard]] future<R> async(Given&&... given) const {
        static_assert((... && detail::check_argument<std::remove_cvref_t<Args>, Given&&>()));
        return async(static_cast<const std::remove_cvref_t<Args>&>(given)...);
    }
    [[nodiscard]] future<R> async(const std::remove_cvref_t<Args>&... arguments) const {
        if (!calls_) {
            throw error(errc::invalid_argument,
                        "maus::function: only a function that came with a call can be called");
        }
        detail::state_ref<detail::state<R>> result(new detail::state<R>);
        wire::encode(result->arguments(), arguments...);
        calls_->call(to_, signature(), *result, timeout_);
        return future<R>(std::move(result));
    }
    /// The same function, each call of which fails with deadline_exceeded after that time.
    [[nodiscard]] function with(time_span timeout) const {
        function other = *this;
        other.timeout_ = timeout;
        return other;
    }

    // For the library.
    void bind(std::shared_ptr<detail::function_calls> calls) { calls_ = std::move(calls); }
    /// Writes it as an argument of a call.
    void pass(detail::state_base& call, wire::output_archive& out) const {
        const bool is_own = callable_ || source_ || is_named();
        if (to_.kind == detail::reference::kind_of::none || !is_own) {
            throw error(errc::invalid_argument,
                        "maus::function: it refers to nothing that can be passed; to pass on a "
                        "function that came with a call, pass a lambda that calls it");
        }
        auto& functions = call.functions();
        if (!functions) functions = std::make_shared<detail::call_functions>();
        detail::reference told = to_;
        if (is_named()) {
            functions->needed.push_back(signature());
        } else if (source_) {
            functions->add(source_);
        } else {
            told.number = static_cast<std::uint32_t>(functions->callables.size());
            functions->callables.push_back(callable_);
        }
        detail::save_reference(out, told);
    }
    [[nodiscard]] detail::reference& reference() noexcept { return to_; }

private:
    [[nodiscard]] bool is_named() const { return to_.kind == detail::reference::kind_of::named; }
    [[nodiscard]] std::string signature() const {
        if (to_.kind == detail::reference::kind_of::callable) return {};
        return wire::signature<R, std::remove_cvref_t<Args>...>(is_named() ? to_.name : "script");
    }

    detail::reference to_;
    std::shared_ptr<const detail::handler> callable_;      // the caller's
    std::shared_ptr<const detail::script_source> source_;  // the same
    std::shared_ptr<detail::function_calls> calls_;        // it came with a call
    time_span timeout_ = std::chrono::nanoseconds::max();
};

}  // namespace maus

template <class R, class... Args>
struct maus::wire::codec<maus::function<R(Args...)>> {
    static constexpr bool supported = true;
    static constexpr std::size_t bytes_min = 1;
    static constexpr bool always_empty = false;

    static void save(output_archive&, const function<R(Args...)>&) {
        throw error(errc::bad_arguments, "a maus::function is an argument, not a part of one");
    }
    static void load(input_archive& in, function<R(Args...)>& loaded) {
        maus::detail::load_reference(in, loaded.reference());
    }
    static void describe(auto& to) {
        to.word("fn<");
        if constexpr (std::is_void_v<R>) {
            to.word("void");
        } else {
            to.template type<std::remove_cvref_t<R>>();
        }
        to.word("(");
        (to.template type<std::remove_cvref_t<Args>>(), ...);
        to.word(")>");
    }
};
