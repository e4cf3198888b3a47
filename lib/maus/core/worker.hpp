// The worker: registers, takes offers, serves one manager at a time, and is its own authority on
// whether it is free.
//
// state    | event                                    | next     | says
// ---------|------------------------------------------|----------|------------------------------
// free     | assign                                   | linking  | accepted; occupied to the others
// free     | direct manager to try                    | linking  |
// linking  | link up                                  | linking  | hello
// linking  | welcome                                  | serving  | ping
// linking  | welcome, and the program has hooks       | preparing | ping (sets up: on_lease)
// linking  | down, link_timeout, any other answer     | linking  | (next endpoint, or the relay)
// linking  | the same, and nothing is left to try     | draining | (and rests, ever longer)
// linking  | reject by the manager of the lease       | draining | (and rests for a moment)
// linking  | lease_ended                              | draining |
// preparing | call                                    | preparing | (keeps it)
// preparing | on_lease has ended                      | serving  | (executes what it kept)
// preparing | on_lease refuses                        | draining | returned, goodbye (and rests, ever longer)
// preparing | goodbye, link down, lease run out       | draining |
// serving  | call                                     | serving  | (executes)
// serving  | function done                            | serving  | result, failed, returned
// serving  | function tells its progress              | serving  | progress
// serving  | function gives items                     | serving  | item
// serving  | more                                     | serving  | (goes on with its function)
// serving  | function calls back                      | serving  | callback, within callbacks_max
// serving  | callback_result, callback_failed         | serving  | (its function goes on)
// serving  | a record of an unknown type               | serving  | unimplemented, below 128
// serving  | goodbye, link down, lease run out        | draining |
// serving  | lease_ended, by a link of its own       | serving  | occupied to who said it
// draining | nothing runs any more, and it was set up | draining | (clears up: on_release)
// draining | nothing runs any more, rested            | free     | available to all
// not free | assign                                   | same     | refused
// any      | stop                                     | leaving  | returned for what did not start
// leaving  | nothing runs any more, and it was set up | leaving  | (clears up: on_release)
// leaving  | nothing runs any more, or time is up     | stopped  | goodbye to all
//
// A worker is set up for a lease, or cleared up after it, while no function of the lease runs; what it is
// called meanwhile waits here ([P-107]). Both run while heartbeats go on, and count as running.
//
// In direct mode the one address is tried again and again, with rests. Whoever answers at an address may
// be somebody else than the manager of the lease: addresses are used again, and containers share them.
//
// Pure: no socket, clock, thread or global random. What functions do is the executor's business;
// the machine hands it jobs and is told what became of each, exactly once.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "maus/core/backoff.hpp"
#include "maus/core/callbacks.hpp"
#include "maus/core/parkserver_sessions.hpp"
#include "maus/core/scripts.hpp"
#include "maus/core/transfers.hpp"
#include "maus/wire/feature.hpp"
#include "maus/wire/functions.hpp"
#include "maus/wire/streams.hpp"

namespace maus::core {

struct worker_config {
    base::worker_id id;
    base::incarnation incarnation;
    std::string type = "default";
    std::vector<std::string> signatures;  ///< in the order of wire/functions.hpp
    std::uint32_t concurrency = 1;
    heartbeat beat;
    duration link_timeout = std::chrono::seconds{5};
    std::string host;
    std::uint32_t pid = 0;
    std::vector<std::string> parkservers;
    std::string manager;     ///< direct mode: the one manager's endpoint; else empty
    bool has_hooks = false;  ///< each lease is set up before its first call, and cleared up
    base::settings settings{{}, wire::own_features()};
    std::uint64_t seed = 0;
};

/// One call for the executor. Jobs are started in order, and only while `startable(job.link)`.
struct job {
    job() {}  // see submission

