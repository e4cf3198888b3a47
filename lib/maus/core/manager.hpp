// The manager: asks parkservers for workers, welcomes those that come, and gives them back.
//
// link   | event                                              | next   | says
// -------|----------------------------------------------------|--------|----------------------
// (none) | hello with the token of a request                     | linked | welcome
// (none) | hello in direct mode                               | linked | welcome
// (none) | hello otherwise, anything else                     | (none) | reject
// linked | result, failed, returned, detached, started        | linked |
// linked | progress                                           | linked |
// linked | item                                               | linked | more, as they are read
// linked | a record of an unknown type                        | linked | unimplemented, below 128
// linked | silence, down, goodbye, violation, attempt_timeout | (none) | worker_lost; goodbye
// linked | goodbye with cancelled: it refuses the lease          | (none) | worker_lost
// linked | its request is released                               | (none) | goodbye
// linked | fair_share, less than its request has: chosen         | giving back |
// giving back | it has answered all that it was sent             | (none) | goodbye
// giving back | fair_share, no less than its request has         | linked |
//
// A worker in direct mode is idle until a request of its type takes it. One that is given back gets no
// more calls, and those that do nothing are chosen first ([P-103]).
//
// Requests and links are this machine's; calls are the dispatcher's (dispatcher.hpp), which it
// drives. Pure: no socket, clock, thread or global random.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "maus/core/dispatcher.hpp"
#include "maus/core/open_callbacks.hpp"
#include "maus/core/parkserver_sessions.hpp"
#include "maus/core/put_off.hpp"
#include "maus/wire/elastic.hpp"
#include "maus/wire/feature.hpp"

namespace maus::core {

struct manager_config {
    base::manager_id id;
    base::incarnation incarnation;
    std::vector<std::string> endpoints;  ///< where workers reach it; none: relayed
    heartbeat beat;
    std::string host;
    std::uint32_t pid = 0;
    base::settings settings{{}, wire::own_features(true)};
    std::uint64_t seed = 0;
};

// What a program wants.
struct add_parkserver {
    std::string endpoint;
};
struct add_request {
    group_id group;
    std::string type = "default";
    std::uint32_t amount = 0;  ///< 0: all that are free, at least one
    group_policy policy;
    std::optional<wire::elastic> range = {};  ///< instead of an amount
    std::string label = {};                   ///< that its calls have
};
struct release_request {
    group_id group;
};
struct cancel_call {
    call_id call;
};
/// The caller of a stream has read so many of its items.
struct items_read {
    call_id call;
    std::uint32_t items = 0;
    std::uint64_t bytes = 0;
};
struct stop_manager {};

/// News for whoever subscribed.
enum class notice_kind : std::uint8_t {
    worker_joined,
    worker_lost,
    worker_released,
    parkserver_back,
    parkserver_lost,
    parkserver_unreachable
};
struct notice {
    notice_kind kind;
    group_id group;    ///< of the worker
    std::string name;  ///< the worker's id, or the parkserver's endpoint
    std::string why;
};

/// How far the function of a call is that is not settled yet.
struct progressed {
    std::uint64_t ticket = 0;
    wire::progress how_far;
};

/// The link of a worker: its connection, and its lease if that is relayed.
struct link_name {
    route via;
    base::lease_id relayed;
    friend constexpr auto operator<=>(const link_name&, const link_name&) = default;
};
/// A worker's function asks its caller: the callable of this number, among the arguments of the call, is
/// to be called. Answered by answer_callback, once.
struct called_back {
    std::uint64_t ticket = 0;
    link_name link;
    wire::attempt attempt;
    wire::callback which;
    base::buffer payload;
    base::worker_id worker;
    base::incarnation incarnation;
    base::lease_id lease;
    std::uint32_t slot = 0;  ///< for the answer
};
struct answer_callback {
    link_name link;
    wire::attempt attempt;
    wire::callback which;
    base::buffer payload;
    std::uint32_t slot = 0;             ///< as called_back has it
    std::optional<wire::fault> failed;  ///< instead of the payload
};

struct manager_effects {
    explicit manager_effects(const base::settings& settings) : net(settings) {}
    outbox net;
    std::vector<progressed> progress;  ///< to be told before what is done
    std::vector<items_came> items;     ///< as well
    std::vector<settled> done;
    std::vector<notice> news;
    std::vector<called_back> callbacks;
    /// What is wrong with parkservers, once it changes: for errors that are made without this machine.
    std::optional<std::string> trouble;
};

struct manager_counters {
    std::uint64_t joined = 0;
    std::uint64_t lost = 0;
    std::uint64_t violations = 0;
    std::uint64_t unimplemented = 0;  ///< peers said that they did not know something
};

class manager {
public:
    manager(manager_config config, instant now);
    manager(const manager&) = delete;
    manager& operator=(const manager&) = delete;

