// Several futures as one.
//
//     auto sums = maus::when_all(std::move(futures)).get();          // std::vector<int>
//     auto [a, b] = co_await maus::when_all(call_a(), call_b());     // std::tuple<int, std::string>
//     auto [index, value] = maus::when_any(std::move(futures)).get();
//     for (auto& [index, sum] : maus::as_completed(std::move(futures))) use(sum.get());
//
// The futures are taken over. void is std::monostate in a tuple and in any_result; when_all of
// futures of void gives a future<void>.
//
// Errors: when_all fails as soon as one does, with that failure. when_any ends as the first that is
// ready does, with its value or its failure. What the other futures bring is dropped then; their calls
// go on. To cancel() what they gave is to cancel all calls that it still waits for. A future that refers
// to no call throws maus::error (invalid_argument), and so does when_any of none.
//
// All of them go on by callbacks. So a callback of the same manager must not wait for them: neither for
// what when_all() and when_any() give nor for a step of as_completed() (future.hpp says what it may do).
//
// Thread-safety: as future.hpp. as_completed() is for one thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "maus/future.hpp"

namespace maus {

/// What when_any() gives: which future was ready first, and its value.
template <class T>
struct any_result {
    std::size_t index = 0;
    detail::stored<T> value;
};

namespace detail {

/// What waits for its turn on this thread has it now, until `done()`: who waits may wait for that.
void let_others_go_on(const std::function<bool()>& done);

/// Those of them that refer to something.
class joined {
public:
    template <class T>
    void add(const future<T>& one) {
        if (one.valid()) sources_.push_back(one.share());
    }
    [[nodiscard]] state_ref<state_base> take() {
        return state_ref<state_base>(new joint_source(std::move(sources_)));
    }

private:
    std::vector<state_ref<state_base>> sources_;
};
template <class T>
state_ref<state_base> joint(const std::vector<future<T>>& all) {
    joined made;
    for (const auto& each : all) made.add(each);
    return made.take();
}
template <class... T>
state_ref<state_base> joint(const future<T>&... all) {
    joined made;
    (made.add(all), ...);
    return made.take();
}

/// Runs `callback` with the future once that is ready.
template <class T, class Callback>
void when_ready(future<T> source, Callback callback) {
    struct step final : continuation {
        step(future<T> taken, Callback body)
            : source(std::move(taken)), callback(std::move(body)) {}
        void run() override { callback(std::move(source)); }
        future<T> source;
        Callback callback;
    };
    source.continue_with([&](future<T> taken) {
        return std::make_unique<step>(std::move(taken), std::move(callback));
    });
}

/// The value of a ready future; void is std::monostate.
template <class T>
stored<T> value_of(future<T> ready) {
    if constexpr (std::is_void_v<T>) {
        ready.get();
        return {};
    } else {
        return ready.get();
    }
}

/// What the futures of one when_all() share: a slot for each, since they come in any order and on any
/// thread. Who fills the last one, or fails first, settles the result.
template <class Slots, class Result>
struct gathering {
    explicit gathering(std::size_t count) : missing(count) {}

    template <class T, class Slot>
    void came(future<T> ready, Slot& slot) {
        try {
            slot.emplace(value_of(std::move(ready)));
        } catch (...) {
            if (!settled.exchange(true)) result->settle(caught(), nullptr);
            return;
        }
        if (missing.fetch_sub(1) == 1) finish();
    }
    void finish() {
        if constexpr (std::is_void_v<Result>) {
            result->settle_value({}, nullptr);
        } else {
            result->settle_value(gathered(slots), nullptr);
        }
    }

    template <class T>
    static std::vector<T> gathered(std::vector<std::optional<T>>& from) {
        std::vector<T> all;
        all.reserve(from.size());
        for (auto& each : from) all.push_back(*std::move(each));
        return all;
    }
    template <class... T>
    static std::tuple<T...> gathered(std::tuple<std::optional<T>...>& from) {
        return std::apply([](auto&... each) { return std::tuple<T...>(*std::move(each)...); },
                          from);
    }

    Slots slots;
    std::atomic<std::size_t> missing;
    std::atomic<bool> settled{false};
    state_ref<state<Result>> result{new state<Result>};
};

/// Futures in the order in which they become ready.
template <class T>
class arrivals {
public:
    struct arrival {
        std::uint64_t index;
        future<T> result;
    };

