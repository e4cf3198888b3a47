// What happened, as plain facts. The checkers see these and nothing else.
//
// Each fact also goes into the trace's hash, by which two runs of one seed are compared, and into a
// readable trace if one is wanted.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "clockwork.hpp"
#include "maus/base/id.hpp"
#include "maus/error.hpp"

namespace maus::sim {

struct fact {
    enum class kind : std::uint8_t {
        booted,      ///< a process begins a life
        died,        ///< `text` says of what
        submitted,   ///< a manager's program made a call; `call` unless it was settled at once
        sent,        ///< a manager handed an attempt to its transport
        started,     ///< a worker's function began
        ended,       ///< and is done
        settled,     ///< a call came back to its program
        cancelled,   ///< a manager told a worker that nobody waits for `call` and `attempt`
        progressed,  ///< a program was told how far a call is: `right` if it waits for this one
        got,     ///< a program got item `stamp` of a stream, made by `attempt`, of `amount` bytes
        read,    ///< and has read `amount` items, of `stamp` bytes
        joined,  ///< a manager's program was told of a worker
        left,    ///< and that it is gone
        requested,
        released,
        wanted,     ///< a manager said a request with `token` for its `group`
        offered,    ///< a parkserver said assign to `worker`
        told,       ///< a parkserver heard from `worker` whether it is free: `right`; or the
                    ///< offer `lease` is void
        named,      ///< a parkserver heard that `worker` serves `manager` by `lease`, for `token`
        enrolled,   ///< a parkserver said registered to `worker`, of the type in `text`, or to
                    ///< `manager`; of this `incarnation`
        parted,     ///< a parkserver lost `worker` or `manager`
        asked,      ///< a parkserver heard a request: `token`, `group`, `amount`, a type in `text`
        unasked,    ///< and that it is cancelled
        relayed,    ///< a parkserver passed on what came from `link` for `lease`
        given,      ///< a worker got a call
        answered,   ///< and said what became of it: `right` if that was the last word; `text` says
                    ///< whether it is returned or detached
        gave,       ///< a worker sent items of a stream
        dismissed,  ///< a worker heard goodbye or reject on `link`
        greeted,    ///< a worker said hello: `stamp`, `token`, `incarnation`, `lease`; it runs
                    ///< `amount` calls at a time
        welcomed,   ///< a manager answered the hello with this `stamp`
        stuck,      ///< something should have come to an end and did not; `text` says what
        count,  ///< a table or counter at the end: `text` has `ticket` where there should be `call`
        note,   ///< for the reader of a trace
        hooked,       ///< a worker has hooks: each lease is set up and cleared up
        hook_began,   ///< one of them; `text` says which
        hook_ended,   ///< `right`: the lease was not refused
        freed,        ///< a worker said that it is free
        asks,         ///< a worker's function calls back, for the `argument`
        hears,        ///< and goes on: `right` if that is what the callable says, or a refusal
        called_back,  ///< a callable ran: `right` if its program waits for the call
        replied,      ///< and its manager was told what it says
        dialled,      ///< a process connects to the process `amount`
        serves,       ///< a parkserver heard from `worker` that it serves somebody, by `lease`, or
                      ///< nobody: `right` tells which
        holds,        ///< a parkserver heard that the request `group` has `worker`, by `lease`
        lost,         ///< a parkserver heard that the request `group` lost `worker`, with `lease`
        row,          ///< a parkserver's table: `worker` is as `text` says, by `lease`
        has,          ///< a parkserver's table: the request `group` has `amount` workers
        heard,  ///< a manager heard on `link` that an attempt is "returned" or "answered", or, where
                ///< any was returned, a "ping"
    };
    kind what{};
    std::uint32_t process = 0;
    std::uint32_t life = 0;
    std::uint64_t ticket = 0;
    std::uint64_t call = 0;
    std::uint32_t attempt = 0;
    std::uint32_t function = 0;
    std::uint32_t group = 0;
    bool at_most_once = false;
    bool large = false;       ///< sent: its payload has a frame of its own
    bool replayable = false;  ///< submitted: a stream that may begin again
    std::uint32_t max_crashes = 0;
    /// Where the function ran.
    std::uint32_t worker_process = 0;
    std::uint32_t worker_life = 0;
    std::uint64_t link = 0;
    base::worker_id worker;
    base::manager_id manager;
    base::lease_id lease;
    base::token token;
    std::uint64_t incarnation = 0;
    std::uint64_t stamp = 0;
    std::uint32_t amount = 0;  ///< of an elastic request: its min
    bool nested = false;       ///< submitted: by a callable
    bool elastic = false;      ///< requested, asked: it has a min and
    std::uint32_t most = 0;    ///< a max; 0: no bound
    std::uint64_t argument = 0;
    bool right = true;  ///< settled: the result fits the arguments
    std::optional<errc> error;
    std::vector<attempt_record> attempts;
    instant local{};  ///< the time as the process sees it
    instant deadline = never;
    duration attempt_timeout{};  ///< none: 0
    duration hedge_after{};      ///< submitted; none: 0. Its `worker` is the only one it is for
    duration patience{};         ///< submitted: its group's no_workers_timeout; none: 0
    instant silent_at = never;   ///< sent: when the worker is given up if nothing more is heard
    std::string text;

    instant at{};  // filled in by the history
};

[[nodiscard]] std::string_view to_string(fact::kind what);
[[nodiscard]] std::string describe(const fact& what);

class history {
public:
    using witness = std::function<void(const fact&)>;

    history(const clockwork& time, witness check, bool trace)
        : time_(time), check_(std::move(check)), trace_(trace) {}

    void add(fact what);
    /// Folds something into the hash that is no fact: which message came when.
    void mix(std::uint64_t value) {
        hash_ = (hash_ ^ value) * 0x9E3779B97F4A7C15u;
        hash_ ^= hash_ >> 29;
    }
    /// A line for the reader; does nothing unless a trace is wanted.
    void say(const std::string& text);
    [[nodiscard]] bool traced() const { return trace_; }
    [[nodiscard]] std::uint64_t hash() const { return hash_; }

private:
    const clockwork& time_;
    witness check_;
    bool trace_;
    std::uint64_t hash_ = 0xCBF29CE484222325u;
};

}  // namespace maus::sim
