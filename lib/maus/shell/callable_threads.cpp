#include "maus/shell/callable_threads.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "maus/call_state.hpp"
#include "maus/error.hpp"
#include "maus/net/process.hpp"

namespace maus::shell {

struct callable_threads::shared final : detail::wait_hook, std::enable_shared_from_this<shared> {
    const net::signal_mask mask = net::current_mask();
    const std::size_t at_a_time;
    std::mutex guard;
    std::condition_variable changed;
    std::condition_variable ended;
    std::deque<std::unique_ptr<base::task>> outer_ones;
    std::deque<std::unique_ptr<base::task>> nested_ones;
    std::size_t outer = 0;  // run or wait
    std::size_t threads = 0;
    std::size_t idle = 0;
    std::size_t woken = 0;  // of the idle ones: they are about to look
    std::size_t running = 0;
    std::size_t waiting = 0;
    bool stopping = false;
    bool finishing = false;  // the queue is run, and gets no more

    explicit shared(std::size_t most) : at_a_time(most) {}
    // Under the guard. Without a thread to be had, those that there are do the work.
    void add_thread() {
        if (stopping || threads >= threads_max) return;
        try {
            net::spawn([kept = shared_from_this()] { kept->work(); }, mask).detach();
            ++threads;
        } catch (const error&) {
        }
    }
    [[nodiscard]] bool is_empty() const { return outer_ones.empty() && nested_ones.empty(); }
    // Under the guard: whether one may begin if there is a thread for it.
    [[nodiscard]] bool has_work() const {
        return !nested_ones.empty() || (!outer_ones.empty() && outer < outer_max);
    }
    void add(std::unique_ptr<base::task> task, kind of) {
        (of == kind::outer ? outer_ones : nested_ones).push_back(std::move(task));
    }
    // Under the guard: somebody else looks, too, if that helps. To wake one for each task would cost more
    // than most tasks.
    void call_another() {
        // Those that run a task, or are about to look for one.
        const std::size_t active = threads - idle - waiting + woken;
        if (stopping || !has_work() || active >= at_a_time) return;
        if (idle <= woken) return add_thread();
        ++woken;
        changed.notify_one();
    }
    void work() {
        works_for = this;
        detail::wait_hook::here() = this;
        std::unique_lock lock(guard);
        const struct at_end {
            ~at_end() {
                --of.threads;
                of.call_another();
                if (of.finishing) of.changed.notify_all();  // others saw a queue that is empty now
                of.ended.notify_all();
            }
            shared& of;
        } has_ended{*this};
        while (!stopping && (!finishing || !is_empty())) {
            if (has_work() && running < at_a_time) {
                run_first(lock);
                continue;
            }
            ++idle;
            changed.wait(lock);
            --idle;
            if (woken != 0) --woken;
        }
    }
    void run_first(std::unique_lock<std::mutex>& lock) {
        const bool is_outer = nested_ones.empty();
        auto& queue = is_outer ? outer_ones : nested_ones;
        auto task = std::move(queue.front());
        queue.pop_front();
        ++running;
        if (is_outer) ++outer;
        call_another();
        lock.unlock();
        const struct at_end {
            ~at_end() {
                lock.lock();
                --of.running;
                if (is_outer) --of.outer;
            }
            std::unique_lock<std::mutex>& lock;
            shared& of;
            bool is_outer;
        } has_run{lock, *this, is_outer};
        task->run();
        task.reset();
    }
    void begin_wait() override {
        const std::lock_guard lock(guard);
        if (threads == waiting + 1) {
            add_thread();
            if (threads == waiting + 1 && !stopping) {
                throw error(errc::overloaded,
                            std::to_string(waiting) +
                                " callables or coroutines wait for calls of their own already");
            }
        }
        --running;
        ++waiting;
        call_another();
    }
    void end_wait() override {
        const std::lock_guard lock(guard);
        ++running;
        --waiting;
    }
};

thread_local constinit callable_threads::shared* callable_threads::works_for = nullptr;

callable_threads::callable_threads()
    : callable_threads(std::max(std::thread::hardware_concurrency(), 2u)) {}
callable_threads::callable_threads(std::size_t at_a_time)
    : shared_(std::make_shared<shared>(at_a_time)) {}
callable_threads::~callable_threads() { stop(); }

bool callable_threads::takes_more() {
    const std::lock_guard lock(shared_->guard);
    if (shared_->threads <= shared_->waiting) shared_->add_thread();
    return shared_->stopping || shared_->threads > shared_->waiting;
}

void callable_threads::post(std::vector<std::unique_ptr<base::task>>& tasks, kind of) {
    if (tasks.empty()) return;
    const std::lock_guard lock(shared_->guard);
    if (shared_->stopping) return;
    for (auto& each : tasks) shared_->add(std::move(each), of);
    shared_->call_another();
}

bool callable_threads::post_one(std::unique_ptr<base::task>& task, kind of) {
    const std::lock_guard lock(shared_->guard);
    if (shared_->stopping || shared_->finishing) return false;
    if (shared_->threads == 0) shared_->add_thread();
    if (shared_->threads == 0) return false;
    shared_->add(std::move(task), of);
    shared_->call_another();
    return true;
}

void callable_threads::finish() {
    std::unique_lock lock(shared_->guard);
    shared_->finishing = true;
    shared_->changed.notify_all();
    if (is_own_thread()) return;
    shared_->ended.wait(lock, [this] { return shared_->threads == 0; });
}

bool callable_threads::is_own_thread() const { return works_for == shared_.get(); }

void callable_threads::stop(bool waits) {
    std::deque<std::unique_ptr<base::task>> dropped[2];
    std::unique_lock lock(shared_->guard);
    shared_->stopping = true;
    dropped[0].swap(shared_->outer_ones);
    dropped[1].swap(shared_->nested_ones);
    shared_->changed.notify_all();
    // What runs may wait for what comes of those.
    lock.unlock();
    for (auto& each : dropped) each.clear();
    if (!waits || works_for == shared_.get()) return;
    lock.lock();
    shared_->ended.wait(lock, [this] { return shared_->threads == 0; });
}

}  // namespace maus::shell
