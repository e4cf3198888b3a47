// Calls that give items (dispatcher.hpp, streams.hpp).
#include "maus/core/dispatcher.hpp"

namespace maus::core {

namespace {
// Of the last item, by which a worker may go beyond its credit.
std::uint64_t bytes_of_last(const wire::items& all) {
    base::byte_view left = all.payload.view();
    base::byte_view last;
    for (std::uint32_t i = 0; i < all.count; ++i) last = wire::next_item(left, all.count);
    return last.size();
}
}  // namespace

bool dispatcher::is_broken(const call_slot& call) {
    const stream_account* items = call.stream();
    return items != nullptr && items->delivered() != 0 && !items->is_replayable();
}

bool dispatcher::give_items(link_index from, const wire::record& record, instant now,
                            std::vector<items_came>& came, std::vector<settled>& done,
                            outbox& out) {
    auto items = wire::take_items(record);
    if (!items) return false;
    call_slot* const call = current(from, items->of);
    if (call == nullptr) return true;
    stream_account* const account = call->stream();
    if (account == nullptr) return false;
    if (!account->came(items->count, items->bytes(), bytes_of_last(*items), now)) return false;
    if (call->settled) return true;
    if (call->converted) {
        base::failure why;
        const std::uint32_t all = items->count;
        if (!convert_items(from, *call, *items, why)) {
            account->spoilt(all - items->count);
            if (items->count != 0) {
                came.push_back({call->ticket, items->count, std::move(items->payload)});
            }
            const std::uint32_t index = call_table::index_of(items->of.call);
            settle_unasked(index, failure_of(*call, why.code, why.message), &out, done);
            return true;
        }
    }
    came.push_back({call->ticket, items->count, std::move(items->payload)});
    return true;
}

// What its worker gave becomes what its caller expects, up to the first item that cannot.
bool dispatcher::convert_items(link_index from, call_slot& call, wire::items& came,
                               base::failure& why) {
    const auto& conversion = placement_[from].conversions.at(call.method);
    base::byte_view left = came.payload.view();
    base::buffer all;
    std::uint32_t count = 0;
    for (std::uint32_t i = 0; i < came.count; ++i) {
        auto made = conversion.result(wire::next_item(left, came.count));
        if (!made) {
            why = made.why();
            break;
        }
        wire::add_item(all, count, std::move(made).value());
    }
    const bool is_all = count == came.count;
    came.count = count;
    came.payload = std::move(all);
    return is_all;
}

void dispatcher::read_items(call_id id, std::uint32_t items, std::uint64_t bytes, instant now,
                            outbox& out) {
    call_slot* const call = calls_.find(id);
    if (call == nullptr || call->settled || call->stream() == nullptr) return;
    const bool is_sent = call->state == call_state::sent;
    const auto more = call->stream()->read(items, bytes, is_sent, now);
    if (!more) return;
    out.link(placement_[call->link].to).more({id, {call->attempt}}, more->items, more->bytes);
}

// The time between two items; while the caller reads nothing its function can do nothing.
bool dispatcher::took_too_long(const call_timer& due, instant now) {
    const call_slot& call = calls_[call_table::index_of(due.call)];
    const stream_account& items = *call.stream();
    const instant since = items.has_credit() ? items.moved_at() : now;
    const instant until = base::after(since, call.policy.attempt_timeout);
    if (now >= until) return true;
    timers_.set(until, due);
    return false;
}

}  // namespace maus::core
