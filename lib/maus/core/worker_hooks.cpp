// What a worker does before the first call of a lease and after its last one: the program's hooks
// (worker.hpp).
#include <algorithm>

#include "maus/base/assert.hpp"
#include "maus/core/worker.hpp"

namespace maus::core {

lease_hook worker::hook_of_lease(lease_hook::kind kind) const {
    return {kind, lease_.serving.lease, lease_.serving.manager, lease_.parkserver};
}

void worker::set_up(worker_effects& out) {
    MAUS_ASSERT(setting_ == setting::none, "a lease is set up before the last one is cleared up");
    state_ = state::preparing;
    setting_ = setting::being_set_up;
    out.hook = hook_of_lease(lease_hook::kind::set_up);
}

// By who is about to be free, or to leave, and runs nothing.
bool worker::clears_up(worker_effects& out) {
    if (setting_ == setting::set_up) {
        setting_ = setting::being_cleared_up;
        out.hook = hook_of_lease(lease_hook::kind::clear_up);
    }
    return setting_ != setting::none;
}

void worker::on(hook_done event, instant now, worker_effects& out) {
    MAUS_ASSERT(setting_ == setting::being_set_up || setting_ == setting::being_cleared_up,
                "a hook that does not run has ended");
    const bool was_set_up = setting_ == setting::being_set_up && !event.refused;
    setting_ = was_set_up ? setting::set_up : setting::none;
    if (state_ != state::preparing) return settle_down(now, out);
    if (event.refused) return refuse_lease(*event.refused, now, out);
    refusals_.over();
    refusals_.reached();
    state_ = state::serving;
    hand_out_kept(out);
}

// Its manager learns that it started nothing, so that no call is blamed ([P-107]).
void worker::refuse_lease(const std::string& why, instant now, worker_effects& out) {
    for (const auto& each : kept_) {
        out.net.link(lease_.link).about(wire::record_type::returned, each.attempt);
    }
    counters_.answers += kept_.size();
    MAUS_ASSERT(slots_held_ >= kept_.size(), "a job is kept that holds no slot");
    slots_held_ -= kept_.size();
    kept_.clear();
    kept_cancels_.clear();
    kept_more_.clear();
    out.net.link(lease_.link).part(wire::record_type::worker_goodbye, errc::cancelled, why);
    if (refusals_.is_news(now)) {
        out.net.log(log_level::warning,
                    "refuses to serve manager " + base::brief(lease_.serving.manager) + ": " + why);
    }
    rested_at_ = base::after(now, refusals_.next_rest(random_));  // it may be offered again at once
    end_link(true, why, now, out);
}

// They are jobs like all others now, whether they may still be started or not.
void worker::hand_out_kept(worker_effects& out) {
    std::move(kept_.begin(), kept_.end(), std::back_inserter(out.execute));
    kept_.clear();
    out.cancel.insert(out.cancel.end(), kept_cancels_.begin(), kept_cancels_.end());
    kept_cancels_.clear();
    for (const auto& [of, more] : kept_more_) out.more.push_back(more);
    kept_more_.clear();
}

}  // namespace maus::core