    void expect(std::uint64_t index, future<T> pending) {
        when_ready(std::move(pending), [shared = shared_, index](future<T> ready) {
            {
                const std::lock_guard lock(shared->guard);
                shared->ready.push_back({index, std::move(ready)});
            }
            shared->came.notify_one();
        });
    }
    /// Whether take() would not wait.
    [[nodiscard]] bool has_some() const {
        const std::lock_guard lock(shared_->guard);
        return !shared_->ready.empty();
    }
    /// Waits for the next one.
    arrival take() {
        const auto is_there = [this] { return has_some(); };
        let_others_go_on(is_there);
        const waiting here;
        here.drive_until(is_there, base::never);
        std::unique_lock lock(shared_->guard);
        shared_->came.wait(lock, [&] { return !shared_->ready.empty(); });
        arrival next = std::move(shared_->ready.front());
        shared_->ready.pop_front();
        return next;
    }

private:
    struct queue {
        std::mutex guard;
        std::condition_variable came;
        std::deque<arrival> ready;
    };
    std::shared_ptr<queue> shared_ = std::make_shared<queue>();
};

template <class T>
struct all_of {
    using type = std::vector<T>;
};
template <>
struct all_of<void> {
    using type = void;
};

}  // namespace detail

/// Ready when all are; of none: at once.
template <class T>
[[nodiscard]] future<typename detail::all_of<T>::type> when_all(std::vector<future<T>> all) {
    using result = typename detail::all_of<T>::type;
    using slots = std::vector<std::optional<detail::stored<T>>>;
    const auto shared = std::make_shared<detail::gathering<slots, result>>(all.size());
    shared->slots.resize(all.size());
    shared->result->wait_for_source(detail::joint(all));
    future<result> given(shared->result);
    if (all.empty()) shared->finish();
    for (std::size_t index = 0; index < all.size(); ++index) {
        detail::when_ready(std::move(all[index]), [shared, index](future<T> ready) {
            shared->came(std::move(ready), shared->slots[index]);
        });
    }
    return given;
}
template <class... T>
requires(sizeof...(T) > 0)
    [[nodiscard]] future<std::tuple<detail::stored<T>...>> when_all(future<T>... all) {
    using result = std::tuple<detail::stored<T>...>;
    using slots = std::tuple<std::optional<detail::stored<T>>...>;
    const auto shared = std::make_shared<detail::gathering<slots, result>>(sizeof...(T));
    shared->result->wait_for_source(detail::joint(all...));
    future<result> given(shared->result);
    std::apply(
        [&](auto&... slot) {
            (detail::when_ready(
                 std::move(all),
                 [shared, &slot](auto ready) { shared->came(std::move(ready), slot); }),
             ...);
        },
        shared->slots);
    return given;
}

/// Ready as soon as one is.
template <class T>
[[nodiscard]] future<any_result<T>> when_any(std::vector<future<T>> all) {
    if (all.empty()) throw error(errc::invalid_argument, "maus::when_any: of no futures");
    struct race {
        std::atomic<bool> settled{false};
        detail::state_ref<detail::state<any_result<T>>> result{new detail::state<any_result<T>>};
    };
    const auto shared = std::make_shared<race>();
    shared->result->wait_for_source(detail::joint(all));
    future<any_result<T>> given(shared->result);
    for (std::size_t index = 0; index < all.size(); ++index) {
        detail::when_ready(std::move(all[index]), [shared, index](future<T> ready) {
            const bool is_first = !shared->settled.exchange(true);
            try {
                any_result<T> first{index, detail::value_of(std::move(ready))};
                if (is_first) shared->result->settle_value(std::move(first), nullptr);
            } catch (...) {
                if (is_first) shared->result->settle(detail::caught(), nullptr);
            }
        });
    }
    return given;
}

/// The futures in the order in which they become ready. A range to go through once: each step waits for
/// the next one.
template <class T>
class as_completed {
public:
    /// index: which of those that were given. result: is ready.
    using value_type = typename detail::arrivals<T>::arrival;

    explicit as_completed(std::vector<future<T>> all) : missing_(all.size()) {
        for (std::size_t index = 0; index < all.size(); ++index) {
            arrived_.expect(index, std::move(all[index]));
        }
    }

    class iterator {
    public:
        using iterator_concept = std::input_iterator_tag;
        using difference_type = std::ptrdiff_t;
        using value_type = as_completed::value_type;

        explicit iterator(as_completed& of) : of_(&of) {}
        value_type& operator*() const { return *of_->now_; }
        iterator& operator++() {
            of_->next();
            return *this;
        }
        void operator++(int) { ++*this; }
        friend bool operator==(const iterator& at, std::default_sentinel_t) { return at.is_end(); }

    private:
        [[nodiscard]] bool is_end() const { return !of_->now_.has_value(); }
        as_completed* of_;
    };

    iterator begin() {
        if (!now_) next();
        return iterator(*this);
    }
    [[nodiscard]] std::default_sentinel_t end() const { return {}; }

private:
    void next() {
        now_.reset();
        if (missing_ == 0) return;
        --missing_;
        now_.emplace(arrived_.take());
    }

    detail::arrivals<T> arrived_;
    std::size_t missing_;
    std::optional<value_type> now_;
};

}  // namespace maus