    void on(up event, instant now, manager_effects& out);
    void on(received event, instant now, manager_effects& out);
    void on(down event, instant now, manager_effects& out);
    void on(const add_parkserver& event, instant now, manager_effects& out);
    void on(const add_request& event, instant now, manager_effects& out);
    void on(const release_request& event, instant now, manager_effects& out);
    void on(const cancel_call& event, instant now, manager_effects& out);
    void on(const items_read& event, instant now, manager_effects& out) {
        dispatcher_.read_items(event.call, event.items, event.bytes, now, out.net);
    }
    void on(const stop_manager& event, instant now, manager_effects& out);
    void on(answer_callback&& event, instant now, manager_effects& out);
    /// The call's id; 0 if it was settled at once.
    call_id on(submission&& event, instant now, manager_effects& out);
    /// `needs` as dispatcher::define() has it.
    void define(method_id method, std::string signature, std::vector<std::string> needs = {});

    /// To be called after each batch of events: gives calls to workers, and does what time demands.
    void advance_to(instant now, manager_effects& out);
    /// Gives calls to workers, and leaves time alone.
    void pump(instant now, manager_effects& out) {
        if (!dispatcher_.orphans().empty()) [[unlikely]]
            refuse_orphans(now, out);
        dispatcher_.pump(now, out.net, out.done);
    }
    [[nodiscard]] instant next_deadline() const;

    [[nodiscard]] const dispatch_counters& calls() const { return dispatcher_.counters(); }
    [[nodiscard]] const manager_counters& counters() const { return counters_; }
    [[nodiscard]] std::size_t outstanding() const { return dispatcher_.outstanding(); }
    [[nodiscard]] std::size_t workers() const { return links_.size(); }
    [[nodiscard]] std::size_t workers_of(group_id group) const {
        return dispatcher_.links_in(group);
    }
    [[nodiscard]] std::size_t registrations() const { return parkservers_.registrations(); }
    [[nodiscard]] const manager_config& config() const { return config_; }
    /// Links of workers that get no more calls, since others wait for them.
    [[nodiscard]] std::set<std::pair<route, base::lease_id>> given_back() const;
    /// What both ends of the link to this worker can do.
    [[nodiscard]] const wire::feature_set& features_of(const base::worker_id& worker) const;

private:
    using link_key = link_name;
    struct link_key_hash {
        std::size_t operator()(const link_key& key) const noexcept {
            return std::hash<std::uint64_t>{}(key.via.value * 0x9E3779B97F4A7C15u ^
                                              key.relayed.sequence);
        }
    };
    struct standing_request {
        base::request_id request;
        base::token token;
        std::string type;
        std::string label;
        std::uint32_t amount = 0;
        std::optional<wire::elastic> range;        // instead of the amount
        std::map<route, wire::fair_share> bounds;  // what parkservers say, if it is a bound
        std::vector<link_key> links;               // in the order in which they joined
        std::vector<link_key> giving_back;         // of these: they get no more calls
        bool changed = false;                      // in a way that the parkservers are to be told
        /// With less it waits; nobody is taken beyond (0: no bound).
        [[nodiscard]] std::uint32_t least() const { return range ? range->min : amount; }
        [[nodiscard]] std::uint32_t most() const { return range ? range->max : amount; }
        [[nodiscard]] bool is_full(std::size_t has) const { return most() != 0 && has >= most(); }
        /// By what parkservers say, but for this one; 0: no bound.
        [[nodiscard]] std::uint32_t bound_beside(route parkserver) const;
    };
    struct link {
        link_index index = 0;
        base::worker_id worker;
        base::incarnation incarnation;
        base::lease_id lease;
        bool by_token = false;  // its hello had the token of a request; else direct mode
        std::string type;
        std::optional<group_id> group;
        heartbeat_monitor alive;
        std::optional<instant> welcomed;  // until the first ping tells the round trip
        wire::feature_set features;       // of both ends
        wire::peer_limits limits;         // of the worker
        bool is_older = false;            // it did not know something, which was logged
        bool is_given_back = false;       // as soon as it has answered what it has
        open_callbacks callbacks;
    };

