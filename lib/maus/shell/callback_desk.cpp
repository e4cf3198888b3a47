#include "maus/shell/callback_desk.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "maus/net/clock.hpp"
#include "maus/shell/failure_text.hpp"
#include "maus/shell/running_call.hpp"

namespace maus::shell {

void callback_desk::ask(const asker& by, std::uint32_t function, detail::state_base& call,
                        base::duration timeout) {
    call.own(shared_from_this());
    call.nested() = by.nested ? 2 : 1;
    // The reference that the owner got is ours until it is settled.
    state mine(&call);
    base::instant deadline = by.deadline;
    if (timeout != base::duration::max()) {
        deadline = std::min(deadline, base::after(net::clock_now(), timeout));
    }
    core::job_callback asked{by.link,  by.attempt, {0, function}, std::move(call.arguments()),
                             deadline, by.nested};
    {
        std::unique_lock lock(guard_);
        const bool full = !closed_ && free_.empty() && open_.size() >= open_max_;
        if (closed_ || full) {
            lock.unlock();
            const bool stopped = !full;
            return settle(call, core::job_fault{stopped ? errc::shutdown : errc::overloaded,
                                                {},
                                                stopped ? "the worker has stopped"
                                                        : "calls_max callbacks are not answered"});
        }
        asked.which.id = open(std::move(mine), by.link);
        call.mark() = asked.which.id;
    }
    to_->put(std::move(asked));
}

std::uint64_t callback_desk::open(state call, std::uint64_t link) {
    if (free_.empty()) {
        free_.push_back(static_cast<std::uint32_t>(open_.size()));
        open_.emplace_back();
    }
    const std::uint32_t place = free_.back();
    free_.pop_back();
    open_[place] = {++made_ << place_bits | place, std::move(call), link};
    return open_[place].id;
}

callback_desk::state callback_desk::take(std::uint64_t id) {
    const std::size_t place = id % open_bound;
    if (id == 0 || place >= open_.size() || open_[place].id != id) return {};
    open_[place].id = 0;
    free_.push_back(static_cast<std::uint32_t>(place));
    return std::move(open_[place].call);
}

void callback_desk::settle(detail::state_base& call, outcome&& with, std::string_view what) {
    if (auto* value = std::get_if<core::job_value>(&with)) {
        call.retain();  // it lets go of one
        call.settle_and_release(std::move(value->payload), this);
    } else {
        auto& fault = std::get<core::job_fault>(with);
        const std::string message = failure_text(what, fault.code, fault.type, fault.text);
        call.settle(
            std::make_exception_ptr(error(fault.code, message).thrown_as(std::move(fault.type))),
            this);
    }
}

void callback_desk::answered(std::vector<core::callback_done>& all) {
    settled_.clear();
    {
        const std::lock_guard lock(guard_);
        for (const auto& each : all) settled_.push_back(take(each.id));
    }
    // Who is woken finds the others settled: else it would wait for each of them anew.
    const auto settle_all = [&](bool but_those_waited_for) {
        for (std::size_t i = 0; i < all.size(); ++i) {
            if (!settled_[i] || (but_those_waited_for && settled_[i]->is_waited_for())) continue;
            const state call = std::move(settled_[i]);
            settle(*call, std::move(all[i].outcome));
        }
    };
    settle_all(true);
    settle_all(false);
    all.clear();
}

template <class Which>
void callback_desk::fail_all(Which which, errc code, const char* why) {
    std::vector<state> failed;
    {
        const std::lock_guard lock(guard_);
        for (const auto& each : open_) {
            if (each.id != 0 && which(each)) failed.push_back(take(each.id));
        }
    }
    for (auto& each : failed) settle(*each, core::job_fault{code, {}, why});
}

void callback_desk::keep_only(std::uint64_t link) {
    fail_all([link](const open_callback& each) { return each.link != link; }, errc::cancelled,
             "the manager is gone");
}

void callback_desk::close() {
    {
        const std::lock_guard lock(guard_);
        closed_ = true;
    }
    fail_all([](const open_callback&) { return true; }, errc::shutdown, "the worker has stopped");
}

void callback_desk::cancel(detail::state_base& call) {
    state mine;
    {
        const std::lock_guard lock(guard_);
        mine = take(call.mark());
    }
    if (!mine) return;
    settle(*mine, core::job_fault{errc::cancelled, {}, "cancelled by the function that called it"});
}

// --- a function's thread waits -------------------------------------------------------------------

void callback_desk::check_wait() const {
    if (detail::wait_hook::here() != this) return;  // a thread of the program's own
    if (!drive_) return threads_.check_lending();
    // Each waits on top of the one before, on one stack.
    if (waits_here_ >= hosted_waits_max) {
        throw error(errc::overloaded, "too many functions of this worker wait for their callers");
    }
}

void callback_desk::begin_wait() {
    if (!drive_) return threads_.lend_slot();
    check_wait();
    ++waits_here_;
}

void callback_desk::end_wait() {
    if (!drive_) return threads_.take_slot_back();
    --waits_here_;
}

// --- what goes on --------------------------------------------------------------------------------

void callback_desk::post(std::unique_ptr<detail::continuation> next, detail::state_base& of) {
    std::unique_lock lock(guard_);
    if (finished_) {
        lock.unlock();
        return next->run();
    }
    if (drive_) {
        hosted_.push_back(std::move(next));
        return;
    }
    // With the signal mask of the worker's threads.
    if (!go_on_) go_on_.emplace(1);
    const bool is_outer = of.nested() == 1;
    using kind = callable_threads::kind;
    if (go_on_->post_one(next, is_outer ? kind::outer : kind::nested)) return;
    lock.unlock();
    next->run();  // the system gives no thread
}

namespace {
// What goes on may wait as the function did.
class as_a_function {
public:
    explicit as_a_function(detail::wait_hook& hook)
        : outer_(std::exchange(detail::wait_hook::here(), &hook)) {}
    ~as_a_function() { detail::wait_hook::here() = outer_; }
    as_a_function(const as_a_function&) = delete;
    as_a_function& operator=(const as_a_function&) = delete;

private:
    detail::wait_hook* outer_;
};
}  // namespace

void callback_desk::run_continuations() {
    for (;;) {
        std::unique_ptr<detail::continuation> next;
        {
            const std::lock_guard lock(guard_);
            if (hosted_.empty()) return;
            next = std::move(hosted_.front());
            hosted_.pop_front();
        }
        const as_a_function here(*this);
        next->run();
    }
}

void callback_desk::finish() {
    {
        const std::lock_guard lock(guard_);
        finished_ = true;
    }
    // Under no lock: what goes on may ask, and others may post. Nobody makes the thread any more.
    if (go_on_) go_on_->finish();
    run_continuations();
}

bool callback_desk::is_own_thread() const {
    const std::lock_guard lock(guard_);
    return go_on_ && go_on_->is_own_thread();
}

}  // namespace maus::shell
