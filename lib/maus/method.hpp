// A function's name and signature, shared by those who expose it and those who call it:
//
//     inline constexpr maus::method<int(int, int)> add{"add"};
//
//     worker.expose(add, [](int x, int y) { return x + y; });
//     maus::future<int> sum = workers.call(add, 1, 1);      // checked when it is compiled
//
// Parameters and results are values: numbers, bool, strings, vectors, maps, optionals, tuples,
// variants, std::chrono times, and every type with a cereal `serialize`. void is a result too. Large
// blocks of bytes: maus::bytes (bytes.hpp). What is known only when the program runs: maus::value
// (value.hpp). A result may be a maus::stream: any number of values, one after the other (stream.hpp).
#pragma once

#include <string>
#include <string_view>
#include <type_traits>

#include "maus/checks.hpp"
#include "maus/wire/signature.hpp"

namespace maus {

template <class Signature>
class method;

template <class R, class... Args>
class method<R(Args...)> {
    static_assert(!std::is_reference_v<R>, "maus: a method's result is a value");
    static_assert((... && detail::check_parameter<Args>()));
    static_assert(detail::check_travels<std::remove_cvref_t<R>>());
    static_assert(detail::check_dynamic<std::remove_cvref_t<R>, std::remove_cvref_t<Args>...>());

public:
    using result_type = R;

    /// `name`: 1 to 128 bytes, no blanks or parentheses; must outlive the method (a literal).
    explicit constexpr method(const char* name) noexcept : name_(name) {}

    [[nodiscard]] constexpr std::string_view name() const noexcept { return name_; }
    [[nodiscard]] std::string signature() const {
        return wire::signature<R, std::remove_cvref_t<Args>...>(name_);
    }

private:
    const char* name_;
};

}  // namespace maus
