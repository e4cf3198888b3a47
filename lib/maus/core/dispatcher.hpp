// The manager's calls: which worker gets which, and what becomes of each.
//
// call         | event                                | next
// -------------|--------------------------------------|----------------------------------------
// queued       | a worker has credit                  | sent
// queued       | the same, and it is large            | sending
// sending      | the last of it was sent              | sent
// sending      | link lost                            | queued at its old place
// sending      | deadline, cancel                     | settled; the rest of it is not sent
// sent         | result, failed                       | settled
// sent         | returned                             | queued at its old place
// sent         | returned, at_most_once               | settled: cancelled
// sent         | link lost, it may have been running  | queued at its old place, tried alone
// sent         | the same, max_crashes times          | settled: poisoned
// sent         | link lost, it only waited there      | queued at its old place, alone
// sent         | its worker refuses the lease         | queued at its old place
// sent         | link lost, at_most_once              | settled: maybe_executed
// queued, sent | deadline, cancel, release, stop      | settled
// sent         | attempt_timeout                      | settled; its link is to be ended
// queued, sent | it is for one worker, and that goes  | settled: worker_lost
//
// A call that has been sent for hedge_after gets a second attempt, on another worker ([P-106]). It has a
// slot of its own, a twin that points to the first, so that lists, credit and timers are the same for
// both. While there are two:
//
// the two        | event                              | next
// ---------------|------------------------------------|--------------------------------------------
// sent, queued   | the first is answered or ends      | as without a second one, which is dropped
// sent, queued   | another worker has room            | sent, sent
// sent, sent     | one is answered                    | settled; the other is cancelled
// sent, sent     | one link lost, one returned        | the other one goes on alone
// sent, sent     | lost, max_crashes times            | settled: poisoned; the other is cancelled
// sent, sent     | deadline, cancel, attempt_timeout  | settled; both are cancelled
// sent, over     | lost, returned                     | queued at its old place
// sent         | item                                 | (streams.hpp)
// sent         | link lost, items came, no replay     | settled: stream_broken
//
// What always holds: each call is settled once; a call that is settled while a worker still has it
// keeps its slot until the worker answers or is lost, so that the worker's credit is right and no
// late answer finds another call in its place.
//
// Pure: no socket, clock, thread or global random.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "maus/core/call_table.hpp"
#include "maus/core/call_timers.hpp"
#include "maus/core/outbox.hpp"
#include "maus/core/placement.hpp"
#include "maus/error.hpp"
#include "maus/wire/streams.hpp"

namespace maus::core {

// Constructors: an aggregate that is made of braces, or by emplace_back(), is filled with zeros before, by an
// instruction (rep stos) that was half of the time of making a call.
struct submission {
    submission() {}
    submission(group_id of, method_id function, std::uint64_t named, call_policy&& how,
               base::buffer&& arguments, bool is_nested)
        : group(of),
          method(function),
          ticket(named),
          options(std::move(how)),
          payload(std::move(arguments)),
          nested(is_nested) {}

    group_id group;
    method_id method;
    std::uint64_t ticket = 0;  ///< the caller's name for the call; comes back with its outcome
    call_policy options;
    base::buffer payload;
    bool nested = false;  ///< a callable makes it, and some call waits for that callable
    std::unique_ptr<stream_account> items;  ///< none: it has one result

    void set_stream(const stream_terms& terms) { items = std::make_unique<stream_account>(terms); }
};

/// The end of a call: a value, or a named error with what is known about it.
struct outcome {
    struct details {
        std::string type;
        std::string text;
        std::string function;
        std::vector<attempt_record> attempts;
        call_label label;
        std::uint64_t delivered = 0;  ///< items of a stream
    };
    std::optional<errc> error;
    base::buffer payload;
    std::unique_ptr<details> about;
};
struct settled {
    explicit settled(std::uint64_t of) : ticket(of) {}
    settled(std::uint64_t of, outcome&& with) : ticket(of), result(std::move(with)) {}

    std::uint64_t ticket = 0;
    outcome result;
};
/// Items of a stream that is not settled yet, in order.
struct items_came {
    std::uint64_t ticket = 0;
    std::uint32_t count = 0;
    base::buffer
        payload;  ///< of one item its encoding, else each with its length (wire/streams.hpp)
};

struct dispatch_counters {
    std::uint64_t submitted = 0;
    std::uint64_t results = 0;
    std::uint64_t errors = 0;
    std::uint64_t reassigned = 0;  ///< attempts that went back to the queue when a worker was lost
    std::uint64_t stale_answers = 0;  ///< answers that no current attempt waited for
    std::uint64_t sent = 0;
    std::uint64_t hedged = 0;  ///< second attempts that were sent
};

enum class link_end : std::uint8_t {
    lost,
    released,
    refused,  ///< by its worker, which has started none of the calls that it has not answered
};

class dispatcher {
public:
    /// Ids of calls begin behind `first_generation` (call_table).
    explicit dispatcher(const base::settings& settings, std::uint32_t first_generation = 0)
        : limits_(settings.limits),
          calls_(first_generation),
          placement_(settings, calls_, timers_) {}