    std::uint64_t link = 0;
    wire::attempt attempt;
    std::uint16_t function = 0;
    bool at_most_once = false;
    bool nested = false;   ///< a callable waits for it, for which another job here waits
    bool resumes = false;  ///< the executor's: a stream that has credit again
    base::lease_id lease;
    base::manager_id manager;
    base::buffer payload;
    std::unique_ptr<base::buffer> extensions;  ///< of the call, encoded and checked; mostly none
    instant deadline = never;                  ///< of the call; nobody waits for it after that
    /// What it may refer to; null if its function takes no functions, or the link has no scripts.
    std::shared_ptr<const known_scripts> scripts;
};

/// What became of a job.
struct job_returned {};  ///< it was not started
struct job_value {
    base::buffer payload;
};
struct job_fault {
    errc code = errc::remote_exception;
    std::string type;
    std::string text;
};
struct job_done {
    std::uint64_t link = 0;
    wire::attempt attempt;
    bool was_detached = false;
    std::variant<job_returned, job_value, job_fault> outcome;
};
/// The function gave its slot back and will be done later.
struct job_detached {
    std::uint64_t link = 0;
    wire::attempt attempt;
};
/// An at_most_once job is about to run.
struct job_started {
    std::uint64_t link = 0;
    wire::attempt attempt;
};
/// Items of a job that gives some (wire/streams.hpp), within its credit.
struct job_items {
    std::uint64_t link = 0;
    wire::attempt attempt;
    std::uint32_t count = 0;
    base::buffer payload;
};
/// How far a job is that runs.
struct job_progress {
    std::uint64_t link = 0;
    wire::attempt attempt;
    wire::progress how_far;
};
/// One of the program's hooks, for the executor. There is one at a time, and no job that holds a slot.
struct lease_hook {
    enum class kind : std::uint8_t {
        set_up,    ///< on_lease
        clear_up,  ///< on_release: once for each that was set up
    };
    kind what{};
    base::lease_id lease;
    base::manager_id manager;
    std::string parkserver;  ///< the endpoint of the one that made the lease; none in direct mode
};
/// The hook has ended.
struct hook_done {
    std::optional<std::string> refused;  ///< set_up: why the program does not want this lease
};
/// What became of a callback. Told once of each, but not of those whose link has ended.
struct callback_done {
    std::uint64_t id = 0;
    std::variant<job_value, job_fault> outcome;
};
/// Leave: answer what runs, return what does not, until `by` at the latest.
struct stop_worker {
    instant by;
};

struct worker_effects {
    explicit worker_effects(const base::settings& settings) : net(settings) {}
    outbox net;
    std::vector<job> execute;
    /// Jobs of the present link that need not be started any more; those that run are asked to stop.
    std::vector<wire::attempt> cancel;
    std::optional<lease_hook> hook;
    /// Credit for jobs of the present link that give items.
    std::vector<wire::more> more;
    std::vector<callback_done> called_back;
};

struct worker_counters {
    std::uint64_t calls = 0;
    std::uint64_t answers = 0;
    std::uint64_t answers_dropped = 0;  ///< done after their link had ended
    std::uint64_t leases = 0;
    std::uint64_t violations = 0;
    std::uint64_t unimplemented = 0;  ///< peers said that they did not know something
};

class worker {
public:
    enum class state : std::uint8_t {
        free,
        linking,
        preparing,
        serving,
        draining,
        leaving,
        stopped
    };

    worker(worker_config config, instant now);
    worker(const worker&) = delete;
    worker& operator=(const worker&) = delete;

    void on(up event, instant now, worker_effects& out);
    void on(received event, instant now, worker_effects& out);
    void on(down event, instant now, worker_effects& out);
    void on(job_done&& event, instant now, worker_effects& out);
    void on(job_detached event, instant now, worker_effects& out);
    void on(job_started event, instant now, worker_effects& out);
    void on(job_items&& event, instant now, worker_effects& out);
    void on(const job_progress& event, instant now, worker_effects& out);
    void on(hook_done event, instant now, worker_effects& out);
    void on(job_callback&& event, instant now, worker_effects& out);
    void on(stop_worker event, instant now, worker_effects& out);
    void advance_to(instant now, worker_effects& out);
    [[nodiscard]] instant next_deadline() const;

