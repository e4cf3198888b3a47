// A manager: asks parkservers for workers, calls functions on them, and gives them back.
//
//     maus::manager manager{"tcp://127.0.0.1:*"};            // where workers reach it; none: relayed
//     manager.connect_parkserver("tcp://127.0.0.1:8500");
//     auto workers = manager.get_workers({.amount = 2});     // a standing request; does not wait
//     maus::future<int> sum = workers.call(add, 1, 1);       // does not wait either
//     int two = sum.get();
//     workers.release();                                     // or let it go out of scope
//
// While the manager lives, every call completes exactly once: with the result of one complete
// execution, or with a named error (error.hpp). A lost worker's calls go to the other workers;
// call_options::delivery and max_crashes say how often.
//
// There are two ways to run it:
//
// - on threads of its own, the default. A thread that waits for a future does their work meanwhile.
// - with manager_options::own_loop, in a loop that you have already, by fd() and process_events(). There
//   are no threads then. Callbacks run inside process_events(). Code on the thread of that loop may wait
//   (for a future, for wait_for(), for room): it drives the manager meanwhile, and all workers and
//   parkservers that the loop drives. Other threads that wait, wait for that loop.
//
//     maus::manager manager({.endpoint = "tcp://127.0.0.1:*", .own_loop = true});
//     // in the loop: poll() manager.fd() for POLLIN, and whenever it is readable:
//     manager.process_events();
//
// Errors: a mistake of the caller throws maus::error (invalid_argument) at once. What happens to a
// call is thrown by its future.
//
// A parameter may be a function: its name, or a callable of the caller's (function.hpp).
//
// Callbacks (of futures, on_event, log) run with the signal mask of the thread that made the manager.
//
// Thread-safety: everything here may be used by any number of threads at a time, except fd() and
// process_events(): by one thread at a time, and not while the manager is destroyed.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <memory>
#include <ranges>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "maus/function.hpp"
#include "maus/future.hpp"
#include "maus/map.hpp"
#include "maus/method.hpp"
#include "maus/options.hpp"
#include "maus/stream.hpp"

namespace maus {

class worker_group;

/// What has happened so far; each counter only grows.
struct manager_metrics {
    std::uint64_t calls = 0;           ///< made
    std::uint64_t results = 0;         ///< settled with a value
    std::uint64_t errors = 0;          ///< settled with a named error
    std::uint64_t reassigned = 0;      ///< queued again, since their worker was lost
    std::uint64_t stale_answers = 0;   ///< answers that came when no call waited for them any more
    std::uint64_t workers_joined = 0;  ///< workers that came
    std::uint64_t workers_lost = 0;    ///< workers that went without being released
    std::uint64_t violations = 0;      ///< messages that broke the protocol
    std::uint64_t hedged = 0;          ///< second attempts (call_options::hedge_after)
};

/// What one worker makes of a broadcast.
template <class R>
struct reply {
    worker_id worker;
    future<R> result;
};

namespace shell {
class manager_runtime;
}

namespace detail {

/// A method as one manager knows it.
struct method_key {
    std::string_view name;
    const void* type;  // one address for each C++ signature
    std::string (*signature)(std::string_view name);
};

template <class R, class... Args>
struct method_type {
    static std::string signature(std::string_view name) {
        return wire::signature<R, Args...>(name);
    }
    static constexpr char address = 0;
    static method_key key(std::string_view name) { return {name, &address, &signature}; }
};

/// What a C++ argument is on the other side when only a name is known: text for literals.
template <class T>
using sent_as = std::conditional_t<std::is_convertible_v<const std::decay_t<T>&, std::string_view>,
                                   std::string, std::decay_t<T>>;
template <class T>
decltype(auto) to_send(const T& given) {
    if constexpr (std::is_same_v<sent_as<T>, T>) {
        return (given);
    } else {
        return sent_as<T>(given);
    }
}

/// The group of workers that one request has; shared by its handles.
class group_handle : public call_owner {
public:
    /// `self` is this. The call has its arguments and is not shared yet.
    virtual void submit(const std::shared_ptr<group_handle>& self, const method_key& method,
                        state_base& call, const call_policy& options) = 0;
    virtual void release() = 0;
    [[nodiscard]] virtual std::size_t size() const = 0;
    [[nodiscard]] virtual std::vector<worker_id> workers() const = 0;
    [[nodiscard]] virtual bool wait_for(std::size_t count, std::chrono::nanoseconds time) = 0;
    /// `self` is this.
    [[nodiscard]] virtual state_ref<state<void>> ready(const std::shared_ptr<group_handle>& self,
                                                       std::size_t count) = 0;
    [[nodiscard]] virtual const call_policy& calls() const = 0;
};

template <class R>
using called_t = typename called<R>::type;

template <class R, class... Args>
called_t<R> send_call(const std::shared_ptr<group_handle>& group, const call_policy& options,
                      std::string_view name, const Args&... arguments) {
    using state_type = typename called<R>::state_type;
    state_ref<state_type> result(new state_type);
    encode_arguments(*result, arguments...);
    group->submit(group, method_type<R, Args...>::key(name), *result, options);
    return called_t<R>(std::move(result));
}
template <class R, class... Args, class... Given>
called_t<R> send_call(const std::shared_ptr<group_handle>& group, const call_policy& options,
                      const method<R(Args...)>& function, Given&&... given) {
    if constexpr (sizeof...(Args) != sizeof...(Given)) {
        static_assert(sizeof...(Args) == sizeof...(Given),
                      "maus: the method has another number of parameters");
    } else {
        static_assert((... && check_argument<std::remove_cvref_t<Args>, Given&&>()));
        return send_call<R, std::remove_cvref_t<Args>...>(
            group, options, function.name(),
            static_cast<const std::remove_cvref_t<Args>&>(given)...);
    }
}
template <class R, class... Given>
called_t<R> send_call_by_name(const std::shared_ptr<group_handle>& group,
                              const call_policy& options, std::string_view name,
                              const Given&... given) {
    static_assert((... && check_travels<sent_as<Given>>()) && check_travels<R>() &&
                  check_dynamic<R, sent_as<Given>...>());
    return send_call<R, sent_as<Given>...>(group, options, name, to_send(given)...);
}

/// A text instead of a method, and no type of the result: some overloads are there only to say so. They
/// give `auto`, so that this is said before what follows from it, and have a number in front, which nobody's
/// type of a result is taken for.
template <class Name>
concept bare_name = std::is_convertible_v<const Name&, std::string_view>;
template <class Name>
constexpr bool check_result_is_told() {
    static_assert(!sizeof(Name),
                  "maus: a call by name needs the type of its result: call<int>(\"add\", 1, 1)");
    return true;
}

[[nodiscard]] inline error no_workers_to_call() {
    return {errc::invalid_argument, "maus::worker_group: it refers to no workers (any more)"};
}

[[nodiscard]] inline error broadcast_to_one() {
    return {errc::invalid_argument, "maus: a broadcast is for all workers; its options name one"};
}

/// Makes calls with one set of options.
class caller {
public:
    caller(std::shared_ptr<group_handle> group, call_policy options)
        : group_(std::move(group)), options_(std::move(options)) {}

