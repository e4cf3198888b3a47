// One function over many inputs.
//
//     for (int square : workers.map(squared, inputs)) ...                   // in the order of the inputs
//     for (auto& [index, square] : workers.map_unordered(squared, inputs)) ...  // as they come
//
//     auto squares = workers.map(squared, inputs, {.on_error = maus::on_error::collect});
//     for (int square : squares) ...
//     for (auto& [index, error] : squares.errors()) ...
//
// The inputs are any input range; it is gone through once, no further than look_ahead inputs before the
// result that is wanted next. So ten million inputs that a generator makes take the memory of a thousand.
// A result that is there is not kept waiting for more than one input.
// An input of a function of several parameters is a tuple, or a pair.
//
// What is given is a range to go through once. Each step waits for the next result. To leave the loop is
// to cancel what is on its way. A callback of the same manager must not go through what map_unordered()
// gives (future.hpp): those results come by callbacks, too.
//
// Errors: with on_error::stop a step throws what the first call failed with, and the others are
// cancelled. With on_error::collect the loop passes the inputs by whose calls fail, and errors() names
// them. What the inputs' own range throws, or call() of an input that cannot be sent, is thrown after the
// results of the inputs before, and ends the map in any case.
//
// Thread-safety: for one thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <iterator>
#include <optional>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "maus/when.hpp"

namespace maus {

/// What map() does when a call fails.
enum class on_error : std::uint8_t {
    stop,     ///< the step throws it
    collect,  ///< goes on; see errors()
};

struct map_options {
    /// How many calls may be on their way. 0 counts as 1. limits::calls_max bounds it, too.
    std::size_t look_ahead = 1000;
    maus::on_error on_error = maus::on_error::stop;
};

/// A call of a map that failed.
struct map_error {
    std::uint64_t index = 0;   ///< of its input, from 0
    std::exception_ptr error;  ///< a maus::error
};

/// What map_unordered() gives.
template <class T>
struct indexed {
    std::uint64_t index = 0;  ///< of the input, from 0
    T value;
};

namespace detail {

/// The calls of a map that are on their way, oldest first.
template <class R>
class in_order {
public:
    using value_type = stored<R>;

    void add(std::uint64_t index, future<R> call) { all_.emplace_back(index, std::move(call)); }
    [[nodiscard]] std::size_t size() const { return all_.size(); }
    /// Whether take() would not wait.
    [[nodiscard]] bool has_ready() const { return !all_.empty() && all_.front().second.ready(); }
    std::pair<std::uint64_t, future<R>> take() {
        auto first = std::move(all_.front());
        all_.pop_front();
        return first;
    }
    void cancel() {
        for (const auto& each : all_) each.second.cancel();
        all_.clear();
    }
    static value_type made(std::uint64_t, stored<R> value) { return value; }

private:
    std::deque<std::pair<std::uint64_t, future<R>>> all_;
};

/// The same, in the order in which they become ready.
template <class R>
class as_ready {
public:
    using value_type = indexed<stored<R>>;

    void add(std::uint64_t index, future<R> call) {
        calls_.emplace(index, call.share());
        arrived_.expect(index, std::move(call));
    }
    [[nodiscard]] std::size_t size() const { return calls_.size(); }
    [[nodiscard]] bool has_ready() const { return arrived_.has_some(); }
    std::pair<std::uint64_t, future<R>> take() {
        auto next = arrived_.take();
        calls_.erase(next.index);
        return {next.index, std::move(next.result)};
    }
    void cancel() {
        for (const auto& each : calls_) each.second->cancel();
        calls_.clear();
    }
    static value_type made(std::uint64_t index, stored<R> value) {
        return {index, std::move(value)};
    }

private:
    arrivals<R> arrived_;
    std::unordered_map<std::uint64_t, state_ref<state<R>>> calls_;
};

}  // namespace detail

/// The results of a map. Movable before it is gone through.
template <class Calls, std::ranges::input_range Inputs, class Call>
class mapped {
public:
    using value_type = typename Calls::value_type;

    mapped(Inputs inputs, Call call, map_options how)
        : inputs_(std::move(inputs)), call_(std::move(call)), how_(how) {}
    mapped(mapped&&) = default;
    ~mapped() { calls_.cancel(); }

    class iterator {
    public:
        using iterator_concept = std::input_iterator_tag;
        using difference_type = std::ptrdiff_t;
        using value_type = mapped::value_type;

        explicit iterator(mapped& of) : of_(&of) {}
        value_type& operator*() const { return *of_->now_; }
        iterator& operator++() {
            of_->next();
            return *this;
        }
        void operator++(int) { ++*this; }
        friend bool operator==(const iterator& at, std::default_sentinel_t) { return at.is_end(); }

    private:
        [[nodiscard]] bool is_end() const { return !of_->now_.has_value(); }
        mapped* of_;
    };

    /// Begins to call.
    iterator begin() {
        if (!at_) {
            at_.emplace(std::ranges::begin(inputs_));
            next();
        }
        return iterator(*this);
    }
    [[nodiscard]] std::default_sentinel_t end() const { return {}; }

    /// With on_error::collect: what failed so far.
    [[nodiscard]] const std::vector<map_error>& errors() const { return errors_; }

private:
    void next() {
        now_.reset();
        while (!now_) {
            call_ahead();
            if (calls_.size() == 0) {
                if (inputs_threw_) std::rethrow_exception(std::exchange(inputs_threw_, nullptr));
                return;
            }
            auto [index, result] = calls_.take();
            try {
                now_.emplace(Calls::made(index, detail::value_of(std::move(result))));
            } catch (...) {
                if (how_.on_error == on_error::stop) {
                    stopped_ = true;
                    inputs_threw_ = nullptr;
                    calls_.cancel();
                    throw;
                }
                errors_.push_back({index, std::current_exception()});
            }
        }
    }
    // One input for each result, and more only until there is one: a slow range, or one that throws, is not
    // to keep back what is there.
    void call_ahead() {
        bool waits = true;
        while (waits && !stopped_ && calls_.size() < std::max<std::size_t>(how_.look_ahead, 1)) {
            try {
                if (*at_ == std::ranges::end(inputs_)) return;
                calls_.add(made_, call_(**at_));
                ++made_;
                ++*at_;
            } catch (...) {
                if (std::current_exception() == nullptr) throw;  // the end of the thread
                stopped_ = true;
                inputs_threw_ = std::current_exception();
            }
            waits = !calls_.has_ready();
        }
    }

    Inputs inputs_;
    Call call_;
    map_options how_;
    Calls calls_;
    std::optional<std::ranges::iterator_t<Inputs>> at_;
    std::uint64_t made_ = 0;
    bool stopped_ = false;
    std::exception_ptr inputs_threw_;  // once the results before were taken
    std::optional<value_type> now_;
    std::vector<map_error> errors_;
};

namespace detail {

/// Each input is the only argument, or the tuple of all.
template <class Calls, std::size_t parameters, class Inputs, class Call>
auto map_over(Inputs&& inputs, Call call, map_options how) {
    auto one = [call = std::move(call)]<class Input>(Input&& input) {
        if constexpr (parameters == 1) {
            return call(std::forward<Input>(input));
        } else {
            return std::apply(call, std::forward<Input>(input));
        }
    };
    return mapped<Calls, std::views::all_t<Inputs>, decltype(one)>(
        std::views::all(std::forward<Inputs>(inputs)), std::move(one), how);
}

}  // namespace detail
}  // namespace maus
