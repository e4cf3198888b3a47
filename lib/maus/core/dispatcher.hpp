// The manager's calls: which worker gets which, and what becomes of each.
//
// call         | event                                | next
// -------------|--------------------------------------|----------------------------------------
// queued       | a worker has credit                  | sent
// sent         | result, failed                       | settled
// sent         | returned                             | queued at its old place
// sent         | returned, at_most_once               | settled: cancelled
// sent         | link lost, it may have been running  | queued at its old place, tried alone
// sent         | the same, at its start cap           | settled: poisoned
// sent         | link lost, it only waited there      | queued at its old place, alone
// sent         | link lost, at_most_once              | settled: maybe_executed
// queued, sent | deadline, cancel, release, stop      | settled
// sent         | attempt_timeout                      | settled; its link is to be ended
//
// What always holds: each call is settled once; a call that is settled while a worker still has it
// keeps its slot until the worker answers or is lost, so that the worker's credit is right and no
// late answer finds another call in its place.
//
// Pure: no socket, clock, thread or global random.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "maus/core/credit.hpp"
#include "maus/core/outbox.hpp"
#include "maus/core/timer_heap.hpp"
#include "maus/error.hpp"

namespace maus::core {

using base::call_id;
using base::group_id;
using base::method_id;

/// A link in the dispatcher's table. Its number is used again; the machine that owns links knows
/// when.
using link_index = std::uint32_t;

struct call_policy {
    bool at_most_once = false;
    std::uint8_t max_crashes = 3;
    duration timeout = duration::max();          ///< from submission to settlement
    duration attempt_timeout = duration::max();  ///< of one attempt
};

struct group_policy {
    duration no_workers_timeout = duration::max();
};

struct submission {
    group_id group;
    method_id method;
    std::uint64_t ticket = 0;  ///< the caller's name for the call; comes back with its outcome
    call_policy policy;
    base::buffer payload;
};

/// The end of a call: a value, or a named error with what is known about it.
struct outcome {
    struct details {
        std::string type;
        std::string text;
        std::string function;
        std::vector<attempt_record> attempts;
    };
    std::optional<errc> error;
    base::buffer payload;
    std::unique_ptr<details> about;
};
struct settled {
    std::uint64_t ticket = 0;
    outcome result;
};

struct dispatch_counters {
    std::uint64_t submitted = 0;
    std::uint64_t results = 0;
    std::uint64_t errors = 0;
    std::uint64_t reassigned = 0;  ///< attempts that went back to the queue when a worker was lost
    std::uint64_t stale_answers = 0;  ///< answers that no current attempt waited for
    std::uint64_t sent = 0;
};

enum class link_end : std::uint8_t { lost, released };

class dispatcher {
public:
    /// Calls of two managers, or of two lives of one, should not have the same ids: a worker that
    /// mixes them up would be believed. So each starts to count somewhere else.
    explicit dispatcher(const limits& bounds, std::uint32_t first_generation = 0)
        : bounds_(bounds), first_generation_(first_generation & 0x7FFFFFFF) {}

    // --- functions and groups
    void define(method_id method, std::string signature);
    void add_group(group_id group, group_policy policy, instant now);
    /// Settles what it had with `code`.
    void remove_group(group_id group, errc code, std::string_view why, std::vector<settled>& done);
    /// Why groups may be without workers: told with the errors of their calls. Empty: not known.
    void explain_no_workers(std::string why) { why_no_workers_ = std::move(why); }

    // --- links
    link_index add_link(link_address to, std::string worker,
                        const std::vector<std::string>& signatures, std::uint32_t concurrency,
                        std::uint64_t payload_bytes_max = ~std::uint64_t{0});
    void join(link_index at, group_id group, instant now, std::vector<settled>& done);
    /// The group has all the workers that it is to have. What none of them exposes is refused from
    /// now on; while one is still to come, it may be the one that exposes it.
    void complete(group_id group, std::vector<settled>& done);
    /// How long a message to this worker and back takes.
    void round_trip(link_index at, duration measured);
    void remove_link(link_index at, link_end how, std::string_view why, instant now,
                     std::vector<settled>& done);
    /// A worker that gave a call back unasked is sent nothing until it shows that it is there
    /// ([P-42]): it is about to leave, and would only give the next one back too.
    void resume(link_index at);
    [[nodiscard]] link_address& address_of(link_index at) { return links_[at].to; }
    [[nodiscard]] std::size_t links_in(group_id group) const;

