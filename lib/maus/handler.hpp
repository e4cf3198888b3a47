// What a function of the program becomes: something that decodes a call's arguments, runs the function
// and encodes its result. Not for users.
//
// Functions that a worker exposes (worker.hpp) and callables that a caller passes (function.hpp) are the
// same here: they may take a context first, a responder, or return a future.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "maus/checks.hpp"
#include "maus/context.hpp"
#include "maus/future.hpp"
#include "maus/generator.hpp"
#include "maus/responder.hpp"
#include "maus/wire/signature.hpp"

namespace maus::detail {

class function_calls;

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
    /// What calls the functions among the arguments.
    [[nodiscard]] virtual std::shared_ptr<function_calls> functions() = 0;
    /// Keeps the function that is called alive. Not for what the function itself may have: it would keep
    /// itself.
    [[nodiscard]] virtual std::shared_ptr<const void> function() const = 0;
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
    static_assert(std::is_void_v<R>,
                  "maus: a function that takes a responder returns nothing itself");
    static_assert((... && check_parameter<Args>()));
    using type = typename is_responder<std::remove_cvref_t<Answer>>::value_type(
        std::remove_cvref_t<Args>...);
};

template <class R, class First, class... Args>
requires std::is_same_v<std::remove_cvref_t<First>, context>
struct remote_signature<R, First, Args...> : remote_signature<R, Args...> {
};

/// R(A...) of a function that has just one signature; of others there is none.
template <class F>
struct own_signature {};
template <class R, class... A>
struct signature_is {
    using type = R(A...);
};
template <class F>
requires requires { &F::operator(); }
struct own_signature<F> : own_signature<decltype(&F::operator())> {};
template <class R, class... A>
struct own_signature<R(A...)> : signature_is<R, A...> {};
template <class R, class... A>
struct own_signature<R (*)(A...)> : signature_is<R, A...> {};
template <class R, class... A>
struct own_signature<R (*)(A...) noexcept> : signature_is<R, A...> {};
template <class C, class R, class... A>
struct own_signature<R (C::*)(A...)> : signature_is<R, A...> {};
template <class C, class R, class... A>
struct own_signature<R (C::*)(A...) const> : signature_is<R, A...> {};
template <class C, class R, class... A>
struct own_signature<R (C::*)(A...) noexcept> : signature_is<R, A...> {};
template <class C, class R, class... A>
struct own_signature<R (C::*)(A...) const noexcept> : signature_is<R, A...> {};

template <class Signature>
struct remote_signature_of;
template <class R, class... A>
struct remote_signature_of<R(A...)> : remote_signature<R, A...> {};

/// The remote signature of a function that has just one signature; of others there is none.
template <class F>
struct signature_of {};
template <class F>
requires requires { typename own_signature<F>::type; }
struct signature_of<F> : remote_signature_of<typename own_signature<F>::type> {};

/// Whether a function wants to hand something back through its parameters.
template <class Signature>
inline constexpr bool hands_back = false;
template <class R, class... A>
inline constexpr bool hands_back<R(A...)> = (... || (!comes_first<std::remove_cvref_t<A>>::value &&
                                                     std::is_lvalue_reference_v<A> &&
                                                     !std::is_const_v<std::remove_reference_t<A>>));

/// The method's parameters against those of the function, which has `before` others first.
template <std::size_t before, class... Args, class R, class... Own, std::size_t... at>
constexpr bool check_own_parameters(R (*)(Own...), std::index_sequence<at...>) {
    return (... && check_own_parameter<std::tuple_element_t<before + at, std::tuple<Own...>>,
                                       std::tuple_element_t<at, std::tuple<Args...>>>());
}

template <class R>
base::buffer encoded(const R& value) {
    base::buffer payload;
    wire::encode(payload, value);
    return payload;
}

/// What coroutines may refer to until they have ended: their arguments, and their own closure. The call may
/// be settled and the worker gone before.
template <class Arguments>
struct coroutine_needs {
    Arguments arguments;
    std::shared_ptr<const void> function;
};
/// Starts a coroutine and answers when its future is ready.
template <class R, class F, class Arguments>
void answer_later(invocation& call, F& function, Arguments decoded) {
    const auto needs = std::make_shared<coroutine_needs<Arguments>>(
        coroutine_needs<Arguments>{std::move(decoded), call.function()});
    // By each coroutine that begins meanwhile, and by whatever else gives the result: then() and its like.
    const std::shared_ptr<const void> kept = needs;
    future<R> pending = [&] {
        const coroutine_keeps while_it_begins(kept);
        return std::apply(function, needs->arguments);
    }();
    pending.keep(kept);
    (void)pending.then([answer = call.defer()](future<R> ready) {
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

/// A function among the arguments is called through the call that it came with.
template <class T>
void bind_if_function(T& argument, invocation& call) {
    if constexpr (is_function<T>::value) argument.bind(call.functions());
}

template <class Signature>
struct handler_for;

template <class R, class... Args>
struct handler_for<R(Args...)> {
    template <class F>
    static handler make(F function) {
        if constexpr (is_takable<F>()) {
            static_assert(takes_each_value<F>());
            return handle(std::move(function));
        } else if constexpr (std::is_member_function_pointer_v<F>) {
            static_assert(
                !std::is_member_function_pointer_v<F>,
                "maus: a member function needs its object: expose a lambda that calls it");
        } else if constexpr (hands_back_by<F>()) {
            static_assert(
                !hands_back_by<F>(),
                "maus: a parameter is a value or a const reference: what a function changes in its "
                "parameters stays on its worker; return it instead");
        } else {
            static_assert(is_takable<F>(),
                          "maus: the function does not take the method's parameters");
        }
    }

private:
    // What a function takes before the parameters.
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
    static constexpr bool hands_back_by() {
        if constexpr (requires { typename own_signature<F>::type; }) {
            return hands_back<typename own_signature<F>::type>;
        } else {
            return false;
        }
    }
    /// A lambda with auto parameters, and whatever else has no single signature, takes them as they are.
    template <class F>
    static constexpr bool takes_each_value() {
        if constexpr (!std::is_member_pointer_v<F> &&
                      requires { typename own_signature<F>::type; }) {
            constexpr std::size_t before = front_of<F>() == front::nothing ? 0
                                           : front_of<F>() == front::both  ? 2
                                                                           : 1;
            return check_own_parameters<before, Args...>(
                static_cast<typename own_signature<F>::type*>(nullptr),
                std::index_sequence_for<Args...>{});
        } else {
            return true;
        }
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
            std::apply([&call](Args&... each) { (bind_if_function(each, call), ...); }, arguments);
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

}  // namespace maus::detail