    [[nodiscard]] state now_in() const { return state_; }
    /// Jobs of this link may be started, until `lease_until`. 0: none may.
    [[nodiscard]] std::uint64_t startable() const {
        return state_ == state::serving ? link_serial_ : 0;
    }
    /// Answers of jobs of this link find somebody. 0: those of none do.
    [[nodiscard]] std::uint64_t answerable() const {
        return state_ == state::serving || leaving_with_link_ ? link_serial_ : 0;
    }
    [[nodiscard]] instant lease_until() const { return lease_until_; }
    [[nodiscard]] const worker_counters& counters() const { return counters_; }
    /// How many parkservers it is registered with.
    [[nodiscard]] std::size_t registrations() const { return parkservers_.registrations(); }
    [[nodiscard]] const worker_config& config() const { return config_; }
    /// What both ends of the present link can do, from its welcome on.
    [[nodiscard]] const wire::feature_set& features_of_link() const { return lease_.features; }

private:
    // The lease in use and its link. Void while free.
    struct lease {
        wire::service serving;
        std::vector<std::string> endpoints;  // yet to be tried, last first
        std::string parkserver;  // the endpoint of the one that offered it; none in direct mode
        link_address link;
        bool linked_by_relay = false;
        base::manager_id rejected_by;  // who says that it rejects; none: it does not say
        // Of the link, from its welcome on.
        wire::feature_set features;
        wire::peer_limits limits;          // of the manager
        wire::payload_limit results;       // the manager's, or the relay's
        std::unique_ptr<transfers> large;  // none: the manager lacks the feature
        std::unique_ptr<callbacks> asked;  // the same
        // None: the worker runs none, or the manager sends none. Jobs share it, so a new text makes a new one.
        std::shared_ptr<const known_scripts> scripts;
        bool manager_is_older = false;
        bool lacks_streams = false;  // so that no call has to look through the features
        // Streams of which items wait to be sent: how many records, and what comes after them.
        struct unsent_items {
            std::size_t records = 0;
            std::optional<job_done> end;
            std::optional<job_fault> instead;  // of the end: an item was too large
        };
        std::map<wire::attempt, unsent_items> streams;
    };

    void from_parkserver(parkserver_session& from, received& event, instant now,
                         worker_effects& out);
    void handle(parkserver_session& from, const wire::assign& offer, instant now,
                worker_effects& out);
    void handle(parkserver_session& from, const wire::control& message, instant now,
                worker_effects& out);
    void send_registration(parkserver_session& to, worker_effects& out);
    void registered(parkserver_session& with, worker_effects& out);
    void lease_ended(parkserver_session& by, const wire::lease_ended& message, instant now,
                     worker_effects& out);
    [[nodiscard]] bool is_free() const;
    void tell_state(parkserver_session& at, worker_effects& out, base::lease_id ended = {});
    void parkserver_lost(const session_lost& lost, instant now, worker_effects& out);

