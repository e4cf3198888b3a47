// What must be true of every history (the promise, and the invariants behind it).
//
// The checkers know facts only: neither the machines nor the simulator's own books. Real processes
// (tests/faults) write the same facts, but fewer: see `real`.
//
// I1  a call settles once             I5  starts stay under the cap, at_most_once runs once
// I2  and each one does               I6  everything comes to an end
// I3  its result fits its arguments   I7  tables return to where they began
// I4  no fenced-off result is taken   I8  a lease is one worker's and one manager's
// P-15, P-21, P-23, P-26, P-31, P-33, P-36, P-37, P-42, P-45 as far as a history shows them; counters
// match it (I7).
// P-107: a lease is set up before anything of it starts, and cleared up, once, when nothing of it runs and
// before its worker is free; nobody is blamed for one that was refused.
// P-19: a parkserver that is not reached is tried ever more seldom.
// P-22, P-24, P-76: a parkserver counts for a request whom the words of workers and managers give it, no more
// than peers_max for a manager, and nobody by a lease that its manager has lost.
// P-37: who returns calls is left in peace until it pings, and ever longer.
// P-78, P-79: a newer life takes no place of one that is alive, and nobody without a token one that has one.
// P-94: the worker of a call is told when its caller cancels it, or its time is up.
// P-101: workers that are given back come to an end of it; P-103: between calls, and never below min.
// P-106: a call has two attempts at a time only if it is to be hedged, and never three; whoever was
// slower is cancelled. A call for one worker goes to no other.
// And: each error has its cause, poison harms no innocent call, nothing starts behind a lease's
// end.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "functions.hpp"
#include "history.hpp"
#include "maus/core/outbox.hpp"

namespace maus::sim {

class checkers {
public:
    /// Where a history is from. In a real one nobody saw what was `sent`, so that a start is the
    /// first word of an attempt; a link is known by its lease's place in its worker's life; and two
    /// processes' facts are as exact as a busy machine's clock and scheduler allow.
    enum class source { simulated, real };
    /// `slack` is how late a process may be; `one_at_a_time`: no worker runs two functions at once.
    checkers(duration slack, bool one_at_a_time, source from = source::simulated,
             const limits& bounds = {})
        : slack_(slack),
          one_at_a_time_(one_at_a_time),
          real_(from == source::real),
          bounds_(bounds) {}

    void see(const fact& what);
    /// The history is complete.
    void finish();
    [[nodiscard]] const std::vector<std::string>& failures() const { return failures_; }