    template <class R, class... Args, class... Given>
    called_t<R> call(const method<R(Args...)>& function, Given&&... given) const {
        return send_call(group(), options_, function, std::forward<Given>(given)...);
    }
    template <class R, class... Given>
    called_t<R> call(std::string_view name, Given&&... given) const {
        return send_call_by_name<R>(group(), options_, name, given...);
    }
    template <int = 0, bare_name Name, class... Given>
    auto call(const Name&, const Given&...) const {
        static_assert(check_result_is_told<Name>());
    }
    template <class R, class... Args, std::ranges::viewable_range Inputs>
    [[nodiscard]] auto map(const method<R(Args...)>& function, Inputs&& inputs,
                           map_options how = {}) const {
        return map_over<in_order<R>, sizeof...(Args)>(std::forward<Inputs>(inputs),
                                                      calling(function), how);
    }
    template <class R, class... Args, std::ranges::viewable_range Inputs>
    [[nodiscard]] auto map_unordered(const method<R(Args...)>& function, Inputs&& inputs,
                                     map_options how = {}) const {
        return map_over<as_ready<R>, sizeof...(Args)>(std::forward<Inputs>(inputs),
                                                      calling(function), how);
    }
    template <class R, class... Args, class... Given>
    [[nodiscard]] std::vector<maus::reply<R>> broadcast(const method<R(Args...)>& function,
                                                        const Given&... given) const {
        return on_each<R>([&](const caller& on) { return on.call(function, given...); });
    }
    template <class R, class... Given>
    [[nodiscard]] std::vector<maus::reply<R>> broadcast(std::string_view name,
                                                        const Given&... given) const {
        return on_each<R>([&](const caller& on) { return on.call<R>(name, given...); });
    }
    template <int = 0, bare_name Name, class... Given>
    auto broadcast(const Name&, const Given&...) const {
        static_assert(check_result_is_told<Name>());
    }

private:
    template <class R, class Call>
    [[nodiscard]] std::vector<maus::reply<R>> on_each(Call call) const {
        if (options_.is_addressed()) throw broadcast_to_one();
        caller on(group(), options_);
        on.options_.make_tags().hedge_after = std::chrono::nanoseconds::max();
        std::vector<maus::reply<R>> all;
        for (const auto& each : group()->workers()) {
            on.options_.make_tags().worker = each.text();
            all.push_back({each, call(on)});
        }
        return all;
    }
    template <class Function>
    [[nodiscard]] auto calling(Function function) const {
        return [self = *this, function = std::move(function)]<class... Given>(Given&&... given) {
            return self.call(function, std::forward<Given>(given)...);
        };
    }

