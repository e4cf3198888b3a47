// Calls that take functions, and wait for them (placement.hpp; PROTOCOL.md, section 6.3).
#include <algorithm>

#include "maus/core/placement.hpp"
#include "maus/wire/feature.hpp"

namespace maus::core {

namespace {
bool has(const worker_link& at, const std::string& needed) {
    if (needed == wire::feature_scripts) return at.scripts != nullptr;
    return at.numbers.contains(needed);
}
}  // namespace

bool placement::has_what_is_needed(const worker_link& at, std::uint32_t method) const {
    const definition& wanted = methods_[method];
    if (wanted.takes_references && !at.takes_references) return false;
    return std::all_of(wanted.needs.begin(), wanted.needs.end(),
                       [&](const std::string& each) { return has(at, each); });
}

std::string placement::lacking(const std::vector<link_index>& links, std::uint32_t method) const {
    for (const auto& each : methods_[method].needs) {
        const bool is_there = std::any_of(links.begin(), links.end(),
                                          [&](link_index at) { return has(links_[at], each); });
        if (!is_there) return each;
    }
    return "together all that";
}

// A call that waits for its caller holds no slot, for what it waits for may need one: a callable may call
// the same workers ([P-111]).
void placement::begin_callback(std::uint32_t index, instant now) {
    call_slot& call = calls_[index];
    if (call.callbacks++ != 0) return;
    worker_link& at = links_[call.link];
    ++at.asking;
    if (call.nested) ++at.nested_asking;
    if (!call.detached) --at.slots_held;
    if (at.timed != 0) start_clocks(at, now);  // another may have its slot
    if (at.group != nullptr) mark(*at.group);
}

void placement::end_callback(std::uint32_t index, instant now) {
    call_slot& call = calls_[index];
    if (call.callbacks == 0 || --call.callbacks != 0) return;
    worker_link& at = links_[call.link];
    asks_no_more(call, at);
    if (!call.timed()) return;
    call.running = true;  // its time begins anew
    call.hangs_at = base::after(now, call.policy.attempt_timeout);
    timers_.set(call.hangs_at, {calls_.id_of(index), call.attempt});
}

// It is answered though nobody has answered it.
void placement::drop_callbacks(std::uint32_t index) {
    note_orphan(index);
    call_slot& call = calls_[index];
    worker_link& at = links_[call.link];
    call.callbacks = 0;
    asks_no_more(call, at);
}

void placement::asks_no_more(const call_slot& of, worker_link& at) {
    --at.asking;
    if (of.nested) --at.nested_asking;
    if (!of.detached) ++at.slots_held;
}

}  // namespace maus::core