    struct tally {
        std::uint64_t calls = 0, results = 0, errors = 0, executions = 0, poisoned = 0,
                      innocent_poisoned = 0;
        void add(const tally& more);
    };
    [[nodiscard]] const tally& counts() const { return counts_; }

private:
    using life_key = std::pair<std::uint32_t, std::uint32_t>;  // process, life
    struct call {
        life_key manager;
        std::uint64_t id = 0;
        function which = function::echo;
        std::uint32_t group = 0;
        bool at_most_once = false;
        bool nested = false;
        std::uint32_t cap = 3;
        std::uint64_t argument = 0;
        instant submitted{};
        instant deadline = never;
        duration attempt_timeout{};
        instant sent_at{};
        duration patience{};          // no_workers_timeout; none: 0
        base::worker_id sent_worker;  // whom the newest attempt went to
        bool cancelled = false;
        bool given_up = false;  // it settled because its caller cancelled it, or its time was up
        bool orphaned = false;  // its manager's process died: nobody waits any more
        std::uint32_t settled = 0;
        std::uint32_t sent = 0;      // the newest attempt
        std::uint64_t sent_as = 0;   // and when, in facts
        std::uint64_t ended_as = 0;  // the newest end, in facts
        std::uint32_t returned = 0;  // the newest attempt that its worker gave back
        std::set<std::uint32_t> started, ended;
        // Of a stream.
        bool replayable = false;
        std::uint64_t items = 0, unread = 0, unread_bytes = 0;  // that came
        instant moved{};       // when an item came or was read last, as its manager sees it
        instant started_at{};  // the newest attempt, in simulated time
        std::uint32_t lost_starts = 0;   // attempts that ran on a worker when it was lost
        std::uint32_t runs_attempt = 0;  // where the newest start was
        base::worker_id runs_at;
        std::uint32_t runs_on = 0;  // and in which process
        struct attempt {            // as far as somebody saw how it was sent
            base::worker_id worker;
            life_key sent_to;
            std::uint64_t sent_as = 0;  // in facts
            instant sent_at{};          // by its manager's clock
            bool ended = false;         // its link is over, or its worker gave it back
            bool cancelled = false;
            std::optional<instant> answered{};  // for good, by its worker
            std::optional<instant> runs{};      // since, in simulated time
        };
        std::vector<attempt> attempts;  // from 1 on
        std::uint32_t hedges = 0;       // those that were sent beside another one
        duration hedge_after{};         // none: 0
        base::worker_id only;           // it is for no other
        instant settled_at{};
        [[nodiscard]] bool is_hedged() const { return hedge_after != duration{}; }
        struct callbacks {
            std::uint32_t asked = 0, ran = 0;
            instant until = never;  // of the last
            instant replied{};      // when its manager was told what the last one says
        };
        std::map<std::uint32_t, callbacks> callbacks_of;  // by attempt
        life_key sent_to;  // the worker's process that said hello on its link
    };
    struct end_of_link {
        base::worker_id worker;
        instant local{};
        bool of_poison = false;
        bool of_detached = false;
        bool refused = false;
    };
    struct hello {
        life_key said_by;
        base::worker_id worker;
        std::uint64_t incarnation = 0;
        base::token token;
        std::size_t concurrency = 0;
    };
    [[nodiscard]] const hello& hello_to(const life_key& manager,
                                        const std::vector<hello>& of_one_stamp) const;
    struct linked {  // a hello that was welcomed, and the calls that its worker was sent since
        hello from;
        std::size_t sent = 0;
        std::size_t slots_back = 0;   // that its worker has answered or detached
        std::size_t nested = 0;       // calls of callables, which go beside the others
        std::size_t asking = 0;       // and those whose functions wait for their callers
        std::size_t answered = 0;     // for good
        std::size_t nested_open = 0;  // calls of callables that it has not answered
        std::size_t held_most = 0;    // at a time
        std::size_t called = 0;       // whose callables run, as its manager knows
        std::size_t waiting = 0;      // functions of its worker, for their caller
        std::size_t waiting_most = 0;
        // Its worker has returned a call, and is to be left in peace until a ping that comes late enough.
        bool rests = false;
        instant rests_since{};  // in simulated time
        instant rests_until{};  // by its manager's clock
        duration next_rest{};
    };
    struct handed {  // an attempt, as it was sent
        std::uint64_t ticket = 0;
        linked* over = nullptr;
        bool slot_back = false;
        bool nested = false;
        bool asks = false;    // its function waits for its caller
        bool called = false;  // and its manager knows
    };
    struct agency {  // one life of a parkserver, as its peers saw it
        struct peer {
            base::worker_id worker;
            base::manager_id manager;
            std::string type;
        };
        struct standing_request {
            base::manager_id manager;
            std::uint32_t number = 0;
            std::string type;
            std::uint32_t amount = 0;
            bool elastic = false;  // and the amount is its min
            std::uint64_t place = 0;
        };
        std::map<std::uint64_t, peer> sessions;                   // by route
        using session = std::pair<std::uint64_t, std::uint64_t>;  // incarnation and route
        std::map<base::worker_id, session> workers;
        std::map<base::manager_id, session> managers;
        std::map<base::token, standing_request> requests;
        std::map<base::manager_id, std::map<base::token, std::uint64_t>> places;  // of old sessions
        std::set<base::token> served;  // it may have somebody
        std::map<base::lease_id, std::vector<peer>> ends;
        std::uint64_t requests_made = 0;
        void forget_requests(const base::manager_id& of);

