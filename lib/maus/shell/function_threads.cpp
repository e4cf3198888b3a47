#include "maus/shell/function_threads.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "maus/base/forced_unwind.hpp"
#include "maus/error.hpp"
#include "maus/net/clock.hpp"
#include "maus/net/process.hpp"

namespace maus::shell {

namespace {
thread_local constinit const function_threads* thread_of = nullptr;
constexpr std::chrono::milliseconds tick{2};
constexpr std::chrono::milliseconds long_tick{8};  // while short functions come and go
constexpr int ticks_until_rest = 50;
}  // namespace

std::size_t function_threads::start_threads(std::size_t concurrency, std::size_t waiting_max) {
    const std::lock_guard lock(guard_);
    try {
        while (threads_.size() < concurrency) {
            threads_.push_back(another());
        }
    } catch (const error&) {
        if (threads_.empty()) throw;
    }
    concurrency_ = threads_.size();
    lent_max_ = concurrency_ * waiting_max;
    return concurrency_;
}

std::thread function_threads::another() {
    return net::spawn([this] { follow(); }, mask_);
}

MAUS_CATCHES_FORCED_UNWIND void function_threads::follow() {
    try {
        member(false);
    } catch (const abi::__forced_unwind&) {
        replace_this_thread();
        throw;
    }
}

// If there is no thread to be had, std::terminate: the worker would take calls and run none.
void function_threads::replace_this_thread() {
    const std::lock_guard lock(guard_);
    if (stopping_) return;
    for (auto& each : threads_) {
        if (each.get_id() == std::this_thread::get_id()) std::exchange(each, another()).detach();
    }
}

MAUS_CATCHES_FORCED_UNWIND void function_threads::work() {
    (void)leadership_.try_take();
    try {
        member(true);
    } catch (const abi::__forced_unwind&) {
        std::unique_lock lock(guard_);
        if (!stopping_) threads_.push_back(another());  // one leads while the others run functions
        over_.wait(lock, [this] { return stopping_; });
        lock.unlock();
        join();
        throw;
    }
    join();
}

// Once it stops: until then threads are replaced.
void function_threads::join() {
    for (;;) {
        std::unique_lock lock(guard_);
        if (threads_.empty()) return;
        std::thread last = std::move(threads_.back());
        threads_.pop_back();
        lock.unlock();
        if (last.joinable()) last.join();
    }
}

void function_threads::stop() {
    {
        const std::lock_guard lock(guard_);
        stopping_ = true;
        queue_.clear();
        hook_.reset();
    }
    changed_.notify_all();
    over_.notify_all();
}

bool function_threads::is_own_thread() const { return thread_of == this; }

void function_threads::member(bool leads) {
    const struct membership {
        ~membership() { thread_of = before; }
        const function_threads* before;
    } until_the_end{std::exchange(thread_of, this)};
    do {
        if (leads && drive_()) stop();
        leads = next_duty();
    } while (leads);
}

// Runs functions until this thread has taken the leadership. False: all is over.
bool function_threads::next_duty() {
    std::unique_lock lock(guard_);
    while (!stopping_) {
        if (has_work()) {
            run(lock);
        } else if (to_watch_ && !watched_) {
            watched_ = true;
            standby watch(leadership_);
            while (!stopping_ && !has_work()) {
                const auto time = watch.busy() ? long_tick : tick;
                if (changed_.wait_for(lock, time) == std::cv_status::no_timeout) continue;
                if (watch.deserted() && leadership_.try_take()) {
                    watched_ = false;
                    return true;
                }
                if (watch.quiet() < ticks_until_rest) continue;
                to_watch_ = false;
                break;
            }
            watched_ = false;
            changed_.notify_one();
        } else {
            changed_.wait(lock);
        }
    }
    return false;
}

void function_threads::run(std::unique_lock<std::mutex>& lock) {
    if (hook_) [[unlikely]]
        return run_hook(lock);
    core::job next = std::move(queue_.front());
    queue_.pop_front();
    const bool cancelled = cancelled_.take(next.attempt);
    ++running_;
    const running_job its{next.attempt, next.link, true};
    runs_.push_back(its);
    lock.unlock();
    const struct at_end {
        ~at_end() {
            lock.lock();
            of.give_slot();
            std::erase_if(of.runs_, [this](const running_job& each) {
                return each.attempt == its.attempt && each.link == its.link;
            });
        }
        std::unique_lock<std::mutex>& lock;
        function_threads& of;
        const running_job& its;
    } has_run{lock, *this, its};
    const bool may_start = !cancelled && permits(next, net::clock_now());
    run_(std::move(next), may_start);
}

void function_threads::run_hook(std::unique_lock<std::mutex>& lock) {
    const core::lease_hook its = *std::exchange(hook_, std::nullopt);
    ++running_;
    lock.unlock();
    const struct at_end {
        ~at_end() {
            lock.lock();
            of.give_slot();
        }
        std::unique_lock<std::mutex>& lock;
        function_threads& of;
    } has_run{lock, *this};
    run_hook_(its);
}

void function_threads::add(core::lease_hook hook) {
    {
        const std::lock_guard lock(guard_);
        if (stopping_) return;
        hook_ = std::move(hook);
    }
    changed_.notify_one();
}

// --- functions that wait for their callers -------------------------------------------------------

void function_threads::give_slot() {
    --running_;
    if (wanted_back_ != 0) slot_free_.notify_one();
}

void function_threads::check_lent(std::size_t most) const {
    if (lent_ < most) return;
    throw error(errc::overloaded, std::to_string(lent_) +
                                      " functions of this worker wait for their callers already "
                                      "(limits.detached_per_slot_max)");
}

void function_threads::check_lending() const {
    const std::lock_guard lock(guard_);
    check_lent(lent_max_);
}

void function_threads::lend_slot() {
    bool call_another = false;
    {
        const std::lock_guard lock(guard_);
        // As many as run may have looked before, at once, and have asked since.
        check_lent(lent_max_ + concurrency_);
        // One for each function that runs, one that leads, and those that wait.
        if (!stopping_ && threads_.size() < concurrency_ + lent_ + 1) {
            try {
                threads_.push_back(another());
            } catch (const error& none) {
                throw error(errc::overloaded, none.what());
            }
        }
        ++lent_;
        give_slot();
        call_another = has_work() || (to_watch_ && !watched_);
    }
    if (call_another) changed_.notify_one();
}

void function_threads::take_slot_back() {
    std::unique_lock lock(guard_);
    ++wanted_back_;
    slot_free_.wait(lock, [this] { return running_ < concurrency_; });
    --wanted_back_;
    --lent_;
    ++running_;
}

void function_threads::add(std::vector<core::job>& jobs) {
    if (jobs.empty()) return;
    {
        const std::lock_guard lock(guard_);
        for (auto& each : jobs) queue_.push_back(std::move(each));
    }
    if (jobs.size() == 1) {
        changed_.notify_one();
    } else {
        changed_.notify_all();
    }
    jobs.clear();
}

void function_threads::add_in_front(std::vector<core::job>& jobs) {
    {
        const std::lock_guard lock(guard_);
        while (!jobs.empty()) {
            queue_.push_front(std::move(jobs.back()));
            jobs.pop_back();
        }
    }
    changed_.notify_all();
}

bool function_threads::begin_short() {
    bool call_watch = false;
    {
        const std::lock_guard lock(guard_);
        const bool is_busy = running_ != 0 || lent_ != 0 || !queue_.empty() || hook_;
        if (concurrency_ != 1 || is_busy) return false;
        ++running_;
        call_watch = !std::exchange(to_watch_, true);
    }
    if (call_watch) changed_.notify_one();
    return true;
}

void function_threads::end_short() {
    bool waiting = false;
    {
        const std::lock_guard lock(guard_);
        give_slot();
        waiting = !queue_.empty() || hook_;
    }
    if (waiting) changed_.notify_one();
}

void function_threads::cancel(const std::vector<wire::attempt>& cancels) {
    const std::lock_guard lock(guard_);
    cancelled_.add(cancels, queue_, [](const core::job& each) { return each.attempt; });
    std::map<wire::attempt, running_job*> running;
    const std::uint64_t link = answerable_.load();
    const auto consider = [&](running_job& each) {
        if (each.link == link) running[each.attempt] = &each;
    };
    consider(short_);
    for (auto& each : runs_) consider(each);
    for (const auto& each : cancels) {
        if (const auto found = running.find(each); found != running.end()) {
            found->second->wanted = false;
        }
    }
}

bool function_threads::still_wanted(const core::job& job) const {
    const std::lock_guard lock(guard_);
    if (job.link != answerable_.load()) return false;
    const auto is_it = [&](const running_job& each) {
        return each.attempt == job.attempt && each.link == job.link;
    };
    const auto found = std::find_if(runs_.begin(), runs_.end(), is_it);
    if (found != runs_.end()) return found->wanted;
    return !is_it(short_) || short_.wanted;
}

bool function_threads::permit(std::uint64_t link, base::instant until) {
    until_.store(until);
    if (link_.load() == link) return true;
    const std::lock_guard lock(guard_);
    cancelled_.clear();
    link_.store(link);
    return false;
}

bool function_threads::run_one() {
    std::unique_lock lock(guard_);
    if (queue_.empty() && !hook_) return false;
    run(lock);
    return true;
}

bool function_threads::idle() const {
    const std::lock_guard lock(guard_);
    return queue_.empty() && !hook_;
}

}  // namespace maus::shell
