// Everything that can go wrong, by name.
//
// One enum for the whole library. Each value names a cause that a person can act on; `describe()`
// says what it means and what to do. The numbers are part of the protocol (PROTOCOL.md, "Errors"):
// never renumber.
#pragma once

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace maus {

enum class errc : std::uint8_t {
    /// The call was running on a worker each time one died, `max_crashes` times. See `attempts()`.
    poisoned = 1,
    /// An at_most_once call was handed to a worker that was lost before it answered.
    maybe_executed = 2,
    /// The call's own deadline passed.
    deadline_exceeded = 3,
    /// One attempt took longer than `attempt_timeout`, though its worker was alive.
    attempt_timeout = 4,
    /// No worker was there for longer than the time the caller allows.
    no_workers = 5,
    /// The caller cancelled it, or its workers were released while it waited.
    cancelled = 6,
    /// The function threw. See `remote_type()` and `what()`.
    remote_exception = 7,
    /// No worker of the group exposes a function of that name.
    no_such_function = 8,
    /// The function exists, with other parameters or another result.
    signature_mismatch = 9,
    /// The worker could not decode the arguments.
    bad_arguments = 10,
    /// The manager could not decode the result.
    bad_result = 11,
    /// A message, name or list is larger than a named limit allows.
    too_large = 12,
    /// A bounded queue is full.
    overloaded = 13,
    /// The peer is not allowed to do that. Reserved: this version has no authentication.
    auth_failed = 14,
    /// A peer said something that PROTOCOL.md does not allow.
    protocol_violation = 15,
    /// The peer speaks another version of the protocol.
    version_mismatch = 16,
    /// The manager, worker or parkserver is stopping.
    shutdown = 17,
    /// The peer does not know what it was asked for: it is older.
    unimplemented = 20,
};

inline constexpr errc errc_first = errc::poisoned;
inline constexpr errc errc_last = errc::unimplemented;

/// The name as written above, for logs and JSON.
[[nodiscard]] std::string_view to_string(errc code) noexcept;
/// One sentence: what it means and what to do about it.
[[nodiscard]] std::string_view describe(errc code) noexcept;

/// One try at a call that a worker did not finish.
struct attempt_record {
    std::string worker;                ///< the worker's id, 32 hexadecimal digits
    std::chrono::nanoseconds after{};  ///< how long after the call was made the attempt ended
    std::string why;                   ///< why it ended
};

/// What `future::get()` throws. Immutable; may be copied between threads.
class error : public std::runtime_error {
public:
    error(errc code, const std::string& message) : std::runtime_error(message), code_(code) {}

    [[nodiscard]] errc code() const noexcept { return code_; }
    /// The function that was called; empty if the error is not about a call.
    [[nodiscard]] const std::string& function() const noexcept { return function_; }
    /// remote_exception: the type of the exception, as the worker's language spells it.
    [[nodiscard]] const std::string& remote_type() const noexcept { return remote_type_; }
    /// poisoned, maybe_executed: the attempts that were made, oldest first.
    [[nodiscard]] const std::vector<attempt_record>& attempts() const noexcept { return attempts_; }

    error&& about(std::string function) && {
        function_ = std::move(function);
        return std::move(*this);
    }
    error&& thrown_as(std::string remote_type) && {
        remote_type_ = std::move(remote_type);
        return std::move(*this);
    }
    error&& after(std::vector<attempt_record> attempts) && {
        attempts_ = std::move(attempts);
        return std::move(*this);
    }

private:
    errc code_;
    std::string function_;
    std::string remote_type_;
    std::vector<attempt_record> attempts_;
};

}  // namespace maus
