// Which worker gets which call: groups with their queues, links with what they hold, and credit.
//
// A call that waits is in the queue of its function and priority, in order of submission; one that is to
// be tried alone is among its group's suspects. A worker is given calls while it has credit: the most
// urgent first, and of those the oldest. Of several workers the one with the least to do gets the call. A
// suspect gets an idle worker that has nothing else meanwhile.
//
// The fate of calls is the dispatcher's. Inline: what every call goes through.
#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "maus/core/call_timers.hpp"
#include "maus/core/credit.hpp"
#include "maus/core/outbox.hpp"
#include "maus/core/scripts.hpp"
#include "maus/core/transfers.hpp"
#include "maus/wire/convert.hpp"

namespace maus::core {

using base::group_id;
using base::method_id;

/// A link in the table. Its number is used again; the machine that owns links knows when.
using link_index = std::uint32_t;

struct group_policy {
    duration no_workers_timeout = duration::max();
};

/// So many calls of a higher priority go before an older one: of eight calls one is the oldest.
inline constexpr int preferred_max = 7;

struct call_line {  // of one function and priority
    std::uint32_t method = 0;
    maus::priority priority = maus::priority::normal;
    bool nested = false;   // its calls are
    bool known = false;    // some worker of the group has it, or had it before it was lost
    bool blocked = false;  // nobody who has it has credit, as far as this pump has seen
    call_list calls;
};

/// Those that wait for one worker and may go to no other, by priority; each in order of submission.
struct addressed_calls {
    struct line {
        call_list calls;
        call_list nested;
    };
    std::array<line, 3> lines;
    int preferred = 0;  // as call_group's
    [[nodiscard]] std::size_t size() const {
        std::size_t sum = 0;
        for (const auto& each : lines) sum += each.calls.size + each.nested.size;
        return sum;
    }
};

struct call_group {
    group_policy policy;
    std::vector<call_line> lines;  // each in order of submission
    call_list suspects;            // to be tried again alone
    call_list nested_suspects;     // the same, and callables wait for them
    std::vector<link_index> links;
    std::vector<link_index> addressed;  // links that calls wait for, which may go to no other
    call_list hedges;                   // second attempts that wait for a worker that has room
    instant linkless_since{};
    std::size_t calls = 0;
    std::size_t turn = 0;  // where the search for the least loaded begins
    int preferred = 0;     // calls that went before older ones since one that did not
    bool to_pump = false;
    bool is_picky = false;  // a worker takes smaller payloads than this manager sends
    bool converts = false;  // a worker is called by another signature than the caller's
};

/// A worker that gave a call back unasked gets no more until its next ping ([P-37]). One that does so
/// each time would pass calls to and fro for ever: its pauses double until it answers one.
class return_pause {
public:
    [[nodiscard]] bool holds() const { return holds_; }
    void begin(instant now) {
        if (std::exchange(holds_, true)) return;
        until_ = base::after(now, next_);
        next_ = std::clamp(next_ * 2, first, last);
    }
    /// It has pinged. True: the pause is over by that.
    [[nodiscard]] bool end(instant now) {
        if (!holds_ || now < until_) return false;
        holds_ = false;
        return true;
    }
    /// It works.
    void answered() { next_ = {}; }

private:
    static constexpr duration first = std::chrono::milliseconds{10};
    static constexpr duration last = std::chrono::seconds{5};

    duration next_{};  // none for the first: who leaves returns what it has, and that is all
    instant until_{};
    bool holds_ = false;
};

struct worker_link {
    bool live = false;
    link_address to;
    std::string worker;
    std::unordered_map<std::string, std::uint16_t> numbers;  // by signature
    std::vector<std::int32_t> number_of;                     // by method, or absent or unknown
    std::uint32_t concurrency = 1;
    call_group* group = nullptr;
    call_list held;                 // in the order sent; those that are being sent, anywhere
    std::size_t slots_held = 0;     // those that are not detached
    std::size_t detached_max = 0;   // of the others; grows by one with each that is answered
    std::size_t asking = 0;         // those that wait for callbacks: slots_held has none of them
    std::size_t nested_asking = 0;  // of these, those that callables wait for
    std::size_t bytes_held = 0;     // the payloads of all that are not small
    std::size_t timed = 0;          // those that have an attempt_timeout
    wire::payload_limit payloads;   // by its worker's own limit, or the relay's
    credit_window window;
    std::unique_ptr<transfers> large;  // none: its worker lacks the feature
    instant bulk_until{};              // large arguments may be on their way until then
    call_id reserved_for{};            // a suspect that waits until it is idle
    call_id suspect{};                 // it has this one, which is to have nothing beside it
    bool closed = false;               // gets no more calls
    bool takes_references = true;      // its worker knows functions that take functions
    return_pause returns;              // gave a call back; see dispatcher::resume()

