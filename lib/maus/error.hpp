// Everything that can go wrong, by name.
//
//     try {
//         int two = workers.call(add, 1, 1).get();
//     } catch (const maus::error& failed) {
//         if (failed.retryable()) later();                  // the same call may succeed then
//         else std::cerr << failed.what() << '\n' << describe(failed.code()) << '\n';
//     }
//
// One enum for the whole library, in three tiers:
//
// - The caller's mistakes: invalid_argument. It is thrown by the very call that is wrong, before
//   anything else has happened. Change the program.
// - What peers and the network do: nearly all others. A call's future throws them. They are
//   expected; a program decides what each means for it.
// - What the system does not give: resource_exhausted. Give more, or use less, and try again.
//
// (The library's own bugs are none of these: an assertion ends the process.)
//
// The numbers are part of the protocol (PROTOCOL.md, "Errors"): never renumber.
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
    /// Not retryable: it would take more workers down.
    poisoned = 1,
    /// An at_most_once call was handed to a worker that was lost before it answered. Not retryable:
    /// it may have been executed.
    maybe_executed = 2,
    /// The call's own deadline passed. Retryable.
    deadline_exceeded = 3,
    /// One attempt took longer than `attempt_timeout`, though its worker was alive. Not retryable: a
    /// function that hangs costs a worker each time.
    attempt_timeout = 4,
    /// No worker was there for longer than the time the caller allows. Retryable.
    no_workers = 5,
    /// The caller cancelled it, or its workers were released while it waited. Not retryable: somebody
    /// wanted it so.
    cancelled = 6,
    /// The function threw. See `remote_type()` and `what()`. Not retryable, as far as the library can
    /// know.
    remote_exception = 7,
    /// No worker of the group exposes a function of that name. Not retryable, nor are the next four.
    no_such_function = 8,
    /// The function exists, with other parameters or another result.
    signature_mismatch = 9,
    /// The worker could not decode the arguments.
    bad_arguments = 10,
    /// The manager could not decode the result.
    bad_result = 11,
    /// A message, name or list is larger than a named limit allows.
    too_large = 12,
    /// A bounded queue is full. Retryable.
    overloaded = 13,
    /// The peer is not allowed to do that. Not retryable, nor are the next three. Reserved: this
    /// version has no authentication.
    auth_failed = 14,
    /// A peer said something that PROTOCOL.md does not allow.
    protocol_violation = 15,
    /// The peer speaks another version of the protocol.
    version_mismatch = 16,
    /// The manager, worker or parkserver is stopping.
    shutdown = 17,
    /// The caller's mistake: a bad endpoint, name, option or order of calls. Not retryable.
    invalid_argument = 18,
    /// The system has no more descriptors, threads or memory. Retryable.
    resource_exhausted = 19,
    /// The peer does not know this kind of message: it is older than this library. Not retryable.
    unimplemented = 20,
    /// The only worker that a call was for (`call_options::worker`) does not serve its group any more.
    /// See `attempts()`: if there is one it was sent, and may have been executed. Not retryable: the
    /// same worker does not come back. Make it again for another one.
    worker_lost = 21,
    /// A worker was lost in the middle of a stream, which could not be begun again. See `delivered()`.
    /// Not retryable: whoever reads has had a part of it. Declare the call replayable if it may be.
    stream_broken = 22,
};

inline constexpr errc errc_first = errc::poisoned;
inline constexpr errc errc_last = errc::stream_broken;

/// The name as written above, for logs and JSON.
[[nodiscard]] std::string_view to_string(errc code) noexcept;
/// One sentence: what it means and what to do about it.
[[nodiscard]] std::string_view describe(errc code) noexcept;

/// Whether the same call may succeed if it is made again later and nothing is changed.
[[nodiscard]] constexpr bool retryable(errc code) noexcept {
    switch (code) {
        case errc::deadline_exceeded:
        case errc::no_workers:
        case errc::overloaded:
        case errc::resource_exhausted: return true;
        default: return false;
    }
}

/// One try at a call that a worker did not finish.
struct attempt_record {
    std::string worker;                ///< the worker's id, 32 hexadecimal digits
    std::chrono::nanoseconds after{};  ///< how long after the call was made the attempt ended
    std::string why;                   ///< why it ended
};

/// What the library throws: at once, or from `future::get()`. Immutable; may be copied between
/// threads.
class error : public std::runtime_error {
public:
    error(errc code, const std::string& message) : std::runtime_error(message), code_(code) {}

    [[nodiscard]] errc code() const noexcept { return code_; }
    /// Whether the same call may succeed if it is made again later and nothing is changed.
    [[nodiscard]] bool retryable() const noexcept { return maus::retryable(code_); }
    /// The function that was called; empty if the error is not about a call.
    [[nodiscard]] const std::string& function() const noexcept { return function_; }
    /// The label of the call (call_options::label); empty if it had none.
    [[nodiscard]] const std::string& label() const noexcept { return label_; }
    /// remote_exception: the type of the exception, as the worker's language spells it.
    [[nodiscard]] const std::string& remote_type() const noexcept { return remote_type_; }
    /// poisoned, maybe_executed, worker_lost: the attempts that were made, oldest first.
    [[nodiscard]] const std::vector<attempt_record>& attempts() const noexcept { return attempts_; }

    /// Of a stream that failed: how many items came before.
    [[nodiscard]] std::uint64_t delivered() const noexcept { return delivered_; }

    error&& about(std::string function) && {
        function_ = std::move(function);
        return std::move(*this);
    }
    error&& labelled(std::string label) && {
        label_ = std::move(label);
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

    error&& delivered_before(std::uint64_t items) && {
        delivered_ = items;
        return std::move(*this);
    }

private:
    errc code_;
    std::string function_;
    std::string label_;
    std::string remote_type_;
    std::vector<attempt_record> attempts_;
    std::uint64_t delivered_ = 0;
};

}  // namespace maus
