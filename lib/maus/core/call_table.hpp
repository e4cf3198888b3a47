// The manager's calls, each in a slot, and the lists that they stand in.
//
// A call's id is its slot and the slot's generation. A slot that is used again has another
// generation, so no late answer finds another call in its place. Each call is in one list: the queue
// where it waits, or that of the worker that has it. Lists are linked through the slots.
//
// Inline: what every call goes through is a few instructions each.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "maus/base/buffer.hpp"
#include "maus/base/id.hpp"
#include "maus/base/time.hpp"
#include "maus/call_policy.hpp"
#include "maus/core/streams.hpp"
#include "maus/error.hpp"
#include "maus/options.hpp"

namespace maus::core {

using base::call_id;
using base::duration;
using base::instant;
using base::never;
using detail::call_policy;
using detail::call_tags;

struct call_group;

/// Instead of a slot or a link: none.
inline constexpr std::uint32_t no_index = ~0u;

/// sending: a worker is to have it, but does not know of it yet: its payload has to pass before.
/// hedged: sent, and one of two attempts at a call. over: this one of the two has come to its end.
enum class call_state : std::uint8_t { empty, queued, sending, sent, hedged, over };

// What each step of a call needs stands together: the payload is one cache line, what follows it
// another, and what only calls with a story need a third.
struct alignas(64) call_slot {
    base::buffer payload;
    std::uint64_t ticket = 0;
    std::uint64_t sequence = 0;
    call_group* group = nullptr;  // none once it is settled
    std::uint32_t generation = 0;
    std::uint32_t attempt = 0;
    std::uint32_t previous = no_index, next = no_index;  // in its list
    std::uint32_t method = 0;
    std::uint32_t link = no_index;
    call_state state = call_state::empty;
    std::uint8_t starts = 0;  // that took its worker down
    std::uint8_t doubts = 0;  // starts that it may have had on a worker that was lost
    bool alone = false;       // is tried again with nothing beside it
    bool settled = false;     // only the worker's answer is still waited for
    bool detached = false;
    bool running = false;                   // it is among those that its worker may have started
    bool large = false;                     // its payload is not inside it
    bool tried = false;                     // has attempts
    bool converted = false;                 // its worker has it as another signature says
    bool nested = false;                    // a callable makes it, which a call waits for
    bool is_hedge = false;                  // the second of two attempts: the call is its partner's
    bool hedged = false;                    // it has had its second attempt
    std::uint32_t callbacks = 0;            // that its caller has not answered: it waits for them
    std::uint32_t bytes = 0;                // of its payload, also once that is gone
    call_policy policy;                     // its timeout is a timer
    std::unique_ptr<stream_account> items;  // of a stream
    instant submitted{};
    instant deadline{};  // never: none
    instant hangs_at{};  // it has an attempt_timeout, and runs
    std::vector<attempt_record> attempts;
    std::uint32_t partner = no_index;  // the slot of the other attempt
    std::uint32_t numbers_spent = 0;   // of attempts, by the second one; hedged

    /// Whether there is anything about it that most calls do not have.
    [[nodiscard]] bool is_special() const {
        return deadline != never || policy.tags != nullptr || nested || items != nullptr;
    }
    /// Whether something travels with it beside its arguments.
    [[nodiscard]] bool is_extended() const {
        return deadline != never || nested || items != nullptr ||
               (policy.tags != nullptr && policy.tags->travel());
    }
    [[nodiscard]] bool timed() const { return policy.is_timed(); }
    [[nodiscard]] bool is_addressed() const { return policy.is_addressed(); }
    /// Its items; null if it gives none.
    [[nodiscard]] stream_account* stream() const { return items.get(); }
    [[nodiscard]] bool at_most_once() const {
        return policy.delivery == maus::delivery::at_most_once;
    }
};

struct call_list {  // of slots, by index
    std::uint32_t first = no_index, last = no_index;
    std::size_t size = 0;
};

class call_table {
public:
    /// Calls of two managers, or of two lives of one, should not have the same ids: a worker that
    /// mixes them up would be believed. So each starts to count somewhere else.
    explicit call_table(std::uint32_t first_generation)
        : first_generation_(first_generation & 0x7FFFFFFF) {}