    // --- calls
    /// The call's id; 0 if it was settled at once.
    call_id submit(submission&& call, instant now, std::vector<settled>& done);
    /// Settles it at once, and never sends it.
    void refuse(const submission& call, errc code, std::string text, std::vector<settled>& done);
    void cancel(call_id call, std::string_view why, outbox& out, std::vector<settled>& done);
    /// False: the record breaks the protocol.
    [[nodiscard]] bool answer(link_index from, const wire::record& record, instant now,
                              std::vector<settled>& done);

    /// Gives queued calls to workers that have credit. Call it once after each batch of events.
    void pump(instant now, outbox& out, std::vector<settled>& done);
    /// Settles what is overdue. Links whose attempts took too long are added to `hung`.
    void advance_to(instant now, outbox& out, std::vector<settled>& done,
                    std::vector<link_index>& hung);
    [[nodiscard]] instant next_deadline() const;

    /// An answer came on a link that has ended.
    void count_stale() { ++counters_.stale_answers; }
    [[nodiscard]] const dispatch_counters& counters() const { return counters_; }
    [[nodiscard]] std::size_t outstanding() const { return outstanding_; }
    [[nodiscard]] std::size_t queued(group_id group) const;
    [[nodiscard]] std::size_t timer_count() const { return timers_.size(); }

private:
    static constexpr std::uint32_t none = ~0u;

    enum class call_state : std::uint8_t { empty, queued, sent };
    struct group;
    // What each step of a call needs stands together: the payload is one cache line, what follows it
    // another, and what only calls with a story need a third.
    struct alignas(64) slot {
        base::buffer payload;
        std::uint64_t ticket = 0;
        std::uint64_t sequence = 0;
        dispatcher::group* group = nullptr;  // none once it is settled
        std::uint32_t generation = 0;
        std::uint32_t attempt = 0;
        std::uint32_t previous = none, next = none;  // in its queue, or in its link's list
        std::uint32_t method = 0;
        std::uint32_t link = none;
        call_state state = call_state::empty;
        std::uint8_t starts = 0;  // that took its worker down
        std::uint8_t doubts = 0;  // starts that it may have had on a worker that was lost
        bool alone = false;       // is tried again with nothing beside it
        bool settled = false;     // only the worker's answer is still waited for
        bool detached = false;
        bool running = false;  // it is among those that its worker may have started
        bool timed = false;    // has an attempt_timeout
        bool large = false;    // its payload is not inside it
        bool tried = false;    // has attempts
        struct {
            bool at_most_once = false;
            std::uint8_t max_crashes = 1;
        } policy;
        instant submitted{};
        duration attempt_timeout{};
        std::vector<attempt_record> attempts;
    };
    struct list {  // of slots, by index
        std::uint32_t first = none, last = none;
        std::size_t size = 0;
    };
    struct queue {
        std::uint32_t method = 0;
        bool known = false;    // some worker of the group has it, or had it before it was lost
        bool blocked = false;  // nobody who has it has credit, as far as this pump has seen
        list calls;
    };
    struct group {
        group_policy policy;
        std::vector<queue> queues;  // by method, each in order of submission
        list suspects;              // to be tried again alone
        std::vector<link_index> links;
        instant linkless_since{};
        std::size_t calls = 0;
        std::size_t turn = 0;  // where the search for the least loaded begins
        bool to_pump = false;
        bool is_picky = false;  // a worker takes smaller payloads than this manager sends
    };
    struct link {
        bool live = false;
        link_address to;
        std::string worker;
        std::unordered_map<std::string, std::uint16_t> numbers;  // by signature
        std::vector<std::int32_t> number_of;  // by method; -1 none, -2 unknown yet
        std::uint32_t concurrency = 1;
        std::uint64_t payload_bytes_max = 0;  // by its worker's own limit
        dispatcher::group* group = nullptr;
        list held;                   // in the order sent
        std::size_t slots_held = 0;  // those that are not detached
        std::size_t timed = 0;       // those that have an attempt_timeout
        credit_window window;
        instant bulk_until{};    // large arguments may be on their way until then
        call_id reserved_for{};  // a suspect that waits until it is idle
        bool exclusive = false;  // has a suspect
        bool paused = false;     // gave a call back; see resume()
    };
    struct call_timer {
        call_id call;
        std::uint32_t attempt = 0;  // 0: the call's own deadline
    };

