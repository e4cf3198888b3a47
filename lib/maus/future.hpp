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
// manager, one at a time. They may block, but what they wait for must not be another callback. If
// the future is ready already, they run at once, on the thread that asked. What becomes ready while
// one of them runs may go on only when that one has returned, or waits for a future: so a chain of any
// length needs no deep stack.
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

#include <cxxabi.h>
#include <atomic>
#include <chrono>
#include <coroutine>
#include <exception>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "maus/base/buffer.hpp"
#include "maus/base/call_queue.hpp"
#include "maus/base/object_cache.hpp"
#include "maus/base/task.hpp"
#include "maus/base/time.hpp"
#include "maus/error.hpp"
#include "maus/options.hpp"
#include "maus/time_span.hpp"
#include "maus/wire/archive.hpp"

namespace maus {

template <class T>
class future;

namespace detail {

using continuation = base::task;

class state_base;

/// Where continuations of calls go on.
struct executor {
    virtual ~executor() = default;
    virtual void post(std::unique_ptr<continuation> next, state_base& of) = 0;
};

/// Who made a call.
struct call_owner {
    virtual ~call_owner() = default;
    virtual void cancel(state_base& call) = 0;
    /// A thread is about to wait for it, at most until `end`. It may be put to use meanwhile.
    virtual void attend(state_base& call, base::instant end) = 0;
    /// Nobody has looked at this failure, and nobody can any more. It is that of a call of `method`,
    /// or of what went on after one.
    virtual void unheard(std::uint32_t method, const std::exception_ptr& failure) = 0;
    /// Of the function that was called.
    [[nodiscard]] virtual std::string name_of(std::uint32_t method) = 0;
};

/// While it lives, failures that nobody hears of on this thread are this call's, unless they are those
/// of another call.
class hearing {
public:
    hearing(call_owner& owner, std::uint32_t method) noexcept;
    ~hearing();
    hearing(const hearing&) = delete;
    hearing& operator=(const hearing&) = delete;
    void tell(const std::exception_ptr& failure) const { owner_.unheard(method_, failure); }

private:
    call_owner& owner_;
    std::uint32_t method_;
    const hearing* outer_;
};

/// In a catch (...): what was thrown, never null. What is no C++ exception is told as an error.
[[nodiscard]] std::exception_ptr caught();
/// The failure of what ended its thread (pthread_exit).
[[nodiscard]] std::exception_ptr thread_ended();

/// What is handed to the thread that does it: a call, or something else.
struct command : base::linked<command> {
    static constexpr std::uint32_t no_call = ~0u;
    explicit command(std::uint32_t called) : method(called) {}
    [[nodiscard]] bool is_call() const noexcept { return method != no_call; }
    std::uint32_t method;  ///< that is called
};

/// What a future and those who settle it share. Settled once; its word says what happened so far.
/// That of a call carries the call to its owner. It goes through three threads' hands, so what each
/// needs stands together: one cache line for what is on the way, one for the payload, and one for
/// what only some need.
class alignas(64) state_base : public command {
public:
    state_base() : command(0) {}
    state_base(const state_base&) = delete;
    state_base& operator=(const state_base&) = delete;
    virtual ~state_base() {
        if (failure_ && !heard_) report_unheard();
    }

    void retain() noexcept { word_.fetch_add(one_reference, std::memory_order_relaxed); }
    void release() noexcept {
        // Nobody can make a reference of none: the last one needs no atomic subtraction.
        if (word_.load(std::memory_order_acquire) < 2 * one_reference ||
            word_.fetch_sub(one_reference, std::memory_order_acq_rel) < 2 * one_reference) {
            delete this;
        }
    }

    [[nodiscard]] bool ready() const noexcept {
        return (word_.load(std::memory_order_acquire) & settled_bit) != 0;
    }
    void wait();
    [[nodiscard]] bool wait_for(std::chrono::nanoseconds time);
    /// Runs `next` when this is settled: at once if it is.
    void continue_with(std::unique_ptr<continuation> next);

    /// A failure. Continuations go to `where`, or run here if it is null. True: a thread that waited
    /// has been woken. The caller keeps a reference meanwhile.
    bool settle(std::exception_ptr failure, executor* where);
    /// The same with the bytes of a result, and lets go of the caller's reference.
    bool settle_and_release(base::buffer&& payload, executor* where);

    // Read once it is ready.
    [[nodiscard]] const std::exception_ptr& failure() noexcept {
        heard_ = true;
        return failure_;
    }
    [[nodiscard]] base::buffer& payload() noexcept { return payload_; }