    [[nodiscard]] const std::shared_ptr<group_handle>& group() const {
        if (!group_) throw no_workers_to_call();
        return group_;
    }

    std::shared_ptr<group_handle> group_;
    call_policy options_;
};

}  // namespace detail

/// The workers of one request. A call goes to the worker that has the least to do. Movable; when it
/// is destroyed, the workers are released.
class worker_group {
public:
    worker_group() = default;
    explicit worker_group(std::shared_ptr<detail::group_handle> group) : group_(std::move(group)) {}
    worker_group(worker_group&&) noexcept = default;
    worker_group& operator=(worker_group&& other) noexcept {
        if (this != &other) {
            release();
            group_ = std::move(other.group_);
        }
        return *this;
    }
    ~worker_group() { release(); }

    /// Calls a function on one of the workers. Waits only if the group is full (limits::calls_max calls,
    /// or limits::calls_bytes_max bytes of them, are not settled) and call_options::when_full says to
    /// block. A call that is made before the first worker has come waits for it in the manager.
    ///
    /// By method: checked at compile time. By name, as call<int>("add", 1, 1): the C++ types of the
    /// arguments make the signature; text of any kind is a string. If no worker exposes the function,
    /// the call fails with no_such_function; if the function has another signature, with
    /// signature_mismatch. Nothing is sent then. Where one of the two signatures has maus::value, the
    /// manager converts (value.hpp): call<maus::value>("add", maus::arguments{1, 1}) calls the same
    /// function. Throws maus::error: too_large if an argument cannot be encoded, invalid_argument if
    /// this refers to no workers.
    ///
    /// Gives a maus::future<R>; if R is a maus::stream<T>, that (stream.hpp).
    template <class R, class... Args, class... Given>
    detail::called_t<R> call(const method<R(Args...)>& function, Given&&... given) const {
        const auto& to = group();
        return detail::send_call(to, to->calls(), function, std::forward<Given>(given)...);
    }
    template <class R, class... Given>
    detail::called_t<R> call(std::string_view name, Given&&... given) const {
        const auto& to = group();
        return detail::send_call_by_name<R>(to, to->calls(), name, given...);
    }
    template <int = 0, detail::bare_name Name, class... Given>
    auto call(const Name&, const Given&...) const {
        static_assert(detail::check_result_is_told<Name>());
    }
    /// The same with other options: workers.with({.timeout = 1s}).call(add, 1, 1). They replace all
    /// that request::calls said: what is not given is as if nobody had said anything. To change one of
    /// them and keep the others:
    ///
    ///     auto mine = workers.options();
    ///     mine.timeout = 1s;
    ///     workers.with(mine).call(add, 1, 1);
    [[nodiscard]] detail::caller with(const call_options& options) const {
        return {group_, options};
    }
    /// What request::calls said. Throws maus::error (invalid_argument) if this refers to no workers.
    [[nodiscard]] call_options options() const { return group()->calls().options(); }

    /// Calls a function once for each input, with bounded look-ahead (map.hpp): a range of the results
    /// in the order of the inputs, or of {index, value} as they come.
    template <class R, class... Args, std::ranges::viewable_range Inputs>
    [[nodiscard]] auto map(const method<R(Args...)>& function, Inputs&& inputs,
                           map_options how = {}) const {
        return detail::caller(group(), group()->calls())
            .map(function, std::forward<Inputs>(inputs), how);
    }
    template <class R, class... Args, std::ranges::viewable_range Inputs>
    [[nodiscard]] auto map_unordered(const method<R(Args...)>& function, Inputs&& inputs,
                                     map_options how = {}) const {
        return detail::caller(group(), group()->calls())
            .map_unordered(function, std::forward<Inputs>(inputs), how);
    }

