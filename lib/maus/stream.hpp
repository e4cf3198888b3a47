// The items that a function gives, one after the other (generator.hpp).
//
//     inline constexpr maus::method<maus::stream<int>(int)> count{"count"};
//
//     for (int i : workers.call(count, 5)) ...                     // waits for each
//
//     auto numbers = workers.call(count, 5);
//     while (auto i = co_await numbers.next()) use(*i);            // in a coroutine
//
//     workers.call(count, 5).for_each([](int i) { ... });          // or a callback; gives a future<void>
//
// Who reads slowly stops that one function, and nothing else: no more than limits::stream_items_max
// items and limits::stream_bytes_max bytes wait unread, in whatever place. To drop a stream, or stop(), is
// to cancel its call: the function is destroyed at its next item.
//
// Errors: after the last item that came, what the function threw, or a maus::error. If the worker is
// lost when items have come: stream_broken, and error::delivered() tells how many those were. With
// call_options::replayable, the function runs again on another worker, and what it gives first
// is left out: the reader sees no gap, and no item twice. A call's timeout is for the whole stream;
// its attempt_timeout is for the time between two items, while there is room for some.
//
// Coroutines and callbacks go on as those of futures do (future.hpp).
//
// Thread-safety: different streams may be used by different threads; one by one at a time.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

#include "maus/future.hpp"
#include "maus/stream_state.hpp"

namespace maus {

template <class T>
class [[nodiscard]] stream {
public:
    using value_type = T;

    /// Refers to nothing; everything but assignment and valid() is a mistake.
    stream() = default;
    stream(stream&& other) noexcept
        : state_(std::move(other.state_)), is_at_end_(std::exchange(other.is_at_end_, false)) {}
    stream& operator=(stream&& other) noexcept {
        if (this != &other) {
            drop();
            state_ = std::move(other.state_);
        }
        return *this;
    }
    ~stream() { drop(); }

    [[nodiscard]] bool valid() const noexcept { return static_cast<bool>(state_); }

    /// Waits for the next item. Nothing: that was the last one. Throws what the stream ended with.
    std::optional<T> read() {
        auto& its = shared();
        for (;;) {
            if (auto taken = take(its)) return taken;
            if (is_at_end_) return std::nullopt;
            (void)its.wait(base::never);
        }
    }
    /// Whether read() would not wait; false if it would for all that time.
    [[nodiscard]] bool wait_for(time_span time);

    /// For co_await: the same as read().
    class awaited {
    public:
        explicit awaited(stream& of) : of_(of) {}
        [[nodiscard]] bool await_ready() {
            item_ = of_.take(of_.shared());
            if (!item_) {
                of_.in_a_row_ = 0;
                return of_.is_at_end_;
            }
            return ++of_.in_a_row_ % turn_items != 0 || !of_.shared().owner();
        }
        [[nodiscard]] bool await_suspend(std::coroutine_handle<> waiting) {
            auto next = std::make_unique<detail::resume>(waiting);
            // Once it is handed over, this may be gone.
            if (!item_) return of_.shared().go_on_with(std::move(next));
            of_.shared().go_on_behind_others(std::move(next));
            return true;
        }
        std::optional<T> await_resume() { return item_ ? std::move(item_) : of_.read(); }

    private:
        // Then other callbacks have their turn, however fast items come.
        static constexpr std::uint32_t turn_items = 256;
        stream& of_;
        std::optional<T> item_;
    };
    [[nodiscard]] awaited next() { return awaited(*this); }

    /// Calls `function` with each item, on the callback thread of the manager (those that are there
    /// already: here and now). The future is ready at the end; what the stream ends with, or `function`
    /// throws, is its error. Takes this stream over.
    template <class Function>
    future<void> for_each(Function function) {
        (void)shared();
        return each(std::move(*this), std::make_unique<taking<Function>>(std::move(function)));
    }

    class iterator {
    public:
        using iterator_concept = std::input_iterator_tag;
        using difference_type = std::ptrdiff_t;
        using value_type = T;

        explicit iterator(stream& of) : of_(&of) {}
        T& operator*() const { return *of_->now_; }
        iterator& operator++() {
            of_->now_ = of_->read();
            return *this;
        }
        void operator++(int) { ++*this; }
        friend bool operator==(const iterator& at, std::default_sentinel_t) { return at.is_end(); }

    private:
        [[nodiscard]] bool is_end() const { return !of_->now_; }
        stream* of_;
    };
    /// Waits for the first item that was not read.
    iterator begin() { return ++iterator(*this); }
    [[nodiscard]] std::default_sentinel_t end() const { return {}; }

    /// Cancels the call; there are no more items. Idempotent.
    void stop() {
        auto& its = shared();
        its.abandon();
        is_at_end_ = true;
    }
    /// As future::on_progress().
    template <class Callback>
    stream& on_progress(Callback callback) {
        shared().listen(std::move(callback));
        return *this;
    }

    /// For the library.
    explicit stream(detail::state_ref<detail::stream_state> state) noexcept
        : state_(std::move(state)) {}

private:
    [[nodiscard]] detail::stream_state& shared() const {
        if (!state_) {
            throw error(errc::invalid_argument, "maus::stream: it refers to no call (any more)");
        }
        return *state_;
    }
    void drop() noexcept {
        if (state_ && !is_at_end_) state_->abandon();
        state_ = {};
        now_.reset();
        is_at_end_ = false;
    }
    /// The next item if one is there; else nothing, and is_at_end_ if none can come.
    std::optional<T> take(detail::stream_state& its) {
        using found = detail::stream_state::found;
        if (is_at_end_) return std::nullopt;
        const found outcome = its.find();
        if (outcome == found::nothing) return std::nullopt;
        if (outcome == found::end) {
            is_at_end_ = true;
            if (const auto why = its.why()) std::rethrow_exception(why);
            return std::nullopt;
        }
        std::optional<T> made(std::in_place);
        base::buffer* const alone = its.alone();
        const auto wrong = alone != nullptr ? wire::decode_into(*alone, *made)
                                            : wire::decode_into(its.item(), *made);
        if (wrong) {
            is_at_end_ = true;
            its.refuse_item(wrong->message);
        }
        return made;
    }
    // The coroutine keeps what it is given, and is one whatever the function is.
    struct taker {
        virtual ~taker() = default;
        virtual void with(T&& item) = 0;
    };
    template <class Function>
    struct taking final : taker {
        explicit taking(Function taken) : function(std::move(taken)) {}
        void with(T&& item) override { std::invoke(function, std::move(item)); }
        Function function;
    };
    static future<void> each(stream from, std::unique_ptr<taker> function) {
        while (auto item = co_await from.next()) function->with(*std::move(item));
    }

    detail::state_ref<detail::stream_state> state_;
    std::optional<T> now_;  // where an iterator is
    bool is_at_end_ = false;
    std::uint32_t in_a_row_ = 0;  // items that a coroutine did not wait for
};

template <class T>
bool stream<T>::wait_for(time_span time) {
    return is_at_end_ || shared().wait_for_items(time);
}

namespace detail {

/// What a call of a function gives its caller.
template <class R>
struct called {
    using type = future<R>;
    using state_type = state<R>;
};
template <class T>
struct called<stream<T>> {
    using type = stream<T>;
    using state_type = stream_state;
};

}  // namespace detail
}  // namespace maus
