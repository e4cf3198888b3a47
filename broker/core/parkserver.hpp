// The parkserver: an employment agency. It knows workers and managers, brings them together, and
// notices who is gone. What it knows is a picture of what they last told it ([P-1]).
//
// its picture of one worker
//
// state      | event                           | next            | says
// -----------|---------------------------------|-----------------|-----------------------------
// (unknown)  | register, free                  | available       | registered
// (unknown)  | register, serving               | leased, adopted; or occupied (*) | registered
// (unknown)  | register, neither               | occupied        | registered
// available  | a request takes it                 | offered         | assign
// offered    | accepted                        | leased          | granted
// offered    | refused, offer void             | occupied        | lease_ended if void
// offered    | available, occupied             | offered         | (it had not heard of the offer)
// otherwise  | occupied                        | leased, adopted; or occupied (*) |
// leased     | worker_lost, manager lost       | occupied        | lease_ended
// any        | available                       | available       | lease_ended to its manager
// any        | session lost, goodbye           | (unknown)       | lease_ended to its manager
//
// (*) if its manager told that this lease is lost
//
// Requests of one type are served in the order in which they came ([P-23]); each request counts the
// workers that it has from here and those that its manager says it has ([P-22]).
//
// elastic request | event                                  | next      | says
// ----------------|----------------------------------------|-----------|---------------------------
// waiting         | its min are free                       | satisfied | assign, so often
// satisfied       | it has less than its share             | satisfied | assign; first that it is not bound
// satisfied       | it has more than its share             | satisfied | fair_share: its manager gives back
// satisfied       | it has less than its min               | satisfied, and waits | assign, one by one
//
// Shares (shares.hpp) are made anew whenever workers or requests of a type come or go, of what is
// left when those that wait have what they lack ([P-101]).
//
// Pure: no socket, clock, thread or global random. Containers that are iterated are ordered.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/core/claims.hpp"
#include "broker/core/shares.hpp"
#include "maus/base/shared_buffer.hpp"
#include "maus/core/heartbeat.hpp"
#include "maus/core/outbox.hpp"
#include "maus/core/put_off.hpp"
#include "maus/core/timer_heap.hpp"
#include "maus/wire/control.hpp"
#include "maus/wire/elastic.hpp"
#include "maus/wire/feature.hpp"
#include "maus/wire/request_label.hpp"

namespace maus::broker {

using base::duration;
using base::instant;
using base::lease_id;
using base::manager_id;
using base::request_id;
using base::route;
using base::worker_id;

struct parkserver_config {
    base::parkserver_id id;
    std::uint64_t epoch = 1;
    core::heartbeat beat{10, 2};  ///< its own; larger ones of peers prevail
    base::settings settings{{}, wire::own_features()};
    std::string version;
    bool logs = true;  ///< somebody reads what it notes
};

struct parkserver_counters {
    std::uint64_t registrations = 0;
    std::uint64_t grants = 0;
    std::uint64_t workers_lost = 0;
    std::uint64_t managers_lost = 0;
    std::uint64_t relayed = 0;
    std::uint64_t violations = 0;
    std::uint64_t unimplemented = 0;  ///< peers said that they did not know something
};

class parkserver {
public:
    parkserver(parkserver_config config, instant now);
    parkserver(const parkserver&) = delete;
    parkserver& operator=(const parkserver&) = delete;

    void on(core::received event, instant now, core::outbox& out);
    void on(const core::down& event, instant now, core::outbox& out);
    /// Tells every peer goodbye.
    void stop(core::outbox& out);
    void advance_to(instant now, core::outbox& out);
    /// When advance_to() has something to do; in the past if somebody is to be served.
    [[nodiscard]] instant next_deadline() const;

    [[nodiscard]] std::size_t workers() const { return workers_.size(); }
    [[nodiscard]] std::size_t managers() const { return managers_.size(); }
    [[nodiscard]] std::size_t leases() const { return leases_.size(); }
    /// Of which somebody is free or waited for.
    [[nodiscard]] std::size_t types() const { return pools_.size(); }
    [[nodiscard]] std::size_t timer_count() const { return timers_.size(); }
    [[nodiscard]] const parkserver_counters& counters() const { return counters_; }
    [[nodiscard]] wire::status status(instant now) const;
    /// How large the answer to a status query is, header and all.
    [[nodiscard]] std::size_t status_bytes() const;
    [[nodiscard]] const parkserver_config& config() const { return config_; }
    /// What both this parkserver and the peer can do.
    [[nodiscard]] const wire::feature_set& features_of(const worker_id& id) const;
    [[nodiscard]] const wire::feature_set& features_of(const manager_id& id) const;

private:
    using request_key = std::pair<manager_id, request_id>;

