#include "maus/shell/callback_thread.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "maus/base/forced_unwind.hpp"
#include "maus/net/clock.hpp"
#include "maus/net/process.hpp"

namespace maus::shell {

namespace {
thread_local constinit const void* works_for = nullptr;
}

struct callback_thread::shared : std::enable_shared_from_this<shared> {
    struct entry {
        std::unique_ptr<base::task> task;
        std::shared_ptr<runner> by;
        subject about;

        void run() {
            entry mine = std::move(*this);  // gone, whatever happens
            if (mine.by) {
                mine.by->run_callback(std::move(mine.task), about);
            } else {
                mine.task->run();
            }
        }
    };

    explicit shared(std::function<void()> to_wake) : wake(std::move(to_wake)) {}

    const std::function<void()> wake;  // none: there is a thread
    const net::signal_mask mask = net::current_mask();
    std::mutex guard;
    std::condition_variable changed;
    std::vector<entry> waiting;
    bool stopping = false;
    std::thread thread;
    bool runs = false;        // without a thread: somebody does
    std::vector<entry> mine;  // by the thread: those that it has taken
    std::size_t next = 0;
    std::mutex join_guard;  // whoever stops it second waits for the first

    /// False: it has stopped, and the entry stays the caller's.
    [[nodiscard]] bool put(entry& added);
    [[nodiscard]] std::thread another() {
        return net::spawn([kept = shared_from_this()] { kept->work(); }, mask);
    }

    MAUS_CATCHES_FORCED_UNWIND void work() {
        works_for = this;
        try {
            run_all();
        } catch (const abi::__forced_unwind&) {
            // If there is no thread to be had, std::terminate: what waits would wait for ever.
            const std::lock_guard lock(guard);
            auto ending = std::exchange(thread, another());
            if (ending.joinable()) ending.detach();
            throw;
        }
    }
    void run_all() {
        for (;;) {
            // What a thread that was ended has left comes first.
            while (next < mine.size()) mine[next++].run();
            mine.clear();
            next = 0;
            std::unique_lock lock(guard);
            changed.wait(lock, [this] { return stopping || !waiting.empty(); });
            if (waiting.empty()) return;
            std::swap(mine, waiting);
        }
    }
};

callback_thread::callback_thread(std::function<void()> wake)
    : shared_(std::make_shared<shared>(std::move(wake))) {
    if (shared_->wake) return;
    const std::lock_guard lock(shared_->guard);
    shared_->thread = shared_->another();
}

bool callback_thread::shared::put(entry& added) {
    {
        const std::lock_guard lock(guard);
        if (stopping) return false;
        waiting.push_back(std::move(added));
        if (!wake) changed.notify_one();
    }
    if (wake) wake();
    return true;
}

bool callback_thread::run_some(base::instant until) {
    const auto kept = shared_;  // a task may destroy this
    {
        const std::lock_guard lock(kept->guard);
        if (std::exchange(kept->runs, true)) return false;
    }
    const struct own_thread {
        ~own_thread() {
            works_for = before;
            const std::lock_guard lock(of.guard);
            of.runs = false;
        }
        const void* before;
        shared& of;
    } until_the_end{std::exchange(works_for, kept.get()), *kept};
    for (;;) {
        if (kept->next == kept->mine.size()) {
            kept->mine.clear();
            kept->next = 0;
            const std::lock_guard lock(kept->guard);
            if (kept->waiting.empty()) return false;
            std::swap(kept->mine, kept->waiting);
        }
        if (net::clock_now() >= until) return true;
        kept->mine[kept->next++].run();
    }
}

void callback_thread::post(std::unique_ptr<base::task> next, std::shared_ptr<runner> by,
                           subject about) {
    shared::entry added{std::move(next), std::move(by), about};
    if (!shared_->put(added)) added.run();
}

void callback_thread::post_unless_stopped(std::unique_ptr<base::task> next) {
    shared::entry added{std::move(next), nullptr, {}};
    (void)shared_->put(added);
}

bool callback_thread::is_own_thread() const { return works_for == shared_.get(); }

void callback_thread::stop() {
    {
        const std::lock_guard lock(shared_->guard);
        shared_->stopping = true;
        shared_->changed.notify_all();
    }
    if (is_own_thread()) return;
    if (shared_->wake) {
        (void)run_some(base::never);
        return;
    }
    const std::lock_guard lock(shared_->join_guard);
    for (;;) {
        // A callback that ends its thread leaves another one here.
        std::unique_lock held(shared_->guard);
        std::thread ending = std::move(shared_->thread);
        held.unlock();
        if (!ending.joinable()) return;
        ending.join();
    }
}

callback_thread::~callback_thread() {
    stop();
    // Still joinable: the last task lets go of us. The thread ends when that task has returned.
    if (shared_->thread.joinable()) shared_->thread.detach();
}

}  // namespace maus::shell