    /// Calls a function once on each worker that the group has now, and gives a future for each: what
    /// becomes of one does not touch the others.
    ///
    ///     for (auto& [worker, result] : workers.broadcast(reload, config)) result.wait();
    ///
    /// A worker that goes before it has answered gives worker_lost, and who comes later gets nothing.
    /// Each call is one for a chosen worker (call_options::worker), so it is handed to no other;
    /// hedge_after does not count. Without workers it gives nothing. Errors as those of call().
    template <class R, class... Args, class... Given>
    [[nodiscard]] std::vector<reply<R>> broadcast(const method<R(Args...)>& function,
                                                  const Given&... given) const {
        return detail::caller(group(), group()->calls()).broadcast(function, given...);
    }
    template <class R, class... Given>
    [[nodiscard]] std::vector<reply<R>> broadcast(std::string_view name,
                                                  const Given&... given) const {
        return detail::caller(group(), group()->calls()).template broadcast<R>(name, given...);
    }
    template <int = 0, detail::bare_name Name, class... Given>
    auto broadcast(const Name&, const Given&...) const {
        static_assert(detail::check_result_is_told<Name>());
    }

    /// Which workers there are now, in the order in which they came; for call_options::worker. May
    /// have changed already when it returns.
    [[nodiscard]] std::vector<worker_id> workers() const {
        return group_ ? group_->workers() : std::vector<worker_id>{};
    }
    /// How many workers there are now. May have changed already when it returns.
    [[nodiscard]] std::size_t size() const { return group_ ? group_->size() : 0; }
    /// Waits until there are `count`. False: not in that time, or they are released.
    [[nodiscard]] bool wait_for(std::size_t count, time_span time) const {
        return group_ && group_->wait_for(count, time);
    }
    /// The same as a future, to go on by then() or co_await:
    ///
    ///     workers.ready(2).then([&] { return workers.call(add, 1, 1); });
    ///
    /// It is ready once there are `count` workers, and says nothing about whether they stay. If they are
    /// released first it fails with cancelled, if the manager stops with shutdown; cancel() gives it up.
    /// Callbacks run on the manager's callback thread. (A call needs no such wait: it waits itself.)
    [[nodiscard]] future<void> ready(std::size_t count = 1) const {
        const auto& of = group();
        return future<void>(of->ready(of, count));
    }
    /// Gives the workers back. Calls that are not settled fail with cancelled, and so do later ones.
    /// Idempotent.
    void release() {
        if (group_) group_->release();
    }

private:
    [[nodiscard]] const std::shared_ptr<detail::group_handle>& group() const {
        if (!group_) throw detail::no_workers_to_call();
        return group_;
    }
    std::shared_ptr<detail::group_handle> group_;
};

/// Asks for workers and calls them. Everything that it does by itself, it does on threads of its own, or
/// in process_events().
class manager {
public:
    /// Without an endpoint: manager and workers talk through the parkserver.
    manager() : manager(manager_options{}) {}
    /// Binds the endpoint. Throws maus::error: invalid_argument says why it cannot be bound or
    /// advertised, resource_exhausted what the system does not give.
    // A template, so that manager{{.endpoint = ...}} can only mean the other one.
    template <std::convertible_to<std::string> Endpoint>
    explicit manager(Endpoint endpoint)
        : manager(manager_options{.endpoint = std::move(endpoint)}) {}
    explicit manager(manager_options options);
    manager(const manager&) = delete;
    manager& operator=(const manager&) = delete;
    /// Stops it.
    ~manager();

    /// Uses this parkserver whenever it is up. May be called for several. Does not wait. Throws
    /// maus::error (invalid_argument) if it is no endpoint to connect to.
    void connect_parkserver(std::string endpoint);
    /// Asks for workers. Returns at once; they come when they are free. Throws maus::error
    /// (invalid_argument) if the type is no name, or amount, min and max contradict each other.
    [[nodiscard]] maus::worker_group get_workers(request wanted = {});

    /// What workers can connect() to directly; empty if it has no endpoint.
    [[nodiscard]] std::string endpoint() const;
    /// Includes all calls whose futures are ready, except those that were refused before the manager
    /// took them (overloaded, shutdown).
    [[nodiscard]] manager_metrics metrics() const;
    /// 32 hexadecimal digits, as `maus status` shows them.
    [[nodiscard]] std::string id() const;

    /// Releases all workers; calls that are not settled fail with shutdown. Idempotent. With
    /// manager_options::own_loop it does not wait: that is done when process_events() returns false.
    void stop();

    /// With manager_options::own_loop, for a loop that you have: readable (level-triggered) whenever
    /// process_events() has something to do, heartbeats included. Throws maus::error (invalid_argument)
    /// without own_loop.
    [[nodiscard]] int fd();
    /// Does what there is to do, callbacks included, and returns after some 10 ms at most if no callback
    /// takes longer. False once it has stopped. Inside of one of its own callbacks it runs no others. A
    /// callback that takes longer than heartbeat.interval x heartbeat.liveness costs the manager its
    /// workers. Throws as fd() does.
    bool process_events();

private:
    std::shared_ptr<shell::manager_runtime> runtime_;
};

}  // namespace maus