    /// Asks the owner, if there is one still, to give the call up.
    void cancel();
    /// Before it is shared: gives the owner a reference.
    void own(std::shared_ptr<call_owner> owner) {
        owner_ = std::move(owner);
        word_.store(2 * one_reference, std::memory_order_relaxed);
    }
    [[nodiscard]] const std::shared_ptr<call_owner>& owner() const { return owner_; }

    // Until it is settled, the call. The owner takes the arguments; after that the room is the
    // result's.
    [[nodiscard]] std::uint64_t& mark() noexcept { return mark_; }  ///< the owner's
    [[nodiscard]] call_options& options() noexcept { return options_; }
    [[nodiscard]] base::buffer& arguments() noexcept { return payload_; }

    static void* operator new(std::size_t bytes) { return base::take_object(bytes); }
    static void operator delete(void* object, std::size_t bytes) noexcept {
        base::give_object(object, bytes);
    }

protected:
    bool settled(executor* where);
    /// The bytes that came are no result of this call.
    [[noreturn]] void throw_bad_result(const std::string& why) const;

private:
    // One word, so that to settle a call and to let go of it is one step. The references stand above
    // the bits.
    static constexpr std::uint32_t settled_bit = 1, waited_bit = 2, continued_bit = 4;
    static constexpr std::uint32_t one_reference = 8;

    void report_unheard() noexcept;
    void go_on_here();

    std::atomic<std::uint32_t> word_{one_reference};
    bool heard_ = false;  // somebody has looked at the failure
    std::uint64_t mark_ = 0;
    std::shared_ptr<call_owner> owner_;  // set before the state is shared, never changed
    std::exception_ptr failure_;
    std::unique_ptr<continuation> continuation_;
    base::buffer payload_;
    call_options options_;
};

/// A counted reference to a state.
template <class State>
class state_ref {
public:
    state_ref() = default;
    explicit state_ref(State* adopted) noexcept : state_(adopted) {}
    state_ref(const state_ref& other) noexcept : state_(other.state_) {
        if (state_ != nullptr) state_->retain();
    }
    state_ref(state_ref&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
    state_ref& operator=(state_ref other) noexcept {
        std::swap(state_, other.state_);
        return *this;
    }
    ~state_ref() {
        if (state_ != nullptr) state_->release();
    }
    State* operator->() const noexcept { return state_; }
    State& operator*() const noexcept { return *state_; }
    explicit operator bool() const noexcept { return state_ != nullptr; }

private:
    State* state_ = nullptr;
};

template <class T>
using stored = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

template <class T>
class state final : public state_base {
    static_assert(alignof(stored<T>) <= base::cache_line_bytes);

public:
    /// For results that are made in this process.
    void settle_value(stored<T> value, executor* where) {
        value_.emplace(std::move(value));
        settled(where);
    }
    stored<T> take() {
        if (failure()) std::rethrow_exception(failure());
        if (value_) return *std::move(value_);
        if constexpr (std::is_void_v<T>) {
            if (!payload().empty()) throw_bad_result("a result came where none belongs");
            return {};
        } else if constexpr (!wire::transportable<T>) {
            // Only a local coroutine or callback gives such a value, and never as bytes.
            throw_bad_result("bytes came for a type that cannot travel");
        } else {
            return decoded();
        }
    }

private:
    [[nodiscard]] stored<T> decoded() {
        stored<T> value{};
        if (const auto why = wire::decode_into(payload(), value)) {
            throw_bad_result(why->message);
        }
        return value;
    }

    std::optional<stored<T>> value_;
};

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

    /// Asks that the call be given up: it settles as cancelled, unless it has settled already. A
    /// function that runs is not stopped. Without effect on coroutines.
    void cancel() const { shared().cancel(); }

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
    void run() override {
        try {
            waiting_.resume();
        } catch (const abi::__forced_unwind&) {
            throw;
        } catch (...) {
            // No C++ exception: the coroutine's future has it.
        }
    }

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

    void run() override {
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

    future<T> get_return_object() { return future<T>(result); }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void unhandled_exception() {
        const bool is_exception = std::current_exception() != nullptr;
        result->settle(caught(), nullptr);
        // The end of a thread must go on, and cannot be told from what else is no C++ exception.
        if (!is_exception) throw;
    }
};

}  // namespace detail

template <class T>
struct future<T>::promise_type : detail::promise_base<T> {
    void return_value(T value) { this->result->settle_value(std::move(value), nullptr); }
};
template <>
struct future<void>::promise_type : detail::promise_base<void> {
    void return_void() { result->settle_value({}, nullptr); }
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
        using step = detail::then_continuation<T, Callback, R>;
        continue_with([&](future taken) {
            return std::make_unique<step>(std::move(taken), std::move(callback), result);
        });
        return future<settled>(std::move(result));
    }
}

}  // namespace maus
