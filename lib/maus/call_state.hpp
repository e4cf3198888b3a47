// What a future (future.hpp) and those who settle it share. Not for users.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "maus/base/buffer.hpp"
#include "maus/base/call_queue.hpp"
#include "maus/base/task.hpp"
#include "maus/base/time.hpp"
#include "maus/call_policy.hpp"
#include "maus/options.hpp"
#include "maus/wire/archive.hpp"

namespace maus {

/// How far a function is, as it tells itself (context::progress).
struct progress {
    double fraction = 0;  ///< from 0 to 1; NaN: not known
    std::string text;
};

}  // namespace maus

namespace maus::detail {

using continuation = base::task;

class state_base;
class stream_state;
struct call_functions;

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
    /// tell_progress() is to be called on the callback thread.
    virtual void post_progress(state_base& call) = 0;
    /// The reader of a stream has read so much more. (Who owns none leaves these out.)
    virtual void items_read(stream_state&, std::uint32_t, std::uint64_t) {}
    /// As attend(), until there is something to read.
    virtual void attend_items(stream_state&, base::instant) {}
    /// A coroutine lets other callbacks have their turn.
    virtual void post(stream_state&, std::unique_ptr<continuation>) {}
};

/// What a thread of a worker or manager does when code of the program waits on it: others may need its
/// place. One at most on each thread.
class wait_hook {
public:
    virtual ~wait_hook() = default;
    /// It is about to wait, and has waited. The first may throw maus::error (overloaded).
    virtual void begin_wait() = 0;
    virtual void end_wait() = 0;
    /// Whether this thread has to go on with something meanwhile: then it calls drive() instead of waiting.
    [[nodiscard]] virtual bool drives() const { return false; }
    virtual void drive() {}
    [[nodiscard]] static wait_hook*& here() noexcept { return here_; }

private:
    static inline thread_local constinit wait_hook* here_ = nullptr;
};
/// While it lives, this thread waits.
class waiting {
public:
    waiting() : hook_(wait_hook::here()) {
        if (hook_ != nullptr) hook_->begin_wait();
    }
    ~waiting() {
        if (hook_ != nullptr) hook_->end_wait();
    }
    waiting(const waiting&) = delete;
    waiting& operator=(const waiting&) = delete;
    /// Goes on with what this thread has to go on with, until `done()` or the end; at once if that is
    /// nothing.
    void drive_until(const std::function<bool()>& done, base::instant end) const;

private:
    wait_hook* hook_;
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

/// What is to go on later, for the call that this thread works for now, if for any: then it works for
/// that one, too (this_call.hpp).
[[nodiscard]] std::unique_ptr<continuation> for_this_call(std::unique_ptr<continuation> next);
/// While it lives, coroutines that begin on this thread keep what they may refer to until they end.
class coroutine_keeps {
public:
    explicit coroutine_keeps(const std::shared_ptr<const void>& kept) noexcept
        : outer_(std::exchange(here_, &kept)) {}
    ~coroutine_keeps() { here_ = outer_; }
    coroutine_keeps(const coroutine_keeps&) = delete;
    coroutine_keeps& operator=(const coroutine_keeps&) = delete;
    [[nodiscard]] static std::shared_ptr<const void> here() {
        return here_ != nullptr ? *here_ : nullptr;
    }

private:
    static inline thread_local constinit const std::shared_ptr<const void>* here_ = nullptr;
    const std::shared_ptr<const void>* outer_;
};

/// In a catch (...): what was thrown, never null. What is no C++ exception is told as an error.
[[nodiscard]] std::exception_ptr caught();
/// The failure of what ended its thread (pthread_exit).
[[nodiscard]] std::exception_ptr thread_ended();

/// What few states have. Made when the first of it comes: what is known of how far a call is, and who
/// listens; what is kept for what else settles it.
struct progress_hook {
    std::mutex guard;
    std::function<void(const progress&)> listener;
    std::optional<progress> latest;  // that was not told
    bool posted = false;
    std::shared_ptr<const void> kept;
};

/// What is handed to the thread that does it: a call, or something else.
struct command : base::linked<command> {
    static constexpr std::uint32_t no_call = ~0u;
    explicit command(std::uint32_t called) : method(called) {}
    [[nodiscard]] bool is_call() const noexcept { return method != no_call; }
    std::uint32_t method;  ///< that is called
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
    template <class Derived>
    requires(std::is_base_of_v<State, Derived> && !std::is_same_v<State, Derived>)
        state_ref(const state_ref<Derived>& other)
    noexcept : state_(other.get()) {
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
    [[nodiscard]] State* get() const noexcept { return state_; }
    explicit operator bool() const noexcept { return state_ != nullptr; }

private:
    State* state_ = nullptr;
};

/// What a future and those who settle it share. Settled once; its word says what happened so far.
/// That of a call carries the call to its owner. It goes through three threads' hands, so what each
/// needs stands together: first what is on the way, then the payload, then what only some need.
class state_base : public command {
public:
    state_base() : command(0) {}
    state_base(const state_base&) = delete;
    state_base& operator=(const state_base&) = delete;
    virtual ~state_base() {
        if (failure_ && !heard_) report_unheard();
        delete progress_.load(std::memory_order_relaxed);
    }