    struct common_ground {  // of this parkserver and a peer
        wire::feature_set features;
        wire::peer_limits limits;  // the peer's
        friend bool operator==(const common_ground&, const common_ground&) = default;
    };
    using shared_ground = std::shared_ptr<const common_ground>;
    struct worker {
        wire::register_worker registration;
        shared_ground common;
        route via;
        core::heartbeat_monitor alive;
        instant since{};
        wire::worker_state state = wire::worker_state::occupied;
        bool is_older = false;         // it did not know something, which was logged
        lease_id lease;                // while offered or leased
        std::uint64_t free_order = 0;  // its place among the free ones
        /// By which it serves somebody, by its own last word; none: nobody.
        [[nodiscard]] lease_id word() const {
            return registration.serving ? registration.serving->lease : lease_id{};
        }
        /// Whether it last named another lease than this.
        [[nodiscard]] bool denies(const lease_id& said) const {
            return !word().none() && word() != said;
        }
    };
    struct standing_request {
        base::token token;
        std::string type;
        std::string label;                   // what its manager calls it
        std::uint32_t amount = 0;            // as wanted for; 0: all
        std::uint32_t target = 0;            // how many it is to have; 0: not known yet
        std::optional<wire::elastic> range;  // none: exact, and what follows counts
        std::uint32_t bound = 0;         // what its manager was told to have at most; 0: nothing
        std::uint64_t bound_newest = 0;  // the newest lease of all when that was told
        std::uint64_t newest = 0;        // that a worker was offered for it by
        instant newest_at{};
        bool satisfied = false;          // it once had all: from now on one lost, one replaced
        std::set<worker_id> leased;      // from here
        std::uint32_t held_counted = 0;  // its claims that count
        std::size_t said = 0;            // how many its manager named
        std::uint64_t order = 0;
        instant since{};
        [[nodiscard]] std::uint32_t serving() const {
            return static_cast<std::uint32_t>(leased.size()) + held_counted;
        }
        /// How many it waits for; 0: it does not wait.
        [[nodiscard]] std::uint32_t missing() const {
            const std::uint32_t wants = range ? range->min : std::max(target, 1u);
            return wants - std::min(wants, serving());
        }
        /// Fair shares are for those that have had their min.
        [[nodiscard]] bool is_shared() const { return range && satisfied; }
    };
    struct manager {
        wire::register_manager registration;
        shared_ground common;
        route via;
        core::heartbeat_monitor alive;
        instant since{};
        bool is_older = false;  // it did not know something, which was logged
        std::map<request_id, standing_request> requests;
        std::size_t said = 0;  // workers that it named as held, by all its requests
        std::map<base::token, std::uint64_t> places;  // that requests had in an earlier session
        std::set<lease_id> lost;  // by which it has no link any more; the newest
    };
    struct lease {
        worker_id worker;
        manager_id manager;
        base::token token;
        bool accepted = false;
        route worker_via;
        route manager_via;  // none while the manager is not registered here
    };
    struct pool {                                      // of one type
        std::map<std::uint64_t, worker*> free;         // longest free first
        std::map<std::uint64_t, request_key> waiting;  // oldest first
        std::map<std::uint64_t, request_key> elastic;  // those that have shares, oldest first
        broker::shares shares;                         // theirs, by the same numbers
    };
    struct kept {  // free workers, for those that wait
        std::uint64_t all = 0;
        std::uint64_t beside_shares = 0;  // for requests that have none
    };
    struct session {  // of one of the two
        parkserver::worker* worker = nullptr;
        parkserver::manager* manager = nullptr;
        std::uint64_t timer = 0;  // its timer's number; others of this route are void
        [[nodiscard]] core::heartbeat_monitor& alive() const {
            return worker != nullptr ? worker->alive : manager->alive;
        }
        [[nodiscard]] const common_ground& common() const {
            return *(worker != nullptr ? worker->common : manager->common);
        }
        [[nodiscard]] bool& is_older() const {
            return worker != nullptr ? worker->is_older : manager->is_older;
        }
    };
    using token_and_lease = std::pair<base::token, lease_id>;
    struct offender {  // a connection that broke the protocol
        std::uint32_t violations = 0;
        instant since{};         // they are forgiven one by one from then on
        bool is_parted = false;  // nothing of it is heard any more
    };
    struct page;
    struct slice;
    struct page_begin {  // of a status: the first row that is not told yet
        enum section : std::uint8_t { in_workers, in_managers, in_requests };
        std::uint8_t in = in_workers;
        worker_id worker;
        manager_id manager;
        request_id request;
        template <class Archive>
        void serialize(Archive& archive) {
            archive(in, worker, manager, request);
        }
    };
    struct status_in_making {  // all of it, a slice at a time
        status_in_making() {}  // said, since clang 14 does not see here that it can be made
        wire::message message;
        page_begin next;           // what is to be written next
        std::size_t count_at = 0;  // where its section's number of rows stands
        std::uint32_t count = 0;   // rows of it that are written
        void begin_section(std::uint8_t which);
        void end_section();
    };
    struct answer {  // to status queries
        std::optional<status_in_making> making;
        base::shared_buffer frame;  // none: not yet; too large; or too many wait for their askers
        std::size_t bytes = 0;
        instant until{};  // for all who ask before
        std::set<route> told;
        std::deque<route> waiting;  // of those told: for a large one, in their turn
    };
    struct handed_over {  // a large answer that is on its way
        std::weak_ptr<const base::buffer> frame;
        instant until{};  // so long others wait for it
    };
    struct check {
        route via;            // of a session that may be silent
        std::uint64_t timer;  // the session's
        lease_id offered;     // or an offer that may be void
    };
    using timers = core::timer_heap<check>;
    struct lease_hash {
        std::size_t operator()(const lease_id& id) const noexcept {
            return std::hash<std::uint64_t>{}(id.epoch * 0x9E3779B97F4A7C15u ^ id.sequence);
        }
    };