    std::unordered_map<std::uint32_t, wire::conversion> conversions;  // by method
    std::unique_ptr<addressed_calls> addressed;                       // mostly none
    std::unique_ptr<known_scripts> scripts;                           // none: its worker runs none

    /// Nothing runs there that does not wait for its caller.
    [[nodiscard]] bool is_idle() const { return held.size == asking; }
    /// Whether such a call has to stay away from a suspect. While that waits for its caller, nested ones
    /// do not: it may wait for them.
    [[nodiscard]] bool is_taken_for(bool is_nested) const {
        return suspect.value != 0 && !(is_nested && is_idle());
    }

    static constexpr std::int32_t absent = -1, unknown = -2;  // in number_of
    /// In number_of, added to the number of a function that takes what is called converted ([P-98]).
    static constexpr std::int32_t converted = 1 << 16;
};

class placement {
public:
    placement(const base::settings& settings, call_table& calls, call_timers& timers)
        : limits_(settings.limits), calls_(calls), timers_(timers) {}
    placement(const placement&) = delete;
    placement& operator=(const placement&) = delete;

    // --- functions and groups
    void define(method_id method, std::string signature, std::vector<std::string> needs);
    [[nodiscard]] const std::string& signature(std::uint32_t method) const {
        return methods_[method].signature;
    }
    void add_group(group_id id, group_policy policy, instant now);
    /// Its calls are settled already.
    void remove_group(group_id id);
    [[nodiscard]] inline call_group* find(group_id id);
    [[nodiscard]] std::map<group_id, call_group>& groups() { return groups_; }
    [[nodiscard]] const std::map<group_id, call_group>& groups() const { return groups_; }
    [[nodiscard]] inline static call_line& line_of(call_group& of, std::uint32_t method,
                                                   priority urgency, bool nested);

    // --- links
    link_index add_link(link_address to, std::string worker, std::vector<std::string> signatures,
                        std::uint32_t concurrency, wire::payload_limit payloads,
                        std::unique_ptr<transfers> large, bool takes_references,
                        std::unique_ptr<known_scripts> scripts);
    void join(link_index index, call_group& group);
    /// Its calls were taken from it already.
    void remove_link(link_index index, instant now);
    void give_calls(link_index index, bool gives);
    /// The link of this worker, if it serves this group; else no_index.
    [[nodiscard]] link_index link_of(const std::string& worker, const call_group& in) const;
    [[nodiscard]] worker_link& operator[](link_index index) { return links_[index]; }
    [[nodiscard]] const worker_link& operator[](link_index index) const { return links_[index]; }
    /// The function's number at that worker, or less than 0; `converted` is added to it if it has
    /// another signature.
    [[nodiscard]] inline std::int32_t number_of(worker_link& at, std::uint32_t method);

