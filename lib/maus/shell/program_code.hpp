// What functions that a program gave us throw: it is told and goes no further.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "maus/base/forced_unwind.hpp"
#include "maus/future.hpp"
#include "maus/options.hpp"
#include "maus/shell/exception_text.hpp"

namespace maus::shell {

/// Calls it. Nothing: it did not throw. The end of the thread (pthread_exit) goes on.
template <class Function>
[[nodiscard]] MAUS_CATCHES_FORCED_UNWIND std::optional<exception_text> thrown_by(
    Function function) {
    try {
        function();
        return std::nullopt;
    } catch (const abi::__forced_unwind&) {
        throw;
    } catch (...) {
        return describe(detail::caught());
    }
}

/// What a log function throws cannot be logged.
inline void log_safely(const log_function& to, log_level level, std::string_view text) {
    if (to) (void)thrown_by([&] { to(level, text); });
}

}  // namespace maus::shell