    [[nodiscard]] call_slot& operator[](std::uint32_t index) { return slots_[index]; }
    [[nodiscard]] const call_slot& operator[](std::uint32_t index) const { return slots_[index]; }
    /// Indexes are less than this.
    [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(slots_.size()); }

    [[nodiscard]] call_id id_of(std::uint32_t index) const {
        return {static_cast<std::uint64_t>(slots_[index].generation) << 32 | index};
    }
    [[nodiscard]] static std::uint32_t index_of(call_id call) {
        return static_cast<std::uint32_t>(call.value);
    }
    /// Null if there is no such call (any more).
    [[nodiscard]] const call_slot* find(call_id call) const {
        const std::uint32_t index = index_of(call);
        if (index >= slots_.size()) return nullptr;
        const call_slot& found = slots_[index];
        const bool current =
            found.state != call_state::empty && found.generation == call.value >> 32;
        return current ? &found : nullptr;
    }
    [[nodiscard]] call_slot* find(call_id call) {
        return const_cast<call_slot*>(std::as_const(*this).find(call));
    }

    [[nodiscard]] inline std::uint32_t take();
    inline void free(std::uint32_t index);

    inline void push_back(call_list& to, std::uint32_t index);
    /// In order of submission.
    void insert_in_order(call_list& to, std::uint32_t index);
    inline void unlink(call_list& from, std::uint32_t index);
    /// `count` neighbours, from `first` to `last`, to the end of another list.
    inline void move_run(call_list& from, call_list& to, std::uint32_t first, std::uint32_t last,
                         std::size_t count);

private:
    std::uint32_t first_generation_;
    std::vector<call_slot> slots_;
    std::vector<std::uint32_t> free_;
};

inline std::uint32_t call_table::take() {
    std::uint32_t index;
    if (free_.empty()) {
        index = static_cast<std::uint32_t>(slots_.size());
        slots_.emplace_back();
        slots_.back().generation = first_generation_;
    } else {
        index = free_.back();
        free_.pop_back();
    }
    if (++slots_[index].generation == 0) slots_[index].generation = 1;  // no call's id is 0
    return index;
}

inline void call_table::free(std::uint32_t index) {
    call_slot& old = slots_[index];
    // The next call takes the place of what is small, and whoever is not looked at stays out of the
    // cache.
    if (old.large) old.payload = {};
    if (std::exchange(old.tried, false)) old.attempts.clear();
    old.state = call_state::empty;
    old.group = nullptr;
    free_.push_back(index);
}

inline void call_table::push_back(call_list& to, std::uint32_t index) {
    slots_[index].previous = to.last;
    slots_[index].next = no_index;
    (to.last == no_index ? to.first : slots_[to.last].next) = index;
    to.last = index;
    ++to.size;
}

inline void call_table::unlink(call_list& from, std::uint32_t index) {
    call_slot& entry = slots_[index];
    (entry.previous == no_index ? from.first : slots_[entry.previous].next) = entry.next;
    (entry.next == no_index ? from.last : slots_[entry.next].previous) = entry.previous;
    entry.previous = entry.next = no_index;
    --from.size;
}

inline void call_table::move_run(call_list& from, call_list& to, std::uint32_t first,
                                 std::uint32_t last, std::size_t count) {
    const std::uint32_t before = slots_[first].previous, after = slots_[last].next;
    (before == no_index ? from.first : slots_[before].next) = after;
    (after == no_index ? from.last : slots_[after].previous) = before;
    from.size -= count;
    slots_[first].previous = to.last;
    slots_[last].next = no_index;
    (to.last == no_index ? to.first : slots_[to.last].next) = first;
    to.last = last;
    to.size += count;
}

}  // namespace maus::core