    void retain() noexcept { word_.fetch_add(one_reference, std::memory_order_relaxed); }
    void release() noexcept {
        // Nobody can make a reference of none: the last one needs no atomic subtraction.
        if (word_.load(std::memory_order_acquire) < 2 * one_reference ||
            word_.fetch_sub(one_reference, std::memory_order_acq_rel) < 2 * one_reference) {
            delete this;
        }
    }

    /// Whether there is another reference than the caller's.
    [[nodiscard]] bool is_shared() const noexcept {
        return word_.load(std::memory_order_acquire) >= 2 * one_reference;
    }
    /// A thread waits for just this one, or did.
    [[nodiscard]] bool is_waited_for() const noexcept {
        return (word_.load(std::memory_order_relaxed) & waited_bit) != 0;
    }
    [[nodiscard]] bool ready() const noexcept {
        return (word_.load(std::memory_order_acquire) & settled_bit) != 0;
    }
    /// As long as this lives.
    void keep(std::shared_ptr<const void> kept);
    void wait();
    [[nodiscard]] bool wait_for(std::chrono::nanoseconds time);
    /// Runs `next` when this is settled: at once if it is.
    void continue_with(std::unique_ptr<continuation> next);

    /// A failure. Continuations go to `where`, or run here if it is null. True: a thread that waited
    /// has been woken. The caller keeps a reference meanwhile.
    bool settle(std::exception_ptr failure, executor* where);
    /// The same with the bytes of a result, and lets go of the caller's reference.
    bool settle_and_release(base::buffer&& payload, executor* where);
    /// The same in two steps: what it ends with, and that it has ended.
    void put(std::exception_ptr failure) noexcept { failure_ = std::move(failure); }
    void settle_as_put() { (void)settled(nullptr); }

    // Read once it is ready.
    [[nodiscard]] const std::exception_ptr& failure() noexcept {
        heard_ = true;
        return failure_;
    }
    [[nodiscard]] base::buffer& payload() noexcept { return payload_; }

    /// Asks the owner, if there is one still, to give the call up. Of what is no call: its sources are
    /// cancelled, also those that it gets later.
    void cancel();
    /// By who settles it: `source` is what it waits for now. Let go of when this is settled.
    void wait_for_source(state_ref<state_base> source);
    /// Who wants to know how far it is.
    void listen(std::function<void(const progress&)> listener);
    /// By the owner.
    void progressed(progress how_far);
    /// By the callback thread: tells the listener.
    void tell_progress();
    /// Before it is shared: gives the owner a reference.
    void own(std::shared_ptr<call_owner> owner) {
        owner_ = std::move(owner);
        is_owned_ = true;
        word_.store(2 * one_reference, std::memory_order_relaxed);
    }
    /// Before it is shared: it is what goes on after `source`, and its failures are told to the same.
    void follow(const state_base& source) {
        owner_ = source.owner_;
        method = source.method;
    }
    [[nodiscard]] const std::shared_ptr<call_owner>& owner() const { return owner_; }

