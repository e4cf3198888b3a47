// What an operation on foreign input gives: a value or a named failure.
//
// Peers' mistakes are values, never exceptions: they are expected, counted and answered. Exceptions
// exist only at the edge to the user's code.
#pragma once

#include <cassert>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "maus/error.hpp"

namespace maus::base {

struct failure {
    errc code;
    std::string message;
};

template <class T>
class [[nodiscard]] result {
public:
    result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    result(failure why) : state_(std::in_place_index<1>, std::move(why)) {}

    [[nodiscard]] bool ok() const noexcept { return state_.index() == 0; }
    explicit operator bool() const noexcept { return ok(); }

    [[nodiscard]] T& value() & { return *std::get_if<0>(&state_); }
    [[nodiscard]] const T& value() const& { return *std::get_if<0>(&state_); }
    [[nodiscard]] T&& value() && { return std::move(*std::get_if<0>(&state_)); }
    [[nodiscard]] const failure& why() const& { return *std::get_if<1>(&state_); }
    [[nodiscard]] failure&& why() && { return std::move(*std::get_if<1>(&state_)); }

private:
    std::variant<T, failure> state_;
};

}  // namespace maus::base