    // --- messages
    void hear(core::received event, instant now, core::outbox& out);
    [[nodiscard]] bool puts_off(core::received& event, instant now, core::outbox& out);
    void read_put_off(instant now, core::outbox& out);
    void read(core::received event, instant now, core::outbox& out);
    [[nodiscard]] bool is_parted(route from) const;
    void count_violation(route of, instant now, core::outbox& out);
    void dispatch(route from, const session* known, const wire::control& message,
                  const wire::extensions& extended, instant now, core::outbox& out);
    void handle(route from, const wire::register_worker& registration, instant now,
                core::outbox& out);
    void handle(route from, const wire::register_manager& registration, instant now,
                core::outbox& out);
    void from_worker(worker& who, const wire::control& message, instant now, core::outbox& out);
    void from_manager(manager& who, const wire::control& message, const wire::extensions& extended,
                      instant now, core::outbox& out);
    void handle(manager& who, const wire::request& request, const wire::extensions& extended,
                instant now, core::outbox& out);
    [[nodiscard]] std::optional<base::failure> objection_to(const wire::request& request,
                                                            const manager& who) const;
    [[nodiscard]] standing_request make_request(manager& who, const wire::request& request,
                                                instant now);
    void take_held(manager& who, standing_request& wanted, const wire::request& request);
    void hold(const request_key& key, standing_request& wanted,
              const std::vector<wire::held_worker>& said);
    void unhold(const request_key& key, standing_request& wanted, worker_id id);
    void unhold_all(const request_key& key, standing_request& wanted);
    void lease_to(const request_key& key, standing_request& wanted, const worker_id& id);
    /// Whether a worker last named another lease than this.
    [[nodiscard]] bool denies(const worker_id& id, const lease_id& said) const;
    [[nodiscard]] bool is_believed(const worker_id& id, const lease_id& said,
                                   bool was_denied) const;
    void set_word(worker& who, const std::optional<wire::service>& word);
    void weigh_claims(const worker_id& id);
    void handle(manager& who, const wire::worker_lost& loss, core::outbox& out);
    void accepted(worker& who, const lease_id& lease, core::outbox& out);
    void relay(core::received& event, core::outbox& out);
    [[nodiscard]] std::string too_large_to_relay(const wire::message& relayed, route to) const;
    void peer_lacks(const session* who, std::uint8_t type, core::outbox& out);
    [[nodiscard]] shared_ground common_with(wire::capabilities& capabilities);
    template <class Peer, class Id>
    [[nodiscard]] bool is_taken(const Peer& known, const Id& id, base::incarnation by, route from,
                                core::outbox& out);
    void answer_registration(session& known, route to, core::outbox& out);
    void reject(route to, errc code, const std::string& why, core::outbox& out);

