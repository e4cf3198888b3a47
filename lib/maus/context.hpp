// What a function may know of the call that it runs for, and tell of how far it is.
//
//     worker.expose("render", [](maus::context& call, int frames) {
//         int done = 0;
//         while (done < frames && !call.stop_requested()) {
//             render(done++);
//             call.progress(1.0 * done / frames, "frame " + std::to_string(done));
//         }
//         return done;
//     });
//
// A function takes it as its first parameter, before a responder if it takes one; callers do not see it.
// A function without one finds the same in this_call.hpp.
//
// A callable that came with a call (function.hpp) may take one, too. It is that call's: its deadline, label
// and trace are those that its caller gave, attempt() is the attempt that asks, progress() goes to the same
// on_progress, and the stop token is asked to stop when the call is settled.
//
// A call that is cancelled, or whose deadline passes, is settled for its caller at once. Its function
// is asked to stop by the stop token, and may go on: nobody hears of its result. The same holds when
// its manager is gone or gives the worker back, and when worker::stop() has waited for stop_timeout.
//
// Thread-safety: a context may be copied, kept, and used by any thread, also after the call has ended.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "maus/call_tags.hpp"

namespace maus {

/// Names one attempt at one call. Of two attempts at the same call (same manager and call), the one
/// with the larger `attempt` is the newer: a store that remembers it can refuse a writer that was
/// given up.
struct fence {
    std::string manager;            ///< the manager's id, 32 hexadecimal digits
    std::uint64_t call = 0;         ///< unique within that manager's life
    std::uint32_t attempt = 0;      ///< from 1
    std::string worker;             ///< this worker's id
    std::uint64_t incarnation = 0;  ///< of this worker
    std::uint64_t lease_epoch = 0;  ///< of the parkserver that made the lease; 0 in direct mode
    std::uint64_t lease_sequence = 0;
};

namespace shell {
struct context_state;
}

class context {
public:
    /// For the library.
    explicit context(std::shared_ptr<shell::context_state> of) noexcept : of_(std::move(of)) {}

    /// Asked to stop when nobody waits for the call any more. Its callbacks (std::stop_callback) run on
    /// the I/O thread of the worker (a callable's: of the manager) and keep its heartbeats waiting: they
    /// should only set or wake something.
    /// A worker in a program's own loop (process_events) hears of it when the loop goes on.
    [[nodiscard]] std::stop_token stop_token() const;
    [[nodiscard]] bool stop_requested() const { return stop_token().stop_requested(); }
    /// Until the call's deadline, on this worker's clock; 0 once it has passed, max() if there is none.
    [[nodiscard]] std::chrono::nanoseconds time_left() const;
    /// Counts from 1. More than 1: an earlier attempt may have been executed, wholly or in part.
    [[nodiscard]] std::uint32_t attempt() const { return fence().attempt; }
    [[nodiscard]] const maus::fence& fence() const;
    /// The id of the manager that called, 32 hexadecimal digits.
    [[nodiscard]] const std::string& manager() const { return fence().manager; }
    /// As call_options::label; empty if the caller gave none.
    [[nodiscard]] const call_label& label() const;
    /// As call_options::trace; empty if the caller gave none.
    [[nodiscard]] const trace_context& trace() const;

    /// Tells the caller how far the function is (future::on_progress): a part of 1, or NaN if that is
    /// not known, and a text of limits::text_bytes_max bytes at most (the rest is cut). May be called
    /// as often as one likes: it is sent at most every 20 ms, and what comes between is dropped.
    void progress(double fraction, std::string_view text = {}) const;

    /// For the library.
    [[nodiscard]] const std::shared_ptr<shell::context_state>& share() const noexcept {
        return of_;
    }

private:
    std::shared_ptr<shell::context_state> of_;
};

}  // namespace maus
