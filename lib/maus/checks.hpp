// What the compiler says of a parameter, a result or an argument that cannot be: one sentence each,
// before all else that follows from the mistake, with what to write instead.
#pragma once

#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "maus/wire/signature.hpp"

namespace maus {

template <class Signature>
class function;

}  // namespace maus

namespace maus::detail {

template <class T>
struct is_function : std::false_type {};
template <class Signature>
struct is_function<function<Signature>> : std::true_type {};

template <class T>
concept path_like = requires(const T& path) {
    path.lexically_normal();
    path.native();
};

/// Refuses a T that cannot be a parameter or a result.
template <class T>
constexpr bool check_travels() {
    if constexpr (std::is_void_v<T>) {
        return true;
    } else if constexpr (wire::streamed<T>::value) {  // of a result; see check_parameter
        using item = typename wire::streamed<T>::item;
        static_assert(!std::is_void_v<item> && !wire::streamed<item>::value,
                      "maus: a stream's items are values");
        return check_travels<item>();
    } else if constexpr (std::is_same_v<T, std::string_view>) {
        static_assert(!sizeof(T), "maus: a std::string_view owns no text: use std::string");
    } else if constexpr (std::is_same_v<T, std::wstring>) {
        static_assert(
            !sizeof(T),
            "maus: a std::wstring is not the same on every system: use std::string (UTF-8)");
    } else if constexpr (path_like<T>) {
        static_assert(!sizeof(T), "maus: a path is text of one system: use std::string");
    } else if constexpr (std::is_pointer_v<T>) {
        static_assert(!sizeof(T),
                      "maus: a pointer means nothing in another process: use a value (text: "
                      "std::string; perhaps nothing: std::optional)");
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
    static_assert(
        !std::is_lvalue_reference_v<Parameter> ||
            std::is_const_v<std::remove_reference_t<Parameter>>,
        "maus: a parameter is a value or a const reference: what a function changes in its "
        "parameters stays on its worker; return it instead");
    static_assert(!wire::streamed<std::remove_cvref_t<Parameter>>::value,
                  "maus: a stream is a result only");
    return check_travels<std::remove_cvref_t<Parameter>>();
}

/// Whether each value of From is one of To: as in To{from}, and an int may be a double.
template <class To, class From>
constexpr bool keeps_each_value() {
    if constexpr (std::is_arithmetic_v<To> && std::is_arithmetic_v<From>) {
        using to = std::numeric_limits<To>;
        using from = std::numeric_limits<From>;
        if constexpr (std::is_same_v<To, From>) {
            return true;
        } else if constexpr (std::is_same_v<To, bool>) {
            return false;
        } else {
            return (to::is_signed || !from::is_signed) && (!to::is_integer || from::is_integer) &&
                   to::digits >= from::digits && to::max_exponent >= from::max_exponent;
        }
    } else if constexpr (std::is_scalar_v<To>) {
        return requires(From given) { To{std::forward<From>(given)}; };
    } else {
        return true;
    }
}

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
            keeps_each_value<Parameter, std::remove_cvref_t<Argument>>(),
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
            static_assert(keeps_each_value<Result, std::remove_cvref_t<Returned>>(),
                          "maus: what the function returns may lose its value on the way to the "
                          "method's result (a double for an int): let both be of one type, or "
                          "static_cast it");
        }
    }
    return true;
}

}  // namespace maus::detail