        // Whom requests have (checkers_tables.cpp).
        struct word {  // whom a worker serves, as it says itself
            bool serves = false;
            base::lease_id lease;
        };
        struct claim {  // what a manager says that it has
            std::uint32_t request = 0;
            base::lease_id lease;
            bool counts = false;
            bool is_old = false;  // of a list in whose place there is a newer one
        };
        struct row {
            std::string state;
            base::lease_id lease;
            base::manager_id manager;
            [[nodiscard]] bool is_lent() const { return state == "leased" || state == "offered"; }
        };
        using claim_key = std::pair<base::manager_id, base::worker_id>;
        std::map<std::uint64_t, word> registers;  // by route: what is said before it is registered
        std::map<base::worker_id, word> words;
        std::map<claim_key, claim> claims;
        std::map<base::worker_id, row> rows;
        std::map<std::pair<base::lease_id, base::worker_id>, base::token> tokens;
        std::map<base::manager_id, std::set<base::lease_id>> lost;
        [[nodiscard]] bool denies(const base::worker_id& of, const base::lease_id& said) const;
        [[nodiscard]] bool believes(const base::worker_id& of, const base::lease_id& said,
                                    bool was_denied) const;
        void weigh(const base::worker_id& of);
        void set_word(const base::worker_id& of, const word& said);
        [[nodiscard]] std::optional<base::token> token_of(const base::manager_id& manager,
                                                          std::uint32_t number) const;
        [[nodiscard]] bool is_lent_to(const base::worker_id& who, const base::token& token) const;
        [[nodiscard]] std::uint32_t serving(const base::manager_id& manager,
                                            std::uint32_t number) const;
    };
    struct standing {         // what a parkserver knows of a worker
        bool free = false;    // it may be
        bool surely = false;  // and nothing that it said can be taken otherwise
        base::lease_id offered;
        base::lease_id newest;  // that was offered, and neither void nor at its end
    };
    struct portion {  // what a parkserver offers one request in one go
        life_key by;
        base::token token;
        instant at{};
        std::uint32_t workers = 0;
        bool is_first = false;  // the request never had anybody
        fact newest;
    };
    struct group_state {
        bool released = false;
        std::uint32_t amount = 0;  // no more than so many; 0: no bound
        std::uint32_t min = 0;     // of an elastic one
        std::set<base::worker_id> workers;
        instant empty_since{};  // it has no workers
        std::size_t open = 0;   // calls that were taken and are not settled
    };
    struct service {  // what a worker's life does
        std::uint64_t link = 0;
        using attempt = std::pair<std::uint64_t, std::uint32_t>;
        using way =
            std::pair<std::uint64_t, base::lease_id>;  // a connection, and a lease if relayed
        std::map<attempt, std::uint64_t> running;      // on which link
        struct task {
            way over;
            bool answered = false;
        };
        std::map<attempt, task> given;
        std::set<way> dismissed;
        std::set<base::manager_id> poisoned_by;  // managers whose poison it started
        bool has_hooks = false;
        enum class setting { none, being_set_up, set_up, being_cleared_up };
        setting is = setting::none;
    };

    void requested(const fact& what);
    void submitted(const fact& what);
    void sent(const fact& what);
    void sent_over(linked& over, const fact& what);
    void heard(const fact& what);
    void sent_beside(const fact& what, call& of, const linked& over);
    [[nodiscard]] static const call::attempt* attempt_of(const call& of, std::uint32_t number);
    [[nodiscard]] static bool is_current(const call& of, std::uint32_t number);
    void end_attempts(const life_key& manager, const fact& what);
    [[nodiscard]] static bool stop_running(call& of, const base::worker_id& at);
    void cancelled(const fact& what);
    void attempt_is_over(const call& of, const call::attempt& which, const fact& what);
    void started(const fact& what);
    void learn_from_start(const fact& what, call& of);
    void ended(const fact& what);
    void got(const fact& what);
    void read(const fact& what);
    void stream_settled(const fact& what, const call& of);
    void settled(const fact& what);
    void settled_well(const fact& what, const call& of);
    void settled_badly(const fact& what, const call& of);
    void blamed_for_no_refusal(const fact& what, const call& of);
    void poisoned(const fact& what, const call& of);
    void innocent(const fact& what, const call& of);
    void left(const fact& what);
    void given_back(const fact& what, const group_state& from);
    void note_change(const fact& what);
    void joined(const fact& what);
    void told(const fact& what);
    void offered(const fact& what);
    void served_in_order(const fact& what);
    void served_at_once(const fact& what);
    void end_portion();
    void enrolled(const fact& what);
    void took_over(const fact& what, const agency::session& older);
    void parted(const fact& what);
    void dialled(const fact& what);
    void asked(const fact& what);
    void unasked(const fact& what);
    void named(const fact& what);
    [[nodiscard]] static std::optional<base::manager_id> manager_at(const agency& at,
                                                                    std::uint64_t link);
    void claims_anew(const fact& what);
    void serves(const fact& what);
    void holds(const fact& what);
    void lost_one(const fact& what);
    void row(const fact& what);
    void has(const fact& what);
    void relayed(const fact& what);
    void given(const fact& what);
    void answered(const fact& what);
    void asks(const fact& what);
    void hears(const fact& what);
    [[nodiscard]] bool all_wait(const call& of);
    [[nodiscard]] bool waits_for_its_reader(const call& of) const;
    void gave(const fact& what);
    [[nodiscard]] bool waited_beside_others(const call& of);
    static void called_no_more(handed& which) {
        if (std::exchange(which.called, false)) --which.over->called;
    }
    /// An attempt at a call, as its worker was sent it; null: nobody saw that.
    [[nodiscard]] handed* handed_as(const call& of, std::uint32_t number);
    void called_back(const fact& what);
    void replied(const fact& what);
    void welcomed(const fact& what);
    void hook_began(const fact& what);
    void hook_ended(const fact& what);
    void freed(const fact& what);
    void died(const fact& what);
    void fail(const char* invariant, const fact& about, const std::string& text);
    void expect(bool right, const char* invariant, const fact& about, const std::string& text) {
        if (!right) fail(invariant, about, text);
    }