    void try_link(instant now, worker_effects& out);
    void address_failed(bool close_it, std::string_view why, instant now, worker_effects& out);
    void rejected(const wire::parting& answer, instant now, worker_effects& out);
    [[nodiscard]] std::optional<base::failure> unfit(const wire::message& message) const;
    void say_hello(instant now, worker_effects& out);
    void from_manager(wire::message& message, instant now, worker_effects& out);
    bool handle(const wire::record& record, instant now, worker_effects& out);
    void welcomed(const wire::welcome& answer, instant now, worker_effects& out);
    void ping_manager(instant now, worker_effects& out);
    [[nodiscard]] bool taken(const wire::record& record, instant now, worker_effects& out);
    bool gets_more(const wire::record& record, worker_effects& out);
    void keep_more(const wire::more& more);
    [[nodiscard]] bool gives_items(std::uint16_t function) const;
    void send_items(job_items&& some, instant now, worker_effects& out);
    void send_what_fits(job_items&& some, instant now, worker_effects& out);
    [[nodiscard]] bool holds_end(job_done& event);
    /// Of what waits behind other large payloads.
    [[nodiscard]] std::size_t unsent_answers() const;
    void items_sent(wire::attempt of, worker_effects& out);
    bool called(const wire::record& record, instant now, worker_effects& out);
    [[nodiscard]] std::optional<base::failure> told(const wire::record& record);
    void unknown(wire::record_type type, worker_effects& out);
    void manager_lacks(std::uint8_t type, worker_effects& out);
    inline void answer(wire::attempt of, base::buffer&& result, instant now, worker_effects& out);
    void answer_without_value(const job_done& event, worker_effects& out);
    void answer_large(wire::attempt of, base::buffer&& result, instant now, worker_effects& out);
    void pump_large(instant now, worker_effects& out);
    [[nodiscard]] wire::fault result_too_large(std::size_t bytes) const;
    [[nodiscard]] bool take_extensions(job& of, instant now) const;
    [[nodiscard]] bool has_room_for(const job& one) const;
    [[nodiscard]] bool called_back(const wire::record& record, instant now, worker_effects& out);
    void ask(job_callback&& event, instant now, worker_effects& out);
    void ask_next(instant now, worker_effects& out);
    void violation(const base::failure& why, instant now, worker_effects& out);
    void end_link(bool close_it, std::string_view why, instant now, worker_effects& out);
    void settle_down(instant now, worker_effects& out);
    void set_up(worker_effects& out);
    /// True: it is being cleared up, or set up still, and is not to be free before that has ended.
    [[nodiscard]] bool clears_up(worker_effects& out);
    void refuse_lease(const std::string& why, instant now, worker_effects& out);
    void hand_out_kept(worker_effects& out);
    [[nodiscard]] lease_hook hook_of_lease(lease_hook::kind kind) const;
    void say_goodbye(instant now, worker_effects& out);
    [[nodiscard]] bool renew_lease(std::uint64_t stamp, instant now);
    [[nodiscard]] bool is_direct() const { return !config_.manager.empty(); }
    [[nodiscard]] bool all_sent() const {
        return !leaving_with_link_ || !lease_.large || lease_.large->unsent() == 0;
    }
    [[nodiscard]] bool is_welcomed() const {
        return state_ == state::preparing || state_ == state::serving;
    }
    [[nodiscard]] bool has_link() const {
        return state_ == state::linking || is_welcomed() || leaving_with_link_;
    }

    worker_config config_;
    base::random random_;
    route_numbers routes_;
    parkserver_sessions parkservers_;
    state state_ = state::free;
    lease lease_;
    std::uint64_t link_serial_ = 0;
    heartbeat link_beat_;
    bool hello_said_ = false;
    bool leaving_with_link_ = false;
    std::size_t result_bytes_max_ = 0;  // what both ends of the link allow
    std::string link_endpoint_;         // linking: what is tried
    instant link_deadline_ = never;     // linking: give this endpoint up
    instant lease_until_{};
    instant ping_at_ = never;
    instant leave_by_ = never;
    backoff outage_;    // of managers: how long to rest when none answers
    backoff refusals_;  // of leases, by the program: how long to rest after the next one
    enum class setting : std::uint8_t { none, being_set_up, set_up, being_cleared_up };
    setting setting_ = setting::none;
    std::vector<job> kept_;                          // preparing: what came meanwhile
    std::vector<wire::attempt> kept_cancels_;        // of those
    std::map<wire::attempt, wire::more> kept_more_;  // the same
    instant welcomed_at_{};
    instant rested_at_{};         // draining: not free before
    std::size_t slots_held_ = 0;  // jobs that run or wait to
    std::size_t detached_ = 0;
    std::size_t detached_here_ = 0;        // of the present link
    std::set<wire::attempt> nested_here_;  // jobs of the present link that callables wait for
    std::vector<bool> streams_;  // of each function, whether it gives items; none: no one does
    std::vector<bool> takes_functions_;  // the same: whether it takes functions
    worker_counters counters_;
};

[[nodiscard]] std::string_view to_string(worker::state state);

}  // namespace maus::core
