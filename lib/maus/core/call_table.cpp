#include "maus/core/call_table.hpp"

namespace maus::core {

void call_table::insert_in_order(call_list& to, std::uint32_t index) {
    call_slot& entry = slots_[index];
    if (to.last == no_index || slots_[to.last].sequence < entry.sequence)
        return push_back(to, index);
    std::uint32_t before = to.first;
    while (slots_[before].sequence < entry.sequence) before = slots_[before].next;
    call_slot& follower = slots_[before];
    entry.next = before;
    entry.previous = follower.previous;
    (follower.previous == no_index ? to.first : slots_[follower.previous].next) = index;
    follower.previous = index;
    ++to.size;
}

}  // namespace maus::core