    // --- functions and groups
    /// `needs`: signatures of functions that a worker has to expose, too, since they are among the
    /// arguments ([P-109]); "scripts" among them: it has to run scripts ([P-127]).
    void define(method_id method, std::string signature, std::vector<std::string> needs = {}) {
        placement_.define(method, std::move(signature), std::move(needs));
    }
    void add_group(group_id group, group_policy policy, instant now);
    /// Settles what it had with `code`.
    void remove_group(group_id group, errc code, std::string_view why, std::vector<settled>& done);
    /// Why groups may be without workers: told with the errors of their calls. Empty: not known.
    void explain_no_workers(std::string why) { why_no_workers_ = std::move(why); }

    // --- links
    link_index add_link(link_address to, std::string worker, std::vector<std::string> signatures,
                        std::uint32_t concurrency, wire::payload_limit payloads = {},
                        std::unique_ptr<transfers> large = nullptr, bool takes_references = true,
                        std::unique_ptr<known_scripts> scripts = nullptr) {
        return placement_.add_link(to, std::move(worker), std::move(signatures), concurrency,
                                   payloads, std::move(large), takes_references,
                                   std::move(scripts));
    }
    void join(link_index at, group_id group, std::vector<settled>& done);
    /// The group has all the workers that it is to have. What none of them exposes is refused from
    /// now on; while one is still to come, it may be the one that exposes it.
    void complete(group_id group, std::vector<settled>& done);
    /// How long a message to this worker and back takes.
    void round_trip(link_index at, duration measured);
    void remove_link(link_index at, link_end how, std::string_view why, instant now,
                     std::vector<settled>& done);
    /// Whether it gets calls; what it has it keeps.
    void give_calls(link_index at, bool gives) { placement_.give_calls(at, gives); }
    /// How many calls it has that it has not answered.
    [[nodiscard]] std::size_t held_by(link_index at) const { return placement_[at].held.size; }
    /// The worker has pinged. One that gave a call back unasked is sent nothing before ([P-37]): it is
    /// about to leave, and would only give the next one back too.
    void resume(link_index at, instant now);
    [[nodiscard]] link_address& address_of(link_index at) { return placement_[at].to; }
    /// The large payloads of a link; null if its worker lacks the feature.
    [[nodiscard]] transfers* large_of(link_index at) { return placement_[at].large.get(); }
    /// Its worker has read so many bytes of large calls. False: that cannot be.
    [[nodiscard]] bool taken(link_index at, std::uint64_t bytes, instant now);
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

    // --- streams (dispatcher_streams.cpp)
    /// Items of a stream. What somebody waits for is added to `came`. False: the record breaks the
    /// protocol.
    [[nodiscard]] bool give_items(link_index from, const wire::record& record, instant now,
                                  std::vector<items_came>& came, std::vector<settled>& done,
                                  outbox& out);
    /// Its caller has read items: there is room for others.
    void read_items(call_id call, std::uint32_t items, std::uint64_t bytes, instant now,
                    outbox& out);

    /// Of a call that this worker has and somebody waits for; nothing if there is none.
    [[nodiscard]] std::optional<std::uint64_t> ticket_of(link_index from, wire::attempt of);

    // --- callbacks
    /// The function of such a call asks its caller, and waits: its slot is free for another meanwhile. The
    /// call's ticket, or why it may not ask.
    [[nodiscard]] base::result<std::uint64_t> begin_callback(link_index from, wire::attempt of,
                                                             instant now);
    void end_callback(link_index from, wire::attempt of, instant now);
    /// Attempts whose callbacks are to be refused: nobody waits for their calls any more.
    [[nodiscard]] const placement::orphans& orphans() { return placement_.orphaned(); }
    [[nodiscard]] placement::orphans take_orphans() {
        return std::exchange(placement_.orphaned(), {});
    }
    /// How many calls of this worker wait for callbacks.
    [[nodiscard]] std::size_t asking_at(link_index at) const { return placement_[at].asking; }
    /// How large a payload to this worker may be.
    [[nodiscard]] std::uint64_t payload_bytes_max(link_index at) const {
        return std::min<std::uint64_t>(placement_[at].payloads.bytes_max,
                                       limits_.message_bytes_max);
    }
    void pump_large_soon(link_index at) { placement_.mark_large(at); }

    /// Gives queued calls to workers that have credit. Call it once after each batch of events.
    void pump(instant now, outbox& out, std::vector<settled>& done) {
        if (!losers_.empty()) [[unlikely]]
            cancel_losers(out);
        counters_.sent += placement_.pump(now, out);
        while (!placement_.too_large().empty() || !placement_.inconvertible().empty()) {
            settle_too_large(done);
            settle_inconvertible(done);
            counters_.sent += placement_.pump(now, out);
        }
        counters_.hedged = placement_.hedged();
    }
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
    /// What a call has to do with the loss of its worker.
    enum class suspicion : std::uint8_t {
        innocent,
        doubted,  ///< it seemed to wait there
        blamed,   ///< it may have been running
    };

