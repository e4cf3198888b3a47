#include "maus/shell/worker_group_state.hpp"

#include <algorithm>

#include "maus/shell/manager_runtime.hpp"

namespace maus::shell {

std::optional<std::size_t> worker_group_state::admit(when_full policy) {
    const std::size_t before = unsettled_.fetch_add(1);
    if (before < owner_->bounds().calls_max) return before;
    if (policy == when_full::fail) return std::nullopt;
    unsettled_.fetch_sub(1);
    return wait_for_room();
}

std::size_t worker_group_state::wait_for_room() {
    const std::size_t most = owner_->bounds().calls_max;
    ++blocked_;
    std::unique_lock lock(guard_);
    // calls_settled() notifies under the guard, once it has seen that somebody is blocked.
    changed_.wait(lock, [&] {
        if (released_) return true;
        std::size_t seen = unsettled_;
        while (seen < most) {
            if (unsettled_.compare_exchange_weak(seen, seen + 1)) return true;
        }
        return false;
    });
    if (released_) unsettled_.fetch_add(1);  // the call goes on to be refused
    --blocked_;
    return most;
}

// A call that has the workers to itself should not wait for others. Where several were on their way
// the last time, more of them are about to come, and travel with it.
bool worker_group_state::is_lone(std::size_t unsettled_before) {
    const std::size_t most = most_unsettled_.load(std::memory_order_relaxed);
    const std::size_t now = unsettled_before + 1;
    if (now == 1 || now > most) most_unsettled_.store(now, std::memory_order_relaxed);
    return now == 1 && most <= 1;
}

void worker_group_state::submit(const std::shared_ptr<detail::group_handle>& self,
                                const detail::method_key& method, detail::state_base& call,
                                const call_options& options) {
    call.own(self);
    call.options() = options;
    const auto before = admit(options.when_full);
    if (!before) {
        return owner_->refuse(call, method.name, errc::overloaded,
                              "calls_max calls of these workers are not settled yet");
    }
    if (const auto most = owner_->bounds().name_bytes_max; method.name.size() > most) {
        return owner_->refuse(call, method.name.substr(0, most), errc::no_such_function,
                              "a function's name has at most name_bytes_max bytes");
    }
    owner_->submit(method, call, is_lone(*before));
}

void worker_group_state::cancel(detail::state_base& call) {
    call.retain();
    owner_->put(cancel_submitted{detail::state_ref<detail::state_base>(&call)});
}

void worker_group_state::attend(detail::state_base& call, base::instant end) {
    owner_->drive().lead_while_waiting([&] { return call.ready(); }, end);
}

void worker_group_state::release() {
    if (release_asked_.exchange(true)) return;
    owner_->forget(id_);
    owner_->put(core::release_request{id_});
    end_waits();  // after that, so that whoever was blocked comes after the release too
}

void worker_group_state::end_waits() {
    const std::lock_guard lock(guard_);
    released_ = true;
    workers_ = 0;
    changed_.notify_all();
}

bool worker_group_state::wait_for(std::size_t count, std::chrono::nanoseconds time) {
    // Far more than anybody waits, and no clock overflows.
    time = std::min<std::chrono::nanoseconds>(time, std::chrono::hours{24 * 365});
    std::unique_lock lock(guard_);
    changed_.wait_for(lock, time, [&] { return released_ || workers_ >= count; });
    return !released_ && workers_ >= count;
}

}  // namespace maus::shell