    using link_map = std::unordered_map<link_key, link, link_key_hash>;

    void from_parkserver(parkserver_session& from, received& event, instant now,
                         manager_effects& out);
    void handle(parkserver_session& from, const wire::control& message, instant now,
                manager_effects& out);
    void parkserver_lost(const session_lost& lost, instant now, manager_effects& out);
    void parkservers_changed(manager_effects& out);
    void send_registration(parkserver_session& to, manager_effects& out);
    void registered(parkserver_session& with, manager_effects& out);
    [[nodiscard]] wire::request as_told(const standing_request& request) const;
    void tell(const standing_request& request, parkserver_session& to, manager_effects& out);
    void tell_all(const standing_request& request, manager_effects& out);

    // --- giving workers back
    void handle(const parkserver_session& from, const wire::fair_share& told);
    void set_bound(group_id group, standing_request& of, route parkserver,
                   const wire::fair_share& told);
    void forget_bounds(route parkserver);
    void give_back(instant now, manager_effects& out);
    /// True: somebody is still to be given back.
    [[nodiscard]] bool give_back(group_id group, instant now, manager_effects& out);
    [[nodiscard]] std::size_t too_many_of(const standing_request& of) const;
    [[nodiscard]] bool choose(standing_request& of, std::size_t many);
    void keep(link& which, bool keeps);

    inline void from_worker(const link_key& key, wire::message& message, instant now,
                            manager_effects& out);
    [[nodiscard]] bool puts_off(const link_key& key, wire::message& message, instant now,
                                manager_effects& out);
    void read_put_off(instant now, manager_effects& out);
    void read(const link_key& key, wire::message& message, instant now, manager_effects& out);
    void greet(const link_key& key, wire::message& message, instant now, manager_effects& out);
    [[nodiscard]] std::optional<base::failure> unwelcome(const wire::hello& hello,
                                                         const link* old) const;
    void welcome(const link_key& key, wire::hello hello, instant now, manager_effects& out);
    bool handle(const link_key& key, link& from, const wire::record& record, instant now,
                manager_effects& out);
    [[nodiscard]] bool progressed_to(const link& from, const wire::record& record,
                                     manager_effects& out);
    // --- callbacks
    [[nodiscard]] bool call_back(const link_key& key, link& from, const wire::record& record,
                                 instant now, manager_effects& out);
    void refuse_callback(const link& from, wire::attempt of, wire::callback which, errc code,
                         std::string why, manager_effects& out);
    void refuse_orphans(instant now, manager_effects& out);
    void keep_while_asking(link& from);
    void worker_lacks(link& who, std::uint8_t type, manager_effects& out);
    void count_stale(wire::message& message);
    void reject(const link_key& key, const base::failure& why, manager_effects& out);
    void violation(const link_key& key, const base::failure& why, instant now,
                   manager_effects& out);
    void join(const link_key& key, group_id group, manager_effects& out);
    [[nodiscard]] bool is_news(const link& which) const;
    void seek_direct(group_id group, manager_effects& out);
    [[nodiscard]] std::optional<group_id> request_for(const wire::hello& hello) const;
    /// Ends a link. A worker that is there still is told by a goodbye with `code`.
    void end(const link_key& key, link_end how, std::optional<errc> code, std::string_view why,
             instant now, manager_effects& out);
    void note_strength(group_id group, manager_effects& out);
    [[nodiscard]] link_address address_of(const link_key& key) const;
    [[nodiscard]] link_map::iterator find_link(link_index index);
    void release(group_id group, errc code, std::string_view why, instant now,
                 manager_effects& out);
    void check_silence(instant now, manager_effects& out);

    manager_config config_;
    base::random random_;
    route_numbers routes_;
    dispatcher dispatcher_;
    parkserver_sessions parkservers_;
    std::map<group_id, standing_request> requests_;
    std::map<base::token, group_id> tokens_;
    std::map<base::request_id, group_id> numbers_;  // of elastic requests
    std::set<group_id> to_give_back_;               // that may have more than they are to have
    link_map links_;
    std::unordered_set<route> ended_;  // connections that have had their link
    // Large hellos: one of 4 MiB takes 12 to 20 ms.
    put_off<link_key, link_key_hash> put_off_{std::chrono::milliseconds{40}};
    std::uint64_t requests_made_ = 0;
    instant silence_check_ = never;  // no link can be silent before
    bool stopped_ = false;
    manager_counters counters_;
};

[[nodiscard]] std::string_view to_string(notice_kind kind);

}  // namespace maus::core
