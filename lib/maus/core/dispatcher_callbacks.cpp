// Calls that wait for their callers (dispatcher.hpp; PROTOCOL.md, section 6.3).
#include "maus/core/dispatcher.hpp"

namespace maus::core {

std::uint32_t dispatcher::slot_at(link_index from, wire::attempt of) const {
    const call_slot* const call = calls_.find(of.call);
    const bool is_current = call != nullptr && call->state == call_state::sent &&
                            call->link == from && call->attempt == of.number.value;
    return is_current ? call_table::index_of(of.call) : find_hedged(from, of);
}

base::result<std::uint64_t> dispatcher::begin_callback(link_index from, wire::attempt of,
                                                       instant now) {
    const std::uint32_t index = slot_at(from, of);
    const call_slot* const call = index == no_index ? nullptr : calls_.find(of.call);
    if (call == nullptr || call->settled) {
        return base::failure{errc::cancelled, "nobody waits for this call"};
    }
    // If all the nested ones that its worker may hold waited, there were no room for what they wait for.
    const call_slot& asks = calls_[index];
    const bool has_room = placement_[from].nested_asking + 1 < limits_.calls_per_worker_max;
    if (asks.nested && asks.callbacks == 0 && !has_room) {
        return base::failure{errc::overloaded,
                             "of calls_per_worker_max nested calls all others wait for callbacks"};
    }
    placement_.begin_callback(index, now);
    return call->ticket;
}

void dispatcher::end_callback(link_index from, wire::attempt of, instant now) {
    const std::uint32_t index = slot_at(from, of);
    if (index != no_index) placement_.end_callback(index, now);
}

}  // namespace maus::core