    // --- status
    void tell_status(route to, instant now, core::outbox& out);
    void make_answer(instant now);
    void begin_answer(instant now);
    void finish_answer(instant now);
    /// True: all of it is written.
    [[nodiscard]] bool write_slice(status_in_making& to, instant now) const;
    void go_on_with_answer(instant now, core::outbox& out);
    void hand_over(instant now, core::outbox& out);
    void refuse_waiting(errc code, const std::string& why, core::outbox& out);
    void forget_asker(route from);
    void tell_page(route to, base::byte_view begin, instant now, core::outbox& out);
    /// Nothing: all that there is stands in it.
    template <class Rows>
    [[nodiscard]] std::optional<page_begin> fill(Rows& to, page_begin from, instant now) const;
    [[nodiscard]] std::size_t untaken_bytes();
    [[nodiscard]] wire::status status_without_rows(instant now) const;
    [[nodiscard]] wire::worker_status row_of(const worker& who, instant now) const;
    [[nodiscard]] wire::manager_status row_of(const manager& who, instant now) const;
    [[nodiscard]] wire::request_status row_of(const manager_id& of, request_id request,
                                              const standing_request& wanted, instant now) const;

    /// `text` gives the line, and is only called if somebody reads it.
    template <class Text>
    void note(core::outbox& out, Text text) const {
        if (config_.logs) out.log(log_level::info, text());
    }

    // --- who is there
    void lose(route from, const std::string& why, core::outbox& out);
    void lose_worker(const worker_id& id, const std::string& why, core::outbox& out);
    void lose_manager(const manager_id& id, const std::string& why, core::outbox& out);

    // --- leases
    void set_free(worker& who);
    void set_state(worker& who, wire::worker_state next);
    void offer(worker& who, const request_key& to, standing_request& wanted, instant now,
               core::outbox& out);
    [[nodiscard]] bool is_of(const wire::service& reported, const lease_id& id) const;
    void adopt(worker& who, const wire::service& reported);
    /// The lease ends; each end that is asked for is told.
    void end_lease(lease_id id, const std::string& why, bool tell_worker, bool tell_manager,
                   core::outbox& out);
    [[nodiscard]] const std::set<token_and_lease>& leases_with(const manager_id& of) const;
    [[nodiscard]] standing_request* request_of(const lease& of);
    [[nodiscard]] standing_request* find(const request_key& key);
    [[nodiscard]] const standing_request* find(const request_key& key) const;
    void remove_request(manager& of, request_id request, core::outbox& out);
    void forget_requests(manager& of);
    void note_request(const request_key& key, standing_request& changed);
    /// It neither waits nor has a share any more.
    void withdraw(const standing_request& old);
    void serve(const std::string& type, instant now, core::outbox& out);
    [[nodiscard]] bool serve(pool& from, const request_key& key, standing_request& wanted,
                             instant now, core::outbox& out);

    // --- elastic requests
    void note_share(pool& of, const request_key& key, const standing_request& changed);
    void forget_bounds(manager& of);
    [[nodiscard]] kept kept_for_waiting(const pool& of) const;
    void share_out(pool& of, instant now, core::outbox& out);
    void tell_share(const request_key& key, standing_request& wanted, std::uint32_t share,
                    instant now, core::outbox& out);
    [[nodiscard]] static bool may_be_said_again(const standing_request& of, instant now);
    void look_at_bounds(const manager& of, instant now);
    [[nodiscard]] std::vector<wire::elastic_status> elastic_rows(const wire::status& told) const;
    [[nodiscard]] std::vector<wire::labelled_request> labels(const wire::status& told) const;

    // --- time
    void set_timer(instant at, check due);
    void watch(session& known, route via);
    [[nodiscard]] bool is_void(const timers::timer& timer) const;
    void check_session(route via, instant now, core::outbox& out);

    parkserver_config config_;
    instant started_;
    std::map<worker_id, worker> workers_;  // sessions and pools point into these
    std::map<manager_id, manager> managers_;
    std::unordered_map<route, session> sessions_;
    std::unordered_map<route, offender> offenders_;
    // Large registrations: one of 1 MiB takes 4 to 5 ms.
    core::put_off<route> put_off_{std::chrono::milliseconds{15}};
    std::unordered_map<lease_id, lease, lease_hash> leases_;
    std::map<manager_id, std::set<token_and_lease>> leases_of_;
    std::map<base::token, request_key> tokens_;
    claims claims_;
    std::map<std::string, pool> pools_;
    std::set<std::string> to_serve_;
    timers timers_;
    shared_ground newest_ground_;  // most peers are alike, and share it
    answer answer_;
    std::vector<std::weak_ptr<const base::buffer>> untaken_;  // answers on their way
    std::vector<handed_over> handed_over_;
    instant hand_over_at_{};
    std::uint64_t leases_made_ = 0;
    std::uint64_t timers_made_ = 0;  // of sessions
    std::uint64_t order_ = 0;
    parkserver_counters counters_;
};

}  // namespace maus::broker
