#include "maus/net/task_thread.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "maus/net/process.hpp"

namespace maus::net {

struct task_thread::shared {
    std::mutex guard;
    std::condition_variable changed;
    std::vector<std::unique_ptr<base::task>> waiting;
    bool stopping = false;
    std::thread thread;

    void work() {
        std::vector<std::unique_ptr<base::task>> mine;
        std::unique_lock lock(guard);
        for (;;) {
            changed.wait(lock, [this] { return stopping || !waiting.empty(); });
            if (waiting.empty()) return;
            std::swap(mine, waiting);
            lock.unlock();
            for (auto& each : mine) {
                each->run();
                each.reset();
            }
            mine.clear();
            lock.lock();
        }
    }
};

task_thread::task_thread() : shared_(std::make_shared<shared>()) {}

void task_thread::post(std::unique_ptr<base::task> what) {
    {
        const std::lock_guard lock(shared_->guard);
        if (!shared_->stopping) {
            shared_->waiting.push_back(std::move(what));
            if (!shared_->thread.joinable()) {
                shared_->thread = spawn([kept = shared_] { kept->work(); });
            }
        }
    }
    if (what) {
        what->run();
    } else {
        shared_->changed.notify_one();
    }
}

void task_thread::stop() {
    std::thread thread;
    {
        const std::lock_guard lock(shared_->guard);
        shared_->stopping = true;
        std::swap(thread, shared_->thread);
    }
    shared_->changed.notify_all();
    if (!thread.joinable()) return;
    if (thread.get_id() == std::this_thread::get_id()) {
        thread.detach();  // it ends when the task that is calling us has returned
    } else {
        thread.join();
    }
}

}  // namespace maus::net