    /// What it counts towards limits::calls_bytes_max while it is not settled; its group's.
    [[nodiscard]] std::uint32_t& charge() noexcept { return charge_; }

    // Until it is settled, the call. The owner takes the arguments; after that the room is the
    // result's.
    [[nodiscard]] std::uint64_t& mark() noexcept { return mark_; }  ///< the owner's
    [[nodiscard]] call_policy& policy() noexcept { return policy_; }
    [[nodiscard]] bool is_stream() const noexcept { return is_stream_; }  ///< a stream_state
    [[nodiscard]] base::buffer& arguments() noexcept { return payload_; }
    /// Those among the arguments (function.hpp); mostly none.
    [[nodiscard]] std::shared_ptr<call_functions>& functions() noexcept { return functions_; }
    /// Not 0: a callable makes the call, which another call waits for. 2: of a call that is nested itself.
    [[nodiscard]] std::uint8_t& nested() noexcept { return nested_; }

protected:
    /// Of what has several: adds them.
    virtual void add_sources(std::vector<state_ref<state_base>>&) const {}
    void mark_as_stream() noexcept { is_stream_ = true; }
    bool settled(executor* where);
    /// The bytes that came are no result of this call.
    [[noreturn]] void throw_bad_result(const std::string& why) const;

private:
    // One word, so that to settle a call and to let go of it is one step. The references stand above
    // the bits.
    static constexpr std::uint32_t settled_bit = 1, waited_bit = 2, continued_bit = 4;
    static constexpr std::uint32_t one_reference = 8;

    class latched;
    void forget_source() noexcept;
    [[nodiscard]] progress_hook& hook();
    void post_if_due(progress_hook& its);
    void report_unheard() noexcept;
    void go_on_here();

    std::atomic<std::uint32_t> word_{one_reference};
    bool heard_ = false;     // somebody has looked at the failure
    bool is_owned_ = false;  // it is the owner's call; else, with an owner, it follows one
    std::uint32_t charge_ = 0;
    bool is_stream_ = false;
    std::uint8_t nested_ = 0;
    bool cancel_asked_ = false;              // under the latch
    std::atomic<bool> source_latch_{false};  // held for a few instructions
    std::uint64_t mark_ = 0;
    std::shared_ptr<call_owner> owner_;  // set before the state is shared, never changed
    std::exception_ptr failure_;
    std::atomic<progress_hook*> progress_{nullptr};
    std::unique_ptr<continuation> continuation_;
    base::buffer payload_;
    call_policy policy_;
    std::shared_ptr<call_functions> functions_;
    // Under the latch, once it is shared. A source's continuation has a reference to this, too: so whoever may
    // settle a state settles it, and does not only drop it.
    state_ref<state_base> source_;
};

/// Several sources as one (when.hpp). Never settled.
class joint_source final : public state_base {
public:
    explicit joint_source(std::vector<state_ref<state_base>> all) : all_(std::move(all)) {}

private:
    void add_sources(std::vector<state_ref<state_base>>& to) const override {
        to.insert(to.end(), all_.begin(), all_.end());
    }
    std::vector<state_ref<state_base>> all_;
};

template <class T>
using stored = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

template <class T>
class state final : public state_base {
public:
    /// For results that are made in this process.
    void settle_value(stored<T> value, executor* where) {
        put_value(std::move(value));
        settled(where);
    }
    /// Then settle_as_put().
    void put_value(stored<T> value) { value_.emplace(std::move(value)); }
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

}  // namespace maus::detail
