// What a function gives that gives items, one after the other: a coroutine with co_yield.
//
//     worker.expose("count", [](int to) -> maus::generator<int> {
//         for (int i = 0; i < to; ++i) co_yield i;
//     });
//
//     for (int i : workers.call<maus::stream<int>>("count", 5)) ...      // stream.hpp
//
// It begins when its first item is asked for, and goes on when the next one is. On a worker that is when
// its caller has room for more, perhaps on another thread. Between two items it may be destroyed, with its
// local objects: when its caller stops, is gone or gives the worker back, and when the worker stops. While
// it waits it holds no thread, and no slot: other functions may run in its place.
//
// A generator is also a range to go through once, in this program: for (int i : count(5)).
//
// An exception ends it: of a worker's function, the caller's stream throws it after the items before.
// Inside there is no co_await.
//
// Thread-safety: one generator by one thread at a time.
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <iterator>
#include <memory>
#include <type_traits>
#include <utility>

namespace maus {

template <class T>
class [[nodiscard]] generator {
    static_assert(std::is_object_v<T> && std::is_same_v<T, std::remove_cv_t<T>>,
                  "maus: a generator's items are values");

public:
    class promise_type;
    using value_type = T;

    /// It is at its end.
    generator() = default;
    generator(generator&& other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}
    generator& operator=(generator other) noexcept {
        std::swap(coroutine_, other.coroutine_);
        return *this;
    }
    ~generator() {
        if (coroutine_) coroutine_.destroy();
    }

    /// Goes on to the next item. False: there is none. Throws what the coroutine threw.
    bool next() {
        if (!coroutine_ || coroutine_.done()) return false;
        coroutine_.resume();
        if (!coroutine_.done()) return true;
        if (auto thrown = std::exchange(coroutine_.promise().thrown_, nullptr)) {
            std::rethrow_exception(thrown);
        }
        return false;
    }
    /// The item that next() has come to. May be moved from.
    [[nodiscard]] T& value() const { return *coroutine_.promise().item_; }

    class iterator {
    public:
        using iterator_concept = std::input_iterator_tag;
        using difference_type = std::ptrdiff_t;
        using value_type = T;

        explicit iterator(generator& of) : of_(&of) {}
        T& operator*() const { return of_->value(); }
        iterator& operator++() {
            if (!of_->next()) of_ = nullptr;
            return *this;
        }
        void operator++(int) { ++*this; }
        friend bool operator==(const iterator& at, std::default_sentinel_t) {
            return at.of_ == nullptr;
        }

    private:
        generator* of_;
    };
    /// Begins it. To be called once.
    iterator begin() { return ++iterator(*this); }
    [[nodiscard]] std::default_sentinel_t end() const { return {}; }

private:
    explicit generator(std::coroutine_handle<promise_type> coroutine) : coroutine_(coroutine) {}

    std::coroutine_handle<promise_type> coroutine_;
};

template <class T>
class generator<T>::promise_type {
public:
    generator get_return_object() {
        return generator(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    // What is yielded lives until the coroutine goes on.
    std::suspend_always yield_value(T& item) noexcept {
        item_ = std::addressof(item);
        return {};
    }
    std::suspend_always yield_value(T&& item) noexcept {
        item_ = std::addressof(item);
        return {};
    }
    auto yield_value(const T& item) requires std::is_copy_constructible_v<T> {
        // It is not to be moved from.
        struct copy : std::suspend_always {
            copy(T made, promise_type& of) : item(std::move(made)), its(of) {}
            void await_suspend(std::coroutine_handle<>) noexcept {
                its.item_ = std::addressof(item);
            }
            T item;
            promise_type& its;
        };
        return copy(item, *this);
    }
    void return_void() noexcept {}
    void unhandled_exception() {
        thrown_ = std::current_exception();
        // The end of a thread must go on (pthread_exit).
        if (!thrown_) throw;
    }
    void await_transform() = delete;

private:
    friend generator;
    T* item_ = nullptr;
    std::exception_ptr thrown_;
};

namespace detail {

template <class T>
struct is_generator : std::false_type {};
template <class T>
struct is_generator<generator<T>> : std::true_type {};

}  // namespace detail
}  // namespace maus
