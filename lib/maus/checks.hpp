// What the compiler says of a parameter, a result or an argument that cannot be: one sentence each,
// before all else that follows from the mistake, with what to write instead.
#pragma once

#include <functional>
#include <initializer_list>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "maus/wire/signature.hpp"

namespace maus {

template <class Signature>
class function;
class context;
template <class R>
class responder;

}  // namespace maus

namespace maus::detail {

template <class T>
struct is_function : std::false_type {};
template <class Signature>
struct is_function<function<Signature>> : std::true_type {};

template <class T>
struct comes_first : std::is_same<T, context> {};
template <class R>
struct comes_first<responder<R>> : std::true_type {};

template <class... Ts>
struct types {};

/// What the standard library's types hold.
template <class T>
struct parts_of {
    using type = types<>;
};
template <class... Ts>
struct parts_are {
    using type = types<Ts...>;
};
template <class E, class A>
struct parts_of<std::vector<E, A>> : parts_are<E> {};
template <class E, class A>
struct parts_of<std::deque<E, A>> : parts_are<E> {};
template <class E, class A>
struct parts_of<std::list<E, A>> : parts_are<E> {};
template <class E, std::size_t N>
struct parts_of<std::array<E, N>> : parts_are<E> {};
template <class K, class C, class A>
struct parts_of<std::set<K, C, A>> : parts_are<K> {};
template <class K, class H, class E, class A>
struct parts_of<std::unordered_set<K, H, E, A>> : parts_are<K> {};
template <class K, class V, class C, class A>
struct parts_of<std::map<K, V, C, A>> : parts_are<K, V> {};
template <class K, class V, class H, class E, class A>
struct parts_of<std::unordered_map<K, V, H, E, A>> : parts_are<K, V> {};
template <class T>
struct parts_of<std::optional<T>> : parts_are<T> {};
template <class A, class B>
struct parts_of<std::pair<A, B>> : parts_are<A, B> {};
template <class... Ts>
struct parts_of<std::tuple<Ts...>> : parts_are<Ts...> {};
template <class... Ts>
struct parts_of<std::variant<Ts...>> : parts_are<Ts...> {};

/// What refers to a value that is elsewhere.
template <class T>
struct is_reference_like : std::is_pointer<T> {};
template <class T>
struct is_reference_like<std::shared_ptr<T>> : std::true_type {};
template <class T>
struct is_reference_like<std::weak_ptr<T>> : std::true_type {};
template <class T, class D>
struct is_reference_like<std::unique_ptr<T, D>> : std::true_type {};
template <class T>
struct is_reference_like<std::reference_wrapper<T>> : std::true_type {};

template <class T>
struct is_std_function : std::false_type {};
template <class Signature>
struct is_std_function<std::function<Signature>> : std::true_type {};

template <class T>
struct is_span : std::false_type {};
template <class T, std::size_t N>
struct is_span<std::span<T, N>> : std::true_type {};

template <class T>
struct is_initializer_list : std::false_type {};
template <class T>
struct is_initializer_list<std::initializer_list<T>> : std::true_type {};

template <class T>
struct is_multi : std::false_type {};
template <class K, class V, class C, class A>
struct is_multi<std::multimap<K, V, C, A>> : std::true_type {};
template <class K, class C, class A>
struct is_multi<std::multiset<K, C, A>> : std::true_type {};
template <class K, class V, class H, class E, class A>
struct is_multi<std::unordered_multimap<K, V, H, E, A>> : std::true_type {};
template <class K, class H, class E, class A>
struct is_multi<std::unordered_multiset<K, H, E, A>> : std::true_type {};

template <class T>
struct is_strange_time : std::false_type {};
template <class Clock, class D>
struct is_strange_time<std::chrono::time_point<Clock, D>>
    : std::bool_constant<!std::is_same_v<Clock, std::chrono::system_clock>> {};

template <class T>
constexpr bool check_travels();

/// Refuses a T that cannot stand inside of a parameter or a result.
template <class T>
constexpr bool check_part() {
    if constexpr (is_function<T>::value) {
        static_assert(!sizeof(T),
                      "maus: a maus::function is a parameter itself, not a part of one");
    } else if constexpr (wire::streamed<T>::value) {
        static_assert(!sizeof(T), "maus: a stream is a result only, not a part of one");
    } else if constexpr (std::is_same_v<T, arguments>) {
        static_assert(!sizeof(T),
                      "maus: maus::arguments is all that a function is called with: use "
                      "std::vector<maus::value>");
    } else {
        return check_travels<T>();
    }
    return true;
}
template <class T, class... Parts>
constexpr bool check_parts(types<Parts...>) {
    if constexpr ((... && check_part<Parts>())) {
        static_assert(wire::transportable<T> || !std::is_default_constructible_v<T>,
                      "maus: a container's elements take a byte at least, and a variant has 255 "
                      "alternatives at most");
    }
    return true;
}

/// Refuses a T that cannot be a parameter or a result. Looks into what std types hold, so that what is said
/// is about the part that is wrong.
template <class T>
constexpr bool check_travels() {
    if constexpr (std::is_void_v<T>) {
        return true;
    } else if constexpr (wire::streamed<T>::value) {  // of a result; see check_parameter
        using item = typename wire::streamed<T>::item;
        static_assert(!std::is_void_v<item> && !wire::streamed<item>::value,
                      "maus: a stream's items are values");
        return check_travels<item>();
    } else if constexpr (std::is_same_v<T, std::wstring_view>) {
        static_assert(!sizeof(T),
                      "maus: a std::wstring_view owns no text and is not the same on every system: "
                      "use std::string (UTF-8)");
    } else if constexpr (wire::detail::string_view_like<T>) {
        static_assert(!sizeof(T), "maus: a std::string_view owns no text: use std::string");
    } else if constexpr (std::is_same_v<T, std::wstring>) {
        static_assert(
            !sizeof(T),
            "maus: a std::wstring is not the same on every system: use std::string (UTF-8)");
    } else if constexpr (wire::detail::path_like<T>) {
        static_assert(!sizeof(T), "maus: a path is text of one system: use std::string");
    } else if constexpr (is_reference_like<T>::value) {
        static_assert(!sizeof(T),
                      "maus: a pointer means nothing in another process: use a value (text: "
                      "std::string; perhaps nothing: std::optional)");
    } else if constexpr (is_span<T>::value) {
        static_assert(!sizeof(T), "maus: a std::span owns nothing: use std::vector");
    } else if constexpr (is_initializer_list<T>::value) {
        static_assert(!sizeof(T), "maus: a std::initializer_list owns nothing: use std::vector");
    } else if constexpr (is_std_function<T>::value) {
        static_assert(!sizeof(T),
                      "maus: a std::function cannot travel: use maus::function, which calls back");
    } else if constexpr (is_multi<T>::value) {
        static_assert(!sizeof(T),
                      "maus: multimap and multiset are not supported: use a map of vectors");
    } else if constexpr (std::is_same_v<T, long double> || std::is_same_v<T, wchar_t>) {
        static_assert(!sizeof(T),
                      "maus: long double and wchar_t have another width elsewhere: use double, "
                      "char16_t or char32_t");
    } else if constexpr (std::is_enum_v<T> && !wire::transportable<T>) {
        static_assert(wire::transportable<T>,
                      "maus: an enum without a fixed underlying type (enum E : int) needs a "
                      "specialisation of maus::enum_range with its min and max");
    } else if constexpr (is_strange_time<T>::value) {
        static_assert(!sizeof(T),
                      "maus: only std::chrono::system_clock means the same in another process");
    } else if constexpr (!std::is_same_v<typename parts_of<T>::type, types<>>) {
        return check_parts<T>(typename parts_of<T>::type{});
    } else if constexpr (!std::is_default_constructible_v<T>) {
        static_assert(std::is_default_constructible_v<T>,
                      "maus: a parameter or result needs a default constructor: it is made first, "
                      "and then decoded into");
    } else {
        static_assert(wire::transportable<T>,
                      "maus: a parameter or result of this type cannot travel: give the type a "
                      "cereal serialize()");
    }
    return true;
}

/// Refuses a parameter that hands something back.
template <class Parameter>
constexpr bool check_parameter() {
    using type = std::remove_cvref_t<Parameter>;
    if constexpr (comes_first<type>::value) {
        static_assert(!comes_first<type>::value,
                      "maus: a maus::context& comes before all parameters, and after it a "
                      "maus::responder");
        return true;
    } else {
        static_assert(
            !std::is_lvalue_reference_v<Parameter> ||
                std::is_const_v<std::remove_reference_t<Parameter>>,
            "maus: a parameter is a value or a const reference: what a function changes in its "
            "parameters stays on its worker; return it instead");
        static_assert(!wire::streamed<type>::value, "maus: a stream is a result only");
        return check_travels<type>();
    }
}

template <class T>
void copy_made(T);
/// Whether a T is made of what is given without the language's narrowing.
template <class T, class Given>
concept made_in_braces = requires(Given given) {
    copy_made<T>({std::forward<Given>(given)});
};

/// Whether each value of From is one of To: as in To{from}, and an int may be a double. From converts.
template <class To, class From>
constexpr bool keeps_each_value() {
    if constexpr (std::is_same_v<To, From> || std::is_same_v<To, value>) {
        return true;
    } else if constexpr (std::is_arithmetic_v<To> && std::is_arithmetic_v<From>) {
        using to = std::numeric_limits<To>;
        using from = std::numeric_limits<From>;
        if constexpr (std::is_same_v<To, bool>) {
            return false;
        } else {
            return (to::is_signed || !from::is_signed) && (!to::is_integer || from::is_integer) &&
                   to::digits >= from::digits && to::max_exponent >= from::max_exponent;
        }
    } else if constexpr (std::is_scalar_v<To>) {
        return made_in_braces<To, From>;
    } else if constexpr (std::is_arithmetic_v<From> || std::is_enum_v<From>) {
        // A type of the program's that is made of a number: its constructor may take a smaller one.
        if constexpr (made_in_braces<To, From>) {
            return true;
        } else if constexpr (std::is_arithmetic_v<From>) {
            return keeps_each_value<double, From>() && made_in_braces<To, double>;
        } else {
            return false;
        }
    } else {
        return true;
    }
}

/// The same for what holds parts that convert one by one.
template <class To, class From>
struct conversion {
    static constexpr bool keeps = keeps_each_value<To, From>();
};
template <class To, class From>
constexpr bool keeps() {
    using from = std::remove_cvref_t<From>;
    if constexpr (std::is_same_v<To, from>) {
        return true;
    } else if constexpr (std::is_convertible_v<From, To>) {
        return conversion<To, from>::keeps;
    } else {
        return true;  // it converts in another way: an operator of From's, or std::nullopt
    }
}
template <class To, class From>
struct conversion<std::optional<To>, From> {
    static constexpr bool keeps = detail::keeps<To, From>();
};
template <class To, class From>
struct conversion<std::optional<To>, std::optional<From>> {
    static constexpr bool keeps = detail::keeps<To, From>();
};
template <class A, class B, class C, class D>
struct conversion<std::pair<A, B>, std::pair<C, D>> {
    static constexpr bool keeps = detail::keeps<A, C>() && detail::keeps<B, D>();
};
template <class A, class B, class C, class D>
struct conversion<std::tuple<A, B>, std::pair<C, D>> {
    static constexpr bool keeps = detail::keeps<A, C>() && detail::keeps<B, D>();
};
template <class... To, class... From>
requires(sizeof...(To) ==
         sizeof...(From)) struct conversion<std::tuple<To...>, std::tuple<From...>> {
    static constexpr bool keeps = (... && detail::keeps<To, From>());
};
template <class To, class From>
struct conversion<std::tuple<To>, From> {
    static constexpr bool keeps = detail::keeps<To, From>();
};
template <class To, class From>
struct conversion<std::tuple<To>, std::tuple<From>> {
    static constexpr bool keeps = detail::keeps<To, From>();
};
template <class... To, class From>
struct conversion<std::variant<To...>, From> {
    static constexpr bool keeps = true;  // the standard library sees to it
};
template <class F, class From>
requires std::is_arithmetic_v<From>
struct conversion<std::complex<F>, From> {
    static constexpr bool keeps = keeps_each_value<F, From>();
};
template <class To, class TP, class From, class FP>
struct conversion<std::chrono::duration<To, TP>, std::chrono::duration<From, FP>> {
    static constexpr bool keeps = std::is_floating_point_v<To> || keeps_each_value<To, From>();
};
template <class Clock, class To, class From>
struct conversion<std::chrono::time_point<Clock, To>, std::chrono::time_point<Clock, From>> {
    static constexpr bool keeps = conversion<To, From>::keeps;
};

/// Refuses maus::arguments beside other parameters, or as a result.
template <class R, class... Args>
constexpr bool check_dynamic() {
    static_assert(!std::is_same_v<R, arguments>, "maus: a result is one value: use maus::value");
    static_assert(
        !is_function<R>::value,
        "maus: a maus::function is a parameter: it cannot be a result, for it lives as long "
        "as the call that it came with");
    static_assert(sizeof...(Args) == 1 || !(... || std::is_same_v<Args, arguments>),
                  "maus: maus::arguments is all that a function is called with: it has no other "
                  "parameter");
    return true;
}

/// Refuses an argument that does not fit its parameter.
template <class Parameter, class Argument>
constexpr bool check_argument() {
    if constexpr (!std::is_convertible_v<Argument, Parameter>) {
        static_assert(std::is_convertible_v<Argument, Parameter>,
                      "maus: an argument does not convert to its parameter");
    } else {
        static_assert(
            keeps<Parameter, Argument>(),
            "maus: an argument may lose its value on the way to its parameter (a double for "
            "an int, an int for an unsigned): give it the parameter's type, or "
            "static_cast it");
    }
    return true;
}

/// Refuses what a function returns for a method with another result.
template <class Result, class Returned>
constexpr bool check_returned() {
    if constexpr (!std::is_void_v<Result>) {
        if constexpr (!std::is_convertible_v<Returned, Result>) {
            static_assert(
                std::is_convertible_v<Returned, Result>,
                "maus: what the function returns does not convert to the method's result");
        } else {
            static_assert(keeps<Result, Returned>(),
                          "maus: what the function returns may lose its value on the way to the "
                          "method's result (a double for an int): let both be of one type, or "
                          "static_cast it");
        }
    }
    return true;
}

/// Refuses a function whose parameter is smaller than the method's.
template <class Own, class Parameter>
constexpr bool check_own_parameter() {
    static_assert(keeps<std::remove_cvref_t<Own>, Parameter>(),
                  "maus: a parameter of the method may lose its value on the way to the function's "
                  "own (a double for an int, a long for an int): let both be of one type");
    return true;
}

}  // namespace maus::detail
