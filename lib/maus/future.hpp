// The result of a call that may not have come yet.
//
//     maus::future<int> sum = workers.call(add, 1, 1);
//     int now = sum.get();                                  // waits, and throws maus::error
//     sum.then([](int value) { ... });                      // or a callback
//     int later = co_await workers.call(add, 2, 2);         // or in a coroutine
//
// A future may be moved and dropped. The call of a dropped future goes on, and its result is
// forgotten. A future is also a coroutine's return type: such a coroutine starts at once, and its
// future is ready when it returns.
//
// Callbacks and coroutines that wait for a call go on when it settles, on the callback thread of its
// manager, one at a time. If the future is ready already, they run at once, on the thread that asked. What
// becomes ready while one of them runs may go on only when that one has returned, or waits for a future:
// so a chain of any length needs no deep stack.
//
// They may block, but must not wait for another callback of the same manager: that would be for ever. So
// a callback may get() a call. It must not get() what then(), when_all(), when_any() or a coroutine makes
// of calls that are under way, nor take the steps of as_completed() and map_unordered(). It may co_await
// what when_all() gives, or let another thread wait. After a call that a callable makes (function.hpp),
// callbacks and coroutines go on where callables run, several at a time, and may wait for all of these.
//
// What goes on, a callback or a coroutine, works for the call of the function that asked for it
// (this_call.hpp): calls that it makes inherit the same.
//
// A thread that waits in get() is not idle: if no other thread does, it receives results for its
// manager meanwhile.
//
// Errors: get() throws what the call ended with. To use a future that refers to no call throws
// maus::error (invalid_argument). What a callback throws is its own future's error, and what it throws
// that is no C++ exception is a remote_exception there. A failure that nobody has looked at when its
// future goes is logged by the manager.
//
// Thread-safety: different futures may be used by different threads; one future by one at a time.
#pragma once

#include <chrono>
#include <coroutine>
#include <exception>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

#include "maus/base/forced_unwind.hpp"
#include "maus/base/task.hpp"
#include "maus/call_state.hpp"
#include "maus/error.hpp"
#include "maus/time_span.hpp"

namespace maus {

template <class T>
class future;

namespace detail {

template <class T>
struct is_future : std::false_type {};
template <class T>
struct is_future<future<T>> : std::true_type {
    using value_type = T;
};

template <class T>
struct promise_base;

template <class R>
struct flattened {
    using type = R;
};
template <class R>
struct flattened<future<R>> : flattened<R> {};

}  // namespace detail

template <class T>
class [[nodiscard]] future {
public:
    using value_type = T;
    struct promise_type;

    /// Refers to nothing; everything but assignment and valid() is a mistake.
    future() = default;

    [[nodiscard]] bool valid() const noexcept { return static_cast<bool>(state_); }
    [[nodiscard]] bool ready() const { return shared().ready(); }

    /// Waits and gives the value, once. Throws maus::error (errors of calls), or what a local
    /// coroutine threw. bad_result if the bytes are no T.
    T get() {
        shared().wait();
        auto state = std::exchange(state_, {});
        if constexpr (std::is_void_v<T>) {
            state->take();
        } else {
            return state->take();
        }
    }
    void wait() const { shared().wait(); }
    /// False: not ready after that time.
    [[nodiscard]] bool wait_for(time_span time) const { return shared().wait_for(time); }

    /// Asks that the call be given up: it settles as cancelled, unless it has settled already. What is
    /// queued is never started; a function that runs is asked to stop (context.hpp). Of what then(),
    /// when_all() or when_any() gave: the same for each of the calls that it waits for, also for one that
    /// a callback makes later and gives back. It ends as those do then: mostly as cancelled. Without
    /// effect on coroutines.
    void cancel() const { shared().cancel(); }
    /// Calls `callback` with maus::progress when the function tells how far it is, on the callback thread
    /// of the manager. If it tells more than the callback can hear, it hears the newest. Gives the
    /// future itself. Without effect on coroutines, and once the call is settled.
    template <class Callback>
    future& on_progress(Callback callback) & {
        shared().listen(std::move(callback));
        return *this;
    }
    template <class Callback>
    future&& on_progress(Callback callback) && {
        shared().listen(std::move(callback));
        return std::move(*this);
    }

    /// Runs `callback` when this is ready, with the value (errors pass it by), or with the ready
    /// future if that is what it takes. Gives a future of what the callback returns; if that is a
    /// future itself, one that is ready when that is. Takes this future over.
    template <class Callback>
    auto then(Callback callback);

    [[nodiscard]] bool await_ready() const { return shared().ready(); }
    void await_suspend(std::coroutine_handle<> waiting) const;
    T await_resume() { return get(); }

    explicit future(detail::state_ref<detail::state<T>> state) noexcept
        : state_(std::move(state)) {}
    /// For the library: then() with a continuation, which `make` makes of the future.
    template <class Make>
    void continue_with(Make make);
    /// For the library: keeps something alive as long as what settles it.
    void keep(std::shared_ptr<const void> kept) const { shared().keep(std::move(kept)); }
    /// For the library: for whoever may have to cancel it once it was taken over.
    [[nodiscard]] detail::state_ref<detail::state<T>> share() const { return state_; }

private:
    [[nodiscard]] detail::state<T>& shared() const {
        if (!state_) {
            throw error(errc::invalid_argument, "maus::future: it refers to no call (any more)");
        }
        return *state_;
    }
    detail::state_ref<detail::state<T>> state_;
};

namespace detail {

struct resume final : continuation {
    explicit resume(std::coroutine_handle<> waiting) : waiting_(waiting) {}
    void run() override;
    /// Of a coroutine that has ended: whether the thread's resume::run() goes on with it, outside of what
    /// must not throw. It keeps the result, then.
    [[nodiscard]] static bool takes(const void* ended, state_base& result) noexcept;

private:
    std::coroutine_handle<> waiting_;
};

/// Settles `result` as `source`, which is ready, and so on if that gives a future again.
template <class T>
struct pass_on final : continuation {
    pass_on(future<T> source, state_ref<state<typename flattened<T>::type>> result)
        : source_(std::move(source)), result_(std::move(result)) {}

