#include "maus/shell/worker_group_state.hpp"

#include <algorithm>

#include "maus/net/clock.hpp"
#include "maus/shell/called_callable.hpp"
#include "maus/shell/manager_runtime.hpp"
#include "maus/shell/running_call.hpp"
#include "maus/wire/call_extensions.hpp"

namespace maus::shell {

namespace {
// Far more than anybody waits, and no clock overflows.
constexpr base::duration wait_max = std::chrono::hours{24 * 365};
}  // namespace

std::optional<errc> worker_group_state::admit(call_options& chosen, std::size_t& before) {
    const std::size_t most = owner_->bounds().calls_max;
    before = unsettled_.fetch_add(1);
    if (before < most || room_taken(before) < most) return std::nullopt;
    // A callable that waits for room might wait for its own call.
    const bool must_not_wait = chosen.when_full == when_full::fail || in_callable::is_here();
    if (must_not_wait) return errc::overloaded;
    unsettled_.fetch_sub(1);
    before = most;
    return wait_for_room(chosen.timeout);
}

// A callback that calls must not wait for callbacks: they run after it.
std::size_t worker_group_state::room_taken(std::size_t unsettled) const {
    return owner_->in_callback() ? unsettled - std::min(unsettled, callbacks_.load()) : unsettled;
}

bool worker_group_state::take_room() {
    std::size_t seen = unsettled_;
    while (room_taken(seen) < owner_->bounds().calls_max) {
        if (unsettled_.compare_exchange_weak(seen, seen + 1)) return true;
    }
    return false;
}

// Takes the time that it has waited off the timeout.
std::optional<errc> worker_group_state::wait_for_room(time_span& timeout) {
    const base::instant begun = net::clock_now();
    const base::instant end = base::after(begun, timeout);
    ++blocked_;
    std::unique_lock lock(guard_);
    bool taken = false;
    // calls_settled() notifies under the guard, once it has seen that somebody is blocked.
    while (!released_ && !(taken = take_room()) && net::clock_now() < end) {
        changed_.wait_for(lock, std::min<base::duration>(end - net::clock_now(), wait_max));
    }
    if (!taken) unsettled_.fetch_add(1);  // the call goes on to be refused
    --blocked_;
    if (!taken && !released_) return errc::deadline_exceeded;
    if (end != base::never) timeout = end - net::clock_now();
    return std::nullopt;
}

// A call that has the workers to itself should not wait for others. Where several were on their way
// the last time, more of them are about to come, and travel with it.
bool worker_group_state::is_lone(std::size_t unsettled_before) {
    const std::size_t most = most_unsettled_.load(std::memory_order_relaxed);
    const std::size_t now = unsettled_before + 1;
    if (now == 1 || now > most) most_unsettled_.store(now, std::memory_order_relaxed);
    return now == 1 && most <= 1;
}

namespace {
// A call that a function makes belongs to the call that the function runs for.
void inherit(call_options& options, const running_call& from) {
    const core::job& job = from.job();
    if (job.deadline != base::never) {
        const base::duration left = job.deadline - net::clock_now();
        if (left < base::duration{options.timeout}) options.timeout = left;
    }
    if (!job.extensions || !options.trace.empty()) return;
    if (const auto read = wire::decode_call_extensions(job.extensions->view(), {})) {
        options.trace = read->trace;
    }
}
}  // namespace

void worker_group_state::submit(const std::shared_ptr<detail::group_handle>& self,
                                const detail::method_key& method, detail::state_base& call,
                                const call_options& options) {
    if (!options.label.empty() &&
        !wire::good_name(options.label.view(), owner_->bounds().name_bytes_max)) [[unlikely]] {
        throw error(errc::invalid_argument,
                    "not a label: " + wire::printable(options.label.view()) + "; one has 1 to " +
                        std::to_string(owner_->bounds().name_bytes_max) +
                        " bytes of UTF-8 without control characters");
    }
    call.own(self);
    call.options() = options;
    call.nested() = in_callable::is_here();
    if (const auto* from = running_call::on_this_thread()) [[unlikely]] {
        inherit(call.options(), *from);
    }
    std::size_t before = 0;
    if (const auto no_room = admit(call.options(), before)) {
        return owner_->refuse(
            call, method.name, *no_room,
            "limits.calls_max (" + std::to_string(owner_->bounds().calls_max) +
                ") calls of these workers are not settled yet, or their callbacks "
                "have not run");
    }
    if (const auto most = owner_->bounds().name_bytes_max; method.name.size() > most) {
        return owner_->refuse(call, method.name.substr(0, most), errc::no_such_function,
                              "a function's name has at most limits.name_bytes_max (" +
                                  std::to_string(most) + ") bytes");
    }
    owner_->submit(method, call, is_lone(before));
}

void worker_group_state::cancel(detail::state_base& call) {
    call.retain();
    owner_->put(cancel_submitted{detail::state_ref<detail::state_base>(&call)});
}

void worker_group_state::attend(detail::state_base& call, base::instant end) {
    callable_threads::begin_wait();
    owner_->drive().lead_while_waiting([&] { return call.ready(); }, end);
}

void worker_group_state::attended(detail::state_base&) { callable_threads::end_wait(); }

// --- callbacks -----------------------------------------------------------------------------------

void worker_group_state::run_callback(std::unique_ptr<base::task> task, std::uint32_t method) {
    const struct ran {
        ~ran() { of.callback_ran(); }
        worker_group_state& of;
    } at_end{*this};
    const detail::hearing its(*this, method);
    task->run();
    task.reset();
}

void worker_group_state::callback_ran() {
    callbacks_.fetch_sub(1);
    calls_settled(1);
}

void worker_group_state::post_progress(detail::state_base& call) { owner_->post_progress(call); }
void worker_group_state::unheard(std::uint32_t method, const std::exception_ptr& failure) {
    owner_->unheard({method}, failure);
}
std::string worker_group_state::name_of(std::uint32_t method) { return owner_->name_of({method}); }

// --- the workers ---------------------------------------------------------------------------------

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
    time = std::min(time, wait_max);
    std::unique_lock lock(guard_);
    changed_.wait_for(lock, time, [&] { return released_ || workers_ >= count; });
    return !released_ && workers_ >= count;
}

}  // namespace maus::shell