    // --- the fate of one call
    [[nodiscard]] outcome failure_of(const call_slot& call, errc code, std::string_view text) const;
    [[nodiscard]] std::string explained(const call_group& of, std::string_view text) const;
    [[nodiscard]] static constexpr std::string_view name_of(std::string_view signature) {
        return signature.substr(0, signature.find('('));
    }
    [[nodiscard]] std::optional<outcome> refusal(call_group& of, std::uint32_t method);
    void turn_away(const submission& call, outcome&& why, std::vector<settled>& done);
    inline outcome& settle(std::uint32_t index, bool failed, std::vector<settled>& done);
    void settle(std::uint32_t index, outcome&& result, std::vector<settled>& done);
    void settle_unasked(std::uint32_t index, outcome&& result, outbox* out,
                        std::vector<settled>& done);
    void lose(std::uint32_t index, suspicion guilt, std::string_view why, instant now,
              std::vector<settled>& done);
    /// Its worker has answered for good. True: somebody waited for it, and done.back() is theirs.
    inline bool answered(std::uint32_t index, bool failed, instant now, std::vector<settled>& done);
    void answered(std::uint32_t index, outcome&& result, instant now, std::vector<settled>& done);
    [[nodiscard]] inline call_slot* current(link_index from, wire::attempt of);
    /// Where this worker's attempt stands, be it one of two; no_index if it has none such.
    [[nodiscard]] std::uint32_t slot_at(link_index from, wire::attempt of) const;

    // --- calls for one worker: dispatcher_special.cpp
    /// Its worker's link; no_index: it was turned away.
    [[nodiscard]] link_index link_for(const call_group& of, const submission& call,
                                      std::vector<settled>& done);
    [[nodiscard]] outcome refusal_by(const std::vector<link_index>& links, std::uint32_t method);
    /// What waits for this worker alone waits in vain.
    void lose_addressed(link_index of, std::string_view why, std::vector<settled>& done);

    // --- second attempts: dispatcher_special.cpp
    [[nodiscard]] std::uint32_t first_of(std::uint32_t index) const {
        return calls_[index].is_hedge ? calls_[index].partner : index;
    }
    void begin_hedge(std::uint32_t first);
    void drop_hedge(std::uint32_t first);
    [[nodiscard]] std::uint32_t find_hedged(link_index from, wire::attempt of) const;
    [[nodiscard]] bool answer_hedged(std::uint32_t index, const wire::record& record,
                                     base::byte_view body, instant now, std::vector<settled>& done);
    [[nodiscard]] bool answered_one(std::uint32_t index, outcome&& result, instant now,
                                    std::vector<settled>& done);
    [[nodiscard]] bool settle_hedged(std::uint32_t first, outcome& result,
                                     std::vector<settled>& done);
    void lose_hedged(std::uint32_t index, suspicion guilt, std::string_view why, instant now,
                     std::vector<settled>& done);
    void end_one(std::uint32_t index);
    void give_up(std::uint32_t index);
    void cancel_losers(outbox& out);

    void settle_too_large(std::vector<settled>& done);
    void settle_inconvertible(std::vector<settled>& done);
    /// A worker's result becomes what the caller expects.
    void convert_result(link_index from, const call_slot& of, settled& done);
    /// Whether a stream that is lost has to end. What it had is told then.
    [[nodiscard]] static bool is_broken(const call_slot& call);
    [[nodiscard]] bool convert_items(link_index from, call_slot& call, wire::items& came,
                                     base::failure& why);
    /// Of a stream whose attempt is to take no longer: whether that time is over. Else sets another.
    [[nodiscard]] bool took_too_long(const call_timer& due, instant now);
    void expire(const call_timer& due, instant now, outbox& out, std::vector<settled>& done,
                std::vector<link_index>& hung);

    const limits& limits_;
    call_table calls_;
    call_timers timers_{calls_};
    placement placement_;
    std::size_t impatient_groups_ = 0;  // that have a no_workers_timeout
    std::string why_no_workers_;
    std::uint64_t next_sequence_ = 1;
    std::vector<call_id> losers_;  // attempts that the other one was quicker than; to be cancelled
    std::size_t outstanding_ = 0;
    dispatch_counters counters_;
};

// Null: this worker does not have it, or has an older attempt.
inline call_slot* dispatcher::current(link_index from, wire::attempt of) {
    call_slot* const call = calls_.find(of.call);
    const bool is_current = call != nullptr && call->state == call_state::sent &&
                            call->link == from && call->attempt == of.number.value;
    return is_current ? call : nullptr;
}

}  // namespace maus::core