    void run() override {
        try {
            if constexpr (is_future<T>::value) {
                settle_like(source_.get(), result_);
            } else if constexpr (std::is_void_v<T>) {
                source_.get();
                result_->settle_value({}, nullptr);
            } else {
                result_->settle_value(source_.get(), nullptr);
            }
        } catch (...) {
            result_->settle(caught(), nullptr);
        }
    }

private:
    future<T> source_;
    state_ref<state<typename flattened<T>::type>> result_;
};

template <class T>
void settle_like(future<T> source, state_ref<state<typename flattened<T>::type>> result) {
    result->wait_for_source(source.share());
    source.continue_with([&](future<T> taken) {
        return std::make_unique<pass_on<T>>(std::move(taken), std::move(result));
    });
}

template <class Callback, class T>
constexpr bool takes() {
    if constexpr (std::is_invocable_v<Callback&, future<T>>) {
        return true;
    } else if constexpr (std::is_void_v<T>) {
        return std::is_invocable_v<Callback&>;
    } else {
        return std::is_invocable_v<Callback&, T>;
    }
}

template <class Callback, class T>
constexpr auto callback_result() {
    if constexpr (std::is_invocable_v<Callback&, future<T>>) {
        return std::type_identity<std::invoke_result_t<Callback&, future<T>>>{};
    } else if constexpr (std::is_void_v<T>) {
        return std::type_identity<std::invoke_result_t<Callback&>>{};
    } else {
        return std::type_identity<std::invoke_result_t<Callback&, T>>{};
    }
}

template <class T, class Callback, class R>
struct then_continuation final : continuation {
    using result = state_ref<state<typename flattened<R>::type>>;
    then_continuation(future<T> source, Callback callback, result to)
        : source_(std::move(source)), callback_(std::move(callback)), result_(std::move(to)) {}

    MAUS_CATCHES_FORCED_UNWIND void run() override {
        try {
            if constexpr (is_future<R>::value) {
                settle_like(call(), result_);
            } else if constexpr (std::is_void_v<R>) {
                call();
                result_->settle_value({}, nullptr);
            } else {
                result_->settle_value(call(), nullptr);
            }
        } catch (const abi::__forced_unwind&) {
            result_->settle(thread_ended(), nullptr);
            throw;
        } catch (...) {
            result_->settle(caught(), nullptr);
        }
    }

private:
    decltype(auto) call() {
        if constexpr (std::is_invocable_v<Callback&, future<T>>) {
            return callback_(std::move(source_));
        } else if constexpr (std::is_void_v<T>) {
            source_.get();
            return callback_();
        } else {
            return callback_(source_.get());
        }
    }
    future<T> source_;
    Callback callback_;
    result result_;
};

template <class T>
struct promise_base {
    state_ref<state<T>> result{new state<T>};
    std::shared_ptr<const void> needs = coroutine_keeps::here();

    /// All that the coroutine had is gone before anybody hears how it ended: who goes on may let go of what
    /// that referred to.
    struct ending : std::suspend_always {
        template <class Promise>
        void await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
            const auto result = std::move(ended.promise().result);
            const auto needs = std::move(ended.promise().needs);
            const void* const which = ended.address();
            ended.destroy();
            if (!resume::takes(which, *result)) result->settle_as_put();
        }
    };

    future<T> get_return_object() { return future<T>(result); }
    std::suspend_never initial_suspend() noexcept { return {}; }
    ending final_suspend() noexcept { return {}; }
    void unhandled_exception() {
        result->put(caught());
        if (std::current_exception() != nullptr) return;
        // The end of a thread must go on, and cannot be told from what else is no C++ exception.
        result->settle_as_put();
        throw;
    }
};

}  // namespace detail

template <class T>
struct future<T>::promise_type : detail::promise_base<T> {
    void return_value(T value) { this->result->put_value(std::move(value)); }
};
template <>
struct future<void>::promise_type : detail::promise_base<void> {
    void return_void() { result->put_value({}); }
};

template <class T>
void future<T>::await_suspend(std::coroutine_handle<> waiting) const {
    // The coroutine, and this future with it, may be gone as soon as it goes on.
    const auto keep = state_;
    keep->continue_with(std::make_unique<detail::resume>(waiting));
}

template <class T>
template <class Make>
void future<T>::continue_with(Make make) {
    (void)shared();
    const auto keep = state_;
    keep->continue_with(make(std::move(*this)));
}

template <class T>
template <class Callback>
auto future<T>::then(Callback callback) {
    static_assert(detail::takes<Callback, T>(),
                  "maus: a callback of then() takes the future's value, or the ready future; of a "
                  "future<void> nothing, or the future");
    if constexpr (detail::takes<Callback, T>()) {
        using R = typename decltype(detail::callback_result<Callback, T>())::type;
        using settled = typename detail::flattened<R>::type;
        detail::state_ref<detail::state<settled>> result(new detail::state<settled>);
        result->follow(shared());
        result->wait_for_source(state_);
        using step = detail::then_continuation<T, Callback, R>;
        continue_with([&](future taken) {
            return std::make_unique<step>(std::move(taken), std::move(callback), result);
        });
        return future<settled>(std::move(result));
    }
}

}  // namespace maus