    // --- calls
    /// Where a call waits.
    [[nodiscard]] inline call_list& list_of(const call_slot& call);
    /// At its place by order of submission.
    void enqueue(std::uint32_t index);
    /// It waits for this worker, and goes to no other.
    void enqueue_for(std::uint32_t index, link_index worker);
    /// As its worker hears of it: both attempts at one call have that call's id.
    [[nodiscard]] wire::attempt attempt_of(std::uint32_t index) const {
        const call_slot& call = calls_[index];
        return {calls_.id_of(call.is_hedge ? call.partner : index), {call.attempt}};
    }
    /// Its worker has it no more.
    inline void put_down(std::uint32_t index, instant now);
    /// The same; and nothing more of it is sent.
    void withdraw(std::uint32_t index, outbox& out);
    /// There may be room for more of its large calls.
    void mark_large(link_index at) { large_to_pump_.push_back(at); }
    /// It runs beside the slots of its worker from now on.
    void detach(std::uint32_t index, instant now);
    /// It waits for a callback, or has the answer.
    void begin_callback(std::uint32_t index, instant now);
    /// Nobody waits for it any more, and perhaps it waits for a callback.
    void note_orphan(std::uint32_t index) {
        const call_slot& call = calls_[index];
        if (call.callbacks != 0) orphans_.push_back({call.link, attempt_of(index)});
    }
    /// Attempts that asked for what nobody need answer any more.
    using orphans = std::vector<std::pair<link_index, wire::attempt>>;
    [[nodiscard]] orphans& orphaned() { return orphans_; }
    void end_callback(std::uint32_t index, instant now);
    /// The first function that this method needs and none of these workers exposes.
    [[nodiscard]] std::string lacking(const std::vector<link_index>& links,
                                      std::uint32_t method) const;
    /// There may be something to give to workers.
    inline void mark(call_group& of);
    /// Gives queued calls to workers that have credit, and returns how many were sent.
    std::size_t pump(instant now, outbox& out);
    /// Calls that pump() met and that no worker of their group takes, since each allows less. What
    /// stands behind them waits until they are settled.
    [[nodiscard]] std::vector<std::uint32_t>& too_large() { return too_large_; }
    /// Calls that pump() met and that cannot be made what their worker's function takes, and why.
    using refusals = std::vector<std::pair<std::uint32_t, base::failure>>;
    [[nodiscard]] refusals& inconvertible() { return inconvertible_; }
    /// How many second attempts were sent.
    [[nodiscard]] std::uint64_t hedged() const { return hedged_; }
    /// The worker that knows the call's function and takes it, or else allows the most; null if there is none.
    [[nodiscard]] const worker_link* most_generous(const call_slot& call);

private:
    [[nodiscard]] std::int32_t look_up(worker_link& at, std::uint32_t method);
    [[nodiscard]] bool has_what_is_needed(const worker_link& at, std::uint32_t method) const;
    void drop_callbacks(std::uint32_t index);
    static void asks_no_more(const call_slot& of, worker_link& at);
    [[nodiscard]] std::int32_t look_up_convertible(worker_link& at, std::uint32_t method);
    void start_clocks(worker_link& at, instant now);
    /// Returns how many were sent to their ends.
    std::size_t pump_large(link_index at, instant now, outbox& out);
    void pump(call_group& of, instant now, outbox& out);
    void pump_suspects(call_group& of, call_list& from, instant now, outbox& out);
    [[nodiscard]] bool has_credit(worker_link& at, bool nested);

    // --- what only few calls need: placement_special.cpp
    void pump_addressed(call_group& of, std::uint64_t before, instant now, outbox& out);
    [[nodiscard]] call_list* next_addressed(worker_link& to, std::uint64_t before);
    [[nodiscard]] std::uint64_t oldest_in(const call_group& of) const;
    void pump_hedges(call_group& of, instant now, outbox& out);
    void send_special(worker_link& at, std::uint32_t index, std::uint16_t function,
                      base::buffer& payload, instant now, outbox& out);
    /// What travels with a call beside its arguments, encoded.
    [[nodiscard]] static base::buffer extensions_of(const call_slot& call, instant now);
    void watch_for_hedge(std::uint32_t index, instant now);
    void note_hedge(std::uint32_t index);
    /// Where this attempt's call, or its second attempt, stands.
    [[nodiscard]] std::uint32_t slot_of(wire::attempt which) const;

