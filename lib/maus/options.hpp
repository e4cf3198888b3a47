// What a program may choose. Every value has a default that is good to try things with.
//
//     maus::manager manager({.endpoint = "tcp://127.0.0.1:*", .heartbeat = {500ms, 4}});
//     auto workers = manager.get_workers({.amount = 2, .calls = {.timeout = 10s}});
//     workers.with({.delivery = maus::delivery::at_most_once}).call(charge, card);
//
// Durations are std::chrono's, so each carries its unit. Any may be given, max() included: what is too
// long means "for ever", and a negative one counts as 0 (time_span.hpp). A timeout of 0 has passed at
// once. The structs are plain values.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "maus/call_tags.hpp"
#include "maus/limits.hpp"
#include "maus/log_level.hpp"
#include "maus/time_span.hpp"
#include "maus/worker_id.hpp"

namespace maus {

/// Called from threads of the library, one call at a time for each object. Must not throw.
using log_function = std::function<void(log_level, std::string_view)>;

/// How soon silence is noticed: after interval x liveness, the heartbeat timeout. (A crash is noticed
/// at once: its connection closes.) Two peers agree on the larger of what both ask for. A value
/// outside of its range is moved to the nearer end.
struct heartbeat_options {
    saturated<std::chrono::milliseconds> interval =
        std::chrono::seconds{1};  ///< between two heartbeats; 10 ms to 1 h
    std::uint32_t liveness = 3;   ///< how many may be missed; 2 to 100
};

/// What happens to a call whose worker was lost before it answered.
enum class delivery : std::uint8_t {
    at_least_once,  ///< it goes to another worker; it may be executed more than once
    at_most_once,   ///< it fails with maybe_executed; it is executed once or not at all
};

/// What happens to a call when limits::calls_max calls of its workers, or limits::calls_bytes_max bytes
/// of them, are not settled yet.
enum class when_full : std::uint8_t {
    block,  ///< the caller waits until there is room
    fail,   ///< the call fails with overloaded
};

/// Which of the calls that wait for a worker goes first. Of eight calls one is the oldest of all, so
/// that none waits for ever. What a worker has been sent already, it starts in that order.
enum class priority : std::uint8_t { low, normal, high };

/// How one call is made; for request::calls and worker_group::with(). Those of with() replace all of the
/// group's; worker_group::options() gives the group's, to change some of them. A call that a function or
/// a callable makes inherits what is left of the deadline of its own call, and its trace (this_call.hpp).
struct call_options {
    maus::delivery delivery = maus::delivery::at_least_once;
    maus::when_full when_full = maus::when_full::block;
    /// How many workers may die while they run it before it is poisoned. 0 counts as 1.
    std::uint8_t max_crashes = 3;
    /// From the call to its end; then it fails with deadline_exceeded, and a function that runs for it
    /// is asked to stop. The time that is left travels with the call. The default is: no end.
    time_span timeout = std::chrono::nanoseconds::max();
    /// For one attempt, from when its worker may have started it; then it fails with
    /// attempt_timeout, and the worker is given up, since it may hang. The default is: no end.
    time_span attempt_timeout = std::chrono::nanoseconds::max();
    maus::priority priority = maus::priority::normal;
    /// Of a stream: its function gives the same items each time, so that another worker may go on with it
    /// if its worker is lost (stream.hpp).
    bool replayable = false;
    /// Names the call in its errors, in the manager's log and to its function. Not in `maus status`: a
    /// parkserver hears of no calls.
    call_label label = {};
    trace_context trace = {};  ///< passed on to its function
    /// Cancels all calls that were made with it, once it is asked to stop.
    std::stop_token stop = {};
    /// The only worker that it may go to: one of worker_group::workers(). If that does not serve the
    /// group (any more), or is lost or given back before it answered, the call fails with worker_lost;
    /// it is never handed to another one, whatever its delivery. It takes its turn there by its age
    /// and, among the calls for this worker, by its priority. None, the default: any of the group.
    worker_id worker = {};
    /// When it has been sent for so long and is not answered, a second attempt starts on another
    /// worker, as soon as one has nothing better to do. The first answer counts, be it a result or an
    /// error; the other attempt is cancelled. So at_least_once only, and not with a worker: that is an
    /// invalid_argument. There is one second attempt at most, and none at a call that may have taken a
    /// worker down. The default is: never.
    time_span hedge_after = std::chrono::nanoseconds::max();
};

/// Which workers a manager asks for. The request stands until it is released: a worker that is lost
/// is replaced.
///
///     get_workers({.amount = 2})             exactly two
///     get_workers({.min = 1, .max = 8})      elastic: one at least, up to eight while nobody else waits
///     get_workers()                          elastic: one at least, and all that are there
///
/// An elastic request takes workers that are free, also those that come later. When others wait, it
/// gives some back, down to its fair share and never below its min: those that have nothing to do first,
/// and always between calls, so that no call is lost or runs again. When the others are done it grows
/// again. (A parkserver of an earlier version knows no elastic requests: there one with only the
/// defaults takes what is free when it is served, and any other is exact, for `min`.)
struct request {
    /// How many, exactly; they come when that many are free. 0, the default: min and max say how many.
    /// Together with a max, or a min of 2 or more, it is an invalid_argument.
    std::uint32_t amount = 0;
    /// Elastic: it waits until so many are free, and keeps them. At least 1.
    std::uint32_t min = 1;
    /// Elastic: no more than so many. 0: no bound. Not less than min.
    std::uint32_t max = 0;
    /// Which kind of worker; 1 to limits::name_bytes_max bytes of UTF-8.
    std::string type = "default";
    /// For calls that are not given others by worker_group::with(), which replaces all of them.
    call_options calls = {};
    /// How long calls wait while there is no worker at all; then they fail with no_workers. The
    /// default is: as long as it takes.
    time_span no_workers_timeout = std::chrono::nanoseconds::max();
};

/// What news are about.
enum class event_kind : std::uint8_t {
    worker_joined,    ///< a request has one worker more
    worker_lost,      ///< a worker went without being released
    worker_released,  ///< a worker was given back
    parkserver_back,  ///< the manager is registered there, again or for the first time
    parkserver_lost,  ///< the connection closed, or nothing came for the heartbeat timeout
    /// It cannot be reached, or does not register the manager. It is tried again and again; this is
    /// told at once, and then ever more rarely.
    parkserver_unreachable,
};
[[nodiscard]] constexpr std::string_view to_string(event_kind kind) noexcept {
    switch (kind) {
        case event_kind::worker_joined: return "worker_joined";
        case event_kind::worker_lost: return "worker_lost";
        case event_kind::worker_released: return "worker_released";
        case event_kind::parkserver_back: return "parkserver_back";
        case event_kind::parkserver_lost: return "parkserver_lost";
        case event_kind::parkserver_unreachable: return "parkserver_unreachable";
    }
    return "unknown";
}

/// News about a worker or a parkserver.
struct event {
    event_kind kind;
    std::string name;  ///< the worker's id, or the parkserver's endpoint
    std::string why;   ///< why it was lost, or cannot be reached
};

struct manager_options {
    /// Where workers connect to: tcp://127.0.0.1:8124 (port * for any that is free), tcp://[::1]:*,
    /// ipc:///tmp/m (base/endpoint.hpp). Empty: manager and workers talk through the parkserver.
    std::string endpoint = {};
    /// What workers are given instead of the endpoint, if they reach it by another name.
    std::vector<std::string> advertise = {};
    heartbeat_options heartbeat = {};
    maus::limits limits = {};
    log_function log = {};
    /// Called on the manager's callback thread, or in process_events().
    std::function<void(const event&)> on_event = {};
    /// No threads: the program drives the manager in a loop of its own, by fd() and process_events()
    /// (manager.hpp).
    bool own_loop = false;
    /// Runs the callables that are passed with calls (function.hpp), instead of the manager's own threads.
    /// It is called on the manager's I/O thread and must not keep it waiting: it hands the task to
    /// whatever runs it, once. A task that is dropped answers its callback with remote_exception. A task
    /// may wait for a call whose callable is a task, too. So give each task that waits a thread of its
    /// own, or let none wait (co_await): in a pool of one thread it would wait for ever.
    std::function<void(std::function<void()>)> run_callable = {};
};

/// What the scripts of a worker may take (script.hpp).
struct script_limits {
    /// For one run. One that takes longer fails with resource_exhausted.
    time_span time = std::chrono::seconds{5};
    /// All that scripts keep and use, beside the engine itself. One that takes more fails
    /// with resource_exhausted, or reads of it as a RangeError.
    std::size_t memory_bytes = 256u << 20;
    std::size_t stack_bytes = 4u << 20;  ///< a script that goes deeper gets a RangeError
};

struct worker_options {
    /// Functions that run at a time, each on a thread of its own; at most limits.concurrency_max.
    std::uint32_t concurrency = 1;
    heartbeat_options heartbeat = {};
    maus::limits limits = {};
    /// How long a manager's endpoint is tried before the next one, or the relay.
    time_span link_timeout = std::chrono::seconds{5};
    /// How long stop() waits for functions that run before it says goodbye without their results.
    time_span stop_timeout = std::chrono::seconds{5};
    /// Managers may send source code as arguments, and it is run (script.hpp): in a process of its own,
    /// maus-js, without any rights and within `scripts`. Say so only if whoever reaches this worker may
    /// use its processor. If maus-js is not there, the worker does not start (invalid_argument).
    bool allow_scripts = false;
    script_limits scripts = {};
    /// The program; empty: maus-js beside the worker's own program, or else on the PATH.
    std::string maus_js = {};
    log_function log = {};
};

}  // namespace maus
