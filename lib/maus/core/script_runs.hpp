// The scripts that a worker's functions call, and the process that runs them, one after the other.
//
// the process | event                                        | next     | and
// ------------|----------------------------------------------|----------|----------------------------------
// none        | ask                                          | starting | start
// starting    | ready                                        | up       | what waits is sent, some ahead
// up          | ask, answered                                | up       | the same
// up          | answered, but not what was asked first       | ending   | kill: the first has had a death
// up          | the first has run too long, or its deadline  | ending   | that one is done; kill
// up          | of another link than what waits              | ending   | kill: no lease sees another's
// up, ending  | ended                                        | none     | the first is tried once more, at
//             |                                              |          | the second time it is done; the
//             |                                              |          | others wait again; as `ask`
// starting    | ended                                        | none     | all are done: it cannot be started
// starting    | keep_only, of another link; not started yet  | none     | those of the other are done
// starting, up| keep_only, of another link                   | ending   | those of the other are done; kill
// up          | the deadline of one that was sent ahead      | up       | it is done; its answer is still due
//
// The process answers in order, so the first that is not answered is the one that runs. If the process
// dies, that one is to blame, unless what ran before has left it in a bad state: so it is tried again, as
// the first of a new process. Nothing happens twice by that: a script can reach nothing but its result.
//
// Pure: no process, socket, clock or thread.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "maus/base/buffer.hpp"
#include "maus/base/time.hpp"
#include "maus/core/scripts.hpp"
#include "maus/core/worker.hpp"
#include "maus/wire/script_helper.hpp"

namespace maus::core {

struct script_run {
    std::uint64_t id = 0;
    std::uint64_t link = 0;
    script_pointer script;
    base::buffer arguments;    ///< encoded values
    instant deadline = never;  ///< nobody waits for it after that
    unsigned int deaths = 0;   ///< of processes that ran it
    bool done = false;         ///< and only its answer is still to come
};
struct script_done {
    std::uint64_t id = 0;
    std::variant<job_value, job_fault> outcome;  ///< an encoded value
};

/// In this order.
struct script_effects {
    std::vector<script_done> done;
    base::buffer send;   ///< to the process
    bool kill = false;   ///< the process; its end is told by ended()
    bool start = false;  ///< a new one
};

class script_runs {
public:
    explicit script_runs(duration time_max) : time_max_(time_max) {}

    void ask(script_run&& wanted, instant now, script_effects& out);
    /// One of the process, or nothing: what it said is none.
    void answered(std::optional<wire::helper::answer>&& with, instant now, script_effects& out);
    void ended(const job_fault& why, instant now, script_effects& out);
    /// Nobody waits for those of other links.
    void keep_only(std::uint64_t link, instant now, script_effects& out);
    void advance_to(instant now, script_effects& out);
    [[nodiscard]] instant next_deadline() const;

    /// How many are sent ahead of the one that runs.
    static constexpr std::size_t ahead_max = 64;
    /// Texts that a process is to know.
    static constexpr std::size_t texts_max = 256;

private:
    enum class state : std::uint8_t { none, starting, up, ending };

    void go_on(instant now, script_effects& out);
    void send(script_run& next, script_effects& out);
    [[nodiscard]] std::uint32_t number_of(const script_pointer& text, script_effects& out);
    void kill(script_effects& out);
    static void finish(script_run& one, std::variant<job_value, job_fault> with,
                       script_effects& out);
    void fail_all(const job_fault& why, script_effects& out);
    [[nodiscard]] bool runs_too_long(instant now) const;
    void give_up_late_ones(instant now, script_effects& out);

    duration time_max_;
    state state_ = state::none;
    std::uint64_t link_ = 0;  // whose scripts the process runs
    std::deque<script_run> waiting_;
    std::deque<script_run> sent_;                                  // the first one runs
    instant began_{};                                              // and did so then
    instant soonest_ = never;                                      // no deadline is earlier
    std::deque<std::pair<base::script_id, std::uint32_t>> texts_;  // that the process knows
    std::uint32_t texts_made_ = 0;
};

}  // namespace maus::core