    [[nodiscard]] inline std::size_t credit(worker_link& at, bool nested);
    /// What waits for a worker stays far below what counts as one that does not read, however slowly
    /// it comes to it: with the last call, which may be as large as one may be.
    [[nodiscard]] bool has_many_bytes(const worker_link& at) const {
        return at.bytes_held >= limits_.queued_bytes_max / 2;
    }
    [[nodiscard]] static bool rather(const worker_link& one, const worker_link& other, instant now);
    [[nodiscard]] std::uint32_t least_loaded(call_group& of, const call_slot& call, instant now);
    [[nodiscard]] static bool is_too_large_for(const worker_link& at, const call_slot& call) {
        if (call.payload.size() > at.payloads.bytes_max) return true;
        return at.scripts && call.policy.script_bytes() > at.scripts->bytes_max();
    }
    [[nodiscard]] bool takes_no_more_with(const call_slot& call, worker_link& at, instant now);
    void note_if_too_large(std::uint32_t call);
    /// Makes `converted_` what this worker's function takes, unless that has the call's own signature.
    /// False: it cannot be.
    [[nodiscard]] bool convert(std::uint32_t call, link_index to);
    struct place {
        link_index at;  // no_index: not now
        bool takes;     // a link has it now, or is kept free for it
    };
    [[nodiscard]] place place_for_suspect(call_group& of, std::uint32_t call);
    /// True: it is being sent. False: it is sent.
    bool send_large(worker_link& at, std::uint32_t index, std::uint16_t function,
                    base::buffer& payload, instant now, outbox& out);
    [[nodiscard]] call_line* next_line(call_group& of, bool& only);
    void send_calls(link_index to, call_list& from, std::uint32_t first, std::size_t count,
                    instant now, outbox& out);

    const limits& limits_;
    call_table& calls_;
    call_timers& timers_;
    struct definition {
        std::string signature;
        std::vector<std::string> needs;
        bool takes_references = false;
    };
    std::vector<definition> methods_;
    std::map<group_id, call_group> groups_;
    std::pair<group_id, call_group*>
        called_last_{};  // most calls are of the same group as the last
    std::vector<worker_link> links_;
    std::vector<link_index> free_links_;
    std::vector<call_group*> to_pump_;
    std::vector<link_index> large_to_pump_;
    std::vector<std::uint32_t> too_large_;
    refusals inconvertible_;
    orphans orphans_;
    base::buffer converted_;  // the arguments of the call that is sent next
    std::size_t sent_ = 0;    // by this pump
    std::unordered_map<std::string, link_index> link_of_worker_;
    std::uint64_t hedged_ = 0;
};

inline call_line& placement::line_of(call_group& of, std::uint32_t method, priority urgency,
                                     bool nested) {
    for (auto& candidate : of.lines) {
        if (candidate.method == method && candidate.priority == urgency &&
            candidate.nested == nested) {
            return candidate;
        }
    }
    of.lines.push_back({method, urgency, nested, false, false, {}});
    return of.lines.back();
}

inline call_group* placement::find(group_id id) {
    if (called_last_.second == nullptr || called_last_.first != id) {
        const auto found = groups_.find(id);
        if (found == groups_.end()) return nullptr;
        called_last_ = {id, &found->second};
    }
    return called_last_.second;
}

inline void placement::mark(call_group& of) {
    if (of.to_pump) return;
    of.to_pump = true;
    to_pump_.push_back(&of);
}

inline std::int32_t placement::number_of(worker_link& at, std::uint32_t method) {
    const bool looked_up =
        method < at.number_of.size() && at.number_of[method] != worker_link::unknown;
    return looked_up ? at.number_of[method] : look_up(at, method);
}

inline call_list& placement::list_of(const call_slot& call) {
    if (call.is_addressed()) [[unlikely]] {
        auto& line =
            links_[call.link].addressed->lines[static_cast<std::size_t>(call.policy.priority)];
        return call.nested ? line.nested : line.calls;
    }
    call_group& of = *call.group;
    if (call.alone) return call.nested ? of.nested_suspects : of.suspects;
    return line_of(of, call.method, call.policy.priority, call.nested).calls;
}

inline void placement::put_down(std::uint32_t index, instant now) {
    call_slot& call = calls_[index];
    worker_link& at = links_[call.link];
    calls_.unlink(at.held, index);
    if (call.callbacks != 0) [[unlikely]]
        drop_callbacks(index);
    call.detached ? ++at.detached_max : --at.slots_held;
    at.window.answered();
    if (call.large) at.bytes_held -= call.bytes;
    if (call.timed()) --at.timed;
    if (at.timed != 0) start_clocks(at, now);
    if (call_table::index_of(at.suspect) == index) at.suspect = {};
    if (at.group != nullptr) mark(*at.group);
}

}  // namespace maus::core
