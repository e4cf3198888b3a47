// Calls that wait for their callers (dispatcher.hpp; PROTOCOL.md, section 6.3).
#include "maus/core/dispatcher.hpp"

namespace maus::core {

std::uint32_t dispatcher::slot_at(link_index from, wire::attempt of) const {
    const call_slot* const call = calls_.find(of.call);
    const bool is_current = call != nullptr && call->state == call_state::sent &&
                            call->link == from && call->attempt == of.number.value;
    return is_current ? call_table::index_of(of.call) : find_hedged(from, of);
}

bool dispatcher::may_ask(link_index from, wire::attempt of) const {
    const std::uint32_t index = slot_at(from, of);
    if (index == no_index || !calls_[index].nested || calls_[index].callbacks != 0) return true;
    return placement_[from].nested_asking + 1 < limits_.calls_per_worker_max;
}

std::optional<std::uint64_t> dispatcher::begin_callback(link_index from, wire::attempt of,
                                                        instant now) {
    const std::uint32_t index = slot_at(from, of);
    if (index == no_index) return std::nullopt;
    const call_slot* const call = calls_.find(of.call);
    if (call == nullptr || call->settled) return std::nullopt;
    placement_.begin_callback(index, now);
    return call->ticket;
}

void dispatcher::end_callback(link_index from, wire::attempt of, instant now) {
    const std::uint32_t index = slot_at(from, of);
    if (index != no_index) placement_.end_callback(index, now);
}

}  // namespace maus::core