    // A real manager's clock stands still while it thinks, so its deadlines may be early by that.
    static constexpr duration early = std::chrono::milliseconds{100};
    duration slack_;
    bool one_at_a_time_;
    bool real_;
    limits bounds_;
    std::uint64_t seen_ = 0;
    std::unordered_map<std::uint64_t, call> calls_;
    struct batch {  // what one manager sends on one link at one instant
        instant at{};
        std::uint64_t link = 0;
        base::lease_id lease;
        std::map<std::pair<std::uint32_t, function>, std::uint64_t> newest;  // small tickets
    };
    std::map<std::uint32_t, batch> batches_;  // by process
    std::map<life_key, std::map<std::uint32_t, group_state>> groups_;
    std::map<std::pair<life_key, std::uint64_t>, standing> standings_;  // at a parkserver, by route
    std::set<base::lease_id> ever_offered_;
    std::map<life_key, agency> agencies_;
    std::set<std::uint32_t> parkservers_, strangers_;  // processes
    struct failures_to_reach {
        std::uint32_t tries = 0;
        instant last{};
    };
    // Of a parkserver's process, since it registered anybody.
    std::map<std::uint32_t, std::map<life_key, failures_to_reach>> unreached_;
    std::optional<portion> portion_;                                    // that is being dealt out
    std::unordered_map<std::uint64_t, std::vector<hello>> hellos_;      // by stamp
    std::map<base::token, std::pair<life_key, std::uint32_t>> wanted_;  // whose group a token is
    std::map<std::tuple<life_key, std::uint64_t, base::lease_id>, linked> links_;  // of managers
    // By whom it was sent to.
    std::map<std::tuple<life_key, std::uint64_t, std::uint32_t>, handed> handed_;
    std::map<std::pair<life_key, base::worker_id>, hello> newest_hello_;
    // When it came again on another link, which may be turned away in the same step.
    std::map<std::pair<life_key, base::worker_id>, instant> replaced_;
    std::set<life_key> clock_stood_;
    std::map<base::worker_id, std::set<std::uint64_t>> running_at_;  // tickets
    std::set<life_key> stopped_managers_;
    // Tickets whose attempts a manager has sent to a worker.
    std::map<std::pair<life_key, base::worker_id>, std::set<std::uint64_t>> sent_at_;
    std::vector<std::pair<fact, std::uint64_t>> worker_lost_;  // and when, in facts
    std::map<std::pair<std::uint32_t, base::worker_id>, std::uint64_t> left_as_;
    std::map<std::pair<std::uint32_t, base::worker_id>, instant> joined_at_;
    std::map<std::uint32_t, std::vector<end_of_link>> lost_;  // by manager's process
    std::map<std::uint32_t, base::worker_id> worker_of_;      // by process
    struct poison_end {
        instant at{};
        bool detached = false;
        std::set<base::manager_id> of;  // whose poison it had started
    };
    std::map<base::worker_id, poison_end> poison_death_;
    std::set<std::pair<base::manager_id, base::worker_id>> given_up_;
    // Real histories only: a worker's newest link that was seen, and the one with which it was given
    // up (0: not any more).
    std::map<base::worker_id, std::uint64_t> link_of_;
    std::map<std::pair<base::manager_id, base::worker_id>, std::uint64_t> gave_up_link_;
    std::map<base::lease_id, std::tuple<std::uint32_t, std::uint32_t, base::manager_id>> leases_;
    std::map<life_key, service> services_;
    std::vector<fact> maybe_executed_;  // calls that failed so; judged when all is known
    // Workers that were given back to be fair, since something came, went or was asked for.
    std::size_t moves_ = 0;
    std::vector<fact> given_back_;  // at_most_once calls that ended cancelled by nobody
    std::vector<fact> innocents_;   // that ended poisoned; judged when all is known
    std::vector<std::string> failures_;
    tally counts_;
};

}  // namespace maus::sim
