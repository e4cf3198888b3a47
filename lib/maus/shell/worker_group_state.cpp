#include "maus/shell/worker_group_state.hpp"

#include <algorithm>
#include <iterator>
#include <stop_token>

#include "maus/net/clock.hpp"
#include "maus/shell/called_callable.hpp"
#include "maus/shell/current_call.hpp"
#include "maus/shell/failure_text.hpp"
#include "maus/shell/manager_runtime.hpp"
#include "maus/shell/own_loops.hpp"
#include "maus/stream_state.hpp"

namespace maus::shell {

namespace {
// Far more than anybody waits, and no clock overflows.
constexpr base::duration wait_max = std::chrono::hours{24 * 365};
}  // namespace

std::optional<errc> worker_group_state::admit(detail::call_policy& chosen, std::size_t bytes,
                                              std::size_t& before) {
    before = unsettled_.fetch_add(1);
    const std::size_t bytes_before = bytes_.fetch_add(bytes);
    const limits& most = owner_->settings().limits;
    const bool fits = before < most.calls_max && bytes_before + bytes <= most.calls_bytes_max;
    if (fits || has_room(before, bytes_before, bytes)) return std::nullopt;
    // A callable that waits for room might wait for its own call.
    const bool must_not_wait = chosen.when_full == when_full::fail || in_callable::is_here();
    if (must_not_wait) return errc::overloaded;
    bytes_.fetch_sub(bytes);
    unsettled_.fetch_sub(1);
    before = most.calls_max;
    return wait_for_room(bytes, chosen);
}

// A callback that calls must not wait for callbacks: they run after it. A call that is larger than all that
// there may be is taken alone.
bool worker_group_state::has_room(std::size_t unsettled, std::size_t bytes_before,
                                  std::size_t bytes) const {
    const limits& most = owner_->settings().limits;
    if (owner_->in_callback() || in_callable::is_here()) {
        unsettled -= std::min(unsettled, callbacks_.load());
        bytes_before -= std::min(bytes_before, callback_bytes_.load());
    }
    return unsettled < most.calls_max &&
           (bytes_before == 0 || bytes_before + bytes <= most.calls_bytes_max);
}

// Under the guard: those who wait do not take each other for calls.
bool worker_group_state::take_room(std::size_t bytes) {
    const std::size_t unsettled = unsettled_.fetch_add(1);
    if (has_room(unsettled, bytes_.fetch_add(bytes), bytes)) return true;
    bytes_.fetch_sub(bytes);
    unsettled_.fetch_sub(1);
    return false;
}

// A loop of the program's own must go on meanwhile.
void worker_group_state::wait_for_change(std::unique_lock<std::mutex>& lock, base::duration time) {
    if (!must_drive()) {
        changed_.wait_for(lock, time);
        return;
    }
    lock.unlock();
    drive(time);
    lock.lock();
}

// Takes the time that it has waited off the timeout.
std::optional<errc> worker_group_state::wait_for_room(std::size_t bytes,
                                                      detail::call_policy& chosen) {
    const std::stop_token stop = chosen.tags ? chosen.tags->stop : std::stop_token{};
    const std::stop_callback wake(stop, [this] {
        const std::lock_guard lock(guard_);
        changed_.notify_all();
    });
    const base::instant begun = net::clock_now();
    const base::instant end = base::after(begun, chosen.timeout);
    ++blocked_;
    std::unique_lock lock(guard_);
    bool taken = false;
    // calls_settled() notifies under the guard, once it has seen that somebody is blocked.
    while (!released_ && !stop.stop_requested() && !(taken = take_room(bytes)) &&
           net::clock_now() < end) {
        wait_for_change(lock, std::min<base::duration>(end - net::clock_now(), wait_max));
    }
    if (!taken) {  // the call goes on to be refused
        unsettled_.fetch_add(1);
        bytes_.fetch_add(bytes);
    }
    --blocked_;
    if (!taken && stop.stop_requested()) return errc::cancelled;
    if (!taken && !released_) return errc::deadline_exceeded;
    if (end != base::never) chosen.timeout = end - net::clock_now();
    return std::nullopt;
}

std::string worker_group_state::why_no_room() const {
    const limits& most = owner_->settings().limits;
    std::string why =
        "limits.calls_max (" + std::to_string(most.calls_max) +
        ") calls, or limits.calls_bytes_max (" + std::to_string(most.calls_bytes_max) +
        ") bytes of them, of these workers are not settled yet, or their callbacks have not run";
    if (workers_ != 0) return why;
    const std::string trouble = owner_->trouble();
    if (!trouble.empty()) why += "; " + trouble;
    return why;
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
void check_hedge(const detail::call_policy& options, bool is_stream) {
    if (is_stream) {
        throw error(errc::invalid_argument,
                    "maus: hedge_after is for calls with one result, not for streams");
    }
    if (options.delivery == delivery::at_most_once) {
        throw error(errc::invalid_argument,
                    "maus: hedge_after may start a call twice, so it cannot be at_most_once");
    }
    if (options.is_addressed()) {
        throw error(errc::invalid_argument,
                    "maus: hedge_after needs another worker, but the call is for one and no other");
    }
}
}  // namespace

// What few calls have must be possible.
void worker_group_state::check_tags(const detail::call_policy& options, bool is_stream) const {
    const std::string_view label = options.tags->label.view();
    if (const auto most = owner_->settings().limits.name_bytes_max;
        !options.tags->label.empty() && !wire::good_name(label, most)) {
        throw error(errc::invalid_argument, "not a label: " + wire::printable(label) +
                                                "; one has 1 to " + std::to_string(most) +
                                                " bytes of UTF-8 without control characters");
    }
    if (options.tags->hedge_after != std::chrono::nanoseconds::max())
        check_hedge(options, is_stream);
}

void worker_group_state::submit(const std::shared_ptr<detail::group_handle>& self,
                                const detail::method_key& method, detail::state_base& call,
                                const detail::call_policy& options) {
    if (options.tags) [[unlikely]]
        check_tags(options, call.is_stream());
    call.own(self);
    call.policy() = options;
    if (call.is_stream()) [[unlikely]] {
        static_cast<detail::stream_state&>(call).set_window(
            owner_->settings().limits.stream_items_max, owner_->settings().limits.stream_bytes_max);
    }
    call.nested() = in_callable::here();
    if (const auto* from = current_call::here()) [[unlikely]]
        from->pass_on(call.policy());
    if (call.functions()) [[unlikely]]
        call.functions()->belong_to(call);
    std::size_t before = 0;
    call.charge() = charge_of(call.arguments().size());
    if (const auto no_room = admit(call.policy(), call.charge(), before)) {
        const bool is_stopped = *no_room == errc::cancelled;
        return owner_->refuse(call, method.name, *no_room,
                              is_stopped ? "its stop token was asked to stop" : why_no_room());
    }
    if (const auto most = owner_->settings().limits.name_bytes_max; method.name.size() > most) {
        return owner_->refuse(call, method.name.substr(0, most), errc::no_such_function,
                              "a function's name has at most limits.name_bytes_max (" +
                                  std::to_string(most) + ") bytes");
    }
    owner_->submit(method, call, is_lone(before));
}

void worker_group_state::cancel(detail::state_base& call) {
    if (!call.is_call()) return give_up(call);
    call.retain();
    owner_->put(cancel_submitted{detail::state_ref<detail::state_base>(&call)});
}

void worker_group_state::attend(detail::state_base& call, base::instant end) {
    owner_->attend([&] { return call.ready(); }, end);
}

void worker_group_state::items_read(detail::stream_state& call, std::uint32_t items,
                                    std::uint64_t bytes) {
    owner_->put_read(core::items_read{{call.mark()}, items, bytes});
}

void worker_group_state::attend_items(detail::stream_state& call, base::instant end) {
    owner_->attend([&] { return call.has_news(); }, end);
}

void worker_group_state::post(detail::stream_state& call,
                              std::unique_ptr<detail::continuation> next) {
    owner_->post(std::move(next), call);
}

// --- callbacks -----------------------------------------------------------------------------------

void worker_group_state::run_callback(std::unique_ptr<base::task> task,
                                      callback_thread::subject about) {
    const struct ran {
        ~ran() {
            of.callbacks_.fetch_sub(1);
            of.callback_bytes_.fetch_sub(bytes);
            of.calls_settled(1, bytes);
        }
        worker_group_state& of;
        std::size_t bytes;
    } at_end{*this, about.bytes};
    const detail::hearing its(*this, about.method);
    task->run();
    task.reset();
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
    std::vector<awaited> all;
    {
        const std::lock_guard lock(guard_);
        released_ = true;
        workers_ = 0;
        ids_.clear();
        all.swap(awaited_);
        changed_.notify_all();
    }
    for (auto& each : all) fail_released(each);
}

void worker_group_state::joined(const worker_id& worker) {
    std::vector<awaited> enough;
    {
        const std::lock_guard lock(guard_);
        if (released_) return;
        ids_.push_back(worker);
        workers_ = ids_.size();
        changed_.notify_all();
        const auto waits = [&](const awaited& each) { return each.count > ids_.size(); };
        const auto first = std::stable_partition(awaited_.begin(), awaited_.end(), waits);
        std::move(first, awaited_.end(), std::back_inserter(enough));
        awaited_.erase(first, awaited_.end());
    }
    for (auto& each : enough) each.state->settle_value({}, owner_.get());
}

void worker_group_state::left(const worker_id& worker) {
    const std::lock_guard lock(guard_);
    if (released_) return;
    std::erase(ids_, worker);
    workers_ = ids_.size();
    changed_.notify_all();
}

bool worker_group_state::wait_for(std::size_t count, std::chrono::nanoseconds time) {
    time = std::min(time, wait_max);
    const base::instant end = base::after(net::clock_now(), time);
    std::unique_lock lock(guard_);
    while (!released_ && workers_ < count && net::clock_now() < end) {
        wait_for_change(lock, end - net::clock_now());
    }
    return !released_ && workers_ >= count;
}

// --- ready(): who settles one has taken it out of `awaited_`, or never put it in --------------------

detail::state_ref<detail::state<void>> worker_group_state::ready(
    const std::shared_ptr<detail::group_handle>& self, std::size_t count) {
    const detail::state_ref<detail::state<void>> made(new detail::state<void>);
    made->own(self);
    made->method = detail::command::no_call;
    awaited mine{count,
                 detail::state_ref<detail::state<void>>(made.get())};  // the owner's reference
    std::unique_lock lock(guard_);
    if (!released_ && workers_ < count) {
        // Those that nobody can ask for any more: who polls leaves many behind.
        std::erase_if(awaited_, [](const awaited& each) { return !each.state->is_shared(); });
        awaited_.push_back(std::move(mine));
        return made;
    }
    lock.unlock();
    if (released_) {
        fail_released(mine);
    } else {
        mine.state->settle_value({}, owner_.get());
    }
    return made;
}

void worker_group_state::give_up(detail::state_base& ready) {
    awaited its;
    {
        const std::lock_guard lock(guard_);
        const auto is_it = [&](const awaited& each) { return each.state.get() == &ready; };
        const auto found = std::find_if(awaited_.begin(), awaited_.end(), is_it);
        if (found == awaited_.end()) return;
        its = std::move(*found);
        awaited_.erase(found);
    }
    fail(its, errc::cancelled, "nobody waits for the workers any more");
}

void worker_group_state::fail(awaited& one, errc code, const std::string& why) {
    const std::string text = failure_text("ready", code, {}, why);
    one.state->settle(std::make_exception_ptr(error(code, text)), owner_.get());
}

void worker_group_state::fail_released(awaited& one) {
    if (release_asked_) return fail(one, errc::cancelled, "the workers were released");
    fail(one, errc::shutdown, "the manager has stopped");
}

}  // namespace maus::shell