    // --- slots and lists. Inline: what every call goes through is a few instructions each.
    [[nodiscard]] inline call_id id_of(std::uint32_t index) const;
    inline slot* find(call_id call);
    inline std::uint32_t take_slot();
    inline void free_slot(std::uint32_t index);
    inline void push_back(list& to, std::uint32_t index);
    void insert_in_order(list& to, std::uint32_t index);
    inline void unlink(list& from, std::uint32_t index);
    /// `count` neighbours, from `first` to `last`, to the end of another list.
    inline void move_run(list& from, list& to, std::uint32_t first, std::uint32_t last,
                         std::size_t count);
    [[nodiscard]] inline static queue& queue_of(group& of, std::uint32_t method);
    [[nodiscard]] inline group* find_group(group_id id);

    // --- the fate of one call
    [[nodiscard]] outcome failure_of(const slot& call, errc code, std::string_view text) const;
    [[nodiscard]] std::string explained(const group& of, std::string_view text) const;
    [[nodiscard]] std::optional<outcome> refusal(group& of, std::uint32_t method);
    void turn_away(std::uint64_t ticket, outcome&& why, std::vector<settled>& done);
    inline outcome& settle(std::uint32_t index, bool failed, std::vector<settled>& done);
    void settle(std::uint32_t index, outcome&& result, std::vector<settled>& done);
    void settle_unasked(std::uint32_t index, outcome&& result, outbox* out,
                        std::vector<settled>& done);
    void enqueue(std::uint32_t index);
    /// What a call has to do with the loss of its worker.
    enum class suspicion : std::uint8_t {
        none,
        doubted,  ///< it seemed to wait there
        blamed,   ///< it may have been running
    };
    void lose(std::uint32_t index, suspicion guilt, std::string_view why, instant now,
              std::vector<settled>& done);
    inline void give_slot_back(link& at, slot& call);
    inline void put_down(std::uint32_t index, instant now);
    void start_clocks(link& at, instant now);
    /// Its worker has answered for good. True: somebody waited for it, and done.back() is theirs.
    inline bool answered(std::uint32_t index, bool failed, instant now, std::vector<settled>& done);
    void answered(std::uint32_t index, outcome&& result, instant now, std::vector<settled>& done);
    void set_timer(std::uint32_t index, instant at, std::uint32_t attempt);
    [[nodiscard]] bool is_void(const call_timer& timer);
    void expire(const call_timer& due, outbox& out, std::vector<settled>& done,
                std::vector<link_index>& hung);

    // --- who gets which call
    inline void mark(group& of);
    void pump(group& of, instant now, outbox& out, std::vector<settled>& done);
    void pump_suspects(group& of, instant now, outbox& out, std::vector<settled>& done);
    [[nodiscard]] bool is_too_large_for(const link& at, std::uint32_t call) const;
    bool turned_away_as_too_large(group& of, std::uint32_t call, std::vector<settled>& done);
    [[nodiscard]] inline std::int32_t number_of(link& at, std::uint32_t method);
    [[nodiscard]] std::int32_t look_up(link& at, std::uint32_t method);
    [[nodiscard]] inline std::size_t credit(link& at);
    [[nodiscard]] static bool rather(const link& one, const link& other, instant now);
    [[nodiscard]] std::uint32_t least_loaded(group& of, std::uint32_t call, instant now);
    struct place {
        link_index at;  // none: not now
        bool takes;     // a link has it now, or is kept free for it
    };
    [[nodiscard]] place place_for_suspect(group& of, std::uint32_t call);
    void send_calls(link_index to, list& from, std::uint32_t first, std::size_t count, instant now,
                    outbox& out);

    const limits& bounds_;
    std::uint32_t first_generation_;
    std::vector<std::string> methods_;
    std::vector<slot> slots_;
    std::vector<std::uint32_t> free_slots_;
    std::map<group_id, group> groups_;
    std::pair<group_id, group*>
        called_last_{};  // most calls are of the same group as the one before
    std::vector<link> links_;
    std::vector<link_index> free_links_;
    std::vector<group*> to_pump_;
    std::size_t impatient_groups_ = 0;  // that have a no_workers_timeout
    std::string why_no_workers_;
    timer_heap<call_timer> timers_;
    std::uint64_t next_sequence_ = 1;
    std::size_t outstanding_ = 0;
    dispatch_counters counters_;
};

}  // namespace maus::core
